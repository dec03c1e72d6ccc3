"""Every due moment has one run or one recorded miss, whatever the clock and the runner did."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.config import Alerts, Notebooks, load_settings
from hydra.domain.events import Halted, RunEnded, RunMissed, RunStarted, Warned
from hydra.errors import ConfigError, JournalReplaced
from hydra.runner.alerts import Alerting
from hydra.runner.beat import read_beat, write_beat
from hydra.runner.history import History
from hydra.runner.jobs import check_jobs, load_jobs
from hydra.runner.redact import Redactor
from hydra.runner.retention import remove_old_runs
from hydra.runner.service import Service
from hydra.runner.trade import take_lease
from tests.conftest import ROOT
from tests.runner.conftest import SESSION, wait_until

SMALL = ("a = 1", "print(a)")


@pytest.fixture
def job(workspace):
    """A job whose runs end at once, because its process is `true`."""
    return workspace.job(workspace.notebook(*SMALL))


def processes(*begun):
    """A stand-in for the process alone: one that ends at once and has journalled nothing."""
    import subprocess

    def spawn(settings, order, lease):
        return subprocess.Popen(["true"], pass_fds=(lease,))

    return spawn


def dues(workspace):
    """The due moments with what came of each: the trigger of its first run, or "missed"."""
    found = [(e.due, e.trigger) for e in workspace.events(RunStarted)]
    found += [(e.due, "missed") for e in workspace.events(RunMissed)]
    return sorted(found)


def test_a_moment_that_is_met_has_one_run_however_often_the_runner_looks(workspace, job):
    runner = workspace.begin(job)
    for _ in range(5):
        workspace.clock.move(seconds=20)
        runner.tick()
    assert dues(workspace) == [(SESSION, "schedule")]


def test_a_machine_that_slept_past_the_moment_records_the_miss_once(workspace, job):
    workspace.clock.move(hours=-1)
    runner = workspace.runner(job)
    runner.tick()
    workspace.clock.move(hours=3)
    runner.tick()
    workspace.runner(job).tick()
    (missed,) = workspace.events(RunMissed)
    assert (missed.due, missed.reason) == (SESSION, "The machine was asleep or too busy.")
    assert workspace.events(RunStarted) == []


def test_of_a_job_that_no_runner_knew_before_nothing_was_due(workspace, job):
    workspace.clock.move(hours=-1)
    workspace.runner(job).tick()
    write_beat(workspace.settings, SESSION, {"another": None})
    workspace.clock.move(hours=5)
    workspace.runner(replace(job, late="session"), spawn=processes()).tick()
    assert dues(workspace) == []


def test_what_the_last_runner_had_ahead_is_missed_when_nobody_was_there(workspace, job):
    workspace.clock.move(hours=-1)
    runner = workspace.runner(job)
    runner.tick()
    write_beat(workspace.settings, SESSION, runner.next_dues)
    workspace.clock.move(days=2)  # over one session that is not even begun, and Thanksgiving
    workspace.runner(job).tick()
    found = workspace.events(RunMissed)
    assert [e.due.day for e in found] == [24, 25]
    assert {e.reason for e in found} == {"No runner was running."}


def test_a_late_run_makes_up_for_the_last_moment_only_and_only_in_its_session(workspace, job):
    late = replace(job, late="session")
    workspace.clock.move(hours=-1)
    runner = workspace.runner(late)
    runner.tick()
    write_beat(workspace.settings, SESSION, runner.next_dues)
    workspace.clock.move(days=1, hours=3)
    workspace.runner(late, spawn=processes()).tick()
    assert dues(workspace) == [(SESSION, "missed"), (SESSION + timedelta(days=1), "late")]
    workspace.clock.move(hours=8)
    workspace.runner(late, spawn=processes()).tick()
    assert len(dues(workspace)) == 2


def test_a_moment_at_which_the_strategy_was_busy_is_missed_with_the_name_of_what_ran(workspace):
    notebook = workspace.notebook("a = 1", "while True: pass")
    first = workspace.job(notebook, "first", strategy="sma_cross")
    second = workspace.job(notebook, "second", strategy="sma_cross", at="open+6min")
    notebook_takes = "strategy = ''"
    workspace.notebook(notebook_takes, "while True: pass")
    runner = workspace.begin(first, second)
    workspace.clock.move(minutes=1)
    runner.tick()
    assert len(workspace.events(RunStarted)) == 1
    workspace.clock.move(minutes=5)
    runner.tick()
    (missed,) = workspace.events(RunMissed)
    assert missed.job == "second"
    assert "still running, as 20261124T143500Z-first" in missed.reason
    runner.stop("The test is over.")


@pytest.mark.slow
def test_a_job_that_may_be_late_waits_for_its_strategy_while_its_session_lasts(workspace):
    go = workspace.folder / "go"
    waits = f"import time, pathlib\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)"
    notebook = workspace.notebook("strategy = ''", waits)
    first = workspace.job(notebook, "first", strategy="sma_cross")
    second = workspace.job(
        notebook, "second", strategy="sma_cross", at="open+6min", late="session"
    )
    runner = workspace.begin(first, second)
    for minutes in (1, 60):
        workspace.clock.move(minutes=minutes)
        runner.tick()
    assert len(workspace.rows()) == 1
    go.touch()
    wait_until(lambda: runner.tick() or len(workspace.rows()) == 2)
    workspace.finished(runner)
    assert [(r["job"], r["trigger"], r["outcome"]) for r in workspace.rows()] == [
        ("first", "schedule", "well"),
        ("second", "late", "well"),
    ]


@pytest.mark.slow
def test_a_run_that_failed_is_tried_again_in_its_session_and_not_more_often_than_allowed(
    workspace,
):
    failing = workspace.job(workspace.notebook("a = 1", "1 / 0"), retries=1, retry_after_s=30)
    runner = workspace.begin(failing)
    workspace.finished(runner)
    runner.tick()
    assert len(workspace.rows()) == 1  # not before its time
    workspace.clock.move(minutes=10)
    runner.tick()
    workspace.finished(runner)
    workspace.clock.move(hours=1)
    runner.tick()
    rows = workspace.rows()
    assert [(r["run"], r["trigger"], r["outcome"]) for r in rows] == [
        ("20261124T143500Z-small", "schedule", "failed"),
        ("20261124T143500Z-small-2", "retry", "failed"),
    ]


def test_a_run_that_sent_an_order_and_does_not_reconcile_first_is_not_tried_again(workspace, job):
    from hydra.domain.events import OrderAdmitted, RunEnded
    from tests.journal.test_views import order as admitted  # an order of strategy "s"

    history = History()
    begun = RunStarted("r1", "small", "s", "small.ipynb", "schedule", SESSION.date(), SESSION, {})
    workspace.write(begun, OrderAdmitted(admitted("s")), RunEnded("r1", "failed", "x", 1.0))
    from hydra.journal.journal import Journal
    from hydra.runner.runner import may_retry

    with Journal.read_only(workspace.settings.journal_path) as journal:
        history.take(journal.read())
    ((_, tries),) = history.failed()
    assert not may_retry(replace(job, retries=3), tries)
    assert may_retry(replace(job, retries=3, notebook="03_paper_session.ipynb"), tries)


def test_a_request_is_carried_out_once_also_by_a_runner_that_comes_later(workspace, job):
    workspace.ask()
    runner = workspace.runner(job)
    runner.tick()
    workspace.finished(runner)
    runner.tick()
    workspace.runner(job).tick()
    assert [e.trigger for e in workspace.events(RunStarted)] == ["request"]


def test_a_request_waits_for_the_last_breath_of_a_run_that_has_ended(workspace, job):
    runner = workspace.runner(job, spawn=processes())
    runner.tick()
    lease = take_lease(workspace.settings, job.lease, "before")
    begun = RunStarted("before", "small", "", "n.ipynb", "request", SESSION.date(), None, {})
    workspace.write(begun)
    workspace.ask()
    runner.tick()
    assert "was still running, as before" in workspace.events(Warned)[0].text
    workspace.write(RunEnded("before", "well", "", 1.0))
    workspace.ask()
    runner.tick()  # its process is not gone yet
    assert len(workspace.events(RunStarted)) == len(workspace.events(Warned)) == 1
    lease.close()
    runner.tick()
    assert len(workspace.events(Warned)) == 1
    assert [e.trigger for e in workspace.events(RunStarted)] == ["request", "request"]


def test_a_request_for_a_job_that_is_not_there_is_answered_in_the_journal_once(workspace, job):
    workspace.ask("other")
    runner = workspace.runner(job)
    runner.tick(), runner.tick()
    workspace.runner(job).tick()
    (said,) = workspace.events(Warned)
    assert said.text.endswith("There is no job other.")


def test_a_clock_that_leaps_by_years_is_another_market_and_makes_no_misses(workspace, job):
    workspace.clock.at = datetime(2013, 1, 14, 12, tzinfo=UTC)
    runner = workspace.runner(job)
    runner.tick()
    workspace.clock.at = SESSION + timedelta(hours=1)
    runner.tick()
    workspace.clock.at = datetime(2013, 1, 14, 13, tzinfo=UTC)
    runner.tick()
    assert dues(workspace) == []
    assert len(workspace.events(Warned)) == 2


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 3000), st.booleans()), min_size=1, max_size=40))
def test_however_time_passes_and_runners_come_and_go_each_moment_is_settled_once(steps):
    """`steps` are minutes that pass, and whether the runner is another one afterwards."""
    import tempfile
    from pathlib import Path

    from tests.runner.conftest import Settings, Workspace

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        space = Workspace(folder, replace(Settings(), data=replace(Settings().data, dir=folder)))
        job = space.job("small.ipynb", late="session")
        start = space.clock.at = datetime(2012, 10, 30, tzinfo=UTC)
        runner = space.runner(job, spawn=processes())
        runner.tick()
        for minutes, is_another in steps:
            write_beat(space.settings, start, runner.next_dues)
            space.clock.move(minutes=minutes)
            if is_another:
                finish(runner)
                runner = space.runner(job, spawn=processes())
            runner.tick()
            for child in runner.children.values():
                child.process.wait()
        finish(runner)
        expected = [due.at for due in job.timetable.dues(start, space.clock.at)]
        assert [at for at, _ in dues(space)] == expected


def finish(runner):
    for child in runner.children.values():
        child.process.wait()
    runner.tick()
    runner.journal.close()


def test_the_sign_of_life_says_who_lives_and_what_comes_next(workspace, job):
    runner = workspace.begin(job)
    write_beat(workspace.settings, datetime.now(UTC), runner.next_dues)
    beat = read_beat(workspace.settings)
    assert beat.is_alive(datetime.now(UTC))
    assert not beat.is_alive(datetime.now(UTC) + timedelta(seconds=21))
    assert beat.jobs == {"small": SESSION + timedelta(days=1)}
    (workspace.settings.data.dir / "runner.json").write_text("torn")
    assert read_beat(workspace.settings) is None


def test_old_runs_go_by_age_and_number_and_nothing_else_is_touched(workspace):
    runs = workspace.settings.runs_dir
    now = datetime.now(UTC).timestamp()
    for number, days in enumerate([200, 100, 3, 2, 1]):
        (runs / f"run{number}").mkdir(parents=True)
        (runs / f"run{number}" / "run.json").write_text("{}")
        os.utime(runs / f"run{number}", (now, now - days * 86400))
    (runs / "notes").mkdir()
    os.utime(runs / "notes", (now, now - 300 * 86400))
    keep = replace(workspace.settings.runner, keep_days=90, keep_runs=2)
    assert remove_old_runs(runs, keep, running={"run0"}) == ["run1", "run2"]
    assert {p.name for p in runs.iterdir()} == {"run0", "run3", "run4", "notes"}


def test_a_run_leaves_what_its_owner_alone_can_read_also_where_others_could_before(workspace):
    workspace.settings.runs_dir.mkdir(parents=True)
    workspace.settings.runs_dir.chmod(0o755)
    before = os.umask(0o022)
    try:
        row = workspace.run(workspace.job(workspace.notebook(*SMALL)))
    finally:
        os.umask(before)
    folder = workspace.folder_of(row)
    made = (workspace.settings.runs_dir, folder, *folder.iterdir())
    open_to_others = [path.name for path in made if path.stat().st_mode & 0o077]
    assert len(made) > 5
    assert open_to_others == []
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_schedule_whose_journal_was_replaced_says_so_and_stops_before_it_writes(
    workspace, job
):
    service = Service(workspace.settings)
    service.runner = runner = workspace.runner(replace(job, late="session"), spawn=processes())
    told = service._alerting = Alerting(
        Alerts(urls=("json://127.0.0.1:1/",)), workspace.settings.journal_path,
        workspace.settings.data.dir / "alerts.json", Redactor(),
    )  # fmt: skip
    workspace.clock.move(minutes=-1)
    runner.tick()
    path = workspace.settings.journal_path
    shutil.copy(path, path.with_suffix(".copy"))
    os.replace(path.with_suffix(".copy"), path)
    workspace.clock.move(minutes=1)
    await service._tick()
    await service._tick()
    assert runner.journal.last_seq() == 0
    assert runner.children == {}
    ((alert, _),) = told.outbox.queue
    assert (alert.topic, alert.title) == ("runner", "The schedule stands still")
    assert "was deleted, moved or replaced" in alert.text
    with pytest.raises(JournalReplaced):
        await service.run()
    assert workspace.events() == []


def test_alerts_go_on_at_the_end_of_a_journal_that_was_put_in_the_others_place(workspace, job):
    place = workspace.settings.data.dir / "alerts.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text('{"seq": 1000}')
    workspace.write(Halted("before", "me"))
    alerts = Alerting(
        Alerts(urls=("json://127.0.0.1:1/",)), workspace.settings.journal_path, place, Redactor()
    )
    alerts.follow(SESSION)
    workspace.write(Halted("after", "me"))
    alerts.follow(SESSION)
    assert [alert.text for alert, _ in alerts.outbox.queue] == ["after (me)"]


def checked(settings):
    settings = replace(settings, notebooks=Notebooks(ROOT / "notebooks"))
    check_jobs(settings, load_jobs(settings))


JOB = '[gateway]\n\n[jobs.open]\nstrategy = "sma_cross"\nat = "open+5min"\n'


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (JOB.replace("open+5min", "opne"), ["line 5 [jobs.open]", "'opne'", "open+5min"]),
        (JOB + 'late = "x"\n', ["line 6 [jobs.open]", "'x'", "never, session"]),
        (JOB + 'crn = "x"\n', ["line 6 [jobs.open]", "'crn'", "did you mean 'cron'"]),
        (JOB + "retries = 1.5\n", ["line 6 [jobs.open]", "1.5", "a whole number"]),
        (JOB + 'cron = "* * * * *"\n', ["line 3 [jobs.open]", "not both"]),
        (JOB + 'only = ["friday"]\n', ["line 6", "'friday'", "did you mean 'fri'"]),
        (JOB + 'only = ["sat"]\n', ["line 6", "leaves no day"]),
        (JOB + 'calendar = "XNYX"\n', ["line 6", "'XNYX'", "XNYS"]),
        (
            JOB.replace("sma_cross", "sma_cros"),
            ["line 4", "'sma_cros'", "did you mean 'sma_cross'"],
        ),
        (
            JOB + "parameters = {fats = 1}\n",
            ["line 6 [jobs.open]", "'fats'", "fast_bars"],
        ),
        (JOB + 'notebook = "x.ipynb"\n', ["line 6 [jobs.open]", "'x.ipynb'", "01_research"]),
        (JOB + 'notebook = "../x.ipynb"\n', ["line 6", "name of a file"]),
        ("[jobs.Open]\nat = 'open'\n", ["line 1", "a-z"]),
        ("[jobs]\nopen = 3\n", ["one table for each job"]),
    ],
)
def test_a_bad_job_names_its_line_and_what_is_allowed(tmp_path, toml, words):
    (tmp_path / "hydra.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        checked(load_settings(tmp_path, {}))
    for word in words:
        assert word in str(caught.value)
