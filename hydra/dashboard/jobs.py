"""What the runner starts next, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Jobs:
    """Schedule"""

    key: ClassVar[tuple[str, ...]] = ("job",)
    columns: ClassVar[dict[str, Column]] = {
        "job": Column("text"),
        "next": Column("time"),
        "run": Column("act", title=""),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a job, the soonest first; `next` is None for one that is not due any more."""
        jobs = facts.runner.get("jobs", {}) if facts.runner else {}
        rows = [
            {
                "job": job,
                "next": datetime.fromisoformat(at) if at else None,
                "run": ["run now", "run", job],
            }
            for job, at in jobs.items()
        ]
        return sorted(rows, key=lambda row: (row["next"] is None, str(row["next"]), row["job"]))

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """Whether a runner is there to keep it."""
        if facts.runner is None:
            return "No runner is running, so nothing is started; `hydra runner` starts one."
        return "the runner lives"
