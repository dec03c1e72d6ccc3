"""Net asset value, each time it was marked."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, nav_rows

SHOWN = 10


@dataclass(frozen=True)
class Equity:
    """Equity (the last ten marks)"""

    def rows(self, facts: Facts) -> list[Row]:
        """The newest marks first, by the journal and by the gateway."""
        return nav_rows(facts.records)[: -SHOWN - 1 : -1]
