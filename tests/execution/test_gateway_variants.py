"""The order path on gateways that tell of orders as one recording or another of real ones does."""

from decimal import Decimal

import pytest

from hydra.domain.events import OrderEnded
from hydra.domain.orders import OrderType
from hydra.gateway.variants import VARIANTS
from tests.execution.watched import request, resting, trade, watched
from tests.gateway.flow import seed_where

ANSWERS = [
    (question, answer)
    for question in (
        *("accepted_order", "cancelled_order", "change_of_filled", "execution_order"),
        *("fok_rejection", "iceberg", "ioc_remainder", "limit_through_market"),
        *("listed_open_orders", "new_stop_limit"),
    )
    for answer in VARIANTS[question].answers
]


@pytest.mark.parametrize(("question", "answer"), ANSWERS)
async def test_orders_are_filled_and_cancelled_once_and_booked_in_every_variant(
    tmp_path, question, answer
):
    seed = seed_where(**{question: answer})
    async with watched(tmp_path, seed=seed, timeout_s=5) as one:
        await trade(one, *(request(quantity=100, step=step) for step in range(3)))
        await one.supervisor.settle(5)
        report = await trade(one, resting(step=3))
        (placed,) = report.orders
        await one.engine.reconcile()
        assert one.engine.state.quantity("AAPL", "s") == 300
        await one.engine.cancel(placed.request.order_ref)
        assert await one.supervisor.settle(5) == ()
        await one.engine.reconcile()
        outcomes = sorted(ended.outcome for ended in one.events(OrderEnded))
        assert outcomes == ["cancelled", "filled", "filled", "filled"]
        assert sum(Decimal(e["quantity"]) for e in one.wire) == 300
        assert len(one.wire) == 3
        assert not one.server.exchange.orders.open_list
        assert one.supervisor.restored == 0


async def test_a_limit_that_price_protection_cancels_has_ended_and_is_not_sent_again(tmp_path):
    seed = seed_where(limit_through_market="cancelled")
    async with watched(tmp_path, seed=seed, timeout_s=5) as one:
        far = request(order_type=OrderType.LIMIT, limit_price=Decimal(110))
        await trade(one, far)
        await one.supervisor.settle(5)
        await one.engine.reconcile()
        assert not one.wire
        assert not one.server.exchange.orders.open_list
        assert len(one.server.exchange.orders.memory.orders) == 1
