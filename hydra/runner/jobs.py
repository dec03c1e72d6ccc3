"""[jobs.NAME] of hydra.toml → checked jobs; a wrong one is named with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hydra import wiring
from hydra.config import Settings
from hydra.errors import BadParameter, ConfigError, HydraError, UnknownName, unknown
from hydra.plugins import convert
from hydra.runner.schedule import FILTERS, Timetable, parse_at, parse_cron
from hydra.runner.trade import TEMPLATE
from hydra.timetable import timetable

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Names of jobs become parts of folder names and addresses."""
LATE = ("never", "session")


@dataclass(frozen=True)
class Job:
    """What is to run, when, and how it may fail."""

    name: str
    notebook: str = TEMPLATE
    """A file in the notebooks' folder."""
    strategy: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """For the notebook and, in a paper session, for its strategy."""
    at: str = ""
    """`open` or `close` of each session of `calendar`, and a distance: `open+5min`."""
    calendar: str = ""
    """A code of timetables; empty: that of [trading]."""
    cron: str = ""
    """Minute, hour, day, month, weekday in `timezone`; instead of `at`."""
    timezone: str = ""
    only: tuple[str, ...] = ()
    """Days on which it runs: any of first_of_month, last_of_month, first_of_week, …, mon, tue …"""
    late: str = "never"
    """`session`: a run that was missed is made up for while its session lasts."""
    grace_s: float = 300.0
    """A start within this time after the due one counts as on time."""
    timeout_s: float = 3600.0
    """How long the whole run may take."""
    hung_s: float = 120.0
    """How long its kernel may give no sign of life."""
    retries: int = 1
    """How often a run that failed is tried again, within its session."""
    retry_after_s: float = 60.0
    enabled: bool = True

    @property
    def lease(self) -> str:
        """What only one run at a time may hold: the strategy, or the job where there is none."""
        return self.strategy or f"job-{self.name}"

    @property
    def reconciles_first(self) -> bool:
        """Whether its notebook compares the books before it trades, as the paper session does."""
        return self.notebook == TEMPLATE

    @property
    def timetable(self) -> Timetable:
        """When it is due."""
        return Timetable(self.at, self.cron, self.timezone, self.calendar, self.only)


def load_jobs(settings: Settings) -> dict[str, Job]:
    """Every job that is enabled, by name; raises `ConfigError` naming the line of a bad one."""
    jobs = {name: _job(settings, name, table) for name, table in settings.jobs.items()}
    return {name: job for name, job in jobs.items() if job.enabled}


def check_jobs(settings: Settings, jobs: Mapping[str, Job]) -> None:
    """Hold notebooks, strategies and parameters against what is there; raises `ConfigError`."""
    for name, job in jobs.items():
        for key, check in CHECKS_BY_CONTENT.items():
            try:
                check(settings, job)
            except HydraError as problem:
                raise ConfigError(f"{_where(settings, name, key)}: {problem}") from problem


def job_parameters(settings: Settings, job: Job) -> dict[str, Any]:
    """The notebook's parameters, typed; raises before a kernel starts."""
    from hydra.runner.notebook import typed_parameters
    from hydra.runner.trade import session_parameters

    if job.reconciles_first:
        return session_parameters(settings, job.strategy, job.parameters)
    own = {"strategy": job.strategy} if job.strategy else {}
    return typed_parameters(notebook_of(settings, job), {**job.parameters, **own})


def notebook_of(settings: Settings, job: Job) -> Path:
    """The job's notebook; raises `ConfigError` when it is not there."""
    path = (settings.notebooks.dir / job.notebook).resolve()
    if not path.is_file():
        there = [p.name for p in settings.notebooks.dir.glob("*.ipynb")]
        raise ConfigError(unknown("notebook", job.notebook, there))
    return path


def _known_strategy(settings: Settings, job: Job) -> None:
    if job.strategy:
        wiring.build_strategy(settings, job.strategy, {})


CHECKS_BY_CONTENT: dict[str, Callable[[Settings, Job], Any]] = {
    "notebook": notebook_of,
    "strategy": _known_strategy,
    "parameters": job_parameters,
}
"""What is checked of a job against the files that it names, by its key."""


def _job(settings: Settings, name: str, table: Mapping[str, Any]) -> Job:
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{_where(settings, name, '')}: a job's name is made of a-z, 0-9, _ and -, "
            "40 characters at most."
        )
    values = {key: _value(settings, name, key, value) for key, value in table.items()}
    job = Job(name, **{"calendar": settings.trading.calendar, **values})
    for key, check in CHECKS.items():
        try:
            check(job)
        except HydraError as problem:
            raise ConfigError(f"{_where(settings, name, key.strip())}: {problem}") from problem
    return job


