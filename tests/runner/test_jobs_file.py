"""The jobs of hydra.toml are those of the schedule, also when the file changes under it."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hydra.config import Alerts, load_settings
from hydra.domain.events import RunMissed, RunRequested, RunStarted, Warned
from hydra.errors import ConfigError
from hydra.runner.alerts import Alerting
from hydra.runner.beat import write_beat
from hydra.runner.handlers import request_run
from hydra.runner.jobs import load_jobs
from hydra.runner.jobs_file import AGAIN_LOOKS
from hydra.runner.redact import Redactor
from hydra.runner.runner import Runner
from hydra.runner.service import Service
from hydra.runner.trade import take_lease
from tests.runner.conftest import SESSION
from tests.runner.test_runner import SMALL, processes

JOB = '[jobs.{name}]\nnotebook = "small.ipynb"\nat = "{at}"\nretries = 0\n'


class Schedule:
    """A service whose runner is at work on a hydra.toml."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.toml = workspace.folder / "hydra.toml"
        workspace.notebook(*SMALL)
        self.write(JOB.format(name="first", at="open+5min"))
        read = load_settings(workspace.folder, {})
        settings = replace(
            read, data=workspace.settings.data, notebooks=workspace.settings.notebooks,
            gateway=workspace.settings.gateway,
        )  # fmt: skip
        workspace.clock.move(minutes=-2)
        self.service = Service(settings)
        self.service.clock.now = workspace.clock.now
        self.runner = Runner(settings, load_jobs(settings), workspace.clock, spawn=processes())
        workspace.runners.append(self.runner)
        self.service.runner = self.runner
        alerts = Alerts(urls=("json://127.0.0.1:1/",))
        self.service._alerting = Alerting(
            alerts, settings.journal_path, settings.data.dir / "alerts.json", Redactor()
        )

    def write(self, text):
        """As an editor does that replaces the file."""
        new = self.toml.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.toml)

    async def look(self, times=2):
        for _ in range(times):
            await self.service._tick()

    @property
    def alerts(self):
        return [(a.topic, a.title, a.text) for a, _ in self.service._alerting.outbox.queue]


@pytest.fixture
async def schedule(workspace):
    made = Schedule(workspace)
    await made.look()
    return made


def begun(workspace):
    return sorted(e.job for e in workspace.events(RunStarted))


async def test_a_job_that_is_added_while_the_schedule_is_at_work_runs(workspace, schedule):
    schedule.write(
        JOB.format(name="first", at="open+5min") + JOB.format(name="second", at="open+6min")
    )
    await schedule.look()
    for _ in range(4):
        workspace.clock.move(minutes=1)
        await schedule.look()
    assert begun(workspace) == ["first", "second"]
    (said,) = workspace.events(Warned)
    assert said.text == "The jobs of hydra.toml were read again: added second."
    assert set(schedule.runner.next_dues) == {"first", "second"}


async def test_what_was_due_before_a_job_was_added_is_neither_begun_nor_missed(
    workspace, schedule
):
    workspace.clock.move(hours=3)
    await schedule.look()
    schedule.write(JOB.format(name="second", at="open+6min") + 'late = "session"\n')
    await schedule.look()
    assert [e.job for e in workspace.events(RunMissed)] == ["first"]
    assert begun(workspace) == []


async def test_a_job_that_is_removed_runs_no_more(workspace, schedule):
    schedule.write("")
    await schedule.look()
    workspace.clock.move(hours=1)
    await schedule.look()
    assert workspace.events(RunStarted, RunMissed) == []
    assert schedule.runner.next_dues == {}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("[jobs.first\n", "not valid TOML"),
        (JOB.format(name="second", at="opne"), "'opne'"),
        (JOB.format(name="second", at="open").replace("small", "none"), "'none.ipynb'"),
        (None, "is gone"),
    ],
)
async def test_a_file_that_cannot_be_used_keeps_the_old_jobs_and_says_so_once(
    workspace, schedule, broken, words
):
    schedule.toml.unlink() if broken is None else schedule.write(broken)
    await schedule.look(3 * AGAIN_LOOKS)
    workspace.clock.move(minutes=3)
    await schedule.look()
    assert begun(workspace) == ["first"]
    (said,) = workspace.events(Warned)
    assert said.text.startswith("The jobs stay as they were: ")
    assert words in said.text
    ((topic, title, text),) = schedule.alerts
    assert (topic, title, words in text) == ("runner", "The jobs stay as they were", True)
    assert schedule.service.problem == ""


async def test_a_file_whose_notebook_comes_later_is_tried_again(workspace, schedule):
    schedule.write(JOB.format(name="second", at="open+6min").replace("small", "later"))
    await schedule.look()
    workspace.notebook(*SMALL, name="later.ipynb")
    await schedule.look(AGAIN_LOOKS + 2)
    assert list(schedule.runner.jobs) == ["second"]


async def test_parameters_that_change_apply_from_the_next_run_on(workspace, schedule):
    workspace.clock.move(minutes=3)
    await schedule.look()
    schedule.write(JOB.format(name="first", at="open+5min") + "parameters = {a = 7}\n")
    await schedule.look()
    workspace.clock.at = SESSION + timedelta(days=1)
    await schedule.look()
    assert [e.parameters for e in workspace.events(RunStarted)] == [{}, {"a": "7"}]


async def test_a_moment_that_waits_for_its_strategy_is_a_miss_when_its_job_changes(
    workspace, schedule
):
    lease = take_lease(workspace.settings, schedule.runner.jobs["first"].lease, "another")
    workspace.clock.move(minutes=3)
    await schedule.look()
    assert workspace.events(RunStarted, RunMissed) == []
    schedule.write(JOB.format(name="first", at="close-5min"))
    await schedule.look()
    (missed,) = workspace.events(RunMissed)
    assert (missed.due, missed.reason) == (
        SESSION, "Its job was changed before the run could begin.",
    )  # fmt: skip
    lease.close()


async def test_a_file_that_is_still_being_written_is_not_read(workspace, schedule):
    schedule.write(JOB.format(name="second", at="open+6min"))
    await schedule.look(1)
    assert list(schedule.runner.jobs) == ["first"]
    await schedule.look(1)
    assert list(schedule.runner.jobs) == ["second"]


async def test_a_job_that_was_added_can_be_asked_for_by_http(workspace, schedule):
    schedule.write(JOB.format(name="second", at="open+6min"))
    write_beat(workspace.settings, datetime.now(UTC), {})
    request_run(schedule.service.settings, "second")
    assert [e.job for e in workspace.events(RunRequested)] == ["second"]
    schedule.write("x =")
    with pytest.raises(ConfigError, match="not valid TOML"):
        request_run(schedule.service.settings, "second")
