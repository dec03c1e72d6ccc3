"""Holds messages to one client back until they are due; part of the asyncio shell."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from hydra.gateway.wall_clock import Lane

T = TypeVar("T")
CLOCK_TICK_S = 0.001  # by which a timer may come early


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

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in any lane: what is due at once need not be put into one."""
        return not self._waiting

    def put(self, message: T, lane: Lane = Lane.ORDINARY, delay_s: float = 0.0) -> None:
        """Release `message` in `delay_s` wall seconds, after all that is before it in `lane`."""
        if delay_s <= 0 and not (self._waiting and self._waiting.get(lane)):
            self._release(message)
            return
        due = asyncio.get_running_loop().time() + delay_s
        self._waiting.setdefault(lane, deque()).append((due, message))
        if lane not in self._timers:
            self._arm(lane)

    def drop(self, lane: Lane, is_unwanted: Callable[[T], bool]) -> bool:
        """Release none of the waiting messages that are unwanted; return whether there were any.

        The lane's timer stands: it releases what is due when it comes, and that may be nothing.
        """
        waiting = self._waiting.get(lane, deque())
        kept = [entry for entry in waiting if not is_unwanted(entry[1])]
        found = len(kept) < len(waiting)
        waiting.clear()
        waiting.extend(kept)
        return found

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
        now = asyncio.get_running_loop().time() + CLOCK_TICK_S
        while waiting and waiting[0][0] <= now:
            self._release(waiting.popleft()[1])
        if waiting:
            self._arm(lane)
        else:
            self._waiting.pop(lane, None)
        self._flush()
