"""The market's clock for the schedule: what the gateway told last, and the time since then.

One look is never enough for a leap: a run would be begun too early, or missed for good, by one
wrong answer. A time that does not follow from the last one waits for a second look that follows
from it; until then the clock goes on as before and says that it is in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SIMULATED = timedelta(hours=1)
"""A gateway whose time is farther from ours lives in a time of its own."""
SAME = timedelta(seconds=1)
"""Gateways tell whole seconds, so a smaller difference from our clock is none."""
TOLERANCE_S = 30.0
"""How far an answer may lie from where the last ones lead to."""
STEADY = 0.1
"""A rate that differs less from one second a second is one."""
FASTEST = 1000.0
"""Simulated seconds in a second, at most, in which a look confirms the one before it."""
BACKWARD_S = 5.0
CONFIRMED_WITHIN_S = 60.0
"""How old a look may be that a second one confirms."""
DOUBT_S = 30.0
"""How long a leap is waited for; a gateway that tells a new time at each look is not followed."""


@dataclass(frozen=True)
class Look:
    """What a gateway told (aware UTC), and when, in seconds of `elapsed_s`."""

    told: datetime
    at: float


def elapsed_s() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def our_time() -> datetime:
    """The machine's own time, aware UTC."""
    return datetime.now(UTC)


class FollowedClock:
    """Follows the time that a gateway tells; between two answers it goes on as ours does."""

    def __init__(
        self, elapsed: Callable[[], float] = elapsed_s, ours: Callable[[], datetime] = our_time
    ) -> None:
        """Before a gateway is known it goes by our own time."""
        self._elapsed, self._ours = elapsed, ours
        self._assumed = timedelta()
        self._last: Look | None = None
        self._start = Look(ours(), elapsed())
        self._rate = 1.0
        self._doubted: Look | None = None
        self._doubted_since = 0.0
        self.is_known = False

    def now(self) -> datetime:
        """The market's present moment, aware UTC."""
        if self._last is None:
            return self._ours() + self._assumed
        return self._start.told + timedelta(seconds=self._elapsed() - self._start.at)

    @property
    def ahead(self) -> timedelta:
        """How far the market's clock is ahead of ours."""
        ahead = self.now() - self._ours()
        return ahead if abs(ahead) >= SAME else timedelta()

    def assume(self, ahead: timedelta) -> None:
        """How far ahead it was when it was last known, for as long as no gateway tells."""
        self._assumed = ahead

    def set(self, told: datetime) -> str:
        """Take the gateway's time (aware UTC), or keep it in doubt until a second look.

        Returns a sentence when a second look has shown that the one before it was wrong, else "".
        """
        look, doubted = Look(told, self._elapsed()), self._doubted
        if self._is_expected(look):
            self._accept(look)
            return _refuted(doubted, look) if doubted else ""
        if doubted and _follows(look, doubted):
            self._last = doubted
            self._accept(look)
            return ""
        if doubted is None:
            self._doubted_since = look.at
        self._doubted = look
        return ""

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last look told a leap that no second one has confirmed: nothing is to be
        begun or missed now."""
        return self._doubted is not None and self._elapsed() - self._doubted_since < DOUBT_S

    @property
    def is_simulated(self) -> bool:
        """Whether the gateway's time is not ours."""
        return abs(self.ahead) > SIMULATED

    def _is_expected(self, look: Look) -> bool:
        if self._last is None:
            return abs(look.told - self.now()) <= timedelta(seconds=TOLERANCE_S)
        passed = look.at - self._last.at
        expected = self._last.told + timedelta(seconds=passed * self._rate)
        tolerance = TOLERANCE_S + abs(self._rate - 1.0) * passed / 2
        return abs(look.told - expected) <= timedelta(seconds=tolerance)

    def _accept(self, look: Look) -> None:
        last, self._last = self._last, look
        if last and look.at - last.at >= 1.0:
            rate = (look.told - last.told).total_seconds() / (look.at - last.at)
            self._rate = 1.0 if abs(rate - 1.0) < STEADY else rate
        ours = self._ours()
        self._start = Look(ours if abs(look.told - ours) < SAME else look.told, look.at)
        self._doubted, self.is_known = None, True


def _follows(look: Look, before: Look) -> bool:
    """Whether a gateway that told the one can tell the other so much later, simulated or not."""
    passed, told = look.at - before.at, (look.told - before.told).total_seconds()
    return passed <= CONFIRMED_WITHIN_S and -BACKWARD_S <= told <= passed * FASTEST + BACKWARD_S


def _refuted(doubted: Look, look: Look) -> str:
    return (
        f"The gateway told the time {doubted.told:%Y-%m-%d %H:%M:%S} UTC once and "
        f"{look.told:%Y-%m-%d %H:%M:%S} UTC at the next look; the first was not followed."
    )
