"""Holds messages to one client back until they are due; part of the asyncio shell."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from hydra.gateway.wall_clock import Lane

T = TypeVar("T")


class Lanes(Generic[T]):
    """Queues by lane; `release` is called with each message when it is due, then `flush`.

    A message that is due at once, with nothing before it in its lane, is released at once and not
    flushed: its sender flushes.
    """

    def __init__(self, release: Callable[[T], None], flush: Callable[[], None]) -> None:
        self._release = release
        self._flush = flush
        self._waiting: dict[Lane, deque[tuple[float, T]]] = {}
        self._timers: dict[Lane, asyncio.TimerHandle] = {}

    def put(self, message: T, lane: Lane = Lane.ORDINARY, delay_s: float = 0.0) -> None:
        """Release `message` in `delay_s` wall seconds, after all that is before it in `lane`."""
        waiting = self._waiting.get(lane)
        if not waiting and delay_s <= 0:
            self._release(message)
            return
        due = asyncio.get_running_loop().time() + delay_s
        self._waiting.setdefault(lane, deque()).append((due, message))
        if lane not in self._timers:
            self._arm(lane)

    def close(self) -> None:
        """Release nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()

    def _arm(self, lane: Lane) -> None:
        due = self._waiting[lane][0][0]
        loop = asyncio.get_running_loop()
        self._timers[lane] = loop.call_at(due, self._release_due, lane)

    def _release_due(self, lane: Lane) -> None:
        self._timers.pop(lane, None)
        waiting = self._waiting[lane]
        # A timer may come a clock tick early; the first message is due whenever it comes.
        now = max(asyncio.get_running_loop().time(), waiting[0][0])
        while waiting and waiting[0][0] <= now:
            self._release(waiting.popleft()[1])
        if waiting:
            self._arm(lane)
        self._flush()
