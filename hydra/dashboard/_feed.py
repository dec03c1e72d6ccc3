"""The facts, kept up to date: the journal followed by sequence number, a short read at a time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, overload

from hydra.clock import WallClock
from hydra.config import Gateway, Settings
from hydra.costs.model import CostModel
from hydra.dashboard._base import Closes, Facts
from hydra.domain.events import Recorded
from hydra.errors import HydraError, JournalError
from hydra.journal.fold import State
from hydra.journal.journal import Journal
from hydra.journal.ledger import Ledger
from hydra.journal.views import Row
from hydra.risk._base import Check

CHUNK = 500
"""Events that are taken in before others of the event loop have their turn."""
RUNNER_GONE_S = 20.0
PROBE_S = 5.0
RUNNER_S = 2.0


class Surroundings(Protocol):
    """What a board is told beside the journal, by whoever composes it."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """The risk checks that are switched on, by name."""

    @property
    def model(self) -> CostModel:
        """What fills are expected to cost."""

    def breakers(self, state: State, now: datetime) -> Sequence[Row]:
        """The rows of `hydra breakers`."""

    async def closes(self, symbols: Sequence[str]) -> Closes:
        """Daily closes; raises `HydraError` when there are none."""


@dataclass(frozen=True)
class Stored(Sequence[Recorded]):
    """All events of a journal's file, read when they are looked at."""

    path: Path
    length: int

    def __len__(self) -> int:
        """As many as the ledger has taken in."""
        return self.length

    def __iter__(self) -> Iterator[Recorded]:
        """Oldest first."""
        if self.length:
            with Journal.read_only(self.path) as journal:
                yield from islice(journal.read(), self.length)

    @overload
    def __getitem__(self, place: int) -> Recorded: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Recorded]: ...

    def __getitem__(self, place: int | slice) -> Recorded | Sequence[Recorded]:
        """By place; the end of a journal is found without reading its beginning."""
        if isinstance(place, slice):
            first, last, step = place.indices(self.length)
            if step < 0:
                return list(self)[place]
            return self._between(first, last)[::step]
        number = place + self.length if place < 0 else place
        if not 0 <= number < self.length:
            raise IndexError(f"the journal has {self.length} events, no number {place}")
        return self._between(number, number + 1)[0]

    def _between(self, first: int, last: int) -> list[Recorded]:
        if last <= first:
            return []
        with Journal.read_only(self.path) as journal:
            return list(islice(journal.read(after=first), last - first))


@dataclass
class Feed:
    """A ledger that follows the journal's file, and what else a panel may look at."""

    settings: Settings
    around: Surroundings
    ledger: Ledger = field(init=False)
    _journal: Journal | None = None
    _file: tuple[int, int] | None = None
    _answers: bool = False
    _runner: dict[str, Any] | None = None
    _closes: Closes = field(default_factory=dict)
    _wanted: tuple[str, ...] = ()
    _due: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    """Why the journal cannot be read; empty while it can, or while there is none yet."""

    def __post_init__(self) -> None:
        """Nothing is read yet."""
        self.ledger = Ledger(self.around.model)

    async def read(self) -> bool:
        """Take in what is new; True when there was anything."""
        try:
            journal = self._open()
            self.problem = ""
            return await self._take(journal) if journal else False
        except JournalError as problem:
            self._close()
            self.problem = str(problem)
            return False

    async def look_around(self) -> bool:
        """Look at the gateway, the runner and the bars, each as often as it is due; True when
        anything is different."""
        before = self._answers, self._runner, self._closes
        if self._is_due("gateway", PROBE_S):
            self._answers = await answers(self.settings.gateway)
        if self._is_due("runner", RUNNER_S):
            self._runner = living_runner(self.settings.data.dir)
        await self._load_closes()
        return before != (self._answers, self._runner, self._closes)

    def facts(self) -> Facts:
        """What panels may look at now."""
        ledger, now = self.ledger, WallClock().now()
        return Facts(
            ledger=ledger,
            records=Stored(self.settings.journal_path, ledger.seq),
            gateway=self.settings.gateway,
            gateway_answers=self._answers,
            now=now,
            calendar=self.settings.trading.calendar,
            checks=self.around.checks,
            breakers=self.around.breakers(ledger.state, ledger.market_time or now),
            runner=self._runner,
            closes=self._closes,
        )

    def close(self) -> None:
        """Let the file go."""
        self._close()

    def release(self) -> None:
        """Let the file go and forget what was read; the next `read` begins anew."""
        self._close()
        self._file, self.ledger = None, Ledger(self.around.model)

    def _open(self) -> Journal | None:
        """The journal's file; a new one in its place is followed from its beginning."""
        path = self.settings.journal_path
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        if self._journal is None or self._file != (found.st_dev, found.st_ino):
            self._close()
            if self._file not in (None, (found.st_dev, found.st_ino)):
                self.ledger = Ledger(self.around.model)
            self._journal = Journal.read_only(path)
            self._file = (found.st_dev, found.st_ino)
        return self._journal

    async def _take(self, journal: Journal) -> bool:
        ledger, before = self.ledger, self.ledger.seq
        while True:
            some = list(islice(journal.read(after=ledger.seq), CHUNK))
            for record in some:
                ledger.take(record)
            ledger.costs.rows()  # a little at a time, so that nobody has to wait for all of it
            if len(some) < CHUNK:
                return ledger.seq != before
            await asyncio.sleep(0)

    async def _load_closes(self) -> None:
        symbols = tuple(sorted({symbol for _, symbol in self.ledger.targets}))
        if symbols == self._wanted or not symbols:
            return
        self._wanted = symbols
        with suppress(HydraError):  # no bars of them: the panel says so
            self._closes = await self.around.closes(symbols)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = asyncio.get_running_loop().time()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None


async def answers(gateway: Gateway, timeout_s: float = 1.0) -> bool:
    """Whether anything listens at the gateway's address; nothing waits for it meanwhile."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(gateway.host, gateway.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def living_runner(folder: Path) -> dict[str, Any] | None:
    """What the runner says of itself; None when there is none or it has said nothing of late."""
    try:
        told: dict[str, Any] = json.loads((folder / "runner.json").read_text(encoding="utf-8"))
        beat = datetime.fromisoformat(told.pop("beat"))
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    alive = (WallClock().now() - beat).total_seconds() <= RUNNER_GONE_S
    return told if alive else None
