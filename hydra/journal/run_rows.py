"""One row for each notebook run, and for each that the schedule missed: pure, from the journal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hydra.domain.events import Event, Recorded, RunEnded, RunMissed, RunStarted, Warned

Row = dict[str, Any]

RUN_KINDS: tuple[type[Event], ...] = (RunStarted, RunEnded, RunMissed)
"""The kinds that `run_rows` reads; others are passed over."""

ANSWER_KINDS: tuple[type[Event], ...] = (RunStarted, Warned)
"""The kinds that may answer a request for a run."""
BEGUN = re.compile(r".+-request-(\d+)")
"""The name of a run that was asked for: it ends with the request's place in the journal."""
REFUSED = re.compile(r"The request (\d+) by ")
"""How a refused request is answered."""

RUNNING = "running"
MISSED = "missed"


def run_rows(records: Iterable[Recorded]) -> list[Row]:
    """Rows of all runs and misses, oldest first; times aware UTC, `seconds` of the wall clock.

    `outcome` is "running" while a run has no end, "missed" where there was none, else what its
    end says: well, failed, timeout, hung, died or stopped. A miss has no run, start or seconds.
    """
    rows: list[Row] = []
    by_run: dict[str, Row] = {}
    for record in records:
        event = record.event
        if isinstance(event, RunStarted):
            by_run[event.run] = _started(event, record)
            rows.append(by_run[event.run])
        elif isinstance(event, RunMissed):
            rows.append(_missed(event))
        elif isinstance(event, RunEnded) and event.run in by_run:
            by_run[event.run].update(
                outcome=event.outcome, reason=event.reason, seconds=event.seconds
            )
    return rows


def running(rows: Iterable[Row], job: str) -> str:
    """The name of the job's run that goes on; empty where there is none."""
    return next((r["run"] for r in rows if r["job"] == job and r["outcome"] == RUNNING), "")


def request_answered_by(event: Event) -> int | None:
    """The place in the journal of the request for a run that the event carries out or refuses."""
    found = None
    if isinstance(event, RunStarted):
        found = BEGUN.fullmatch(event.run)
    elif isinstance(event, Warned):
        found = REFUSED.match(event.text)
    return int(found[1]) if found else None


def _started(event: RunStarted, record: Recorded) -> Row:
    return {
        "run": event.run,
        "job": event.job,
        "strategy": event.strategy,
        "trigger": event.trigger,
        "session": event.session,
        "due": event.due,
        "started": record.time,
        "outcome": RUNNING,
        "reason": "",
        "seconds": None,
    }


def _missed(event: RunMissed) -> Row:
    return {
        "run": "",
        "job": event.job,
        "strategy": event.strategy,
        "trigger": "schedule",
        "session": event.session,
        "due": event.due,
        "started": None,
        "outcome": MISSED,
        "reason": event.reason,
        "seconds": None,
    }
