"""One budget for historical data, shared by all processes of an account's machine.

Interactive Brokers, "Historical Data Limitations": no identical request within 15 seconds; fewer
than six for the same contract, exchange and tick type within two seconds; no more than 60 within
ten minutes, BID_ASK counting twice. A violation is error 162 and may end the connection.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import BarsError

log = logging.getLogger(__name__)

IDENTICAL_S = 15.0
SAME_S, SAME_MOST = 2.0, 5
ALL_S, ALL_MOST = 600.0, 60
GIVEN_UP = 0
"""The weight of a line that says when a request was given up."""
WORTH_A_WORD_S = 5.0
WAIT_S = 10.0
"""How long another process may hold the book."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (
  at REAL NOT NULL, request TEXT NOT NULL, market TEXT NOT NULL, weight INTEGER NOT NULL
) STRICT"""


@dataclass(frozen=True)
class Asked:
    """A request: its whole text, and its contract, exchange and tick type."""

    request: str
    market: str
    weight: int = 1


class Pacing:
    """The book of what was asked, in a file; `now` are wall seconds, `pause` waits."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """The file is made by the first request."""
        self.path, self._now, self._pause = path, now, pause

    async def turn(self, asked: Asked) -> float:
        """Wait until the request may be made, and book it; returns the seconds waited.

        Looking and booking are one step, so that two processes cannot take the same place.
        """
        waited = 0.0
        while wait := self._booked(asked):
            if wait > WORTH_A_WORD_S:
                log.warning("history waits %.0f s for its turn: IB paces it by account", wait)
            await self._pause(wait)
            waited += wait
        return waited

    def note_given_up(self, asked: Asked) -> None:
        """Write down that a request was given up now, or refused for its pacing: the same again
        counts from here."""
        with self._open() as book:
            book.execute(
                "INSERT INTO asked VALUES (?, ?, ?, ?)",
                (self._now(), asked.request, asked.market, GIVEN_UP),
            )
            book.execute("COMMIT")

    async def after_giving_up(self, asked: Asked) -> float:
        """Wait until the same request was given up long enough ago; returns the seconds waited."""
        if not self.path.exists():
            return 0.0
        query = "SELECT max(at) FROM asked WHERE request = ? AND weight = ?"
        with self._open() as book:
            last = book.execute(query, (asked.request, GIVEN_UP)).fetchone()[0]
            book.execute("COMMIT")
        wait = 0.0 if last is None else last + IDENTICAL_S - self._now()
        if wait > 0:
            log.warning("history waits %.0f s: the same request was given up just before", wait)
            await self._pause(wait)
        return max(wait, 0.0)

    def _booked(self, asked: Asked) -> float:
        """0 when it was booked, else how long to wait before asking again."""
        with self._open() as book:
            now = self._now()
            book.execute("DELETE FROM asked WHERE at <= ?", (now - ALL_S,))
            wait = max(
                self._identical(book, asked, now),
                self._too_many(book, asked, now),
                self._all(book, asked, now),
            )
            if wait <= 0:
                self._write(book, asked, now)
            book.execute("COMMIT")
            return max(wait, 0.0)

    def _write(self, book: sqlite3.Connection, asked: Asked, now: float) -> None:
        row = (now, asked.request, asked.market, asked.weight)
        book.execute("INSERT INTO asked VALUES (?, ?, ?, ?)", row)

    def _identical(self, book: sqlite3.Connection, asked: Asked, now: float) -> float:
        query = "SELECT max(at) FROM asked WHERE request = ?"
        last = book.execute(query, (asked.request,)).fetchone()[0]
        return 0.0 if last is None else last + IDENTICAL_S - now

    def _too_many(self, book: sqlite3.Connection, asked: Asked, now: float) -> float:
        query = "SELECT at FROM asked WHERE market = ? AND at > ? AND weight > 0 ORDER BY at DESC"
        times = [row[0] for row in book.execute(query, (asked.market, now - SAME_S))]
        return times[SAME_MOST - 1] + SAME_S - now if len(times) >= SAME_MOST else 0.0

    def _all(self, book: sqlite3.Connection, asked: Asked, now: float) -> float:
        """Until enough of the oldest are ten minutes old."""
        rows = book.execute("SELECT at, weight FROM asked ORDER BY at").fetchall()
        over = sum(weight for _, weight in rows) + asked.weight - ALL_MOST
        for at, weight in rows:
            if over <= 0:
                break
            over -= weight
            if over <= 0:
                return float(at + ALL_S - now)
        return 0.0

    def _open(self) -> closing[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            book = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            book.execute(SCHEMA)
            book.execute("BEGIN IMMEDIATE")
        except (OSError, sqlite3.Error) as problem:
            raise BarsError(
                f"The requests for history cannot be counted in {self.path}: {problem}."
            ) from problem
        return closing(book)
