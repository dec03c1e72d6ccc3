"""The HTTP addresses of the extension; every answer but a run's page is JSON, and an error is one
sentence in it."""

from __future__ import annotations

import asyncio
import html
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from hydra.config import Settings
from hydra.domain.events import Event, Halted, Resumed, RunRequested
from hydra.errors import BadParameter, HydraError, UnknownName, unknown
from hydra.journal.journal import Journal
from hydra.journal.run_rows import RUN_KINDS, run_rows
from hydra.runner.health import HealthCheck
from hydra.runner.notebook import PAGE, RECORD

BY = "Jupyter server"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}"
"""A run's name; it is looked up in the journal before it ever becomes a path."""
LONGEST_BODY = 10_000
DEEPEST = 20
"""Levels of a request's JSON; what is taken has one."""
TOO_DEEP = f"The request's body is nested too deeply; {DEEPEST} levels are read."


@dataclass
class Shared:
    """What the handlers share: settings, health, and why the settings could not be read."""

    settings: Settings
    health: HealthCheck
    problem: str = ""


class HealthHandler(JupyterHandler):
    """GET /api/health: for probes, without a token."""

    @allow_unauthenticated
    async def get(self) -> None:
        """200 or 503."""
        shared: Shared = self.settings["hydra"]
        status, answer = await asyncio.to_thread(shared.health.answer)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer) + "\n")


class HydraHandler(APIHandler):
    """Base: Jupyter's own authentication and XSRF check, JSON answers, one sentence an error."""

    @property
    def shared(self) -> Shared:
        """What all handlers share; a sentence where the settings cannot be used."""
        shared: Shared = self.settings["hydra"]
        if shared.problem:
            raise web.HTTPError(503, shared.problem)
        return shared

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """{"error": sentence}; what was not foreseen is told in the log and not to the client."""
        problem = (kwargs.get("exc_info") or (None, None))[1]
        said = SENTENCES.get(status_code, "The server could not do that.")
        if isinstance(problem, web.HTTPError) and problem.log_message:
            said = problem.log_message % problem.args if problem.args else problem.log_message
        self.finish(json.dumps({"error": said}) + "\n")

    def answer(self, value: Any, status: int = 200) -> None:
        """JSON."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(value, default=_plain) + "\n")

    def body(self, allowed: dict[str, type], required: tuple[str, ...] = ()) -> dict[str, Any]:
        """The request's JSON object; 400 with a sentence for anything else."""
        try:
            return checked_body(self.request.body, allowed, required)
        except HydraError as problem:
            raise web.HTTPError(400, *_sentence(problem)) from problem

    async def work(self, call: Callable[[], Any]) -> Any:
        """Do something that blocks, away from the server's loop; our errors become a sentence."""
        try:
            return await asyncio.to_thread(call)
        except HydraError as problem:
            raise web.HTTPError(status_of(problem), *_sentence(problem)) from problem


class RunsHandler(HydraHandler):
    """GET /hydra/api/runs: the history, oldest first."""

    @web.authenticated
    async def get(self) -> None:
        """Rows of hydra.journal.run_rows."""
        settings = self.shared.settings
        self.answer(await self.work(lambda: rows_of(settings)))


class RunHandler(HydraHandler):
    """GET /hydra/api/runs/NAME: one run, with its record."""

    @web.authenticated
    async def get(self, name: str) -> None:
        """Its row, and run.json where it is still kept."""
        settings = self.shared.settings
        self.answer(await self.work(lambda: run_of(settings, name)))


class PageHandler(HydraHandler):
    """GET /hydra/api/runs/NAME/html: the executed notebook as a page."""

    @property
    def content_security_policy(self) -> str:
        """A run's outputs may hold scripts of anybody's making: they get no access to the lab."""
        return "sandbox allow-scripts; frame-ancestors 'self'"

    @web.authenticated
    async def get(self, name: str) -> None:
        """The page as it was saved."""
        settings = self.shared.settings
        page = await self.work(lambda: page_of(settings, name))
        self.finish(_whole_characters(page), set_content_type="text/html; charset=utf-8")


class RunsPageHandler(JupyterHandler):
    """GET /hydra/runs: the history as a page, the newest run first."""

    @web.authenticated
    async def get(self) -> None:
        """A table; a run that has a page leads to it."""
        shared: Shared = self.settings["hydra"]
        try:
            rows = await asyncio.to_thread(rows_of, shared.settings)
        except HydraError as problem:
            raise web.HTTPError(503, *_sentence(problem)) from problem
        self.finish(_whole_characters(runs_page(rows, self.base_url)))


