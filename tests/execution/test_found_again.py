"""The broker's book is the truth of what works: an order that was taken for ended comes back."""

from __future__ import annotations

from hydra.domain.events import OrderEnded
from tests.execution.watched import resting, trade, until, watched


async def test_an_order_that_was_taken_for_ended_and_that_the_book_holds_works_again(tmp_path):
    async with watched(tmp_path) as one:
        engine, ref = one.engine, resting().order_ref
        one.arm(on="placeOrder", do="say", code=203, text="not allowed")  # said, and not meant
        await at_the_gateway(one)
        for times in (1, 2):
            assert not engine.works(ref)
            await engine.reconcile()
            assert engine.state.working[ref].found == times
            assert not engine.may_trade(ref)
            one.engine.record(OrderEnded(ref, "rejected", "once more"))
        await engine.reconcile()
        await engine.cancel(ref)
        assert await one.supervisor.settle(5) == ()
        outcomes = [r.event.outcome for r in engine.journal.read(kinds=[OrderEnded])]
        assert outcomes == ["rejected", "rejected", "rejected", "cancelled"]
        assert one.server.exchange.state()["open_orders"] == []


async def at_the_gateway(one) -> None:
    await trade(one, resting())
    await until(lambda: one.server.exchange.state()["open_orders"])
    await until(lambda: one.engine.drain() or not one.engine.works(resting().order_ref))


async def test_a_book_that_is_older_than_the_end_brings_nothing_back(tmp_path):
    async with watched(tmp_path) as one:
        engine, ref = one.engine, resting().order_ref
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        ended_orders = engine.broker.ended_orders

        async def ends_meanwhile():
            engine.record(OrderEnded(ref, "cancelled", "by the broker"))
            return await ended_orders()

        engine.broker.ended_orders = ends_meanwhile
        await engine.reconcile()
        assert not engine.works(ref)
