"""Fills with what they cost, against the decision and against the cost model; newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Fills:
    """Fills"""

    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("exec_id",)
    columns: ClassVar[dict[str, Column]] = {
        "time": Column("time"),
        "symbol": Column("text"),
        "strategy": Column("text"),
        "quantity": Column("figure", signed=True),
        "price": Column("figure"),
        "currency": Column("text", title=""),
        "total_bps": Column("figure", "bps", "slippage", places=2, signed=True, paid=True),
        "predicted_bps": Column("figure", "bps", "model", places=2),
        "error_bps": Column("figure", "bps", "beyond model", places=2, signed=True, paid=True),
        "commission": Column("figure", places=2),
        "order_ref": Column("text"),
    }

    def rows(self, facts: Facts) -> Sequence[Row]:
        """As `hydra fills --costs` shows them; of the last 10,000 orders. Paying up is positive:
        slippage is from the decision price, the model's figures are from the mid at arrival."""
        return list(facts.ledger.costs.rows().values())[::-1]

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """What the figures mean."""
        return f"+ is paid up, − is gained; model: {facts.ledger.costs.model}"
