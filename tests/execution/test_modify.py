"""Changing a working order: through the gate, journalled first, settled by the broker's word."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from hydra.domain.events import OrderEnded, OrderModified
from hydra.domain.orders import OrderRequest, OrderType, Refusal
from hydra.errors import BadParameter, BrokerError, GatewayUnreachable, NotReconciled
from tests.algos.floor import Traded, engine_on, trading


def limit(one: Traded, price: str, quantity: int = 100) -> OrderRequest:
    return replace(one.request(quantity), order_type=OrderType.LIMIT, limit_price=Decimal(price))


async def held(one: Traded, below: str = "0.95") -> OrderRequest:
    """A buy that the broker holds below the market."""
    price = one.aapl.round_price(one.last * Decimal(below), Decimal(1))
    request = limit(one, str(price))
    await one.engine.trade([request])
    await settled(one, request.order_ref)
    return request


async def settled(one: Traded, ref: str) -> None:
    async with asyncio.timeout(5):
        while one.engine.state.working[ref].state != "acknowledged":
            one.engine.record(await one.engine.broker.events.get())


async def test_a_changed_limit_is_what_the_broker_and_the_journal_hold(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        wanted = request.limit_price + Decimal("0.10")
        await one.engine.modify(request.order_ref, limit_price=wanted, quantity=Decimal(70))
        known = one.engine.state.working[request.order_ref]
        assert (known.request.limit_price, known.request.quantity) == (wanted, 70)
        (ours,) = await one.engine.broker.held_orders()
        assert (ours.price, ours.quantity) == (wanted, 70)
        assert len(one.open_orders) == 1


async def test_a_change_to_a_marketable_limit_fills_once(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        price = one.aapl.round_price(one.last * Decimal("1.02"), Decimal(1))
        await one.engine.modify(request.order_ref, limit_price=price)
        assert await one.engine.settle(5) == ()
        assert one.engine.state.quantity("AAPL", "s") == 100


async def test_the_gate_judges_a_change_without_the_orders_own_remainder(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        price = one.aapl.round_price(one.last * Decimal("0.5"), Decimal(1))
        verdict = await one.engine.modify(request.order_ref, limit_price=price)
        assert isinstance(verdict, Refusal)
        assert not list(one.engine.journal.read(kinds=[OrderModified]))
        assert one.engine.state.working[request.order_ref].request == request


async def test_a_change_that_the_broker_turns_down_leaves_the_order_as_it_was(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        ref = request.order_ref
        one.engine.broker.ib.client.placeOrder = _with_another_type(one)
        with pytest.raises(BrokerError, match="error 329"):
            await one.engine.modify(ref, limit_price=request.limit_price + 1)
        one.engine.drain()
        assert ref in one.engine.state.working
        assert one.engine.state.working[ref].request == request
        assert not list(one.engine.journal.read(kinds=[OrderEnded]))
        assert len(one.open_orders) == 1


def _with_another_type(one: Traded):
    send = one.engine.broker.ib.client.placeOrder

    def place(order_id, contract, order):
        order.orderType = "MIDPRICE"
        send(order_id, contract, order)

    return place


async def test_a_change_that_is_answered_by_inactive_and_201_leaves_the_order_as_it_was(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        ref = request.order_ref
        one.arm(on="placeOrder", do="reject_order")
        with pytest.raises(BrokerError, match="error 201"):
            await one.engine.modify(ref, limit_price=request.limit_price + 1)
        await one.engine.reconcile()
        assert one.engine.state.working[ref].request == request
        assert not list(one.engine.journal.read(kinds=[OrderEnded]))
        assert [order["quantity"] for order in one.open_orders] == ["100"]
        await one.engine.modify(
            ref, limit_price=request.limit_price + 2
        )  # it can be changed again
        (ours,) = await one.engine.broker.held_orders()
        assert ours.price == request.limit_price + 2


async def test_an_order_that_fills_while_it_is_changed_is_filled_as_it_was(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        modify = one.engine.broker.modify

        async def after_it_filled(order):
            # The market has come down to it, and the news are still under way.
            await one.engine.broker.cancel(request.order_ref)
            await modify(order)

        one.engine.broker.modify = after_it_filled
        with pytest.raises(BrokerError):
            await one.engine.modify(request.order_ref, limit_price=request.limit_price + 1)
        await one.engine.settle(2)
        assert request.order_ref not in one.engine.state.working
        assert not one.open_orders
        assert len({e["perm_id"] for e in one.executions}) <= 1


async def test_during_an_outage_no_change_leaves_and_no_second_order_comes_of_it(tmp_path):
    async with trading(tmp_path) as one:
        request = await held(one)
        one.engine.broker.ib.disconnect()
        with pytest.raises((NotReconciled, GatewayUnreachable, BrokerError)):
            await one.engine.modify(request.order_ref, limit_price=request.limit_price + 1)
        async with engine_on(one.server, tmp_path / "journal.db") as again:
            assert len(one.open_orders) == 1
            with pytest.raises(BrokerError, match="not placed on this connection"):
                await again.engine.modify(request.order_ref, limit_price=request.limit_price - 1)
            assert len(one.open_orders) == 1
            assert again.engine.state.working[request.order_ref].request == request


@pytest.mark.parametrize("quantity", [0, -100])
async def test_a_quantity_on_the_other_side_is_no_change(tmp_path, quantity):
    async with trading(tmp_path) as one:
        request = await held(one)
        with pytest.raises(BadParameter, match="not a change of 100"):
            await one.engine.modify(request.order_ref, quantity=Decimal(quantity))
