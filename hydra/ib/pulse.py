"""Whether a gateway is well, by a connection that only listens: logon, time, data farms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ib_async import IB
from ib_async.ib import StartupFetch

from hydra.config import Gateway
from hydra.errors import GatewayUnreachable
from hydra.ib.codes import CONNECTION
from hydra.ib.connection import log_off, log_on, quiet_library

BROKEN = {2103: "market data", 2105: "history", 2157: "contracts"}
MENDED = {2104: "market data", 2106: "history", 2107: "history", 2108: "market data",
          2119: "market data", 2158: "contracts"}  # fmt: skip
"""What a gateway says of its data farms; one that is inactive comes up when it is asked."""
NOTHING = StartupFetch(0)
PAUSE_S = 1.1
"""A gateway leaves a second reqCurrentTime within one second unanswered (ib_insync #604, #479)."""
QUESTIONS = 2
"""So many in a row that stay unanswered make a gateway that says nothing. Whether a question of
another connection's counts for that second is unknown, so one alone shows nothing."""


@dataclass(frozen=True)
class Health:
    """What was seen of the gateway last; `market` is its time then, aware UTC, and None in a look
    at which it was not asked."""

    handshake: bool = False
    fresh: bool = False
    market: datetime | None = None
    sentence: str = "The gateway was not asked yet."
    is_up: bool = True
    """Whether the gateway had its way to the exchange (1100 and 2110 end it)."""


class Pulse:
    """One listening connection, with the last free client id of our range. One event loop."""

    def __init__(self, settings: Gateway, seconds: Callable[[], float] = time.monotonic) -> None:
        """Remember where to connect; `look` does it."""
        self.settings = settings
        self._seconds = seconds
        self._asked_at: float | None = None
        self.health = Health()
        self._ib: IB | None = None
        self._broken: set[str] = set()
        self._is_up = True

    async def look(self) -> Health:
        """Ask for the time, after logging on where that is needed; raises nothing.

        Within 1.1 s of the last question nothing is asked, and the last answer holds.
        """
        if self._ib is not None and self._ib.isConnected() and self._wait_s() > 0:
            return replace(self._seen(), market=None)
        try:
            market = await self._time()
        except (OSError, TimeoutError, GatewayUnreachable) as problem:
            self.close()
            self.health = replace(
                self.health, handshake=False, fresh=False, sentence=_sentence(problem)
            )
            return self.health
        self.health = replace(self._seen(), market=market)
        return self.health

    def _seen(self) -> Health:
        fresh = self._is_up and not self._broken
        return Health(True, fresh, None, self._state(), self._is_up)

    def close(self) -> None:
        """Log off."""
        if self._ib is not None:
            log_off(self._ib)
            self._ib, self._asked_at = None, None

    async def _time(self) -> datetime:
        if self._ib is None or not self._ib.isConnected():
            self.close()
            self._ib = await self._log_on()
        try:
            return await self._ask(self._ib)
        except TimeoutError:
            return await self._ask(self._ib)

    async def _ask(self, ib: IB) -> datetime:
        """One question, and never sooner than 1.1 s after the last one."""
        await asyncio.sleep(self._wait_s())
        self._asked_at = self._seconds()
        async with asyncio.timeout(self.settings.timeout_s / QUESTIONS):
            time: datetime = await ib.reqCurrentTimeAsync()
        return time.astimezone(UTC)

    def _wait_s(self) -> float:
        asked = self._asked_at
        return 0.0 if asked is None else max(asked + PAUSE_S - self._seconds(), 0.0)

    async def _log_on(self) -> IB:
        quiet_library()
        first, count = self.settings.client_id, self.settings.client_ids
        for client_id in reversed(range(first, first + count)):
            self._broken, self._is_up = set(), True
            ib = IB()
            ib.errorEvent += self._hear
            if await log_on(ib, self.settings, client_id, NOTHING):
                return ib
        raise GatewayUnreachable(f"All client ids from {first} to {first + count - 1} are in use.")

    def _hear(self, number: int, code: int, text: str, about: object) -> None:
        if code in BROKEN:
            self._broken.add(BROKEN[code])
        elif code in MENDED:
            self._broken.discard(MENDED[code])
        elif code in CONNECTION:
            self._is_up = CONNECTION[code]

    def _state(self) -> str:
        if not self._is_up:
            return "The gateway has lost the way to the exchange."
        if self._broken:
            return f"The gateway gets no {' and no '.join(sorted(self._broken))}."
        return "The gateway answers and gets its data."


def _sentence(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return "The gateway accepts and then says nothing."
    return str(problem) if isinstance(problem, GatewayUnreachable) else "Nothing answers there."
