"""The dashboard: one widget that follows the journal inside the kernel's own event loop.

Every view of it (a tab, a second tab, a page) says hello and is told everything; from then on it
is told what has changed, and only while somebody looks and it keeps up: a view that does not say
that it has got its messages is told no more.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import zoneinfo
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget

from hydra import plugins
from hydra.config import Settings
from hydra.dashboard._base import Face, Facts, Panel
from hydra.dashboard._controls import Controls, carry_out, foreseen
from hydra.dashboard._feed import Feed, Surroundings
from hydra.dashboard._sheet import Drawn, Message, Query, Sheet
from hydra.errors import HydraError, UnknownName, unknown
from hydra.timetable import timetable

ORDER = (
    "status", "equity", "positions", "strategies", "orders", "fills", "days", "limits",
    "breakers", "refusals", "targets", "history", "costs", "jobs", "runs", "deeds", "log",
)  # fmt: skip
"""Built-in panels from top to bottom; a user's own come after them."""
LOOK_S = 0.1
"""Pause between two looks at the journal while somebody looks at the board."""
REDRAW_S = 0.2
"""What has changed within it is sent in one message."""
IDLE_S = 5.0
"""Pause between two looks at the journal while nobody looks."""
LEFT_S = 60.0
"""How long a board without any view stays ready for the next one."""
SHARE = 0.04
"""A panel takes no more than this part of the time: a slow one is drawn less often."""
WINDOW = 40
"""So many messages may be under way to a view before it must say that it has got them."""
VIEWS = 16
"""Of more views the one goes that was silent for longest."""
CONFIRM_S = 120.0
"""How long a question may wait for its answer."""
HERE = Path(__file__).parent


class BoardWidget(anywidget.AnyWidget):
    """What the notebook shows; its front end is `_board.js`, which nothing has to build."""

    _esm = HERE / "_board.js"
    _css = HERE / "_board.css"
    following: asyncio.Task[None] | None = None
    """What keeps it up to date."""

    def close(self) -> None:
        """Stop following the journal and take the widget away."""
        if self.following:
            self.following.cancel()
        super().close()


@dataclass
class _View:
    """One place where the board is shown."""

    sheets: dict[str, Sheet]
    visible: bool = True
    fresh: bool = True
    """Whether it waits for its first message."""
    behind: bool = False
    """Whether panels were reckoned since it was told of them."""
    sent: int = 0
    got: int = 0
    heard: float = field(default_factory=time.monotonic)

    @property
    def ready(self) -> bool:
        """Whether somebody looks, and it keeps up."""
        return self.visible and self.sent - self.got < WINDOW


@dataclass
class _Asked:
    """A question that waits for its answer; it can be answered once."""

    action: str
    target: str
    until: float


