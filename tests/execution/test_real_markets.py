"""Orders in markets as they are: delayed, frozen, halted, hard to borrow."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import OrderEnded, OrderRefused, Warned
from hydra.domain.orders import OrderRequest
from hydra.execution.engine import OrderEngine
from hydra.execution.report import make_report
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import parse_fault
from hydra.gateway.server import serve
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.delayed_data import DelayedData
from hydra.risk.short_selling import ShortSelling
from hydra.risk.stale_price import StalePrice
from hydra.risk.trading_halt import TradingHalt

DAY = date(2012, 10, 1)
NOON = "2012-10-01T16:00:00Z"
SETTLE_S = 1.0
"""How long fills are waited for: an order that waits for something has none."""


class Trader:
    """An engine with the checks of the market, and the gateway that it trades on."""

    def __init__(self, server, engine, one):
        self.server, self.engine, self.one, self.step = server, engine, one, 0

    def at(self, time):
        self.server.deliver(self.server.world.command(time))

    def arm(self, **fault):
        self.server.world.arm(parse_fault(fault))

    async def do(self, command):
        """What somebody does at the exchange or at the broker, as of now; the client has heard."""
        self.server.operate(command)
        await self.engine.broker.held_orders()

    async def trade(self, quantity, price=80, first=None):
        """Whatever fills at once has filled afterwards; `first` happens when it was judged."""
        self.step += 1
        one = OrderRequest("s", DAY, self.one, Decimal(quantity), Decimal(price), step=self.step)
        if first:
            await self.engine.broker.quotes([self.one], {self.one.symbol})
            first()
        done = await self.engine.trade([one])
        await self.engine.settle(SETTLE_S)
        return done

    async def report(self):
        """The session's report as of now."""
        mark = await self.engine.mark()
        return make_report(list(self.engine.journal.read()), self.engine.state, "s", mark)

    def events(self, kind):
        return [record.event for record in self.engine.journal.read(kinds=[kind])]

    def why(self):
        """Of the last refusal: which check, and its sentence."""
        [objection] = self.events(OrderRefused)[-1].refusal.objections
        return objection.check, objection.sentence


@asynccontextmanager
async def trading(
    tmp_path, *real, symbol="AAPL", delayed=False, fractional=False, when_unknown="admit"
):
    """`real` is how the gateway is set up, see `hydra.gateway.realism`."""
    checks = {
        "delayed_data": DelayedData(allow=delayed),
        "short_selling": ShortSelling(when_unknown=when_unknown),
        "stale_price": StalePrice(),
        "trading_halt": TradingHalt(),
    }
    world = ExchangeSettings(real=frozenset(real))
    settings = stepped(exchange=world)
    async with await serve(settings) as server:
        with Journal.open(tmp_path / "journal.db") as journal:
            gateway = Gateway(port=server.port, timeout_s=5.0)
            broker = IbBroker(gateway, fractional_shares=fractional)
            engine = OrderEngine(broker, journal, RiskGate(checks))
            try:
                await engine.start()
                yield Trader(server, engine, (await broker.qualify([symbol]))[symbol])
            finally:
                await broker.disconnect()


async def test_an_account_with_delayed_data_trades_where_that_is_allowed(tmp_path):
    async with trading(tmp_path, "delayed_data", delayed=True) as one:
        one.at(NOON)
        assert (await one.trade(10)).orders
        assert one.engine.state.positions == {"AAPL": 10}


async def test_delayed_prices_are_refused_naming_the_setting(tmp_path):
    async with trading(tmp_path, "delayed_data") as one:
        one.at(NOON)
        assert not (await one.trade(10)).orders
        check, sentence = one.why()
        assert check == "delayed_data"
        assert "allow = true in [risk.delayed_data]" in sentence


@pytest.mark.parametrize("code", [10197, 2103])
async def test_prices_that_froze_in_an_open_session_open_no_position(tmp_path, code):
    async with trading(tmp_path) as one:
        one.at("2012-10-01T14:00:00Z")
        assert (await one.trade(10)).orders
        await one.do(lambda by: by.freeze(code=code))
        one.at(NOON)
        assert not (await one.trade(10)).orders
        assert one.why()[0] == "stale_price"
        assert code in [w.code for w in one.events(Warned)]
        assert (await one.trade(-10)).orders


