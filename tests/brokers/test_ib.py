"""The IB adapter against what is known to hurt users of ib_async, on the simulated gateway."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from ib_async import IB

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import (
    ConnectionChanged,
    OrderEnded,
    OrderQuoted,
    OrderSubmitted,
    Warned,
)
from hydra.errors import BadParameter, ClientIdInUse, GatewayUnreachable
from hydra.gateway.embedded import stepped
from hydra.gateway.server import serve
from hydra.ib.codes import rejects
from hydra.ib.connection import connect, log_off
from tests.execution.watched import AAPL, heard, request, resting, trade, until, watched


async def drained(one):
    """Everything that the gateway has said is in the journal."""
    await one.engine.broker.time()
    one.engine.drain()


def ends(one) -> list[tuple[str, str]]:
    return [(r.event.outcome, r.event.reason) for r in one.engine.journal.read(kinds=[OrderEnded])]


@pytest.mark.parametrize("code", [10349, 399, 404, 2109, 10167, 481, 10334, 31999])
async def test_an_informational_code_never_ends_an_order(tmp_path, code):
    async with watched(tmp_path) as one:
        one.arm(on="placeOrder", do="say", code=code, text="just so you know")
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        await drained(one)
        assert list(one.engine.state.working) == [resting().order_ref]
        warned = [r.event for r in one.engine.journal.read(kinds=[Warned])]
        assert [w for w in warned if w.code == code]


@pytest.mark.parametrize("code", [201, 321, 10052, 110, 203])
async def test_an_error_on_a_new_order_ends_it_as_rejected_with_the_reason(tmp_path, code):
    async with watched(tmp_path) as one:
        one.arm(on="placeOrder", do="say", code=code, text="no such thing", instead=True)
        await trade(one, resting())
        await one.supervisor.settle(5)
        assert ends(one) == [("rejected", f"error {code}: no such thing")]
        assert not one.engine.state.working


@pytest.mark.parametrize("code", [134, 135])
async def test_an_error_that_can_only_be_about_a_change_never_ends_an_order_that_works(
    tmp_path, code
):
    async with watched(tmp_path) as one:
        await trade(one, resting())
        await one.engine.reconcile()
        order = one.engine.broker._trades[resting().order_ref].order
        one.engine.broker._on_error(order.orderId, code, "too late", None)
        await drained(one)
        assert one.engine.works(resting().order_ref)
        assert not ends(one)


async def test_a_message_that_cannot_be_read_is_journalled_and_its_order_looked_up(
    tmp_path, monkeypatch
):
    def fails(trade):
        raise ArithmeticError("no such figure")

    async with watched(tmp_path) as one:
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        await drained(one)
        monkeypatch.setattr("hydra.brokers.ib._filled_quantity", fails)
        await one.engine.cancel(resting().order_ref)
        await until(lambda: not one.server.exchange.state()["open_orders"])
        await drained(one)
        monkeypatch.undo()
        assert not ends(one)
        texts = [r.event.text for r in one.engine.journal.read(kinds=[Warned])]
        assert [t for t in texts if "orderStatusEvent" in t and "no such figure" in t]
        await one.engine.reconcile()
        assert ends(one) == [("cancelled", "the gateway lists it as ended")]


async def test_an_order_says_its_time_in_force_and_everything_else_a_preset_could_change(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, request())
        await until(lambda: heard(one, "placeOrder"))
        told = next(m for m in one.server.record.after(0) if m["name"] == "placeOrder")["fields"]
        assert (told["tif"], told["transmit"], told["outsideRth"]) == ("DAY", True, False)
        assert told["account"] == one.engine.broker._account
        assert told["orderRef"] == request().order_ref


async def test_a_client_id_in_use_takes_the_next_and_still_sees_the_orders_of_the_first(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        second = IbBroker(Gateway(port=one.server.port, timeout_s=2.0))
        await second.connect()
        assert second.ib.client.clientId == 32
        held = await second.held_orders()
        assert [(h.ref, h.client_id) for h in held] == [(resting().order_ref, 31)]
        await second.disconnect()


async def test_ids_that_roll_back_meet_no_working_order(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, resting(), resting(1))
        await until(lambda: len(one.server.exchange.state()["open_orders"]) == 2)
        one.arm(on="nextValidId", do="roll_back_ids", by=50)
        await one.engine.broker.disconnect()
        await one.engine.start()
        await trade(one, resting(2))
        await until(lambda: len(one.server.exchange.state()["open_orders"]) == 3)
        ids = [r.event.order_id for r in one.engine.journal.read(kinds=[OrderSubmitted])]
        assert len(set(ids)) == 3


async def test_delayed_data_is_recognised_and_journalled_as_delayed(tmp_path):
    async with watched(tmp_path) as one:
        one.strike(do="unsubscribe")
        one.server.deliver(one.server.world.command("2012-10-01T14:30:00+00:00"))
        quotes = await one.engine.broker.quotes([AAPL])
        assert quotes["AAPL"].delayed
        assert quotes["AAPL"].last is not None
        await trade(one, resting())
        quoted = [r.event.delayed for r in one.engine.journal.read(kinds=[OrderQuoted])]
        assert quoted == [True]


async def test_a_gateway_that_goes_while_quotes_are_awaited_is_noticed_at_once(tmp_path):
    async with watched(tmp_path) as one:
        one.engine.broker.settings = Gateway(port=one.server.port, timeout_s=30.0)
        one.arm(on="reqMktData", do="disconnect", before=True)
        with pytest.raises(GatewayUnreachable, match="quotes"):
            await one.engine.broker.quotes([AAPL])


async def test_logging_off_from_a_socket_that_was_reset_is_no_error(tmp_path):
    async with watched(tmp_path) as one:
        transport = one.engine.broker.ib.client.conn.transport
        transport.get_extra_info("socket").shutdown(2)
        await one.engine.broker.disconnect()
        with pytest.raises(GatewayUnreachable):
            await one.engine.broker.time()


async def test_a_loss_of_the_connection_is_told_once(tmp_path):
    async with watched(tmp_path) as one:
        one.arm(on="reqCurrentTime", do="disconnect", before=True)
        with pytest.raises(GatewayUnreachable):
            await one.engine.broker.time()
        one.engine.drain()
        lost = [r.event for r in one.engine.journal.read(kinds=[ConnectionChanged])]
        assert [event.up for event in lost] == [False]


async def test_a_position_that_was_closed_within_one_connection_is_gone_from_the_account(tmp_path):
    async with watched(tmp_path) as one:
        for step, quantity in enumerate((10, -10)):
            await trade(one, request(quantity=quantity, step=step))
            await one.supervisor.settle(5)
            account = await one.engine.reconcile()
            assert dict(account.positions) == ({"AAPL": 10} if quantity > 0 else {})
        assert not one.engine.state.external
        assert account.net_liquidation == one.engine.mark_at(account).nav


async def test_prices_that_were_unsubscribed_are_not_those_of_then_when_asked_again(tmp_path):
    async with watched(tmp_path) as one:
        broker = one.engine.broker
        [aapl] = (await broker.qualify(["AAPL"])).values()
        before = (await broker.quotes([aapl]))["AAPL"]
        broker.unsubscribe()
        one.server.deliver(one.server.world.command("next_open"))
        after = (await broker.quotes([aapl]))["AAPL"]
        assert after.last != before.last
        assert after.last == one.server.exchange.venue.mark(
            one.server.exchange.venue.universe.get(aapl.con_id)
        )


async def test_only_an_order_of_the_gate_is_sent(tmp_path):
    async with watched(tmp_path) as one:
        with pytest.raises(BadParameter, match="Only an Order"):
            await one.engine.broker.submit(request())  # type: ignore[arg-type]
        assert not heard(one, "placeOrder")


async def test_a_client_that_sends_faster_than_the_gateway_hears_waits_its_turn(tmp_path):
    async with watched(tmp_path) as one:
        one.engine.broker.ib.client.MaxRequests = 8
        one.engine.broker.ib.client.RequestsInterval = 0.1
        basket = [resting(step) for step in range(20)]
        assert len((await trade(one, *basket)).orders) == 20
        await until(lambda: len(one.server.exchange.state()["open_orders"]) == 20)


@pytest.mark.parametrize(
    "code", [10349, 399, 10167, 165, 404, 202, 481, 10334, 31999, *range(2100, 2200, 9)]
)
def test_a_code_that_is_not_known_as_final_rejects_nothing(code):
    assert not rejects(code)


@pytest.mark.parametrize("code", [201, 321, 110, 203, 10052, 10268])
def test_a_code_that_is_known_as_final_rejects(code):
    assert rejects(code)


async def of_an_earlier_logon(one, *orders):
    """Orders that client 31 has left, and an engine that is client 40 now."""
    await trade(one, *orders)
    await until(lambda: len(one.server.exchange.state()["open_orders"]) == len(orders))
    await one.engine.broker.disconnect()
    one.engine.broker.settings = replace(one.engine.broker.settings, client_id=40)
    await one.engine.start()


async def test_orders_of_an_earlier_logon_are_ended_although_the_gateway_keeps_its_id_a_while(
    tmp_path,
):
    async with watched(tmp_path) as one:
        orders = [resting(step) for step in range(3)]
        await of_an_earlier_logon(one, *orders)
        for order in orders:
            one.arm(on="startApi", do="refuse_client", client=31, times=2)
            await one.engine.cancel(order.order_ref)
        await one.supervisor.settle(5)
        assert ends(one) == [("cancelled", "asked for")] * 3
        assert one.server.exchange.state()["open_orders"] == []


async def test_an_order_of_an_earlier_logon_that_is_gone_already_is_unknown_until_it_is_compared(
    tmp_path,
):
    async with watched(tmp_path) as one:
        await of_an_earlier_logon(one, resting())
        await cancelled_by_another_program(one)
        await one.engine.cancel(resting().order_ref)
        one.engine.drain()
        assert list(one.engine.state.unknown) == [resting().order_ref]
        await one.engine.reconcile()
        assert [outcome for outcome, _ in ends(one)] == ["unknown", "cancelled"]
        assert not one.engine.state.unknown


async def cancelled_by_another_program(one):
    """The order of client 31 ends, and nobody tells client 40."""
    ib = IB()
    await ib.connectAsync(port=one.server.port, clientId=31)
    [held] = await ib.reqAllOpenOrdersAsync()
    ib.cancelOrder(held.order)
    await until(lambda: not one.server.exchange.state()["open_orders"])
    ib.disconnect()


async def test_an_id_that_its_program_goes_on_using_is_waited_for_once_and_then_named(tmp_path):
    async with watched(tmp_path) as one:
        orders = [resting(step) for step in range(2)]
        await of_an_earlier_logon(one, *orders)
        one.arm(on="startApi", do="refuse_client", client=31, times=0)
        for order in orders:
            with pytest.raises(ClientIdInUse, match="Client id 31 is in use"):
                await one.engine.cancel(order.order_ref)
        tried = [m["client_id"] for m in one.server.record.after(0) if m["name"] == "startApi"]
        assert tried == [31, 40, *[31] * 5, 31]  # five times for the first order, then once
        assert len(one.engine.state.working) == 2


@pytest.mark.parametrize("steps", range(40))
async def test_a_logon_that_is_cancelled_leaves_no_connection_that_keeps_the_id(tmp_path, steps):
    async with await serve(stepped()) as server:
        logon = asyncio.ensure_future(connect(Gateway(port=server.port, timeout_s=5.0)))
        for _ in range(steps):
            await asyncio.sleep(0)
        logon.cancel()
        [ended] = await asyncio.gather(logon, return_exceptions=True)
        if isinstance(ended, IB):  # it was through before
            log_off(ended)
        again = await connect(Gateway(port=server.port, timeout_s=5.0))
        await until(lambda: list(server.exchange.venue.versions) == [again.client.clientId])
        assert again.isConnected()
        log_off(again)
