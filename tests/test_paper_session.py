"""The whole path over TCP: an unmodified ib_async client, the gate, the journal, the books."""

from dataclasses import replace
from decimal import Decimal

import pytest

import hydra
from hydra.brokers.ib import IbBroker
from hydra.config import Settings
from hydra.domain.events import Decided, FillRecorded, OrderAdmitted
from hydra.errors import BrokerError, GatewayUnreachable, UnknownInstrument, UnknownName
from hydra.journal.fold import fold
from hydra.journal.journal import Journal
from hydra.runner.simulator import Simulator


async def run(settings: Settings, **changes):
    """One cycle as the notebook does it; returns the report and what was traded."""
    session = await hydra.open_paper_session("ts_momentum", settings=settings, **changes)
    try:
        bars = await session.bars()
        targets = session.targets(session.signals(bars), bars)
        traded = await session.trade(targets)
        assert await session.wait_for_fills() == ()
        return await session.report(), traded
    finally:
        await session.close()


def books(gateway: Simulator) -> dict[str, Decimal]:
    return {p["symbol"]: Decimal(p["quantity"]) for p in gateway.state()["positions"]}


def journalled(settings: Settings):
    with Journal.read_only(settings.journal_path) as journal:
        return fold(journal.read()), list(journal.read())


async def test_sessions_trade_and_the_journal_agrees_with_the_gateways_own_books(
    connected, gateway
):
    for number in range(3):
        if number:
            gateway.step("next_open")
        report, traded = await run(connected)
        assert not report.differences
        assert not traded.refusals
        state, _ = journalled(connected)
        theirs = gateway.state()
        assert state.positions == books(gateway)
        assert report.nav == Decimal(theirs["net_liquidation"])
        assert state.cash == Decimal(theirs["cash"])
    _, records = journalled(connected)
    fills = [r.event.fill for r in records if isinstance(r.event, FillRecorded)]
    executions = gateway.state()["executions"]
    assert {f.exec_id: (f.quantity, f.price) for f in fills} == {
        e["exec_id"]: (Decimal(e["quantity"]), Decimal(e["price"])) for e in executions
    }
    assert len(fills) > 3


async def test_a_second_run_of_the_same_session_sends_nothing(connected, gateway):
    _, first = await run(connected)
    sent = len(gateway.state()["executions"])
    _, second = await run(connected)
    assert first.orders
    assert second.orders == ()
    assert set(second.repeated) == {order.order_ref for order in first.orders}
    assert len(gateway.state()["executions"]) == sent


async def test_a_run_that_died_half_way_is_completed_by_the_next_and_not_decided_anew(
    connected, gateway, monkeypatch
):
    submit, sent = IbBroker.submit, []

    async def dies_after_one(self, order):
        if sent:
            raise BrokerError("the machine lost its power")
        sent.append(order.order_ref)
        return await submit(self, order)

    monkeypatch.setattr(IbBroker, "submit", dies_after_one)
    with pytest.raises(BrokerError, match="lost its power"):
        await run(connected)
    monkeypatch.setattr(IbBroker, "submit", submit)
    await run(connected)
    _, records = journalled(connected)
    decided = [r.event for r in records if isinstance(r.event, Decided)]
    refs = [r.event.order.order_ref for r in records if isinstance(r.event, OrderAdmitted)]
    assert len(decided) == 1
    assert sorted(refs) == sorted(q.order_ref for q in decided[0].requests)
    wire = {(e["order_ref"], e["perm_id"]) for e in gateway.state()["executions"]}
    assert len(wire) == len({ref for ref, _ in wire}) == len(refs)


async def test_a_client_id_in_use_is_answered_by_the_next_of_our_range(connected, gateway):
    brokers = [IbBroker(connected.gateway) for _ in range(3)]
    for broker in brokers:
        await broker.connect()
    assert sorted(b.ib.client.clientId for b in brokers) == [31, 32, 33]
    none_left = replace(connected.gateway, client_ids=3)
    with pytest.raises(BrokerError, match="All client ids from 31 to 33 are in use"):
        await IbBroker(none_left).connect()
    for broker in brokers:
        await broker.disconnect()


async def test_bars_end_with_the_last_completed_session_and_never_with_the_forming_one(
    connected, gateway
):
    gateway.step("2013-01-14T18:00:00Z")
    session = await hydra.open_paper_session("sma_cross", settings=connected)
    bars = await session.bars()
    await session.close()
    assert str(bars.index[-1]) == "2013-01-11 21:00:00+00:00"
    assert str(session.session) == "2013-01-14"


async def test_a_cancelled_limit_order_ends_as_cancelled_and_nothing_was_filled(
    connected, gateway
):
    from datetime import date

    from hydra.domain.orders import OrderRequest, OrderType
    from hydra.wiring import open_engine

    async with open_engine(connected) as engine:
        aapl = (await engine.broker.qualify(["AAPL"]))["AAPL"]
        engine.daily_volume["AAPL"] = Decimal(100_000_000)  # no bars were asked for
        quote = (await engine.broker.quotes([aapl]))["AAPL"]
        limit = aapl.round_price(quote.last * Decimal("0.95"), Decimal(1))
        request = OrderRequest(
            "s", date(2013, 1, 14), aapl, Decimal(10), quote.last, OrderType.LIMIT, limit
        )
        await engine.trade([request])
        assert await engine.settle(0.5) == (request.order_ref,)
        await engine.broker.cancel(request.order_ref)
        assert await engine.settle(5) == ()
    state, records = journalled(connected)
    assert state.positions == {}
    ended = [r.event.outcome for r in records if type(r.event).__name__ == "OrderEnded"]
    assert ended == ["cancelled"]
    assert books(gateway) == {}


async def test_an_unknown_symbol_is_named(connected):
    broker = IbBroker(connected.gateway)
    await broker.connect()
    with pytest.raises(UnknownInstrument, match="NOSUCH"):
        await broker.qualify(["AAPL", "NOSUCH"])
    await broker.disconnect()


async def test_a_port_that_accepts_and_says_nothing_is_given_up_within_the_time_out(settings):
    import asyncio

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mute = replace(settings.gateway, port=port, timeout_s=0.3)
    with pytest.raises(GatewayUnreachable, match="says nothing"):
        await IbBroker(mute).connect()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)  # the last connection ends


@pytest.mark.parametrize("algo", ["market", "ib_adaptive", "bracket"])
async def test_a_session_works_its_orders_through_the_algorithm_it_is_given(
    connected, gateway, algo
):
    session = await hydra.open_paper_session("ts_momentum", settings=connected, algo=algo)
    try:
        bars = await session.bars()
        targets = session.targets(session.signals(bars), bars)
        first = await session.trade(targets)
        await session.wait_for_fills()
        assert {o.request.algo for o in first.orders} == {"" if algo == "market" else algo}
        wanted = {s: q for s, q in targets.quantities.items() if q}
        assert session.state.positions == books(gateway) == wanted
        sent = len(gateway.state()["executions"])
        assert (await session.trade(targets)).orders == ()
        assert len(gateway.state()["executions"]) == sent
    finally:
        await session.close()


async def test_an_unknown_algorithm_is_answered_with_the_nearest_before_anything_connects(
    settings,
):
    with pytest.raises(UnknownName, match="twap"):
        await hydra.open_paper_session("ts_momentum", settings=settings, algo="twp")
    with pytest.raises(UnknownName, match="slices"):
        await hydra.open_paper_session(
            "ts_momentum", settings=settings, algo="twap", algo_parameters={"slice": 3}
        )
