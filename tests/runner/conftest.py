"""A workspace with small notebooks and a schedule of its own, whose runs are real processes."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.domain.events import Event, RunRequested
from hydra.journal.journal import Journal
from hydra.journal.run_rows import RUN_KINDS, run_rows
from hydra.runner.jobs import Job
from hydra.runner.runner import Runner

PATIENCE_S = 120.0
"""How long a test waits for a real process on a busy machine before it fails."""
SESSION = datetime(2026, 11, 24, 14, 35, tzinfo=UTC)
"""Five minutes after the open of an ordinary session."""


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Look until the condition holds; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        select.select([], [], [], 0.05)
    return found


@dataclass
class SetClock:
    """A market clock that stands where it was set."""

    at: datetime = SESSION

    def now(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Workspace:
    """Notebooks, settings and runners of one test."""

    folder: Path
    settings: Settings
    clock: SetClock = field(default_factory=SetClock)
    runners: list[Runner] = field(default_factory=list)

    def notebook(self, *cells: str, name: str = "small.ipynb") -> str:
        """Write a notebook whose first cell is that of its parameters; returns its name."""
        made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
        made.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        made.cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(made, self.folder / "notebooks" / name)
        return name

    def job(self, notebook: str, name: str = "small", **keys: Any) -> Job:
        """A job that is due five minutes after each open."""
        return Job(name, notebook, **{"at": "open+5min", "calendar": "XNYS", "retries": 0, **keys})

    def runner(self, *jobs: Job, **changes: Any) -> Runner:
        """A runner on this workspace, as one that has just started."""
        made = Runner(self.settings, {job.name: job for job in jobs}, self.clock, **changes)
        self.runners.append(made)
        return made

    def begin(self, *jobs: Job) -> Runner:
        """A runner that started a minute before the jobs were due, and stands at that moment."""
        self.clock.move(minutes=-1)
        runner = self.runner(*jobs)
        runner.tick()
        self.clock.move(minutes=1)
        runner.tick()
        return runner

    def run(self, job: Job) -> dict[str, Any]:
        """The job's run from its due moment to its end; its row."""
        return self.finished(self.begin(job))

    def finished(self, runner: Runner) -> dict[str, Any]:
        """Tick until nothing runs; the last row."""
        wait_until(lambda: runner.tick() or not runner.children)
        return self.rows()[-1]

    def ask(self, job: str = "small") -> None:
        """Wish for a run."""
        self.write(RunRequested(job, "the test"))

    def write(self, *events: Event) -> None:
        with Journal.open(self.settings.journal_path) as journal:
            for event in events:
                journal.append(event, self.clock.now())

    def events(self, *kinds: type[Event]) -> list[Any]:
        with Journal.read_only(self.settings.journal_path) as journal:
            return [record.event for record in journal.read(kinds=kinds)]

    def rows(self) -> list[dict[str, Any]]:
        with Journal.read_only(self.settings.journal_path) as journal:
            return run_rows(journal.read(kinds=RUN_KINDS))

    def folder_of(self, row: dict[str, Any]) -> Path:
        return self.settings.runs_dir / row["run"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace; what its runners have begun ends with the test."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "hydra.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    settings = Settings(
        gateway=Gateway(port=1, timeout_s=5.0),
        data=Data(tmp_path / "data"),
        notebooks=Notebooks(tmp_path / "notebooks"),
        toml=tmp_path / "hydra.toml",
    )
    settings = replace(settings, runner=replace(settings.runner, stop_s=30.0))
    made = Workspace(tmp_path, settings)
    yield made
    for runner in made.runners:
        for child in runner.children.values():
            child.process.kill()
            child.process.wait()
