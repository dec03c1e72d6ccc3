"""Rows of the schedule: each job's next moments, in the exchange's time and in ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hydra.config import Settings
from hydra.runner.beat import read_beat
from hydra.runner.jobs import Job
from hydra.timetable import timetable

COMING = 5
FORM = "%a %Y-%m-%d %H:%M %Z"


def job_rows(
    settings: Settings, jobs: Mapping[str, Job], count: int = COMING
) -> list[dict[str, Any]]:
    """The next `count` moments of each job; `due` aware UTC.

    They count from the market's present moment, as the runner that is at work knows it: a
    simulated gateway lives in another year.
    """
    beat, now = read_beat(settings), datetime.now(UTC)
    alive = beat is not None and beat.is_alive(now)
    ahead = beat.ahead if beat and alive else timedelta()
    return [
        {
            "job": job.name,
            "strategy": job.strategy,
            "when": job.at or f"{job.cron} {job.timezone}",
            "session": due.session,
            "exchange_time": due.at.astimezone(timetable(job.calendar).zone).strftime(FORM),
            "local_time": due.at.astimezone().strftime(FORM),
            "due": due.at,
        }
        for job in jobs.values()
        for due in job.timetable.coming(now + ahead, count)
    ]
