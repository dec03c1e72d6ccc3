"""A session outlives what happens to its connection: it comes back, compares, and goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hydra.domain.events import ConnectionChanged, FillRecorded, OrderAdmitted
from hydra.domain.orders import Order
from hydra.errors import BadParameter, GatewayUnreachable, NotReconciled
from hydra.execution.supervisor import Patience
from tests.execution.watched import QUICK, heard, request, resting, trade, until, watched


async def test_a_dropped_connection_is_made_again_and_the_basket_completed_once(tmp_path):
    async with watched(tmp_path) as one:
        one.arm(on="placeOrder", nth=2, do="disconnect")
        basket = [request(10, step) for step in range(4)]
        await trade(one, *basket)
        assert await one.supervisor.settle(5) == ()
        refs = [e["order_ref"] for e in one.wire]
        assert len(refs) == len(set(refs))
        # What was in the socket when it broke is unknown and stays so; the rest was sent again.
        assert {*refs, *one.engine.state.unknown} == {r.order_ref for r in basket}
        assert basket[-1].order_ref in refs
        assert one.supervisor.restored >= 1
        assert one.engine.state.quantity("AAPL", "s") == 10 * len(refs)


async def test_fills_made_while_the_line_was_dead_are_told_by_the_next_heartbeat(tmp_path):
    async with watched(tmp_path) as one:
        one.arm(on="executionDetails", do="lose")
        one.arm(on="commissionReport", do="lose")
        await trade(one, request())
        assert await one.supervisor.settle(5) == ()
        assert one.engine.state.quantity("AAPL", "s") == 10
        assert len(list(one.engine.journal.read(kinds=[FillRecorded]))) == 1


async def test_a_gateway_that_accepts_and_says_nothing_is_left_and_called_again(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, resting())
        one.arm(on="reqAllOpenOrders", do="silence")
        working = await one.supervisor.settle(1.5)
        assert working == (resting().order_ref,)
        assert one.supervisor.restored >= 1
        await trade(one, request(step=1))
        assert one.engine.state.working or one.wire


@pytest.mark.parametrize("back", [1101, 1102])
async def test_while_the_exchange_is_out_of_reach_nothing_is_sent_and_afterwards_all_is_compared(
    tmp_path, back
):
    async with watched(tmp_path) as one:
        await trade(one, resting())
        one.say(1100)
        while not one.engine.waits_for_exchange():
            one.engine.record(await asyncio.wait_for(one.engine.broker.events.get(), 5))
        with pytest.raises(NotReconciled, match="1100"):
            await one.engine.trade([request(step=1)])
        before = one.kinds().count("Reconciled")
        attempt = asyncio.ensure_future(trade(one, request(step=1)))
        await asyncio.sleep(0)
        one.say(back)
        assert len((await asyncio.wait_for(attempt, 5)).orders) == 1
        assert one.kinds().count("Reconciled") > before
        assert one.supervisor.restored == 1


async def test_after_lost_subscriptions_quotes_are_subscribed_anew(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, request())
        one.say(1100)
        one.say(1101)
        asked = heard(one, "reqMktData")
        await trade(one, request(step=1))
        assert heard(one, "reqMktData") == asked + 1


async def test_a_nightly_restart_is_waited_out(tmp_path):
    async with watched(tmp_path) as one:
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        one.strike(do="restart", seconds=60)
        attempt = asyncio.ensure_future(trade(one, request(step=1)))
        await until(lambda: one.supervisor.attempts > 1)
        one.server.deliver(one.server.world.command("2012-10-01T14:00:00+00:00"))
        assert len((await asyncio.wait_for(attempt, 8)).orders) == 1
        assert resting().order_ref in one.engine.state.working


async def test_the_weekly_log_off_leaves_a_port_that_is_dead_and_is_waited_out_too(tmp_path):
    async with watched(tmp_path) as one:
        one.strike(do="log_off")
        attempt = asyncio.ensure_future(trade(one, request()))
        await until(lambda: one.supervisor.attempts > 1)
        one.strike(do="log_on")
        assert len((await asyncio.wait_for(attempt, 8)).orders) == 1


async def test_a_gateway_that_stays_away_is_given_up_with_one_sentence_and_nothing_is_lost(
    tmp_path,
):
    patience = replace(QUICK, give_up_s=0.3)
    async with watched(tmp_path, patience) as one:
        one.strike(do="log_off")
        with pytest.raises(GatewayUnreachable, match=r"not to be reached for 0\.3 s"):
            await trade(one, request())
        assert not one.wire
        assert not one.engine.journal.has(f"order {request().order_ref}")


async def test_exits_that_wait_for_their_prices_are_not_waited_for(tmp_path):
    async with watched(tmp_path) as one:
        exit_of_another = replace(resting(), parent="s:20121001:AAPL:7")
        one.engine.record(OrderAdmitted(Order(exit_of_another, one.engine.clock.now(), ())))
        working = await asyncio.wait_for(one.supervisor.settle(60), 5)
        assert working == (exit_of_another.order_ref,)


async def test_what_the_connection_did_is_in_the_journal(tmp_path):
    async with watched(tmp_path) as one:
        one.arm(on="placeOrder", do="disconnect")
        await trade(one, resting())
        await one.supervisor.settle(1)
        ways = [r.event.up for r in one.engine.journal.read(kinds=[ConnectionChanged])]
        assert ways[0] is False
        assert ways[-1] is True
        order = one.kinds()
        last_up = len(order) - 1 - order[::-1].index("ConnectionChanged")
        assert "Reconciled" in order[last_up:]
        assert len(list(one.engine.journal.read(kinds=[OrderAdmitted]))) == 1


@pytest.mark.parametrize("wrong", [{"heartbeat_s": 0}, {"first_pause_s": -1}, {"give_up_s": -0.1}])
def test_a_patience_that_would_never_wait_is_refused(wrong):
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        Patience(**wrong)
