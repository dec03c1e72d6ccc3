"""hydra.toml, .env and HYDRA_* variables → frozen settings, read once, at the edge.

Strength rises in that order: a variable in the environment beats `.env`, which beats `hydra.toml`,
which beats the defaults below. A key `k` of section `s` is the variable ``HYDRA_S_K``. The file is
looked for in the working folder and then in each folder above it; relative paths in it count from
the folder it lies in.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from hydra.errors import BadParameter, ConfigError, UnknownName, unknown
from hydra.plugins import typed
from hydra.timetable import Closure, close_on, timetable

FOREIGN = frozenset({"HYDRA_FULL_ERROR", "HYDRA_MAIN_MODULE"})
"""Variables of hydra-core, another package with our import name; they are none of our business."""

FOLDER = "HYDRA_SETTINGS_DIR"
"""The variable by which a run's kernel, a worker and JupyterLab look for hydra.toml and .env where
whoever started them did, wherever the notebooks lie."""


@dataclass(frozen=True)
class Gateway:
    """Where the IB Gateway answers, and as whom we log on to it."""

    host: str = "127.0.0.1"
    port: int = 4002
    account: str = ""
    """Account code; empty takes the only one that the gateway offers."""
    client_id: int = 31
    """First client id to try; the following `client_ids` - 1 are ours too."""
    client_ids: int = 8
    timeout_s: float = 10.0
    """How long one answer may take."""
    history_timeout_s: float = 60.0
    """How long bars may take: a data farm that sleeps is woken by the first request."""
    market_data_lines: int = 100
    """How many instruments may be quoted at a time; IB gives an account 100 to begin with."""
    heartbeat_s: float = 20.0
    """Silence after which a waiting session asks whether the gateway is still there."""
    give_up_s: float = 600.0
    """How long a session tries to reach a gateway that went away; a restart takes minutes."""

    def __post_init__(self) -> None:
        """Refuse no lines at all, and a time in which no bar could come."""
        if self.market_data_lines < 1:
            raise BadParameter(
                f"market_data_lines is {self.market_data_lines}; it must be 1 or more (IB: 100)."
            )
        if not self.history_timeout_s > 0:
            raise BadParameter(
                f"history_timeout_s is {self.history_timeout_s:g}; it must be > 0 seconds."
            )


@dataclass(frozen=True)
class Data:
    """The folder that holds journal.db, bars/ and runs/."""

    dir: Path = field(default_factory=lambda: Path("~/.hydra").expanduser())


@dataclass(frozen=True)
class Notebooks:
    """Where the notebooks lie, and beside them a user's own plug-in folders."""

    dir: Path = Path("notebooks")


@dataclass(frozen=True)
class Trading:
    """What a paper session trades when its parameters do not say otherwise."""

    symbols: tuple[str, ...] = ("AAPL", "GOOG", "IBM", "MSFT")
    """Stocks that are in the sample history and listed under the same names today."""
    calendar: str = "XNYS"
    currency: str = "USD"
    """That backtests reckon in; a paper session has the account's."""
    fill_timeout_s: float = 30.0
    """How long a session waits for its orders to fill before it reports."""
    algo: str = "market"
    """How orders are worked: a file name of algos/."""
    fractional_shares: bool = False
    """Orders for parts of a share of US stocks; IB takes them from accounts that have asked for
    it, and says 10243 to others."""
    max_turnover: float = 2.0
    """What all trades of a session may add up to, as a fraction of NAV; reductions pass."""
    max_impact_bps: float = 100.0
    """How far one trade may move its price, by the cost model's square root impact."""


@dataclass(frozen=True)
class Calendar:
    """What exchange_calendars does not know of the exchanges."""

    closed: tuple[str, ...] = ()
    """Days without a session, such as 2025-01-09 (all exchanges) or "XTKS 2025-01-09" (one)."""

    def closures(self) -> tuple[Closure, ...]:
        """The same as values; raises `BadParameter` for a text that is no day."""
        return tuple(map(_closure, self.closed))


def _closure(text: str) -> Closure:
    calendar, _, day = text.strip().rpartition(" ")
    try:
        return Closure(date.fromisoformat(day), calendar.strip())
    except ValueError:
        raise BadParameter(
            f"closed has {text!r}; it takes days such as 2025-01-09, or XTKS 2025-01-09 for one "
            "calendar."
        ) from None


@dataclass(frozen=True)
class Start:
    """What starts together with the Jupyter server."""

    runner: bool = False


