"""Orders in markets as they are: delayed, frozen, halted, hard to borrow."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import OrderEnded, OrderRefused, Warned
from hydra.domain.orders import OrderRequest
from hydra.execution.engine import OrderEngine
from hydra.execution.report import make_report
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import parse_fault
from hydra.gateway.server import GatewaySettings, serve
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.delayed_data import DelayedData
from hydra.risk.short_selling import ShortSelling
from hydra.risk.stale_price import StalePrice
from hydra.risk.trading_halt import TradingHalt

DAY = date(2012, 10, 1)
NOON = "2012-10-01T16:00:00Z"


class Trader:
    """An engine with the checks of the market, and the gateway that it trades on."""

    def __init__(self, server, engine, aapl):
        self.server, self.engine, self.aapl, self.step = server, engine, aapl, 0

    def at(self, time):
        self.server.deliver(self.server.world.command(time))

    def arm(self, **fault):
        self.server.world.arm(parse_fault(fault))

    async def trade(self, quantity, price=80):
        self.step += 1
        one = OrderRequest("s", DAY, self.aapl, Decimal(quantity), Decimal(price), step=self.step)
        done = await self.engine.trade([one])
        await self.engine.settle(5)
        return done

    def events(self, kind):
        return [record.event for record in self.engine.journal.read(kinds=[kind])]

    def why(self):
        """Of the last refusal: which check, and its sentence."""
        [objection] = self.events(OrderRefused)[-1].refusal.objections
        return objection.check, objection.sentence


@asynccontextmanager
async def trading(tmp_path, *real, delayed=False, fractional=False, **quotes):
    checks = {
        "delayed_data": DelayedData(allow=delayed),
        "short_selling": ShortSelling(**quotes),
        "stale_price": StalePrice(),
        "trading_halt": TradingHalt(),
    }
    world = ExchangeSettings(real=frozenset(real))
    settings = GatewaySettings(port=0, control_port=0, speed=0, exchange=world)
    async with await serve(settings) as server:
        with Journal.open(tmp_path / "journal.db") as journal:
            gateway = Gateway(port=server.port, timeout_s=5.0)
            broker = IbBroker(gateway, fractional_shares=fractional)
            engine = OrderEngine(broker, journal, RiskGate(checks))
            try:
                await engine.start()
                aapl = (await broker.qualify(["AAPL"]))["AAPL"]
                yield Trader(server, engine, aapl)
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


async def test_prices_that_froze_in_an_open_session_open_no_position(tmp_path):
    async with trading(tmp_path) as one:
        one.at("2012-10-01T14:00:00Z")
        assert (await one.trade(10)).orders
        one.arm(at="2012-10-01T14:00:05Z", do="freeze")
        one.at(NOON)
        assert not (await one.trade(10)).orders
        assert one.why()[0] == "stale_price"
        assert (await one.trade(-10)).orders


async def test_prices_of_a_competing_session_open_no_position(tmp_path):
    async with trading(tmp_path) as one:
        one.at("2012-10-01T14:00:00Z")
        assert (await one.trade(10)).orders
        one.arm(on="reqMktData", do="say", code=10197, instead=True, times=9)
        one.arm(at="2012-10-01T14:00:05Z", do="take_over")
        one.at(NOON)
        assert not (await one.trade(10)).orders
        assert [w.code for w in one.events(Warned)] == [10197]


async def test_an_order_leaves_at_the_open_on_the_price_of_the_day_before(tmp_path):
    async with trading(tmp_path) as one:
        one.arm(at="2012-10-01T13:30:00Z", do="freeze")
        one.at("2012-10-01T13:40:00Z")
        assert (await one.trade(10)).orders


async def halt(one):
    """The gateway says that AAPL is halted, as of now."""
    await one.engine.broker.quotes([one.aapl])
    line = one.engine.broker._feed._lines["AAPL"]
    one.engine.broker.ib.wrapper.tickGeneric(line.request, 49, 1.0)


async def test_a_halted_stock_is_left_with_a_warning_and_not_entered(tmp_path):
    async with trading(tmp_path) as one:
        assert (await one.trade(10)).orders
        await halt(one)
        assert not (await one.trade(1)).orders
        assert one.why()[0] == "trading_halt"
        assert (await one.trade(-10)).orders
        [warned] = one.events(Warned)
        assert "halted trading in AAPL" in warned.text


async def test_a_short_of_unknown_borrow_leaves_with_a_warning_that_the_report_names(tmp_path):
    async with trading(tmp_path) as one:
        assert (await one.trade(-10)).orders
        journal, mark = one.engine.journal, await one.engine.mark()
        report = make_report(list(journal.read()), one.engine.state, "s", mark)
        [sentence] = report.warnings
        assert "how many shares of AAPL can be borrowed is not known" in sentence
        assert sentence in report.summary.loc["Warnings", ""]


async def test_an_order_for_which_shares_are_sought_works_and_is_named_in_the_report(tmp_path):
    async with trading(tmp_path) as one:
        one.arm(on="placeOrder", do="say", code=404, text="Shares are being located.")
        assert (await one.trade(-10)).orders
        mark = await one.engine.mark()
        report = make_report(list(one.engine.journal.read()), one.engine.state, "s", mark)
        assert any("Shares are being located. (404)" in text for text in report.warnings)
        assert one.engine.state.positions == {"AAPL": -10}


async def test_a_short_that_nobody_tells_of_is_refused_where_the_settings_say_so(tmp_path):
    async with trading(tmp_path, when_unknown="refuse") as one:
        assert not (await one.trade(-10)).orders
        assert one.why()[0] == "short_selling"


async def test_an_account_that_may_not_trade_parts_of_a_share_is_told_which_setting_to_change(
    tmp_path,
):
    async with trading(tmp_path, "fractional_sizes", fractional=True) as one:
        assert (await one.trade("1.5")).orders
        [ended] = one.events(OrderEnded)
        assert ended.outcome == "rejected"
        assert "error 10243" in ended.reason
        assert "Set fractional_shares = false in [trading]" in ended.reason
        assert not one.engine.state.positions
