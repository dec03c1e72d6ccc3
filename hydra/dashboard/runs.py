"""Notebook runs and those that the schedule missed, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from hydra.dashboard._base import Column, Facts
from hydra.journal.run_rows import run_rows
from hydra.journal.views import Row


@dataclass(frozen=True)
class Runs:
    """Runs"""

    search: ClassVar[bool] = True
    columns: ClassVar[dict[str, Column]] = {
        "started": Column("time"),
        "job": Column("text"),
        "strategy": Column("text"),
        "trigger": Column("text"),
        "session": Column("text"),
        "due": Column("time"),
        "outcome": Column("text"),
        "seconds": Column("figure", "s", places=1, title="took"),
        "reason": Column("text"),
        "page": Column("link", title="notebook"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """As `hydra runs` shows them, with the address of each executed notebook's page below
        the Jupyter server's own."""
        return [{**row, "page": _page(row)} for row in reversed(run_rows(facts.ledger.runs))]


def _page(row: Row) -> list[str] | None:
    ended = row["run"] and row["outcome"] != "running"
    return ["open", f"hydra/api/runs/{quote(row['run'], safe='')}/html"] if ended else None
