"""Fills with what they cost, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, fill_rows

SHOWN = 20


@dataclass(frozen=True)
class Fills:
    """Fills (the last twenty)"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row a fill; slippage against the decision price in bps, paying up > 0."""
        return fill_rows(facts.records)[: -SHOWN - 1 : -1]
