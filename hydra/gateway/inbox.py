"""Takes a connection's requests in, no more than so many a second; part of the asyncio shell."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from hydra.gateway.layout import Request
from hydra.gateway.pacing import MessageRate


class Inbox:
    """Calls `take` with each request that the rate allows, in the order in which they came.

    What is beyond it waits where `is_paced`; else `refuse` is called with how many were refused.
    """

    def __init__(
        self, rate: MessageRate, take: Callable[[Request], None], refuse: Callable[[int], None]
    ) -> None:
        self.is_paced = True
        self._rate = rate
        self._take = take
        self._refuse = refuse
        self._refused = 0
        self._held: deque[Request] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, request: Request) -> None:
        """A request has come."""
        now = asyncio.get_running_loop().time()
        if not self._held and not self._rate.wait_s(now):
            self._rate.take(now)
            self._take(request)
        elif self.is_paced:
            self._held.append(request)
            self._arm()
        else:
            self._refused += 1
            self._refuse(self._refused)

    def close(self) -> None:
        """What still waits is never taken: its client is gone."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._rate.wait_s(loop.time()), self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._held and not self._rate.wait_s(loop.time()):
            self._rate.take(loop.time())
            self._take(self._held.popleft())
        if self._held:
            self._arm()
