"""The history of runs says of each run and each miss what the journal knows of it."""

from datetime import UTC, date, datetime, timedelta

from hydra.domain.events import Halted, Recorded, RunEnded, RunMissed, RunRequested, RunStarted
from hydra.journal.run_rows import run_rows

NOW = datetime(2026, 11, 24, 14, 35, tzinfo=UTC)
DAY = date(2026, 11, 24)
COLUMNS = [
    "run", "job", "strategy", "trigger", "session", "due", "started", "outcome", "reason",
    "seconds",
]  # fmt: skip


def started(run="r1", job="open", trigger="schedule"):
    return RunStarted(run, job, "sma_cross", "03_paper_session.ipynb", trigger, DAY, NOW, {})


def missed(due=NOW):
    return RunMissed("open", "sma_cross", DAY, due, "no runner was running")


def rows(*events):
    later = [NOW + timedelta(seconds=n) for n in range(len(events))]
    return run_rows(
        Recorded(n, at, at, event) for n, (at, event) in enumerate(zip(later, events, strict=True))
    )


def test_a_run_without_an_end_is_running():
    (row,) = rows(started())
    assert list(row) == COLUMNS
    assert (row["outcome"], row["seconds"], row["started"]) == ("running", None, NOW)


def test_a_run_that_ended_says_how_why_and_after_how_long():
    (row,) = rows(started(), RunEnded("r1", "failed", "The gateway is gone.", 12.5))
    assert (row["outcome"], row["reason"], row["seconds"]) == (
        "failed", "The gateway is gone.", 12.5,
    )  # fmt: skip


def test_a_miss_is_a_row_without_a_run_and_with_its_reason():
    (row,) = rows(missed())
    assert list(row) == COLUMNS
    assert (row["run"], row["outcome"], row["started"], row["seconds"]) == (
        "", "missed", None, None,
    )  # fmt: skip
    assert row["reason"] == "no runner was running"


def test_rows_follow_the_order_in_which_runs_began_whichever_ended_first():
    found = rows(
        started("r1"), missed(), started("r2"), RunEnded("r2", "well", "", 1), Halted("x", "y")
    )
    assert [(r["run"], r["outcome"]) for r in found] == [
        ("r1", "running"), ("", "missed"), ("r2", "well"),
    ]  # fmt: skip


def test_requests_and_ends_of_runs_nobody_saw_begin_make_no_row():
    assert rows(RunRequested("open", "dashboard"), RunEnded("r9", "died", "", 0)) == []
