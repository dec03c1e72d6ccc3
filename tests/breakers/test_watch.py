"""Breakers on the order path: tripped in the write that caused it, held over restarts, forgiving
only what they have tripped on."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.breakers.daily_loss import DailyLoss
from hydra.breakers.drawdown import Drawdown
from hydra.breakers.flapping import Flapping
from hydra.breakers.losing_streak import LosingStreak
from hydra.breakers.reject_rate import RejectRate
from hydra.breakers.slippage import Slippage
from hydra.breakers.stale_data import StaleData
from hydra.breakers.trade_loss import TradeLoss
from hydra.brokers.memory import Memory
from hydra.domain.conduct import Standing
from hydra.domain.events import (
    BreakerTripped,
    ConnectionChanged,
    Halted,
    OrderEnded,
    Resumed,
    SessionStarted,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.execution.engine import OrderEngine
from hydra.execution.watch import Watch
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from hydra.risk.no_entries import NoEntries
from hydra.risk.reduce_only import ReduceOnly
from hydra.risk.stale_price import StalePrice
from tests.conftest import ROOT

THURSDAY = date(2013, 1, 17)
FRIDAY, TUESDAY, WEDNESDAY = date(2013, 1, 18), date(2013, 1, 22), date(2013, 1, 23)
"""Monday 21 January 2013 was a holiday of the exchange."""
GATE = RiskGate(
    {
        "halt": Halt(),
        "no_entries": NoEntries(),
        "reduce_only": ReduceOnly(),
        "stale_price": StalePrice(60.0),
    }
)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 17, 0, tzinfo=UTC)


class Desk:
    """An engine with breakers on a broker in memory, and a strategy that asks for orders."""

    def __init__(self, path: Path, **breakers) -> None:
        self.path, self.breakers, self.step = path, breakers, 0
        self.broker = Memory(
            {"AAPL": Decimal(100), "IBM": Decimal(200)}, noon(THURSDAY), commission=Decimal(0)
        )

    async def open(self, day: date, strategy: str = "s") -> "Desk":
        """A new program in that session."""
        self.day, self.broker.now = day, noon(day)
        self.journal = Journal.open(self.path)
        self.engine = OrderEngine(self.broker, self.journal, GATE, Watch(self.breakers))
        account = await self.engine.start()
        self.engine.record(SessionStarted(strategy, day, account.code, {}))
        await self.engine.mark()
        return self

    def close(self) -> None:
        self.journal.close()

    def request(self, quantity, symbol="AAPL", strategy="s", **changes) -> OrderRequest:
        self.step += 1
        price = self.broker.prices[symbol]
        return OrderRequest(
            strategy,
            self.day,
            Instrument(symbol),
            Decimal(quantity),
            price,
            step=self.step,
            **changes,
        )

    async def trade(self, quantity, symbol="AAPL", strategy="s", **changes) -> bool:
        """Whether the gate admitted it."""
        traded = await self.engine.trade([self.request(quantity, symbol, strategy, **changes)])
        await self.engine.settle(0.01)
        return bool(traded.orders)

    async def move(self, price, symbol="AAPL") -> None:
        self.broker.prices[symbol] = Decimal(price)
        await self.engine.mark()

    def tripped(self) -> list[BreakerTripped]:
        return [r.event for r in self.journal.read(kinds=[BreakerTripped])]

    def standings(self) -> dict[str, str]:
        now = self.engine.clock.now()
        rows = self.engine.watch.rows(self.engine.state, now)
        return {row["breaker"]: row["standing"] for row in rows}


@pytest.fixture
def desk(tmp_path):
    def make(**breakers):
        return Desk(tmp_path / "journal.db", **breakers)

    return make


async def test_a_daily_loss_leaves_exits_and_nothing_else_for_the_rest_of_the_session(desk):
    one = await desk(daily_loss=DailyLoss(limit_fraction=Decimal("0.01"))).open(THURSDAY)
    assert await one.trade(1000)
    await one.move(90)  # a tenth of 100,000 is one hundredth of the NAV: not more than it
    assert await one.trade(1)
    await one.move("89.98")
    assert [e.breaker for e in one.tripped()] == ["daily_loss"]
    assert not await one.trade(1)
    assert await one.trade(-401)
    assert one.engine.state.quantity("AAPL") == 600
    assert await one.trade(-1002)  # more than is held: what is held leaves, and no more
    assert one.engine.state.quantity("AAPL") == 0
    await one.open(THURSDAY)
    assert not await one.trade(1)
    await one.open(FRIDAY)
    assert await one.trade(1)
    assert len(one.tripped()) == 1


async def test_a_cooldown_is_counted_in_exchange_sessions_over_a_weekend_and_a_holiday(desk):
    breaker = DailyLoss(
        limit_fraction=Decimal("0.01"), action="refuse_entries", cooldown_sessions=2
    )
    one = await desk(daily_loss=breaker).open(THURSDAY)
    assert await one.trade(1000)
    await one.move(80)
    [trip] = one.tripped()
    assert (trip.session, trip.until) == (THURSDAY, TUESDAY)
    found = []
    for day in (THURSDAY, FRIDAY, TUESDAY, WEDNESDAY):
        await one.open(day)
        found.append(one.standings()["daily_loss"])
        assert await one.trade(1)  # more of what is held
        assert await one.trade(1, "IBM") is (day == WEDNESDAY)
    assert found == ["triggered", "cooldown", "cooldown", "active"]


async def test_the_peak_outlives_restarts_and_a_resumed_drawdown_is_measured_anew(desk):
    one = await desk(drawdown=Drawdown(limit_fraction=Decimal("0.05"))).open(THURSDAY)
    assert await one.trade(1000)
    await one.move(150)  # the peak: 1,050,000
    resting = one.request(1, order_type=OrderType.LIMIT, limit_price=Decimal(1))
    await one.engine.trade([resting])
    await one.open(FRIDAY)
    await one.move(96)
    await one.engine.at_rest()
    assert [e.action for e in one.tripped()] == ["halt"]
    assert "5.143 %" in one.engine.halted
    assert one.engine.halted.endswith("(breaker drawdown)")
    assert not one.broker.resting
    await one.open(TUESDAY)
    assert not await one.trade(-1)
    one.journal.append(Resumed("looked into", "me"), noon(TUESDAY))
    assert await one.trade(1)
    await one.move(90)
    assert len(one.tripped()) == 1
    await one.move(47)  # less than 5 % below the NAV at the trip
    assert len(one.tripped()) == 1
    await one.move(43)
    assert len(one.tripped()) == 2


async def test_a_breaker_trips_again_in_the_session_in_which_somebody_resumed(desk):
    one = await desk(daily_loss=DailyLoss(limit_fraction=Decimal("0.01"), action="halt")).open(
        THURSDAY
    )
    assert await one.trade(1000)
    await one.move(80)
    one.journal.append(Resumed("go on", "me"), noon(THURSDAY))
    assert await one.trade(1)
    await one.move(79)
    assert one.engine.halted is None
    await one.move(70)
    assert one.engine.halted
    assert [e.number for e in one.tripped()] == [1, 2]


async def test_one_bad_trade_stops_new_positions_of_its_strategy_and_of_no_other(desk):
    one = await desk(trade_loss=TradeLoss(limit_fraction=Decimal("0.01"))).open(THURSDAY)
    assert await one.trade(1000)
    await one.move("89.9")
    assert await one.trade(-500)
    assert await one.trade(1, "IBM", "t")
    assert not one.tripped()
    await one.move("79.8")
    assert await one.trade(-500)
    assert [(e.breaker, e.strategy) for e in one.tripped()] == [("trade_loss", "s")]
    assert not await one.trade(1)
    assert await one.trade(1, strategy="t")


async def test_an_order_that_fills_in_parts_is_one_losing_trade(desk):
    one = await desk(losing_streak=LosingStreak(limit_trades=2)).open(THURSDAY)
    assert await one.trade(100)
    await one.move(99)
    family = one.request(-30)
    for child in (1, 2, 3):
        part = replace(family, quantity=Decimal(-10), child=child)
        await one.engine.trade([part])
        await one.engine.settle(0.01)
    assert len(one.engine.state.behaviour["s"].closed) == 1
    assert await one.trade(-10)
    assert not one.tripped()
    assert await one.trade(-10)
    assert [e.figure for e in one.tripped()] == ["3"]


async def test_fills_far_from_the_market_at_their_arrival_trip_the_slippage_breaker(desk):
    one = await desk(slippage=Slippage(limit_bps=50, orders=3)).open(THURSDAY)
    quotes = one.broker.quotes

    async def rosier(instruments, short=()):
        found = await quotes(instruments)
        mid = Decimal("99.4")
        return {s: replace(q, bid=mid, ask=mid) for s, q in found.items()}

    one.broker.quotes = rosier
    assert await one.trade(1)
    assert await one.trade(1)
    assert not one.tripped()
    assert await one.trade(1)
    assert [e.figure for e in one.tripped()] == ["60.36 bps"]


async def test_orders_that_the_broker_rejects_count_and_those_of_the_gate_do_not(desk):
    one = await desk(reject_rate=RejectRate(limit_fraction=0.5, least_orders=2)).open(THURSDAY)
    resting = {"order_type": OrderType.LIMIT, "limit_price": Decimal(1)}
    refs = [one.request(1, **resting) for _ in range(4)]
    await one.engine.trade(refs)
    for number, one_request in enumerate(refs[:3], 1):
        one.engine.record(OrderEnded(one_request.order_ref, "rejected", "no"))
        assert len(one.tripped()) == (number == 3)


async def test_prices_that_are_old_trip_the_stale_data_breaker(desk):
    one = await desk(stale_data=StaleData(limit_fraction=0.5, least_orders=3)).open(THURSDAY)
    assert await one.trade(1)
    quotes = one.broker.quotes

    async def old(instruments, short=()):
        found = await quotes(instruments, short)
        return {s: replace(q, time=q.time - timedelta(hours=1)) for s, q in found.items()}

    one.broker.quotes = old
    for tripped in (0, 1):
        assert not await one.trade(1)
        assert len(one.tripped()) == tripped


async def test_an_outage_that_is_told_twice_is_one_loss_of_the_connection(desk):
    one = await desk(flapping=Flapping(limit_losses=2)).open(THURSDAY)
    for _ in range(2):
        one.engine.record(ConnectionChanged(False, 1100, "lost"))
        one.engine.record(ConnectionChanged(False, 0, "closed"))
        await one.engine.start()
    assert not one.tripped()
    one.engine.record(ConnectionChanged(False, 1100, "lost"))
    assert [e.breaker for e in one.tripped()] == ["flapping"]


async def test_a_trip_holds_although_the_breaker_was_switched_off_or_loosened_since(desk):
    one = await desk(
        daily_loss=DailyLoss(limit_fraction=Decimal("0.01"), cooldown_sessions=1)
    ).open(THURSDAY)
    assert await one.trade(1000)
    await one.move(80)
    one.breakers = {}
    await one.open(FRIDAY)
    assert not await one.trade(1)
    assert one.standings() == {"daily_loss": "cooldown"}


async def test_a_cause_that_was_journalled_without_its_trip_trips_at_the_next_start(desk):
    one = desk()
    one = await one.open(THURSDAY)
    assert await one.trade(1000)
    await one.move(80)
    one.breakers = {"daily_loss": DailyLoss(limit_fraction=Decimal("0.01"))}
    one.engine = OrderEngine(one.broker, one.journal, GATE, Watch(one.breakers))
    await one.engine.start()
    assert len(one.tripped()) == 1


@pytest.mark.parametrize("action", ["reduce_only", "halt", "refuse_entries"])
@settings(max_examples=40)
@given(
    requests=st.lists(
        st.tuples(
            st.integers(-30, 30).filter(bool), st.sampled_from(["AAPL", "IBM"]), st.booleans()
        ),
        min_size=1,
        max_size=12,
    ),
    day=st.sampled_from([THURSDAY, FRIDAY]),
)
def test_no_admitted_order_increases_exposure_while_a_breaker_holds(
    tmp_path_factory, action, requests, day
):
    async def run():
        path = tmp_path_factory.mktemp("held") / "journal.db"
        limit = Decimal("0.0001")
        breaker = DailyLoss(limit_fraction=limit, action=action, cooldown_sessions=1)
        one = await Desk(path, daily_loss=breaker).open(THURSDAY)
        assert await one.trade(10)
        await one.move(80)
        await one.open(day)
        assert one.standings()["daily_loss"] != Standing.ACTIVE
        for quantity, symbol, rests in requests:
            before = one.broker.held.get(symbol, Decimal(0))
            low = {"order_type": OrderType.LIMIT, "limit_price": Decimal(1)} if rests else {}
            admitted = await one.trade(quantity, symbol, **low)
            after = one.broker.held.get(symbol, Decimal(0))
            assert after * before >= 0
            assert before or not after
            if action != "refuse_entries":
                assert abs(after) <= abs(before)
            if action == "halt":
                assert not admitted
        one.close()

    asyncio.run(run())


def test_a_breaker_whose_program_is_killed_right_after_its_trip_is_triggered_at_the_next_start(
    connected, gateway
):
    program = Path(__file__).parent / "losing_program.py"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HYDRA_DATA_DIR": str(connected.data.dir),
        "HYDRA_GATEWAY_PORT": str(connected.gateway.port),
    }
    died = subprocess.run([sys.executable, str(program), "die"], env=environment, timeout=60)
    assert died.returncode == -signal.SIGKILL
    with Journal.read_only(connected.journal_path) as journal:
        kinds = [type(r.event) for r in journal.read()]
        assert kinds[-2:] == [BreakerTripped, Halted]
    again = subprocess.run(
        [sys.executable, str(program)],
        env=environment,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert again.stdout == "refused: Trading is halted\n", again.stderr
    assert len(gateway.state()["executions"]) == 1