def _value(settings: Settings, name: str, key: str, value: Any) -> Any:
    known = {f.name for f in fields(Job)} - {"name"}
    try:
        if key not in known:
            raise UnknownName(unknown("key of a job", key, known))
        if key == "parameters":
            if not isinstance(value, Mapping):
                raise BadParameter(f"parameters is {value!r}; it takes a table.")
            return dict(value)
        return convert(value, get_type_hints(Job)[key], key)
    except HydraError as problem:
        raise ConfigError(f"{_where(settings, name, key)}: {problem}") from problem


def _where(settings: Settings, name: str, key: str) -> str:
    """The file and the line of a job's key, or of its heading where the key is not written."""
    file = settings.toml.name if settings.toml else "hydra.toml"
    line = _line(settings.toml, name, key)
    return f"{file}{f' line {line}' if line else ''} [jobs.{name}]"


def _line(toml: Path | None, name: str, key: str) -> int | None:
    if toml is None or not toml.is_file():
        return None
    heading = re.compile(rf"""\s*\[\s*jobs\s*\.\s*["']?{re.escape(name)}["']?\s*[\].]""")
    written = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""") if key else None
    found = None
    for number, text in enumerate(toml.read_text(encoding="utf-8").splitlines(), start=1):
        if heading.match(text):
            found = found or number
        elif found and text.lstrip().startswith("["):
            return found
        elif found and written and written.match(text):
            return number
    return found


def _check_when(job: Job) -> None:
    if bool(job.at) == bool(job.cron):
        raise BadParameter(
            'a job needs either at = "open+5min" or cron = "30 9 * * mon-fri", and not both.'
        )


def _check_at(job: Job) -> None:
    if job.at:
        parse_at(job.at)


def _check_cron(job: Job) -> None:
    if job.cron:
        parse_cron(job.cron)


def _check_zone(job: Job) -> None:
    if job.cron and not job.timezone:
        raise BadParameter('a cron line needs its timezone, such as "America/New_York".')
    if job.at and job.timezone:
        raise BadParameter("at counts from the exchange's own clock, so it takes no timezone.")
    try:
        ZoneInfo(job.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise BadParameter(
            f"timezone is {job.timezone!r}; it takes a name such as America/New_York."
        ) from problem


def _check_only(job: Job) -> None:
    for name in job.only:
        if name not in FILTERS:
            raise UnknownName(unknown("filter of days", name, FILTERS))


def _check_late(job: Job) -> None:
    if job.late not in LATE:
        raise UnknownName(unknown("policy for late runs", job.late, LATE))


def _check_strategy(job: Job) -> None:
    if job.reconciles_first and not job.strategy:
        raise BadParameter(f"{TEMPLATE} needs a strategy; `hydra list` shows them.")


def _check_notebook(job: Job) -> None:
    if Path(job.notebook).name != job.notebook or not job.notebook.endswith(".ipynb"):
        raise BadParameter(
            f"notebook is {job.notebook!r}; it takes the name of a file in the notebooks' folder."
        )


def _check_ever_due(job: Job) -> None:
    if not job.timetable.coming(datetime.now(UTC), 1):
        raise BadParameter(f"only = {list(job.only)} leaves no day on which the job is due.")


def _positive(key: str, least: float) -> Any:
    def check(job: Job) -> None:
        value = getattr(job, key)
        if not least <= value < 10_000_000:
            raise BadParameter(f"{key} is {value}; it takes {least:g} or more.")

    return check


def _check_calendar(job: Job) -> None:
    timetable(job.calendar)


CHECKS = {
    "when": _check_when,
    "at": _check_at,
    "cron": _check_cron,
    "timezone": _check_zone,
    "calendar": _check_calendar,
    "only": _check_only,
    "only ": _check_ever_due,
    "late": _check_late,
    "strategy": _check_strategy,
    "notebook": _check_notebook,
    "grace_s": _positive("grace_s", 1),
    "timeout_s": _positive("timeout_s", 1),
    "hung_s": _positive("hung_s", 1),
    "retries": _positive("retries", 0),
    "retry_after_s": _positive("retry_after_s", 0),
}
"""What is checked of a job once its types are right, by the key that it is about."""