class JobHandler(HydraHandler):
    """POST /hydra/api/jobs/JOB/run: run a job now."""

    @web.authenticated
    async def post(self, name: str) -> None:
        """202 once the wish is in the journal; 409 while it is running, or nobody would hear."""
        settings = self.shared.settings
        self.body({})
        await self.work(lambda: request_run(settings, name))
        self.answer({"requested": name}, 202)


class HaltHandler(HydraHandler):
    """POST /hydra/api/halt {"reason": …, "flatten": false}."""

    @web.authenticated
    async def post(self) -> None:
        """Halt by a connection of its own; 200 when all was done, else 502 with what was not."""
        settings = self.shared.settings
        body = self.body({"reason": str, "flatten": bool}, ("reason",))
        outcome = await self.work(lambda: halt(settings, body))
        done = {"halted": outcome.journalled, "done": outcome.whole, "said": outcome.sentences}
        self.answer(done, 200 if outcome.whole else 502)


class ResumeHandler(HydraHandler):
    """POST /hydra/api/resume {"reason": …}."""

    @web.authenticated
    async def post(self) -> None:
        """Lift the halt; 409 when there is none."""
        settings = self.shared.settings
        body = self.body({"reason": str}, ("reason",))
        await self.work(lambda: resume(settings, body["reason"]))
        self.answer({"resumed": True})


class Conflict(HydraError):
    """What was asked for cannot be done now."""


def checked_body(
    text: bytes, allowed: dict[str, type], required: tuple[str, ...]
) -> dict[str, Any]:
    """A JSON object with these keys of these types; raises `BadParameter` and `UnknownName`."""
    body = _object(text)
    for key, value in body.items():
        if key not in allowed:
            raise UnknownName(unknown("key of this request", key, allowed))
        if type(value) is not allowed[key]:
            wanted = {str: "a text", bool: "true or false"}[allowed[key]]
            raise BadParameter(f"{key} is {value!r}; it takes {wanted}.")
    for key in required:
        if not str(body.get(key, "")).strip():
            raise BadParameter(f"{key} is needed, as a text that is not empty.")
    return body


def _object(text: bytes) -> dict[str, Any]:
    if len(text) > LONGEST_BODY:
        raise BadParameter(f"The request's body is longer than {LONGEST_BODY} bytes.")
    try:
        body = json.loads(text or b"{}")
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        raise BadParameter(
            "The request's body holds half a character (a lone surrogate); send whole ones."
        ) from problem
    except RecursionError as problem:
        raise BadParameter(TOO_DEEP) from problem
    except ValueError as problem:
        raise BadParameter(f"The request's body is no JSON: {problem}.") from problem
    if not isinstance(body, dict):
        raise BadParameter("The request's body must be a JSON object.")
    if _is_deep(body):
        raise BadParameter(TOO_DEEP)
    return body


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    return bool(level)


def rows_of(settings: Settings) -> list[dict[str, Any]]:
    """All runs and misses, oldest first; none before there is a journal."""
    if not settings.journal_path.is_file():
        return []
    with Journal.read_only(settings.journal_path) as journal:
        return run_rows(journal.read(kinds=RUN_KINDS))


def run_of(settings: Settings, name: str) -> dict[str, Any]:
    """One run's row with its record; raises `UnknownName`."""
    row = _row(settings, name)
    record = settings.runs_dir / row["run"] / RECORD
    try:
        row["record"] = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        row["record"] = None
    return row


def runs_page(rows: Sequence[Mapping[str, Any]], base: str) -> str:
    """The rows as a page of its own; all that it shows is escaped."""
    names = ("run", "job", "strategy", "trigger", "due", "outcome", "reason", "seconds")
    lines = []
    for row in reversed(rows):
        cells = {name: html.escape(_cell(row[name])) for name in names}
        if row["run"]:
            link = f"{base}hydra/api/runs/{urllib.parse.quote(row['run'])}/html"
            cells["run"] = f'<a href="{html.escape(link)}">{cells["run"]}</a>'
        kind = html.escape(row["outcome"])
        lines.append(f'<tr class="{kind}">{"".join(f"<td>{c}</td>" for c in cells.values())}</tr>')
    heads = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(lines) or f'<tr><td colspan="{len(names)}">nothing ran yet</td></tr>'
    return f"{RUNS_HEAD}<table><tr>{heads}</tr>{body}</table>\n"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)


