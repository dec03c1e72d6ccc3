"""What each session gained or lost, from the end of the one before; the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Days:
    """Session by session"""

    key: ClassVar[tuple[str, ...]] = ("session",)
    columns: ClassVar[dict[str, Column]] = {
        "session": Column("text"),
        "value": Column("figure", places=2),
        "change": Column("figure", places=2, signed=True),
        "change_share": Column("percent", places=2, signed=True, title="return"),
        "deepest": Column("percent", places=2, title="deepest drawdown"),
        "fills": Column("figure"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a session, of the last 260; money in the account's currency."""
        return [
            {
                "session": session,
                "value": day.nav,
                "change": day.change,
                "change_share": day.nav / day.base - 1 if day.base > 0 else None,
                "deepest": day.deepest,
                "fills": day.fills,
            }
            for session, day in reversed(facts.ledger.equity.days.items())
        ]

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """How many gained and how many lost."""
        gained = sum(1 for row in rows if row["change"] > 0)
        lost = sum(1 for row in rows if row["change"] < 0)
        return f"{gained} gained, {lost} lost" if rows else ""
