"""One wrong look at the gateway's clock begins nothing and loses nothing."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import RunMissed, RunStarted
from hydra.ib.pulse import Health
from hydra.runner.market_clock import CONFIRMED_WITHIN_S, DOUBT_S, FollowedClock
from hydra.runner.service import Service
from tests.runner.conftest import SESSION
from tests.runner.test_runner import SMALL, processes

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
OTHER_YEAR = datetime(2013, 1, 14, 14, 0, tzinfo=UTC)


@dataclass
class Machine:
    """A machine's clocks: one that nobody sets, and one that can be set."""

    passed: float = 1000.0
    at: datetime = START

    def wait(self, seconds: float) -> None:
        self.passed += seconds
        self.at += timedelta(seconds=seconds)

    def clock(self) -> FollowedClock:
        return FollowedClock(lambda: self.passed, lambda: self.at)


@pytest.fixture
def machine():
    return Machine()


def told_truly(machine, clock):
    """A clock whose gateway has our own time."""
    clock.set(machine.at)
    return clock


@pytest.mark.parametrize("wrong", [timedelta(hours=3), timedelta(minutes=-96)])
def test_a_wrong_look_is_doubted_and_the_next_one_refutes_it(machine, wrong):
    clock = told_truly(machine, machine.clock())
    machine.wait(30)
    assert clock.set(machine.at + wrong) == ""
    assert clock.is_in_doubt
    assert clock.now() == machine.at
    machine.wait(2)
    assert "was not followed" in clock.set(machine.at)
    assert (clock.is_in_doubt, clock.now()) == (False, machine.at)


def test_a_leap_is_followed_once_a_second_look_confirms_it(machine):
    clock = told_truly(machine, machine.clock())
    for _ in range(2):
        assert clock.now() == machine.at
        machine.wait(2)
        clock.set(machine.at + timedelta(hours=3))
    assert (clock.is_in_doubt, clock.now()) == (False, machine.at + timedelta(hours=3))
    assert clock.is_simulated


@pytest.mark.parametrize("speed", [0, 1, 60, 900])
def test_a_simulated_gateway_is_followed_from_the_second_look_on_at_any_speed(machine, speed):
    clock = machine.clock()
    clock.set(OTHER_YEAR)
    assert not clock.is_known
    for number in range(1, 50):
        machine.wait(2)
        clock.set(OTHER_YEAR + timedelta(seconds=2 * number * speed))
        assert clock.is_known
        assert not clock.is_in_doubt
        assert clock.now() == OTHER_YEAR + timedelta(seconds=2 * number * speed)


def test_the_first_look_of_all_needs_a_second_one_when_it_is_not_our_own_time(machine):
    clock = machine.clock()
    clock.set(machine.at - timedelta(minutes=96))
    assert (clock.is_known, clock.is_in_doubt, clock.now()) == (False, True, machine.at)
    machine.wait(2)
    clock.set(machine.at)
    assert (clock.is_known, clock.is_in_doubt) == (True, False)


def test_a_look_of_long_ago_confirms_nothing(machine):
    clock = told_truly(machine, machine.clock())
    clock.set(machine.at + timedelta(hours=3))
    machine.wait(CONFIRMED_WITHIN_S + 1)
    clock.set(machine.at + timedelta(hours=3))
    assert clock.now() == machine.at


def test_a_gateway_that_tells_a_new_time_at_each_look_is_not_waited_for_for_ever(machine):
    clock = told_truly(machine, machine.clock())
    for number in range(20):
        machine.wait(2)
        clock.set(machine.at - timedelta(hours=number + 3))
    assert (clock.is_in_doubt, clock.now()) == (False, machine.at)
    assert DOUBT_S < 20 * 2


def test_a_machine_whose_clock_is_set_and_one_that_slept_keep_the_gateways_time(machine):
    clock = told_truly(machine, machine.clock())
    machine.at += timedelta(hours=3)  # somebody has set it
    assert clock.now() == START
    machine.wait(7200)  # suspended; the clock that nobody sets counts that
    assert clock.now() == START + timedelta(hours=2)
    clock.set(START + timedelta(hours=2))
    assert not clock.is_in_doubt