def page_of(settings: Settings, name: str) -> str:
    """A run's page; raises `UnknownName` where there is none, or none any more."""
    page: Path = settings.runs_dir / _row(settings, name)["run"] / PAGE
    try:
        return page.read_text(encoding="utf-8")
    except OSError as problem:
        raise UnknownName(f"The run {name} has no page (yet, or any more).") from problem


def request_run(settings: Settings, name: str) -> None:
    """Wish for a run of a job; raises `UnknownName`, or `Conflict` when it is running."""
    from datetime import UTC

    from hydra.runner.beat import read_beat
    from hydra.runner.jobs import load_jobs
    from hydra.runner.jobs_file import present_settings
    from hydra.runner.lease import holder
    from hydra.runner.trade import lease_path

    jobs = load_jobs(present_settings(settings))
    if name not in jobs:
        raise UnknownName(unknown("job", name, jobs))
    beat = read_beat(settings)
    if beat is None or not beat.is_alive(datetime.now(UTC)):
        raise Conflict("No runner is at work, so nobody would carry the request out.")
    held = holder(lease_path(settings, jobs[name].lease))
    if held is not None:
        raise Conflict(f"{name} is running already, as {held.get('run', 'another run')}.")
    _append(settings, RunRequested(name, BY))


def halt(settings: Settings, body: dict[str, Any]) -> Any:
    """Halt trading; see `hydra.wiring.halt`."""
    from hydra import wiring

    flatten = body.get("flatten", False)
    return asyncio.run(wiring.halt(settings, body["reason"], BY, flatten=flatten))


def resume(settings: Settings, reason: str) -> None:
    """Lift a halt; raises `Conflict` when there is none."""
    with Journal.open(settings.journal_path) as journal:
        words = [record.event for record in journal.read(kinds=(Halted, Resumed))]
    if not words or isinstance(words[-1], Resumed):
        raise Conflict("Trading is not halted, so there is nothing to resume.")
    _append(settings, Resumed(reason, BY))


def status_of(problem: HydraError) -> int:
    """The HTTP status of one of our errors."""
    if isinstance(problem, UnknownName):
        return 404
    return 409 if isinstance(problem, Conflict) else 503


def _row(settings: Settings, name: str) -> dict[str, Any]:
    """The run's row: a name that the journal has, and no other, becomes a path."""
    found = [row for row in rows_of(settings) if row["run"] == name]
    if not re.fullmatch(NAME, name) or not found:
        raise UnknownName("There is no such run; GET /hydra/api/runs lists them.")
    return found[0]


def _append(settings: Settings, event: Event) -> None:
    from hydra.clock import WallClock

    with Journal.open(settings.journal_path) as journal:
        journal.append(event, WallClock().now())


def _sentence(problem: HydraError) -> tuple[str, str]:
    """tornado formats log messages with %; ours are taken as they are."""
    return "%s", str(problem)


def _whole_characters(text: str) -> str:
    """The text as it can be sent: half a character (a lone surrogate) is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


SENTENCES = {
    403: "This needs the server's token.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}

RUNS_HEAD = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>HYDRA runs</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .35em .9em .35em 0; }
th { border-bottom: 1px solid #999; font-weight: 600; } td { border-bottom: 1px solid #eee; }
.well td:nth-child(6) { color: #1a7f37; }
.failed td:nth-child(6), .died td:nth-child(6), .hung td:nth-child(6), .timeout td:nth-child(6),
.missed td:nth-child(6) { color: #c62828; font-weight: 600; }
</style><h1>Runs</h1>
"""

HANDLERS: list[tuple[str, type[JupyterHandler]]] = [
    (r"/api/health", HealthHandler),
    (r"/hydra/runs", RunsPageHandler),
    (r"/hydra/api/runs", RunsHandler),
    (r"/hydra/api/runs/(.+)/html", PageHandler),
    (r"/hydra/api/runs/(.+)", RunHandler),
    (r"/hydra/api/jobs/(.+)/run", JobHandler),
    (r"/hydra/api/halt", HaltHandler),
    (r"/hydra/api/resume", ResumeHandler),
]
