"""Whether a gateway is well, by a connection that only listens: logon, time, data farms."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ib_async import IB
from ib_async.ib import StartupFetch

from hydra.config import Gateway
from hydra.errors import GatewayUnreachable
from hydra.ib.codes import CLIENT_ID_IN_USE, CONNECTION
from hydra.ib.connection import log_off, quiet_library

BROKEN = {2103: "market data", 2105: "history", 2157: "contracts"}
MENDED = {2104: "market data", 2106: "history", 2107: "history", 2108: "market data",
          2119: "market data", 2158: "contracts"}  # fmt: skip
"""What a gateway says of its data farms; one that is inactive comes up when it is asked."""
NOTHING = StartupFetch(0)


@dataclass(frozen=True)
class Health:
    """What was seen of the gateway last; `market` is its time then, aware UTC."""

    handshake: bool = False
    fresh: bool = False
    market: datetime | None = None
    sentence: str = "The gateway was not asked yet."


class Pulse:
    """One listening connection, with the last free client id of our range. One event loop."""

    def __init__(self, settings: Gateway) -> None:
        """Remember where to connect; `look` does it."""
        self.settings = settings
        self.health = Health()
        self._ib: IB | None = None
        self._broken: set[str] = set()
        self._is_up = True

    async def look(self) -> Health:
        """Ask for the time, after logging on where that is needed; raises nothing."""
        try:
            market = await self._time()
        except (OSError, TimeoutError, GatewayUnreachable) as problem:
            self.close()
            self.health = replace(
                self.health, handshake=False, fresh=False, sentence=_sentence(problem)
            )
            return self.health
        fresh = self._is_up and not self._broken
        self.health = Health(True, fresh, market, self._state())
        return self.health

    def close(self) -> None:
        """Log off."""
        if self._ib is not None:
            log_off(self._ib)
            self._ib = None

    async def _time(self) -> datetime:
        if self._ib is None or not self._ib.isConnected():
            self.close()
            self._ib = await self._log_on()
        asked = self._ib.reqCurrentTimeAsync()
        time: datetime = await asyncio.wait_for(asked, self.settings.timeout_s)
        return time.astimezone(UTC)

    async def _log_on(self) -> IB:
        quiet_library()
        first, count = self.settings.client_id, self.settings.client_ids
        for client_id in reversed(range(first, first + count)):
            self._broken, self._is_up = set(), True
            ib, taken = IB(), asyncio.Event()

            def note(
                number: int, code: int, text: str, about: object, taken: asyncio.Event = taken
            ) -> None:
                self._hear(code, taken)

            ib.errorEvent += note
            if await self._connect(ib, client_id, taken):
                return ib
        raise GatewayUnreachable(f"All client ids from {first} to {first + count - 1} are in use.")

    async def _connect(self, ib: IB, client_id: int, taken: asyncio.Event) -> bool:
        """Whether it is connected; False when the client id is in use."""
        attempt = asyncio.ensure_future(
            ib.connectAsync(
                self.settings.host,
                self.settings.port,
                clientId=client_id,
                timeout=self.settings.timeout_s,
                fetchFields=NOTHING,
            )
        )
        in_use = asyncio.ensure_future(taken.wait())
        await asyncio.wait({attempt, in_use}, return_when=asyncio.FIRST_COMPLETED)
        in_use.cancel()
        if attempt.done() and attempt.exception() is None:
            return True
        attempt.cancel()
        problem: Any = (await asyncio.gather(attempt, return_exceptions=True))[0]
        log_off(ib)
        if taken.is_set():
            return False
        raise problem if isinstance(problem, OSError | TimeoutError) else TimeoutError

    def _hear(self, code: int, taken: asyncio.Event) -> None:
        if code == CLIENT_ID_IN_USE:
            taken.set()
        elif code in BROKEN:
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