@dataclass(frozen=True)
class Allowed:
    """What the Jupyter server answers to."""

    hosts: tuple[str, ...] = ()
    """Names of this machine that a browser may use, beside localhost, 127.0.0.1, [::1] and the
    machine's own; a request with another Host is refused."""


@dataclass(frozen=True)
class Runner:
    """How the schedule keeps its runs, and how patiently it ends them."""

    keep_days: int = 90
    """Folders of older runs are removed; the journal keeps their history."""
    keep_runs: int = 500
    """So many folders are kept at most, the newest ones."""
    stop_s: float = 20.0
    """How long a run may take to end when the runner is stopped, before it is killed."""
    probe_s: float = 30.0
    """Pause between two looks at a real gateway; a simulated one is asked every two seconds."""


EVENTS = (
    "run_failed",
    "run_missed",
    "breaker",
    "halt",
    "refusal",
    "positions",
    "gateway",
    "login",
    "session",
    "runner",
)
"""What can be alerted: see the table in README.md."""


@dataclass(frozen=True)
class Alerts:
    """Who is told what, through apprise. Addresses hold secrets: keep them out of hydra.toml."""

    urls: tuple[str, ...] = ()
    """Apprise addresses, such as tgram://… or mailto://…; in .env separated by commas."""
    urls_file: Path = Path()
    """A file with one address a line, such as a container's secret; unset: none."""
    events: tuple[str, ...] = EVENTS
    repeat_s: float = 3600.0
    """The same sentence is not sent again within this time."""
    limit_per_hour: int = 20
    """More are not sent; one message says how many were left out."""
    gateway_down_s: float = 300.0
    """How long a gateway may be away before somebody is told; its restart takes minutes."""
    reset_windows: tuple[str, ...] = ("23:45-01:45 US/Eastern", "Fri 23:00-03:00 US/Eastern")
    """When IB resets its servers: a gateway that is away then is told only if it stays away. IB's
    page "System status" of North America: 23:45 to 00:45 ET in 2024, 00:15 to 01:45 ET since; on
    Fridays 23:00 to 03:00 ET in all regions. Europe: 05:45 to 07:45 CET; Asia: 04:45 to 06:05 and
    20:15 to 21:15 HKT."""
    weekly_login: str = "Sun 12:00 US/Eastern"
    """When to remind of the weekly login of a real gateway; empty: never."""


@dataclass(frozen=True)
class Settings:
    """All settings; `risk` holds one table a check, `breakers` one a breaker, `futures` one a
    product and `jobs` one a job, by its name. `toml` is the file that was read, `folder` where the
    search for it began."""

    gateway: Gateway = field(default_factory=Gateway)
    data: Data = field(default_factory=Data)
    notebooks: Notebooks = field(default_factory=Notebooks)
    trading: Trading = field(default_factory=Trading)
    calendar: Calendar = field(default_factory=Calendar)
    start: Start = field(default_factory=Start)
    allowed: Allowed = field(default_factory=Allowed)
    runner: Runner = field(default_factory=Runner)
    alerts: Alerts = field(default_factory=Alerts)
    risk: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    breakers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    futures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    toml: Path | None = field(default=None, compare=False)
    folder: Path | None = field(default=None, compare=False)

    @property
    def journal_path(self) -> Path:
        """The journal's file."""
        return self.data.dir / "journal.db"

    @property
    def costs_path(self) -> Path:
        """The calibrated cost model's file; there is none before the first calibration."""
        return self.data.dir / "costs.json"

    @property
    def bars_dir(self) -> Path:
        """The store of bars."""
        return self.data.dir / "bars"

    @property
    def pacing_path(self) -> Path:
        """The book of requests for history, shared by all processes."""
        return self.data.dir / "pacing.db"

    @property
    def trials_path(self) -> Path:
        """Where backtests and sweeps are counted."""
        return self.data.dir / "trials.db"

    @property
    def runs_dir(self) -> Path:
        """The folder with one folder for each run."""
        return self.data.dir / "runs"


SECTIONS: dict[str, type[Any]] = {
    "gateway": Gateway,
    "data": Data,
    "notebooks": Notebooks,
    "trading": Trading,
    "calendar": Calendar,
    "start": Start,
    "allowed": Allowed,
    "runner": Runner,
    "alerts": Alerts,
}


PLUGGED = {
    "risk": "one table for each check, such as [risk.halt]",
    "breakers": "one table for each breaker, such as [breakers.drawdown]",
    "futures": "one table for each future, such as [futures.ES]",
    "jobs": "one table for each job, such as [jobs.at_the_open]",
}
"""Sections with a table for each plug-in of that folder, and for each job of the schedule."""


