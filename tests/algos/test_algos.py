"""Every algorithm trades what it was asked for, and leaves nothing behind however it ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hydra import plugins
from hydra.algos._base import CannotWork, Touch
from hydra.algos.market import Market
from hydra.algos.on_close import OnClose
from hydra.algos.patient_limit import PatientLimit
from hydra.algos.twap import Twap
from hydra.breakers.daily_loss import DailyLoss
from hydra.domain.events import Halted, OrderModified, Resumed, StrategySwitched
from hydra.domain.orders import OrderType
from hydra.errors import BadParameter, BrokerError, JournalUnwritable
from hydra.execution.watch import Watch
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from hydra.risk.reduce_only import ReduceOnly
from tests.algos.floor import CLOSE, engine_on, trading

ALGOS = sorted(plugins.find("algos"))
QUICK = {
    "patient_limit": {"interval_s": 60.0, "steps": 3},
    "twap": {"duration_s": 600.0, "slices": 4},
}
FAR = {"start": "near", "steps": 50, "interval_s": 3600.0, "collar_fraction": 0.005}
"""A patient limit that rests for longer than any test lasts."""


async def resting(one, request=None):
    """A patient limit at work whose child rests at the broker; its decision price is so low that
    the collar keeps it off the market."""
    request = request or one.request(100, str(one.last * Decimal("0.95")))
    task = asyncio.ensure_future(one.work("patient_limit", FAR, request))
    await one.until(lambda: one.open_orders and any(_held(one)))
    return task


def _held(one):
    return [o.state == "acknowledged" for o in one.engine.state.working.values()]


@pytest.mark.parametrize("quantity", [100, -100])
@pytest.mark.parametrize("name", ALGOS)
async def test_an_algorithm_trades_all_of_the_request_and_nothing_more(tmp_path, name, quantity):
    async with trading(tmp_path) as one:
        task = asyncio.ensure_future(one.work(name, QUICK.get(name), one.request(quantity)))
        await one.drive(task, 600 if name in ("on_close", "ib_twap", "ib_vwap") else 60)
        entries = [c for c in one.children() if not c.parent]
        assert sum(c.quantity for c in entries) == quantity
        assert one.engine.state.quantity("AAPL", "s") == quantity
        assert {c.algo for c in one.children()} == {name}
        assert [c.child for c in one.children()] == list(range(1, len(one.children()) + 1))
        assert not [o for o in one.engine.state.working.values() if not o.request.parent]


@pytest.mark.parametrize(("strategy", "told"), [("Marketable", False), ("Midpoint", True)])
async def test_ib_s_own_default_of_a_twap_is_not_told(tmp_path, strategy, told):
    async with trading(tmp_path) as one:
        chosen = {"strategy_type": strategy}
        task = asyncio.ensure_future(one.work("ib_twap", chosen, one.request(100)))
        await one.until(one.children)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        [child] = one.children()
        assert ("strategyType" in child.broker_algo_parameters) == told


async def test_a_cancelled_task_takes_its_child_back(tmp_path):
    async with trading(tmp_path) as one:
        task = await resting(one)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not one.open_orders
        assert not one.engine.state.working


async def test_a_halt_ends_an_algorithm_and_takes_its_child_back(tmp_path):
    async with trading(tmp_path) as one:
        task = await resting(one)
        one.engine.record(Halted("enough", "a test"))
        await asyncio.wait_for(task, 5)
        assert not one.open_orders
        assert "trading is halted: enough" in one.notes()


async def test_a_loss_while_an_algorithm_works_trips_a_breaker_and_takes_its_child_back(tmp_path):
    async with trading(tmp_path) as one:
        breaker = DailyLoss(limit_fraction=Decimal("0.000001"), action="halt")
        one.engine.watch = Watch({"daily_loss": breaker})
        await one.engine.mark()
        await one.work("market", {}, one.request(1000))  # costs its commission and the spread
        low = one.request(100, str(one.last * Decimal("0.95")))
        task = await resting(one, replace(low, step=1))
        one.floor.pace = replace(one.floor.pace, mark_s=0.01)
        await asyncio.wait_for(task, 5)
        assert "The session has lost" in (one.engine.halted or "")
        assert not one.open_orders


async def test_an_algorithm_that_fails_leaves_no_child(tmp_path, monkeypatch):
    def fails(self, request, touch, step):
        if step:
            raise ZeroDivisionError("a mistake in the algorithm")
        return self.__class__.limit.original(self, request, touch, step)

    fails.original = PatientLimit.limit
    monkeypatch.setattr(PatientLimit, "limit", fails)
    async with trading(tmp_path) as one:
        task = await resting(one)
        one.move(one.market_now + timedelta(hours=1, minutes=1))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(task, 5)
        assert not one.open_orders
        assert not one.engine.state.working


async def test_a_lost_connection_is_made_good_and_the_child_worked_on(tmp_path):
    async with trading(tmp_path) as one:
        task = await resting(one)
        one.arm(on="reqCurrentTime", do="disconnect")
        await one.until(lambda: one.floor.supervisor.restored)
        assert len(one.open_orders) == 1
        task.cancel()
        await asyncio.wait([task])
        assert not one.open_orders  # by a short logon of the client id that had placed it


async def test_what_a_run_that_died_left_working_is_taken_back_by_the_next(tmp_path):
    async with trading(tmp_path) as one:
        task = await resting(one)
        one.floor.take_back = _unreachable  # the process died: nothing of its own ends it
        task.cancel()
        await asyncio.wait([task])
        await one.engine.broker.disconnect()
        assert len(one.open_orders) == 1
        async with engine_on(one.server, tmp_path / "journal.db") as again:
            await again.floor.sweep("another strategy")
            assert len(one.open_orders) == 1
            await again.floor.sweep("s")
            assert not one.open_orders
            assert not again.engine.state.working


async def test_a_leftover_that_the_broker_does_not_end_stops_the_next_run_with_its_name(tmp_path):
    async with trading(tmp_path) as one:
        task = await resting(one)
        one.floor.take_back = _unreachable
        task.cancel()
        await asyncio.wait([task])
        await one.engine.broker.disconnect()
        async with engine_on(one.server, tmp_path / "journal.db") as again:
            again.floor.pace = replace(again.floor.pace, end_s=0.3)
            again.arm(on="cancelOrder", do="lose", times=0)
            left = next(iter(again.engine.state.working))
            with pytest.raises(BrokerError, match=f"within 0.3 s that {left} has ended"):
                await again.work("market")
            assert not again.executions


async def _unreachable(ref):
    raise BrokerError("no way to the broker")


async def test_a_rerun_trades_the_rest_and_no_more(tmp_path):
    async with trading(tmp_path) as one:
        request = one.request(100)
        task = asyncio.ensure_future(one.work("twap", QUICK["twap"], request))
        await one.until(lambda: one.engine.clock.now() >= one.market_now)
        while one.engine.state.quantity("AAPL", "s") < 50:
            one.move(one.market_now + timedelta(seconds=30))
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
        done = one.engine.state.quantity("AAPL", "s")
        assert 0 < done < 100
        async with engine_on(one.server, tmp_path / "journal.db") as again:
            await again.drive(asyncio.ensure_future(again.work("market", {}, request)))
            assert again.engine.state.quantity("AAPL", "s") == 100
            await again.work("market", {}, request)
            assert again.engine.state.quantity("AAPL", "s") == 100
            assert sum(c.quantity for c in again.children()) == 100


async def test_a_patient_limit_changes_one_order_and_never_crosses_its_collar(tmp_path):
    async with trading(tmp_path) as one:
        request = one.request(100, str(one.last * Decimal("0.985")))
        parameters = {"interval_s": 30.0, "steps": 4, "collar_fraction": 0.01, "start": "near"}
        task = asyncio.ensure_future(one.work("patient_limit", parameters, request))
        await one.drive(task, 30)
        collar = request.decision_price * Decimal("1.01")
        changed = [r.event.order.request for r in one.engine.journal.read(kinds=[OrderModified])]
        assert len(one.children()) == 1
        assert all(c.limit_price <= collar for c in (*one.children(), *changed))
        assert all(Decimal(e["price"]) <= collar for e in one.executions)
        assert not one.open_orders


@pytest.mark.parametrize("quantity", [100, -100])
async def test_a_patient_limit_steps_from_the_mid_to_the_far_side(tmp_path, quantity):
    async with trading(tmp_path) as one:
        request, touch = one.request(quantity), Touch(one.last - 1, one.last + 1)
        algo = PatientLimit(steps=4, collar_fraction=0.5)
        limits = [algo.limit(request, touch, step) for step in range(5)]
        side = 1 if quantity > 0 else -1
        assert [(x - one.last) * side for x in limits] == [
            pytest.approx(Decimal(n) / 4, abs=Decimal("0.011")) for n in range(5)
        ]
        assert all(one.aapl.on_tick(x) for x in limits)


async def test_a_twap_keeps_to_its_share_of_the_volume_and_says_what_it_left(tmp_path):
    async with trading(tmp_path) as one:
        one.floor.volumes = {"AAPL": Decimal(39_000)}  # 100 a minute
        parameters = {"duration_s": 600.0, "slices": 5, "max_participation": 0.1}
        task = asyncio.ensure_future(one.work("twap", parameters, one.request(200)))
        await one.drive(task, 30)
        assert [c.quantity for c in one.children()] == [20] * 5
        assert "100 was not traded; a slice is at most 20" in one.notes()


async def test_a_twap_without_a_known_volume_sends_nothing(tmp_path):
    async with trading(tmp_path) as one:
        one.floor.volumes = {}
        with pytest.raises(CannotWork, match="volume of AAPL is not known"):
            await one.work("twap")
        assert not one.children()


def test_a_twap_draws_the_same_moments_for_the_same_order():
    begun = CLOSE - timedelta(hours=3)
    first, again = (list(Twap().moments("s:1", begun)) for _ in range(2))
    assert first == again == sorted(first)
    assert first != list(Twap().moments("s:2", begun))


@pytest.mark.parametrize(("minutes", "goes"), [(6, True), (4, False)])
async def test_closing_orders_are_refused_after_the_cut_off(tmp_path, minutes, goes):
    async with trading(tmp_path) as one:
        one.move(CLOSE - timedelta(minutes=minutes))  # AAPL is listed on Nasdaq: 15:55
        await one.engine.reconcile()
        task = asyncio.ensure_future(one.work("on_close", {}, one.request(10)))
        if goes:
            await one.drive(task)
            assert one.children()[0].order_type is OrderType.MARKET_ON_CLOSE
            return
        with pytest.raises(CannotWork, match="nothing was sent"):
            await task
        assert not one.children()


async def test_a_limit_on_close_has_its_limit_beyond_the_decision_price(tmp_path):
    async with trading(tmp_path) as one:
        child = OnClose(0.02).child(one.request(-10, "100"), Decimal(-10))
        assert (child.order_type, child.limit_price) == (OrderType.LIMIT_ON_CLOSE, Decimal(98))


async def test_the_exits_of_a_bracket_take_each_other_back(tmp_path):
    async with trading(tmp_path) as one:
        parameters = {"stop_fraction": 0.002, "target_fraction": 0.002}
        await one.drive(asyncio.ensure_future(one.work("bracket", parameters)), 5)
        exits = [c for c in one.children() if c.parent]
        assert [c.quantity for c in exits] == [-100, -100]
        assert len({c.oca_group for c in exits}) == 1
        one.move(CLOSE + timedelta(minutes=5))
        await one.until(lambda: one.engine.drain() or not one.engine.state.working)
        assert one.engine.state.quantity("AAPL", "s") == 0
        assert len([e for e in one.executions if e["order_ref"] in _refs(exits)]) >= 1


def _refs(requests):
    return {r.order_ref for r in requests}


async def test_a_bracket_whose_stop_the_gate_refuses_is_not_entered(tmp_path):
    async with trading(tmp_path) as one:
        await one.work("bracket", {"stop_fraction": 0.5})
        assert not one.children()
        assert not one.executions
        assert all(
            one.engine.journal.has(f"refused {one.request().order_ref}.{n}") for n in (1, 2)
        )


@pytest.mark.parametrize("name", ["market", "patient_limit"])
async def test_an_algorithm_that_may_not_turn_a_position_over_leaves_it_once(tmp_path, name):
    async with trading(tmp_path) as one:
        await one.work("market", {}, one.request(100))
        one.engine.gate = RiskGate({"halt": Halt(), "reduce_only": ReduceOnly()})
        one.engine.record(StrategySwitched("s", False, "looks wrong", "me"))
        over = replace(one.request(-300), step=1)
        for _ in range(2):
            task = asyncio.ensure_future(one.work(name, QUICK.get(name), over))
            await one.drive(task)
            await one.engine.settle(1.0)
        assert one.engine.state.quantity("AAPL", "s") == 0
        sold = [Decimal(e["quantity"]) for e in one.executions if Decimal(e["quantity"]) < 0]
        assert sum(sold) == -100
        assert not one.open_orders


async def test_a_halt_while_an_algorithm_turns_a_position_over_sends_no_exit(tmp_path):
    async with trading(tmp_path) as one:
        await one.work("market", {}, one.request(100))
        low = replace(one.request(-300, str(one.last * Decimal("1.05"))), step=1)
        task = await resting(one, low)
        one.engine.record(Halted("enough", "a test"))
        await asyncio.wait_for(task, 5)
        one.engine.record(Resumed("on", "a test"))
        assert one.engine.state.quantity("AAPL", "s") == 100
        assert not one.open_orders


async def test_a_clock_that_stands_still_ends_the_algorithm_with_one_sentence(tmp_path):
    async with trading(tmp_path) as one:
        one.floor.pace = type(one.floor.pace)(beat_s=0.005, stall_s=0.05)
        with pytest.raises(BrokerError, match="clock stands still"):
            await one.work("patient_limit", FAR, one.request(100, str(one.last * 95 // 100)))
        assert not one.open_orders


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("patient_limit", {"start": "far"}),
        ("patient_limit", {"collar_fraction": 5.0}),
        ("twap", {"max_participation": 10.0}),
        ("on_close", {"limit_fraction": 2.0}),
        ("bracket", {"stop_fraction": 0.0}),
        ("ib_adaptive", {"priority": "urgent"}),
        ("ib_vwap", {"max_percent_volume": 10.0}),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(name, wrong):
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        plugins.configure("algos", name, wrong)


async def test_a_listener_that_fails_is_told_although_nobody_waits_for_news(tmp_path, monkeypatch):
    async with trading(tmp_path) as one:
        failed = asyncio.Event()

        async def disk_is_full():
            failed.set()
            raise JournalUnwritable("the disk is full")

        monkeypatch.setattr(one.floor, "_listen", disk_is_full)
        monkeypatch.setattr(one.floor, "sweep_now", lambda _: failed.wait())
        with pytest.raises(BrokerError, match="the disk is full"):
            await one.floor.work("market", Market(), [])
