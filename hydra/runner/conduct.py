"""One run from its beginning to its end: journalled, watched, redacted, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hydra.config import Settings
from hydra.domain.events import RunEnded, RunStarted
from hydra.journal.journal import Journal
from hydra.runner.kernel_watch import KernelWatch, Limits
from hydra.runner.notebook import Run, run_notebook
from hydra.runner.redact import Redactor, own_secrets
from hydra.runner.trade import kernel_environment


@dataclass(frozen=True)
class Conduct:
    """What is run: its beginning as the journal has it, notebook, typed parameters; `ahead` is
    how far the market's clock is ahead of ours."""

    begun: RunStarted
    notebook: Path
    parameters: Mapping[str, Any]
    ahead: timedelta = timedelta()
    limits: Limits = field(default_factory=Limits)


def conduct(settings: Settings, what: Conduct, watch: KernelWatch | None = None) -> Run:
    """Journal the beginning, execute, journal the end; whoever calls holds the lease.

    Raises what prevents the beginning; afterwards the journal has an end, whatever happens here
    short of the process being killed.
    """
    redactor = Redactor(own_secrets()).knowing(what.parameters)
    begun = replace(what.begun, parameters=redactor.plain(what.begun.parameters))
    append(settings, begun, what.ahead)
    try:
        run = run_notebook(
            what.notebook,
            what.parameters,
            settings.runs_dir / begun.run,
            kernel_environment(settings),
            watch or KernelWatch(what.limits),
            redactor,
        )
    except BaseException as problem:
        told_to = isinstance(problem, KeyboardInterrupt | SystemExit)
        reason = redactor.text(str(problem)) or type(problem).__name__
        ended = ("stopped", "The run was interrupted.") if told_to else ("failed", reason)
        append(settings, RunEnded(begun.run, *ended, 0.0), what.ahead)
        raise
    append(settings, RunEnded(begun.run, run.outcome, sentence(run), run.seconds), what.ahead)
    return run


def append(settings: Settings, event: RunStarted | RunEnded, ahead: timedelta) -> int | None:
    """Write one event at the market's time."""
    with Journal.open(settings.journal_path) as journal:
        return journal.append(event, datetime.now(UTC) + ahead)


def sentence(run: Run) -> str:
    """What went wrong, without the error's name; empty for a run that ended well."""
    name, colon, text = run.error.partition(": ")
    return text.strip() if colon and name.isidentifier() and text.strip() else run.error
