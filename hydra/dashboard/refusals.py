"""What the risk gate refused: each check's figure against its limit, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row, refusal_rows

SHOWN = 20


@dataclass(frozen=True)
class Refusals:
    """Refused by the risk gate (the last twenty objections)"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row an objection: an order that two checks refuse has two."""
        return refusal_rows(facts.records)[: -SHOWN - 1 : -1]
