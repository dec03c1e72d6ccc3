"""The gateway's time is asked for seldom, and silence stops nobody who only needs the time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hydra.errors import GatewayUnreachable
from hydra.ib.gateway_clock import LEAST_GAP_S, REFRESH_S, GatewayClock

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
LONG_AGO = datetime(2012, 10, 1, 14, 0, tzinfo=UTC)


class Machine:
    """A machine's clocks, moved by hand, and a gateway that tells a time `offset` from them."""

    def __init__(self, start=NOW, speed=1.0, is_throttled=True):
        self.seconds, self.asked, self.answered_at = 100.0, 0, None
        self.start, self.speed, self.is_throttled, self.is_silent = (
            start,
            speed,
            is_throttled,
            False,
        )
        self.set_by = timedelta(0)

    def wall(self):
        return NOW + timedelta(seconds=self.seconds - 100)

    def time(self):
        return self.start + timedelta(seconds=(self.seconds - 100) * self.speed) + self.set_by

    async def ask(self):
        self.asked += 1
        again = self.answered_at is not None and self.seconds - self.answered_at < 1
        if self.is_silent or (self.is_throttled and again):
            self.seconds += 0.01
            await asyncio.Event().wait()
        self.answered_at = self.seconds
        return self.time().replace(microsecond=0)

    def clock(self, timeout_s=0.05):
        return GatewayClock(self.ask, timeout_s, lambda: self.seconds, self.wall)


async def test_a_second_question_within_a_second_is_never_sent_to_a_real_gateway():
    machine = Machine()
    clock = machine.clock()
    told = [await clock.now() for _ in range(20)]
    assert (set(told), machine.asked) == ({NOW}, 1)


async def test_the_time_is_carried_on_by_the_seconds_since_it_was_told():
    machine = Machine()
    clock = machine.clock()
    await clock.now()
    machine.seconds += REFRESH_S - 1
    assert await clock.now() == NOW + timedelta(seconds=REFRESH_S - 1)
    assert machine.asked == 1


async def test_a_machine_that_was_suspended_has_the_right_time_at_once():
    machine = Machine()
    clock = machine.clock()
    await clock.now()
    machine.seconds += 3 * 3600
    machine.is_silent = True
    assert abs(await clock.now() - machine.time()) < timedelta(seconds=1)


async def test_it_is_asked_for_again_after_a_while():
    machine = Machine()
    clock = machine.clock()
    await clock.now()
    machine.seconds += REFRESH_S + 1
    machine.set_by = timedelta(seconds=7)
    assert await clock.now() == machine.time()
    assert machine.asked == 2


async def test_a_leap_is_confirmed_by_a_second_look():
    machine = Machine(is_throttled=False)
    clock = machine.clock()
    await clock.now()
    machine.seconds += REFRESH_S + 1
    machine.set_by = timedelta(hours=3)
    answers = iter([timedelta(hours=3), timedelta(0)])
    plain = machine.ask

    async def once_wrong():
        machine.set_by = next(answers)
        machine.seconds += LEAST_GAP_S
        return await plain()

    clock._ask = once_wrong
    assert await clock.now() == machine.time().replace(microsecond=0)


async def test_a_gateway_that_was_silent_from_the_start_is_unreachable():
    machine = Machine()
    machine.is_silent = True
    with pytest.raises(GatewayUnreachable, match="the time"):
        await machine.clock().now()


async def test_a_gateway_that_falls_silent_later_still_has_a_time_and_no_pulse():
    machine = Machine()
    clock = machine.clock()
    await clock.now()
    machine.seconds += 5
    machine.is_silent = True
    assert await clock.now() == NOW + timedelta(seconds=5)
    with pytest.raises(GatewayUnreachable):
        await clock.fresh()


async def test_a_simulated_clock_that_is_set_by_command_is_seen_at_once():
    machine = Machine(LONG_AGO, speed=0, is_throttled=False)
    clock = machine.clock()
    await clock.now()
    machine.set_by = timedelta(days=2)
    assert await clock.now() == LONG_AGO + timedelta(days=2)


async def test_a_simulated_gateway_that_answers_once_a_second_is_found_out_and_left_alone():
    machine = Machine(LONG_AGO, speed=60)
    clock = machine.clock()
    await clock.now()
    machine.seconds += LEAST_GAP_S
    assert await clock.now() == machine.time().replace(microsecond=0)
    await clock.now()  # this one is not answered
    asked, machine.seconds = machine.asked, machine.seconds + 0.5
    ahead = await clock.now() - LONG_AGO
    assert machine.asked == asked
    assert ahead == timedelta(seconds=96)  # sixty times as fast, by the two answers


async def test_programs_that_ask_at_the_same_time_share_one_question():
    machine = Machine()
    clock = machine.clock()
    assert set(await asyncio.gather(*(clock.now() for _ in range(10)))) == {NOW}
    assert machine.asked == 1
