"""Shares abroad, in pence, a currency pair and a future, over TCP: the journal and the gateway's
own books agree to the cent, currency by currency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import (
    CommissionRecorded,
    FillRecorded,
    FutureSettled,
    RatesTold,
    Reconciled,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import UnknownInstrument
from hydra.execution.engine import OrderEngine
from hydra.gateway.account import Account as Books
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.server import GatewayServer, serve
from hydra.journal.journal import Journal
from hydra.journal.views import position_rows, strategy_rows
from hydra.risk._gate import gate_of

DAY = date(2013, 1, 14)
SYMBOLS = ("SAP.IBIS", "VOD.LSE", "EUR.USD", "ES.201303")
SIZES = {"SAP.IBIS": 300, "VOD.LSE": 20_000, "EUR.USD": 40_000, "ES.201303": 4}
CENT = Decimal("0.01")
LIMITS = {"currency_exposure": {"limit_weight": 1}, "volume_share": {"when_unknown": "admit"}}


@dataclass
class Abroad:
    """An engine with the whole gate on a gateway of its own."""

    server: GatewayServer
    engine: OrderEngine

    @property
    def books(self) -> Books:
        return self.server.exchange.venue.account

    async def trade(self, one: Instrument, quantity: int, step: int = 0, session: date = DAY):
        last = (await self.engine.broker.quotes([one]))[one.symbol].last
        assert last is not None
        request = OrderRequest("s", session, one, Decimal(quantity), last, step=step)
        traded = await self.engine.trade([request])
        assert await self.engine.settle(5) == ()
        return traded

    def differences(self) -> list[str]:
        told = self.engine.journal.read(kinds=[Reconciled])
        return [d for record in told for d in record.event.differences]


@asynccontextmanager
async def abroad(
    tmp_path: Path, start: date = DAY, at: str = "2013-01-14T15:00:00Z"
) -> AsyncIterator[Abroad]:
    settings = stepped(exchange=ExchangeSettings(start=start))
    async with await serve(settings) as server:
        server.deliver(server.world.command(at))
        with Journal.open(tmp_path / "journal.db") as journal:
            engine = OrderEngine(
                IbBroker(Gateway(port=server.port, timeout_s=5.0)), journal, gate_of(LIMITS)
            )
            try:
                await engine.start()
                yield Abroad(server, engine)
            finally:
                await engine.broker.disconnect()


def cents(money: Decimal) -> Decimal:
    return money.quantize(CENT, ROUND_HALF_UP)


def realised(server: GatewayServer, one: Instrument) -> Decimal:
    """What the gateway's executions made of a position that was only bought, then only sold."""
    done = [d for d in server.exchange.orders.executions if d.order.instrument.conId == one.con_id]
    bought = [d for d in done if d.quantity > 0]
    sold = [d for d in done if d.quantity < 0]
    paid = sum(d.quantity * d.price for d in bought) / sum(d.quantity for d in bought)
    return sum(-d.quantity * (d.price - paid) for d in sold) * one.multiplier


async def agrees(one: Abroad) -> None:
    """Positions, cash by currency, what was realised, and the value of it all."""
    state, venue = one.engine.state, one.server.exchange.venue
    theirs = {
        con_id: holding for con_id, holding in one.books.holdings.items() if holding.quantity
    }
    held = {state.instruments[s].con_id: q for s, q in state.positions.items()}
    assert held == {con_id: holding.quantity for con_id, holding in theirs.items()}
    assert {c: cents(a) for c, a in state.balances.items()} == {
        c: cents(a) for c, a in one.books.cash.items()
    }
    mark = await one.engine.mark()
    assert mark.nav == mark.net_liquidation == venue.valuation().net_liquidation