def test_before_any_gateway_told_its_time_our_own_holds_or_the_one_that_is_assumed(machine):
    clock = machine.clock()
    machine.at += timedelta(hours=1)  # the machine has just learned the time
    assert clock.now() == machine.at
    clock.assume(timedelta(hours=5))
    assert (clock.now(), clock.ahead) == (machine.at + timedelta(hours=5), timedelta(hours=5))


def test_whole_seconds_of_a_gateway_are_no_other_clock(machine):
    clock = machine.clock()
    machine.at += timedelta(milliseconds=700)
    clock.set(machine.at.replace(microsecond=0))
    assert (clock.now(), clock.ahead) == (machine.at, timedelta())


@given(
    st.lists(st.floats(1.1, 40), min_size=3, max_size=30),
    st.integers(1, 28),
    st.integers(61, 10**6) | st.integers(-(10**6), -61),
)
def test_wherever_one_wrong_look_falls_the_time_does_not_move(pauses, place, seconds):
    machine = Machine()
    clock = told_truly(machine, machine.clock())
    for number, pause in enumerate(pauses):
        machine.wait(pause)
        is_wrong = number == place
        clock.set(machine.at + timedelta(seconds=seconds if is_wrong else 0))
        assert abs(clock.now() - machine.at) < timedelta(seconds=1)


# The schedule


@dataclass
class Gateway:
    """A pulse whose answers are written beforehand."""

    answers: list[datetime] = field(default_factory=list)
    health: Health = field(default_factory=lambda: Health(True, True, None, ""))

    async def look(self) -> Health:
        return Health(True, True, self.answers.pop(0), "")


@dataclass
class Schedule:
    """A service on a machine's clocks, with a job that is due at SESSION."""

    service: Service
    machine: Machine
    gateway: Gateway

    async def second(self, told: timedelta | None = None) -> None:
        """Let a second pass; the gateway is looked at when it is to tell something."""
        self.machine.wait(1)
        if told is not None:
            self.gateway.answers = [self.machine.at + told]
            self.service._looked_at = datetime.min.replace(tzinfo=UTC)
            await self.service._look()
        await self.service._tick()


@pytest.fixture
def schedule(workspace, machine):
    """It runs a minute before the job is due, and the gateway has told the true time."""
    from hydra.runner.runner import Runner

    machine.at = SESSION - timedelta(minutes=1)
    service = Service(workspace.settings)
    service.pulse = Gateway()
    service.clock = told_truly(machine, machine.clock())
    job = workspace.job(workspace.notebook(*SMALL))
    service.runner = Runner(workspace.settings, {job.name: job}, service.clock, spawn=processes())
    workspace.runners.append(service.runner)
    return Schedule(service, machine, service.pulse)


async def test_a_look_three_hours_too_late_does_not_lose_the_days_run(workspace, schedule):
    await schedule.second()
    await schedule.second(timedelta(hours=3))
    await schedule.second()
    await schedule.second(timedelta())
    for _ in range(60):
        await schedule.second()
    assert workspace.events(RunMissed) == []
    (begun,) = workspace.events(RunStarted)
    assert (begun.trigger, begun.due) == ("schedule", SESSION)


async def test_a_look_96_minutes_too_early_or_late_begins_nothing(workspace, schedule):
    schedule.machine.at = SESSION - timedelta(minutes=96, seconds=30)
    schedule.service.clock = told_truly(schedule.machine, schedule.machine.clock())
    schedule.service.runner.clock = schedule.service.clock
    await schedule.second()
    await schedule.second(timedelta(minutes=96, seconds=30))
    for _ in range(3):
        await schedule.second()
    await schedule.second(timedelta())
    assert workspace.events(RunStarted, RunMissed) == []


async def test_nothing_is_begun_or_missed_while_a_leap_is_in_doubt(workspace, schedule):
    schedule.machine.wait(59)
    await schedule.second(timedelta(hours=3))
    assert schedule.service.clock.is_in_doubt
    assert workspace.events(RunStarted, RunMissed) == []
    await schedule.second(timedelta(hours=3))
    (missed,) = workspace.events(RunMissed)
    assert missed.due == SESSION
