"""What people and breakers did to trading: who, what and when, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.told import kind_words
from hydra.journal.views import Row


@dataclass(frozen=True)
class Deeds:
    """Done by hand or by breakers"""

    key: ClassVar[tuple[str, ...]] = ("seq",)
    columns: ClassVar[dict[str, Column]] = {
        "time": Column("time"),
        "by": Column("text"),
        "kind": Column("text"),
        "what": Column("text"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a deed."""
        return [{**row, "kind": kind_words(row["kind"])} for row in reversed(facts.ledger.deeds)]
