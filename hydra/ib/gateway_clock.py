"""The gateway's time: asked seldom, and carried on by a clock that counts suspended time.

A real gateway leaves a second reqCurrentTime within one second unanswered (its maintainer in
ib_insync #604; #479), so one clock serves all that one connection's programs want to know.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from ib_async import IB

from hydra.errors import GatewayUnreachable
from hydra.ib.calls import bounded

LEAST_GAP_S = 1.1
"""A gateway answers one question for the time a second; the rest is a margin."""
REFRESH_S = 600.0
"""How long a real gateway's time is carried on before it is asked for again."""
ANOTHER_TIME = timedelta(days=1)
"""A gateway whose time is further from the machine's is simulated; its clock can be set."""
SILENCE_S = 0.5
"""How long a simulated gateway is waited for: then it is one that answers once a second."""
LEAP = timedelta(minutes=1)
"""A told time that is further from the one carried on is asked for once more."""
FASTEST = 10_000.0
"""Simulated seconds a second; what looks faster is a clock that was set."""


def boot_seconds() -> float:
    """Seconds of a clock that goes on while the machine is suspended, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":  # its CLOCK_MONOTONIC counts sleep, Python's monotonic() does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def _wall() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Told:
    """A time that the gateway told (aware UTC), and the machine's boot seconds then."""

    time: datetime
    at: float
    is_simulated: bool


class GatewayClock:
    """The time of one connection's gateway. One event loop."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[datetime]],
        timeout_s: float,
        seconds: Callable[[], float] = boot_seconds,
        wall: Callable[[], datetime] = _wall,
    ) -> None:
        """`ask` sends one question for the time; `seconds` and `wall` are the machine's clocks."""
        self._ask, self._timeout_s = ask, timeout_s
        self._seconds, self._wall = seconds, wall
        self._told: _Told | None = None
        self._asked_at: float | None = None
        self._rates: tuple[float, ...] = ()
        """Simulated seconds a second, by the last three answers."""
        self._answers_once_a_second = False
        self._asking = asyncio.Lock()

    async def now(self) -> datetime:
        """The gateway's time, aware UTC; raises `GatewayUnreachable` when it never told one.

        A gateway that falls silent later does not stop whoever only needs the time: it is carried
        on from what was told last.
        """
        if self._told is not None and not self._is_due(self._told):
            return self._carried_on(self._told)
        async with self._asking:
            told = self._told
            if told is None:
                return await self._first()
            if self._is_due(told) and (time := await self._refreshed(told)):
                return time
            return self._carried_on(self._told or told)

    async def fresh(self) -> datetime:
        """The time as the gateway tells it now; raises `GatewayUnreachable` when it is silent."""
        async with self._asking:
            await self._wait_for_turn()
            return await self._answer(self._timeout_s)

    @property
    def is_simulated(self) -> bool:
        """Whether the gateway lives in another time than this machine."""
        return self._told is not None and self._told.is_simulated

    def _is_due(self, told: _Told) -> bool:
        """A simulated clock can be set by command, so it is asked as often as it answers."""
        since = self._seconds() - (told.at if self._asked_at is None else self._asked_at)
        if not self.is_simulated:
            return since > REFRESH_S
        return not self._answers_once_a_second or since > LEAST_GAP_S

    def _carried_on(self, told: _Told) -> datetime:
        """In whole seconds, as the gateway tells it."""
        rate = min(self._rates, default=1.0) if self.is_simulated else 1.0
        return told.time + timedelta(seconds=int(max(self._seconds() - told.at, 0.0) * rate))

    async def _first(self) -> datetime:
        """Ask until the time-out: a question may be lost to another one of the same second."""
        end = self._seconds() + self._timeout_s
        while True:
            left = end - self._seconds()
            try:
                return await self._answer(min(max(left, 0.0), 2 * LEAST_GAP_S))
            except GatewayUnreachable:
                if self._seconds() + LEAST_GAP_S >= end:
                    raise
            await self._wait_for_turn()

    async def _refreshed(self, told: _Told) -> datetime | None:
        """Ask once more; None for silence, which leaves the time as it is carried on."""
        patience = SILENCE_S if self.is_simulated else 2 * LEAST_GAP_S
        expected = self._carried_on(told)
        try:
            time = await self._answer(min(patience, self._timeout_s))
            if not self.is_simulated and abs(time - expected) > LEAP:
                await self._wait_for_turn()
                time = await self._answer(self._timeout_s)
        except GatewayUnreachable:
            self._answers_once_a_second = True
            return None
        return time

    async def _answer(self, timeout_s: float) -> datetime:
        before, self._asked_at = self._told, self._seconds()
        time = (await bounded(self._ask(), timeout_s, "the time")).astimezone(UTC)
        is_simulated = abs(time - self._wall()) > ANOTHER_TIME
        self._told = _Told(time, self._seconds(), is_simulated)
        if before is not None and self._told.at - before.at > SILENCE_S:
            rate = (time - before.time).total_seconds() / (self._told.at - before.at)
            self._rates = (*self._rates[-1:], rate if 0 <= rate <= FASTEST else 0.0)
        return time

    async def _wait_for_turn(self) -> None:
        if self._asked_at is not None:
            wait = self._asked_at + LEAST_GAP_S - self._seconds()
            await asyncio.sleep(min(max(wait, 0.0), LEAST_GAP_S))


CLOCKS: WeakKeyDictionary[IB, GatewayClock] = WeakKeyDictionary()


def clock_of(ib: IB, timeout_s: float) -> GatewayClock:
    """The one clock of a connection; made when it is first asked for."""
    if ib not in CLOCKS:
        CLOCKS[ib] = GatewayClock(ib.reqCurrentTimeAsync, timeout_s)
    return CLOCKS[ib]
