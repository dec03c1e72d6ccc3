"""Every circuit breaker: where it stands, its figure and its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row, trip_rows


@dataclass(frozen=True)
class Breakers:
    """Circuit breakers"""

    key: ClassVar[tuple[str, ...]] = ("breaker", "strategy")
    columns: ClassVar[dict[str, Column]] = {
        "breaker": Column("text"),
        "strategy": Column("text"),
        "standing": Column("text"),
        "figure": Column("figure"),
        "limit": Column("figure"),
        "action": Column("text"),
        "sessions_left": Column("figure", title="sessions to wait"),
        "tripped": Column("text"),
    }

    def rows(self, facts: Facts) -> Sequence[Row]:
        """As `hydra breakers` shows them; without the settings' breakers, those that ever
        tripped."""
        if facts.breakers is not None:
            return [{**row, "strategy": row["strategy"] or "all"} for row in facts.breakers]
        return [{**row, "tripped": row["session"]} for row in trip_rows(facts.state)]