def load_settings(
    folder: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read all sources; raises `ConfigError` naming the source, the key and what is allowed.

    hydra.toml and .env are the nearest in `folder` or above it: by default in the folder that
    HYDRA_SETTINGS_DIR names, else in the current one. The closures of [calendar] hold in this
    process from here on.
    """
    environment = dict(os.environ if environ is None else environ)
    given = environment.pop(FOLDER, "")
    start = (folder or _folder(given)).resolve()
    settings = Settings(folder=start)
    toml = _above(start, "hydra.toml")
    if toml:
        settings = _apply(settings, _read_toml(toml), str(toml), toml.parent)
        settings = replace(settings, toml=toml)
    dotenv = _above(start, ".env")
    if dotenv:
        settings = _apply(settings, _from_variables(_read_env(dotenv)), str(dotenv), dotenv.parent)
    settings = _apply(settings, _from_variables(environment), "the environment", start)
    close_on(_closures(settings))
    return settings


def _closures(settings: Settings) -> tuple[Closure, ...]:
    """Of calendars that there are; raises `ConfigError` naming what is wrong."""
    try:
        found = settings.calendar.closures()
        for closure in found:
            if closure.calendar:
                timetable(closure.calendar)
    except (BadParameter, UnknownName) as problem:
        raise ConfigError(f"hydra.toml [calendar]: {problem}") from problem
    return found


def _folder(given: str) -> Path:
    folder = Path(given).expanduser() if given else Path.cwd()
    if not folder.is_dir():
        raise ConfigError(f"{FOLDER} is {given!r}; it must be a folder, and there is none there.")
    return folder


def nearest_toml(start: Path) -> Path | None:
    """The hydra.toml that `load_settings` reads for a folder, if there is one."""
    return _above(start.resolve(), "hydra.toml")


def _above(start: Path, name: str) -> Path | None:
    """The nearest file of that name in `start` or a folder above it."""
    return next((d / name for d in (start, *start.parents) if (d / name).is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}.") from problem


def _read_env(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    return {key: value for key, value in dotenv_values(path).items() if value is not None}


def _from_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    """HYDRA_SECTION_KEY → {section: {key: value}}; what is not ours is passed over."""
    tables: dict[str, Any] = {}
    for name, value in variables.items():
        if not name.startswith("HYDRA_") or name in FOREIGN:
            continue
        section, _, key = name.removeprefix("HYDRA_").lower().partition("_")
        if section not in SECTIONS or key not in _keys(section):
            raise ConfigError(f"{name}: {unknown('HYDRA_* variable', name, _all_variables())}")
        tables.setdefault(section, {})[key] = value
    return tables


def _apply(settings: Settings, tables: Mapping[str, Any], source: str, base: Path) -> Settings:
    for section, table in tables.items():
        if section in PLUGGED:
            plugged: dict[str, Any] = {section: _plugin_tables(section, table, source)}
            settings = replace(settings, **plugged)
            continue
        if section not in SECTIONS:
            known = [*SECTIONS, *PLUGGED]
            raise ConfigError(f"{source}: {unknown('section', section, known)}")
        current = getattr(settings, section)
        settings = replace(settings, **{section: _section(current, table, source, section, base)})
    return settings


def _section(current: Any, table: Any, source: str, section: str, base: Path) -> Any:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source}: {section} is {table!r}; it must be a table [{section}].")
    try:
        values = typed(type(current), table, f"[{section}]")
        return replace(current, **{key: _absolute(value, base) for key, value in values.items()})
    except (UnknownName, BadParameter) as problem:
        raise ConfigError(f"{source}: {problem}") from problem


def _absolute(value: Any, base: Path) -> Any:
    return (base / value.expanduser()) if isinstance(value, Path) else value


def _plugin_tables(section: str, table: Any, source: str) -> dict[str, dict[str, Any]]:
    """Shape only; the keys are held against the check or breaker itself when it is built."""
    if isinstance(table, Mapping) and all(isinstance(t, Mapping) for t in table.values()):
        return {name: dict(keys) for name, keys in table.items()}
    raise ConfigError(f"{source}: [{section}] takes {PLUGGED[section]}.")


def _keys(section: str) -> list[str]:
    cls = SECTIONS[section]
    return [f.name for f in fields(cls)] if is_dataclass(cls) else []


def _all_variables() -> list[str]:
    return [f"HYDRA_{section}_{key}".upper() for section in SECTIONS for key in _keys(section)]
