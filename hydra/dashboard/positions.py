"""What is held, by strategy, with weight, profit and how much of the position limit it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row, position_rows
from hydra.risk.position_weight import PositionWeight


@dataclass(frozen=True)
class Positions:
    """Positions"""

    width: ClassVar[int] = 6
    page_rows: ClassVar[int] = 12
    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("strategy", "symbol")
    columns: ClassVar[dict[str, Column]] = {
        "symbol": Column("text"),
        "strategy": Column("text"),
        "quantity": Column("figure", signed=True),
        "average_cost": Column("figure", title="cost"),
        "mark": Column("figure"),
        "value": Column("figure", places=2, signed=True),
        "currency": Column("text", title=""),
        "weight": Column("percent", signed=True),
        "limit_used": Column("meter"),
        "unrealised": Column("figure", places=2, signed=True),
        "realised": Column("figure", places=2, signed=True),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a holding, what is held before what was closed; what no strategy owns is listed
        as external. `limit_used` is of the check position_weight."""
        check = facts.checks.get("position_weight")
        limit = check.limit_weight if isinstance(check, PositionWeight) else None
        rows = position_rows(facts.state)
        for row in rows:
            weight = row["weight"]
            row["limit_used"] = abs(weight) / limit if limit and weight is not None else None
        return sorted(rows, key=lambda row: not row["quantity"])

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """How many are open."""
        number = len(facts.state.positions)
        return f"{number:,} held" + ("" if facts.checks else ", no limit known")
