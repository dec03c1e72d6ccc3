"""What is held, by strategy, with weight and profit at the last marks."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, position_rows


@dataclass(frozen=True)
class Positions:
    """Positions"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row a holding; what no strategy owns is listed as external."""
        return position_rows(facts.state)
