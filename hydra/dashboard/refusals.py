"""What the risk gate refused in the last session: each figure against its limit, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Refusals:
    """Refused today"""

    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("order_ref", "check")
    columns: ClassVar[dict[str, Column]] = {
        "time": Column("time"),
        "symbol": Column("text"),
        "quantity": Column("figure", signed=True),
        "check": Column("text"),
        "figure": Column("figure"),
        "limit": Column("figure"),
        "reason": Column("text"),
        "order_ref": Column("text"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row an objection: an order that two checks refuse has two. The last session's."""
        known = facts.ledger.refusals
        last = max((row["session"] for row in known), default=None)
        session = facts.state.session or last
        return [row for row in reversed(known) if row["session"] == session]

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """Which session today is."""
        return f"session {facts.state.session}" if facts.state.session else ""
