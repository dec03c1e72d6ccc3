"""What the journal knows of runs, kept up to date: what is settled, what is going on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hydra.domain.events import (
    OrderAdmitted,
    Recorded,
    RunEnded,
    RunMissed,
    RunRequested,
    RunStarted,
    Warned,
)
from hydra.journal.fold import strategy_of
from hydra.journal.run_rows import request_answered_by

KINDS = (RunStarted, RunEnded, RunMissed, RunRequested, OrderAdmitted, Warned)
Slot = tuple[str, datetime]
"""A job and the moment at which it was due."""


@dataclass
class Attempt:
    """One run of a slot: where it stands in the journal, and how it ended, if it has."""

    begun: RunStarted
    seq: int
    ended: RunEnded | None = None
    ended_at: datetime | None = None
    placed: bool = False
    """Whether its strategy (any, for a run without one) sent an order while it went on."""


@dataclass
class History:
    """Runs by slot, and requests that nobody has answered; grows by a few values a run."""

    seq: int = 0
    slots: dict[Slot, list[Attempt]] = field(default_factory=dict)
    missed: set[Slot] = field(default_factory=set)
    running: dict[str, Attempt] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    """Requests, by their place in the journal, that were refused or carried out."""

    def take(self, records: Iterable[Recorded]) -> None:
        """Follow the journal."""
        for record in records:
            self.seq = record.seq
            event = record.event
            if (request := request_answered_by(event)) is not None:
                self.answered.add(request)
            if isinstance(event, RunStarted):
                self._began(event, record.seq)
            elif isinstance(event, RunEnded):
                self._ended(event, record.time)
            elif isinstance(event, RunMissed):
                self.missed.add((event.job, event.due))
            elif isinstance(event, RunRequested):
                self.requests.append(record)
            elif isinstance(event, OrderAdmitted):
                self._placed(strategy_of(event.order.order_ref))

    def settled(self, slot: Slot) -> bool:
        """Whether the slot has had its run or its miss."""
        return slot in self.missed or slot in self.slots

    def last_due(self, job: str) -> datetime | None:
        """The newest due moment of a job that is settled."""
        dues = [due for name, due in (*self.slots, *self.missed) if name == job]
        return max(dues, default=None)

    def failed(self) -> list[tuple[Slot, list[Attempt]]]:
        """Slots whose last attempt ended and did not end well."""
        return [
            (slot, tries)
            for slot, tries in self.slots.items()
            if tries[-1].ended and tries[-1].ended.outcome != "well"
        ]

    def forget(self, before: datetime) -> None:
        """Drop slots so old that nothing will be asked about them."""
        self.slots = {slot: tries for slot, tries in self.slots.items() if slot[1] >= before}
        self.missed = {slot for slot in self.missed if slot[1] >= before}

    def _began(self, event: RunStarted, seq: int) -> None:
        attempt = Attempt(event, seq)
        self.running[event.run] = attempt
        if event.job and event.due:
            self.slots.setdefault((event.job, event.due), []).append(attempt)

    def _ended(self, event: RunEnded, time: datetime) -> None:
        attempt = self.running.pop(event.run, None)
        if attempt:
            attempt.ended, attempt.ended_at = event, time

    def _placed(self, strategy: str) -> None:
        for attempt in self.running.values():
            attempt.placed |= attempt.begun.strategy in ("", strategy)
