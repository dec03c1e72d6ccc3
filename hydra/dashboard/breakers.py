"""Circuit breakers that have tripped, and where they stand now."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, trip_rows


@dataclass(frozen=True)
class Breakers:
    """Circuit breakers"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row for each breaker that ever tripped, by its last trip."""
        return trip_rows(facts.state)
