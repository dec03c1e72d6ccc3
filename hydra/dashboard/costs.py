"""What trading cost, by instrument and by hour, and whether the model had foreseen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hydra.dashboard._base import Chart, Column, Facts, Line
from hydra.dashboard._cells import figure_text
from hydra.journal.cost_rows import cost_totals
from hydra.journal.views import Row

POINTS = 300
"""So many of the newest fills are in the scatter."""


@dataclass(frozen=True)
class Costs:
    """Costs"""

    width: ClassVar[int] = 12
    page_rows: ClassVar[int] = 16
    key: ClassVar[tuple[str, ...]] = ("by", "group", "currency")
    columns: ClassVar[dict[str, Column]] = {
        "by": Column("text"),
        "group": Column("text", title=""),
        "fills": Column("figure"),
        "notional": Column("figure", places=2),
        "currency": Column("text", title=""),
        "delay_bps": Column("figure", "bps", "delay", places=2, signed=True, paid=True),
        "spread_bps": Column("figure", "bps", "spread", places=2, signed=True, paid=True),
        "impact_bps": Column("figure", "bps", "impact", places=2, signed=True, paid=True),
        "total_bps": Column("figure", "bps", "slippage", places=2, signed=True, paid=True),
        "predicted_bps": Column("figure", "bps", "model", places=2),
        "error_bps": Column("figure", "bps", "beyond model", places=2, signed=True, paid=True),
        "commission": Column("figure", places=2),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """As `hydra fills --by symbol` and `--by hour` add them up, all fills together first."""
        rows = list(facts.ledger.costs.rows().values())
        if not rows:
            return []
        return [
            *_groups(rows, "", "all"),
            *_groups(rows, "symbol", "instrument"),
            *_groups(rows, "hour", "hour"),
        ]

    def charts(self, facts: Facts) -> list[Chart]:
        """Predicted against actual cost from the mid at arrival, of the newest fills."""
        known = [r for r in facts.ledger.costs.rows().values() if r["error_bps"] is not None]
        known = known[-POINTS:]
        predicted = [float(row["predicted_bps"]) for row in known]
        actual = [row["predicted_bps"] + row["error_bps"] for row in known]
        ends = [min([*predicted, *actual, 0.0]), max([*predicted, *actual, 1.0])]
        lines = (
            Line("fills", predicted, actual, "points", 0),
            Line("as predicted", ends, ends, "line", 7),
        )
        return [Chart("actual against predicted cost, bps from the mid", lines, "bps", "bps")]

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """The bias of the model."""
        biases = {r["currency"]: r["error_bps"] for r in rows if r["by"] == "all"}
        told = [f"{figure_text(b, 2, True)} bps" for b in biases.values() if b is not None]
        model = facts.ledger.costs.model
        return f"model: {model}; bias {' and '.join(told) or 'unknown'} (+: dearer than foreseen)"


def _groups(rows: Sequence[Row], by: str, name: str) -> list[dict[str, Any]]:
    return [{"by": name, "group": total.pop(by), **total} for total in cost_totals(rows, by)]
