"""All that happened, event by event, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Log:
    """Log of events"""

    width: ClassVar[int] = 12
    page_rows: ClassVar[int] = 15
    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("seq",)
    columns: ClassVar[dict[str, Column]] = {
        "seq": Column("figure", title="event"),
        "time": Column("time"),
        "kind": Column("text"),
        "strategy": Column("text"),
        "what": Column("text"),
    }

    def rows(self, facts: Facts) -> Sequence[Row]:
        """The last 5,000; `hydra journal export` has all."""
        return list(reversed(facts.ledger.log))

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """How much of the journal is here."""
        return f"the last {len(facts.ledger.log):,} of {facts.ledger.seq:,}"
