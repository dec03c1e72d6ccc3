"""A run's own process: `python -m hydra.runner.worker`, told on its standard input what to do.

It holds the strategy's lease by an open file that it inherits, so the lease ends with it, and it
ends its run in the journal itself: it does not need whoever started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from hydra.config import Settings, load_settings
from hydra.domain.events import RunStarted
from hydra.errors import HydraError
from hydra.runner.notebook import ORDER, private, write_whole
from hydra.runner.redact import Redactor, own_secrets

LOG = "run.log"


@dataclass(frozen=True)
class Assignment:
    """What a run's process is to do, as plain data."""

    run: str
    job: str
    strategy: str
    notebook: str
    trigger: str
    session: str
    due: str | None
    parameters: dict[str, Any]
    data_dir: str
    ahead_s: float
    timeout_s: float
    hung_s: float

    def text(self) -> str:
        """The order as the process takes it."""
        return json.dumps(asdict(self))

    def note(self, folder: Path, redactor: Redactor) -> None:
        """Leave it in the run's new folder, without secrets; may raise `OSError`."""
        folder.mkdir(mode=0o700, parents=True)
        plain = json.dumps(redactor.plain(asdict(self)), indent=2) + "\n"
        write_whole(folder / ORDER, plain)

    @property
    def begun(self) -> RunStarted:
        """The event that the run began with."""
        return RunStarted(
            run=self.run,
            job=self.job,
            strategy=self.strategy,
            notebook=self.notebook,
            trigger=self.trigger,
            session=date.fromisoformat(self.session),
            due=datetime.fromisoformat(self.due) if self.due else None,
            parameters={name: str(value) for name, value in self.parameters.items()},
        )


def main() -> int:
    """Do what the order on standard input says; 0 when it ended well, else 1."""
    order = Assignment(**json.load(sys.stdin))
    redactor = Redactor(own_secrets()).knowing(order.parameters)
    log = _redacted_log(Path(order.data_dir) / "runs" / order.run / LOG, redactor)
    try:
        return 0 if _run(order) == "well" else 1
    finally:
        log()


def _run(order: Assignment) -> str:
    from hydra.runner.conduct import Conduct, conduct
    from hydra.runner.jobs import Job, job_parameters, notebook_of
    from hydra.runner.kernel_watch import KernelWatch, Limits

    settings = _settings(order)
    watch = KernelWatch(Limits(order.timeout_s, order.hung_s))
    signal.signal(signal.SIGTERM, lambda number, frame: watch.stop("The run was told to stop."))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    job = Job(order.job, order.notebook, order.strategy, order.parameters)
    ahead = timedelta(seconds=order.ahead_s)
    try:
        parameters, path = job_parameters(settings, job), notebook_of(settings, job)
        what = Conduct(order.begun, path, parameters, ahead, watch.limits)
        run = conduct(settings, what, watch)
    except (HydraError, OSError) as problem:
        return _could_not_begin(settings, order, problem)
    sys.stderr.write(f"{run.outcome} after {run.seconds:.1f} s {run.error}\n")
    return run.outcome


def _could_not_begin(settings: Settings, order: Assignment, problem: Exception) -> str:
    from hydra.domain.events import RunEnded
    from hydra.runner.conduct import append

    reason = Redactor(own_secrets()).knowing(order.parameters).text(str(problem))
    sys.stderr.write(reason + "\n")
    append(settings, RunEnded(order.run, "failed", reason, 0.0), timedelta(seconds=order.ahead_s))
    return "failed"


def _settings(order: Assignment) -> Settings:
    settings = load_settings()
    return replace(settings, data=replace(settings.data, dir=Path(order.data_dir)))


def _redacted_log(path: Path, redactor: Redactor) -> Any:
    """Send what this process and its kernel print into a file, line by line, without secrets.

    Returns what ends it. A disk that is full loses the line and not the run.
    """
    reading, writing = os.pipe()
    for descriptor in (1, 2):
        os.dup2(writing, descriptor)
    os.close(writing)

    def copy() -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            for line in redactor.lines(lines):
                _append_line(path, line)

    thread = threading.Thread(target=copy, name="run-log", daemon=True)
    thread.start()

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(null, descriptor)
        thread.join(2.0)  # a process that a cell left behind may hold the pipe

    return end


def _append_line(path: Path, line: str) -> None:
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace", opener=private) as log:
            log.write(line)
    except OSError:
        return  # there is nowhere left to say it


if __name__ == "__main__":
    sys.exit(main())