class Board:
    """All panels found; `widget` is what a notebook shows. One event loop, no threads."""

    def __init__(
        self,
        settings: Settings,
        around: Surroundings,
        controls: Controls | None = None,
        panels: Sequence[str] = (),
    ) -> None:
        """Read nothing yet; `follow` does. Raises `UnknownName` for a panel that there is not."""
        self.feed = Feed(settings, around)
        self.controls = controls
        self.panels = load_panels(settings, panels)
        self.faces = {name: _face(settings, name, panel) for name, panel in self.panels.items()}
        self.widget = BoardWidget()
        self.widget.on_msg(self._on_message)
        self.spent: dict[str, float] = {}
        """Seconds that the last drawing of each panel took."""
        self._zone = _zone(settings.trading.calendar)
        self._drawn: dict[str, Drawn] = {}
        self._next: dict[str, float] = {}
        self._views: dict[str, _View] = {}
        self._asked: dict[str, _Asked] = {}
        self._acting: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._left = False
        """Whether all views have said goodbye."""
        self._stale = set(self.panels)

    def start(self) -> None:
        """Follow the journal in the event loop that runs, until the widget is closed."""
        self.widget.following = asyncio.get_running_loop().create_task(self.follow())

    async def follow(self) -> None:
        """Follow the journal until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._once()
                except Exception as problem:  # a board that stands still must say so, and go on
                    self._say_trouble(problem)
                    await asyncio.sleep(REDRAW_S)
                pause = LOOK_S if self._looked_at else IDLE_S
                await _first_of(self._wake, pause)
                if self._left:
                    await self._rest()
        finally:
            self.feed.close()

    async def _rest(self) -> None:
        """Once all views have said goodbye for good, hold nothing; a new one begins anew."""
        self._wake.clear()
        await _first_of(self._wake, LEFT_S)
        if not self._left:
            return
        self.feed.release()
        self._drawn.clear()
        self._stale = set(self.panels)
        while self._left:
            self._wake.clear()
            await self._wake.wait()

    def _say_trouble(self, problem: Exception) -> None:
        text = f"The dashboard is in trouble ({type(problem).__name__}: {problem}); it tries on."
        for key, view in self._views.items():
            view.fresh = True  # whatever it has may be half of something
            self._send(key, {"type": "news", "panels": {}, "problem": text})
            for sheet in view.sheets.values():
                sheet.forget()

    async def _once(self) -> None:
        changed = await self.feed.read()
        changed |= await self.feed.look_around() if self._looked_at else False
        if changed:
            self._stale = set(self.panels)
        if self._looked_at:
            self.draw()

    @property
    def _looked_at(self) -> bool:
        return any(view.ready for view in self._views.values())

    def draw(self) -> None:
        """Reckon the panels that may have changed, and tell every view what it lacks."""
        now = time.monotonic()
        due = [name for name in self._stale if self._next.get(name, 0.0) <= now]
        if due:
            facts = self.feed.facts()
            for name in due:
                self._reckon(name, facts)
        for key, view in self._views.items():
            view.behind |= bool(due)
            if view.ready and (view.behind or view.fresh):
                self._tell(key, view)

    def _reckon(self, name: str, facts: Facts) -> None:
        began = time.perf_counter()
        self._drawn[name] = _drawn(self.panels[name], facts)
        self.spent[name] = spent = time.perf_counter() - began
        self._next[name] = time.monotonic() + max(REDRAW_S, spent / SHARE)
        self._stale.discard(name)

    def _tell(self, key: str, view: _View) -> None:
        changes = {
            name: change
            for name, sheet in view.sheets.items()
            if name in self._drawn and (change := sheet.changes(self._drawn[name]))
        }
        message: Message = {"type": "news", "panels": changes, "problem": self.feed.problem}
        view.behind = False
        if view.fresh:
            message.update(type="all", layout=self._layout())
        elif not changes:
            return
        view.fresh = False
        view.sent += 1
        self._send(key, {**message, "n": view.sent, "now": round(time.time() * 1000)})

    def _layout(self) -> Message:
        return {
            "zone": self._zone,
            "controls": self.controls is not None,
            "panels": [
                {
                    "name": face.name,
                    "title": face.title,
                    "view": face.view,
                    "width": face.width,
                    "rows": face.page_rows,
                    "search": face.search,
                    "own": face.own,
                }
                for face in self.faces.values()
            ],
        }

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        """A word of a view; what makes no sense is passed over."""
        if not isinstance(content, dict):
            return
        key = str(content.get("view", ""))
        if content.get("type") == "hello":
            self._greet(key, content)
        view = self._views.get(key)
        if view is None:
            return
        view.heard = time.monotonic()
        hear = HEARD.get(str(content.get("type")))
        if hear:
            hear(self, key, view, content)
        self._wake.set()

    def _greet(self, key: str, content: Message) -> None:
        queries = content.get("queries")
        given = queries if isinstance(queries, dict) else {}
        sheets = {
            name: Sheet(face, Query.of(given.get(name) or {}, face))
            for name, face in self.faces.items()
        }
        self._views.pop(key, None)
        while len(self._views) >= VIEWS:
            del self._views[min(self._views, key=lambda name: self._views[name].heard)]
        self._left = False
        self._views[key] = _View(sheets, visible=content.get("visible") is not False)

    def _got(self, key: str, view: _View, content: Message) -> None:
        view.got = max(view.got, int(content.get("n", 0)))
        if content.get("ping"):
            self._send(key, {"type": "pong"})

    def _seen(self, key: str, view: _View, content: Message) -> None:
        view.visible = bool(content.get("visible"))

    def _query(self, key: str, view: _View, content: Message) -> None:
        sheet = view.sheets.get(str(content.get("panel")))
        if sheet:
            sheet.query = Query.of(content, sheet.face)
            self._tell(key, view)

    def _bye(self, key: str, view: _View, content: Message) -> None:
        self._views.pop(key, None)
        self._left = not self._views

    def _ask(self, key: str, view: _View, content: Message) -> None:
        """Say what an action would do; it is done when the view answers with the token."""
        action, target = str(content.get("action", "")), str(content.get("target", ""))
        would = foreseen(action, target, self.feed.facts())
        possible = would.possible and self.controls is not None
        token = secrets.token_hex(8) if possible else ""
        if token:
            until = time.monotonic() + CONFIRM_S
            self._asked = {t: a for t, a in self._asked.items() if a.until > time.monotonic()}
            self._asked[token] = _Asked(action, target, until)
        answer = {
            "type": "confirm",
            "action": action,
            "target": target,
            "token": token,
            "sentence": would.sentence,
            "reason": would.needs_reason,
        }
        self._send(key, answer)

    def _act(self, key: str, view: _View, content: Message) -> None:
        """Do what was asked and confirmed, in the kernel's own event loop."""
        asked = self._asked.pop(str(content.get("token")), None)
        reason = str(content.get("reason") or "").strip()
        if asked is None or asked.until < time.monotonic():
            sentence = "Nothing was done: the question is answered already, or too old."
            self._send(key, {"type": "done", "well": False, "said": [sentence]})
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(key, asked, reason))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _carry_out(self, key: str, asked: _Asked, reason: str) -> None:
        said, well = ["Nothing was done: this board only shows."], False
        if self.controls:
            try:
                said = list(await carry_out(self.controls, asked.action, asked.target, reason))
                well = True
            except HydraError as problem:
                said = [str(problem)]
        self._send(key, {"type": "done", "well": well, "said": said})
        self._wake.set()

    def _send(self, key: str, message: Message) -> None:
        self.widget.send({**message, "view": key})


