"""A gateway that IB's nightly reset takes away for two hours costs no run and wakes nobody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hydra.config import Alerts
from hydra.domain.events import RunMissed, RunStarted
from hydra.errors import ConfigError
from hydra.ib.pulse import Health
from hydra.runner.alerts import Alerting, check_events
from hydra.runner.redact import Redactor
from hydra.runner.resets import is_reset
from hydra.runner.service import Service
from tests.runner.test_runner import SMALL, processes

NEW_YORK = ZoneInfo("America/New_York")
MIDNIGHT = datetime(2026, 11, 24, 0, 0, tzinfo=NEW_YORK).astimezone(UTC)
"""A Tuesday's; the session of the day opens at 9:30."""


class Night:
    """A runner, a gateway that goes and comes, and what is told, by a clock that a test moves."""

    def __init__(self, workspace, job, *, until_min=105):
        self.workspace, self.until = workspace, MIDNIGHT + timedelta(minutes=until_min)
        workspace.clock.at = MIDNIGHT - timedelta(minutes=30)
        self.runner = workspace.runner(job, spawn=processes(), gateway_is_there=self.is_there)
        settings = replace(workspace.settings, alerts=Alerts(urls=("json://127.0.0.1:1/",)))
        self.service = Service(settings)
        self.told = self.service._alerting = Alerting(
            settings.alerts, settings.journal_path, settings.data.dir / "alerts.json", Redactor()
        )

    def is_there(self):
        """Away from a quarter to midnight on."""
        return not MIDNIGHT - timedelta(minutes=15) <= self.workspace.clock.at < self.until

    def pass_by(self, minutes):
        for _ in range(minutes):
            self.workspace.clock.move(minutes=1)
            now, well = self.workspace.clock.at, self.is_there()
            self.service._mind_the_gateway(Health(well, well, None, "Nothing answers."), now)
            self.runner.tick()
            for child in self.runner.children.values():
                child.process.wait()
            self.told.follow(now)

    @property
    def titles(self):
        return [(alert.topic, alert.title) for alert, _ in self.told.outbox.queue]


def nightly(workspace, **keys):
    """A job that is due half an hour after midnight, in the middle of the pause."""
    notebook = workspace.notebook("strategy = ''", "1")
    return workspace.job(
        notebook, "nightly", strategy="sma_cross", at="", cron="30 0 * * *",
        timezone="America/New_York", **keys,
    )  # fmt: skip


def test_a_run_that_was_due_in_the_pause_begins_after_it_in_its_session(workspace):
    night = Night(workspace, nightly(workspace, late="session"))
    night.pass_by(134)
    assert workspace.events(RunStarted, RunMissed) == []
    night.pass_by(300)
    (begun,) = workspace.events(RunStarted)
    assert (begun.trigger, begun.due) == ("late", MIDNIGHT + timedelta(minutes=30))
    assert workspace.events(RunMissed) == []
    assert [topic for topic, _ in night.titles if topic == "gateway"] == []


def test_a_run_that_may_not_be_late_is_one_miss_that_says_why(workspace):
    night = Night(workspace, nightly(workspace))
    night.pass_by(300)
    (missed,) = workspace.events(RunMissed)
    assert missed.reason == "The gateway was away."
    assert workspace.events(RunStarted) == []
    assert night.titles == [("run_missed", "Run missed: nightly")]


def test_a_run_whose_session_ends_in_the_pause_is_one_miss(workspace):
    night = Night(workspace, nightly(workspace, late="session"), until_min=20 * 60)
    night.pass_by(20 * 60)
    (missed,) = workspace.events(RunMissed)
    assert missed.reason == "The gateway was away."
    assert workspace.events(RunStarted) == []
    assert [topic for topic, _ in night.titles].count("gateway") == 1


def test_a_job_that_trades_nothing_runs_in_the_pause(workspace):
    job = replace(nightly(workspace), strategy="", notebook=workspace.notebook(*SMALL))
    night = Night(workspace, job)
    night.pass_by(60)
    assert [begun.trigger for begun in workspace.events(RunStarted)] == ["schedule"]


def test_a_run_that_failed_is_tried_again_after_the_pause_and_not_in_it(workspace):
    job = nightly(workspace, late="session", retries=1, retry_after_s=600)
    night = Night(workspace, replace(job, cron="40 23 * * *"))
    night.pass_by(134)
    assert [e.trigger for e in workspace.events(RunStarted)] == ["schedule"]
    night.pass_by(10)
    assert [e.trigger for e in workspace.events(RunStarted)] == ["schedule", "retry"]


def test_a_gateway_that_stays_away_after_the_reset_is_told_once_and_then_its_return(workspace):
    night = Night(workspace, nightly(workspace, late="session"), until_min=180)
    night.pass_by(134)
    assert night.titles == []
    night.pass_by(100)
    assert night.titles[:2] == [
        ("gateway", "The gateway is away since 2026-11-24 04:45 UTC"),
        ("gateway", "The gateway is back"),
    ]
    assert [topic for topic, _ in night.titles].count("gateway") == 2


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-24T23:44", False),
        ("2026-11-24T23:45", True),
        ("2026-11-25T01:44", True),
        ("2026-11-25T01:45", False),
        ("2026-11-27T23:10", True),  # a Friday
        ("2026-11-28T02:59", True),
        ("2026-11-28T03:00", False),
        ("2026-11-28T23:10", False),
        ("2026-11-29T02:30", False),
    ],
)
def test_the_windows_are_those_that_ib_publishes_for_north_america(local, expected):
    moment = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK)
    assert is_reset(Alerts().reset_windows, moment) == expected


@pytest.mark.parametrize("window", ["23:45", "Fry 23:00-03:00 UTC", "23:00-03:00 Nowhere", "x"])
def test_a_window_that_cannot_be_read_is_named(window):
    with pytest.raises(ConfigError, match="reset_windows has"):
        check_events(Alerts(reset_windows=(window,)))