async def test_an_order_leaves_at_the_open_on_the_price_of_the_day_before(tmp_path):
    async with trading(tmp_path) as one:
        one.arm(at="2012-10-01T13:30:00Z", do="freeze")
        one.at("2012-10-01T13:40:00Z")
        assert (await one.trade(10)).orders


async def test_a_halted_stock_is_left_with_a_warning_and_not_entered(tmp_path):
    async with trading(tmp_path) as one:
        assert (await one.trade(10)).orders
        await one.do(lambda by: by.halt_stock("AAPL"))
        assert not (await one.trade(1)).orders
        assert one.why()[0] == "trading_halt"
        assert (await one.trade(-10)).orders
        assert "halted trading in AAPL" in one.events(Warned)[-1].text
        await one.do(lambda by: by.halt_stock("AAPL", halted=False))
        one.at("2012-10-01T13:31:00Z")
        await one.engine.settle(5)
        assert not one.engine.state.positions


async def test_a_short_beyond_the_shares_that_can_be_borrowed_is_refused(tmp_path):
    async with trading(tmp_path) as one:
        await one.do(lambda by: by.set_shortable("AAPL", 100))
        assert not (await one.trade(-101)).orders
        assert one.why() == (
            "short_selling",
            "AAPL: 101 shares would have to be borrowed; 100 can be.",
        )
        assert (await one.trade(-100)).orders
        assert not one.events(Warned)


async def test_a_short_of_unknown_borrow_leaves_with_a_warning_that_the_report_names(tmp_path):
    async with trading(tmp_path) as one:
        lose_borrow(one)
        assert (await one.trade(-10)).orders
        [sentence] = (await one.report()).warnings
        assert "how many shares of AAPL can be borrowed is not known" in sentence


def lose_borrow(one):
    """Ticks 46 and 89 never come: those of borrowing are told before all else."""
    for message in ("tickGeneric", "tickSize"):
        one.server.world.arm(parse_fault({"on": message, "do": "lose"}))


def lend(one, shares):
    """So many can be borrowed now, which no tick has told by the time that an order leaves."""
    aapl = one.server.exchange.venue.universe.get(one.one.con_id)
    one.server.exchange.venue.lendable[aapl.conId] = shares


async def test_an_order_that_is_held_until_shares_are_found_works_and_the_report_names_it(
    tmp_path,
):
    async with trading(tmp_path) as one:
        await one.do(lambda by: by.set_shortable("AAPL", 1000))
        [order] = (await one.trade(-10, first=lambda: lend(one, 0))).orders
        assert order.order_ref in one.engine.state.working
        [sentence] = [text for text in (await one.report()).warnings if text.endswith("(404)")]
        assert order.order_ref in sentence
        await one.do(lambda by: by.locate("AAPL"))
        await one.engine.settle(5)
        assert one.engine.state.positions == {"AAPL": -10}


async def test_a_short_that_nobody_tells_of_is_refused_where_the_settings_say_so(tmp_path):
    async with trading(tmp_path, when_unknown="refuse") as one:
        lose_borrow(one)
        assert not (await one.trade(-10)).orders
        assert one.why()[0] == "short_selling"


async def test_a_symbol_with_a_blank_is_traded_journalled_and_found_again(tmp_path):
    async with trading(tmp_path, symbol="BRK B") as one:
        [order] = (await one.trade(10, price=88)).orders
        assert order.order_ref == "s:20121001:BRK B:1"
        await one.engine.reconcile()
        assert one.engine.state.positions == {"BRK B": 10}
        assert not one.engine.state.external


async def test_an_account_that_may_not_trade_parts_of_a_share_is_told_which_setting_to_change(
    tmp_path,
):
    async with trading(tmp_path, fractional=True) as one:
        assert (await one.trade("1.5")).orders
        [ended] = one.events(OrderEnded)
        assert ended.outcome == "rejected"
        assert "error 10243" in ended.reason
        assert "Set fractional_shares = false in [trading]" in ended.reason
        assert not one.engine.state.positions