HEARD = {
    "got": Board._got,
    "visible": Board._seen,
    "query": Board._query,
    "bye": Board._bye,
    "ask": Board._ask,
    "act": Board._act,
}
"""What is done with each kind of word."""


def load_panels(settings: Settings, wanted: Sequence[str] = ()) -> dict[str, Panel]:
    """The panels found, or those wanted in that order; raises `UnknownName`."""
    root = settings.notebooks.dir
    found = plugins.find("dashboard", root)
    for name in wanted:
        if name not in found:
            raise UnknownName(unknown("panel", name, found))
    names = list(wanted) or sorted(found, key=_place)
    return {name: plugins.load("dashboard", name, root)() for name in names}


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _face(settings: Settings, name: str, panel: Panel) -> Face:
    return Face.of(name, panel, plugins.find("dashboard", settings.notebooks.dir)[name].own)


def _drawn(panel: Panel, facts: Facts) -> Drawn:
    """A panel that breaks says so in its own place; the others stay."""
    try:
        rows = panel.rows(facts)
        note, charts = getattr(panel, "note", None), getattr(panel, "charts", None)
        return Drawn(
            rows, note(facts, rows) if note else "", tuple(charts(facts)) if charts else ()
        )
    except Exception as problem:
        return Drawn(note=f"This panel is broken: {type(problem).__name__}: {problem}")


def _zone(calendar: str) -> str:
    """The exchange's time zone by its name."""
    name = str(timetable(calendar).zone)
    return name if name in zoneinfo.available_timezones() else "UTC"


async def _first_of(wake: asyncio.Event, seconds: float) -> None:
    # not wait_for: in Python 3.11 it swallows a cancellation that comes with the event
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()
