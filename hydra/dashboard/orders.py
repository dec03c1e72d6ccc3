"""Orders and refused requests, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, order_rows

SHOWN = 20


@dataclass(frozen=True)
class Orders:
    """Orders (the last twenty)"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row an order, with what became of it and why."""
        return order_rows(facts.records)[: -SHOWN - 1 : -1]