async def test_the_journal_is_the_gateways_own_books_in_every_currency(tmp_path):
    async with abroad(tmp_path) as one:
        instruments = await one.engine.broker.qualify(SYMBOLS)
        for symbol, size in SIZES.items():
            traded = await one.trade(instruments[symbol], size)
            assert not traded.refusals, str(traded.refusals[0])
            await agrees(one)
        for symbol, size in SIZES.items():
            traded = await one.trade(instruments[symbol], -size // 2, step=1)
            assert not traded.refusals, str(traded.refusals[0])
            await agrees(one)
        one.server.deliver(one.server.world.command("2013-01-15T15:20:00Z"))
        await agrees(one)  # over night: the future's gain is in the gateway's cash, not in ours

        charged = [r.event.commission for r in one.engine.journal.read(kinds=[CommissionRecorded])]
        assert {
            currency: sum(c.amount for c in charged if c.currency == currency)
            for currency in one.books.commissions
        } == one.books.commissions
        for symbol, instrument in instruments.items():
            holding = one.engine.state.holdings["s", symbol]
            assert holding.quantity == SIZES[symbol] // 2
            assert holding.realised == realised(one.server, instrument)
        await one.engine.reconcile()
        assert not one.differences()


async def test_after_a_reconnect_nothing_differs_and_the_names_are_ours(tmp_path):
    async with abroad(tmp_path) as one:
        instruments = await one.engine.broker.qualify(SYMBOLS)
        for symbol, size in SIZES.items():
            await one.trade(instruments[symbol], size)
        await one.engine.broker.disconnect()
        gate = gate_of(LIMITS)
        broker = IbBroker(Gateway(port=one.server.port, timeout_s=5.0))
        again = OrderEngine(broker, one.engine.journal, gate)
        try:
            account = await again.start()
            assert set(account.positions) == set(SYMBOLS)
            assert not one.differences()
            assert not again.state.external
            assert again.mark_at(account).nav == account.net_liquidation
        finally:
            await broker.disconnect()


async def test_a_journal_that_begins_anew_values_what_is_held_already(tmp_path):
    """No order of this journal names the instruments: the gateway's details do."""
    async with abroad(tmp_path) as one:
        instruments = await one.engine.broker.qualify(SYMBOLS)
        for symbol in SYMBOLS:
            await one.trade(instruments[symbol], SIZES[symbol])
        one.server.deliver(one.server.world.command("2013-01-15T15:00:00Z"))
        await one.engine.broker.disconnect()
        with Journal.open(tmp_path / "second.db") as fresh:
            broker = IbBroker(Gateway(port=one.server.port, timeout_s=5.0))
            engine = OrderEngine(broker, fresh, gate_of(LIMITS))
            try:
                mark = engine.mark_at(await engine.start())
                assert mark.nav == mark.net_liquidation
                assert set(engine.state.external) == set(SYMBOLS)
            finally:
                await broker.disconnect()


async def test_the_rate_of_a_currency_never_held_comes_of_its_pair_and_is_journalled(tmp_path):
    async with abroad(tmp_path) as one:
        sap = (await one.engine.broker.qualify(["SAP.IBIS"]))["SAP.IBIS"]
        assert one.engine.state.rate("EUR") is None
        await one.trade(sap, 10)
        told = [r.event.rates for r in one.engine.journal.read(kinds=[RatesTold])]
        assert [set(rates) for rates in told] == [{"EUR"}]
        assert told[0]["EUR"] == pytest.approx(
            one.server.exchange.venue.rate("EUR"), rel=Decimal("0.001")
        )


async def test_an_order_in_a_currency_without_a_pair_is_refused_in_one_sentence(tmp_path):
    async with abroad(tmp_path) as one:
        sap = (await one.engine.broker.qualify(["SAP.IBIS"]))["SAP.IBIS"]
        traded = await one.trade(replace(sap, currency="XXX"), 10)
        (objection,) = [o for o in traded.refusals[0].objections if o.check == "tradable"]
        assert objection.sentence == (
            "SAP.IBIS: what one XXX is worth in USD is not known (the gateway quotes no pair "
            "XXX.USD)."
        )
        assert not one.server.exchange.state()["executions"]


async def test_two_strategies_share_one_future_as_the_broker_does(tmp_path):
    """One is long, the other sells: the account closes, so the cash has the profit."""
    async with abroad(tmp_path) as one:
        es = (await one.engine.broker.qualify(["ES.201303"]))["ES.201303"]
        await one.trade(es, 3)
        one.server.deliver(one.server.world.command("2013-01-14T16:00:00Z"))
        one.engine.broker.unsubscribe()  # the clock leapt past the prices that stream
        last = (await one.engine.broker.quotes([es]))["ES.201303"].last
        other = OrderRequest("t", DAY, es, Decimal(-5), last)
        await one.engine.trade([other])
        assert await one.engine.settle(5) == ()
        await agrees(one)
        await one.engine.reconcile()
        assert not one.differences()
        state = one.engine.state
        assert (state.quantity("ES.201303", "s"), state.quantity("ES.201303", "t")) == (3, -5)
        profits = sum(row["profit"] for row in strategy_rows(state))
        assert abs(profits - (state.mark.nav - 1_000_000)) <= 2 * CENT


async def test_positions_are_shown_in_the_accounts_money(tmp_path):
    async with abroad(tmp_path) as one:
        instruments = await one.engine.broker.qualify(SYMBOLS)
        for symbol, size in SIZES.items():
            await one.trade(instruments[symbol], size)
        await one.engine.mark()
        state = one.engine.state
        rows = {row["symbol"]: row for row in position_rows(state)}
        for symbol, row in rows.items():
            one_of, mark = instruments[symbol], state.mark.marks[symbol]
            value = one_of.notional(row["quantity"], mark) * state.rate(one_of.currency)
            assert (row["value"], row["currency"]) == (cents(value), "USD")
            assert row["weight"] == pytest.approx(value / state.mark.nav)


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("XX.201303", r"XX.*\[futures\.XX\]"),
        ("ES.201302", "knows no FUT 'ES.201302'"),
        ("SAP.LSE", "knows no STK 'SAP.LSE' in GBP"),
    ],
)
async def test_a_name_that_means_nothing_is_refused_with_what_is_allowed(tmp_path, symbol, words):
    async with abroad(tmp_path) as one:
        with pytest.raises(UnknownInstrument, match=words):
            await one.engine.broker.qualify([symbol])


async def test_a_future_that_expires_while_it_is_held_is_closed_at_its_last_price(tmp_path):
    """Nobody ran a session in its last week: no strategy goes on holding what is gone."""
    async with abroad(tmp_path, date(2012, 12, 10), "2012-12-10T15:00:00Z") as one:
        es = (await one.engine.broker.qualify(["ES.201212"]))["ES.201212"]
        await one.trade(es, 2, session=date(2012, 12, 10))
        one.server.deliver(one.server.world.command("2012-12-21T22:30:00Z"))
        await one.engine.mark()
        assert one.engine.state.positions == {"ES.201212": 2}
        one.server.deliver(one.server.world.command("2012-12-24T15:00:00Z"))
        await one.engine.reconcile()
        state = one.engine.state
        (settled,) = (r.event for r in one.engine.journal.read(kinds=[FutureSettled]))
        (bought,) = (r.event for r in one.engine.journal.read(kinds=[FillRecorded]))
        assert not state.positions
        assert not state.external
        paid = state.holdings["s", "ES.201212"].realised
        entry = bought.fill.price
        assert paid == 2 * 50 * (settled.price - entry)
        assert cents(state.balances["USD"]) == cents(one.books.cash["USD"])
        assert not one.differences()
        await one.engine.reconcile()
        assert len(list(one.engine.journal.read(kinds=[FutureSettled]))) == 1
