"""The dashboard: panels as widgets that follow the journal inside the kernel's own event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import ipywidgets

from hydra import plugins
from hydra.config import Settings
from hydra.dashboard._base import STYLE, Facts, Panel, html_table
from hydra.domain.events import Recorded
from hydra.ib.probe import answers
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal

ORDER = ("connection", "breakers", "equity", "positions", "orders", "refusals", "fills")
"""Built-in panels from top to bottom; a user's own come after them."""

EVERY_S = 1.0


class Board:
    """All panels found; `widget` is what a notebook shows. One event loop, no threads."""

    def __init__(self, settings: Settings) -> None:
        """Read the journal once and draw; `follow` keeps it up to date."""
        self._settings = settings
        self._state = State()
        self._records: list[Recorded] = []
        self._panels = _load_panels(settings)
        self._views = {name: ipywidgets.HTML() for name in self._panels}
        self.widget = ipywidgets.VBox([ipywidgets.HTML(STYLE), *self._views.values()])
        self.refresh()

    def refresh(self) -> None:
        """Read what is new and redraw the panels whose table has changed, and no other."""
        self._read()
        facts = Facts(
            self._state, self._records, self._settings.gateway, answers(self._settings.gateway)
        )
        for name, panel in self._panels.items():
            title = (type(panel).__doc__ or name).splitlines()[0]
            text = html_table(title, panel.rows(facts))
            if self._views[name].value != text:
                self._views[name].value = text

    async def follow(self) -> None:
        """Refresh once a second until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.refresh()

    def _read(self) -> None:
        if not self._settings.journal_path.is_file():
            return
        with Journal.read_only(self._settings.journal_path) as journal:
            new = list(journal.read(after=self._state.seq))
        self._state = fold(new, self._state)
        self._records.extend(new)


def open_board(settings: Settings) -> tuple[Any, asyncio.Task[None]]:
    """The widget, and the task that keeps it up to date; cancel the task to stop it."""
    board = Board(settings)
    return board.widget, asyncio.get_running_loop().create_task(board.follow())


def _load_panels(settings: Settings) -> dict[str, Panel]:
    root = settings.notebooks.dir
    found = plugins.find("dashboard", root)
    names = sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else 99, name))
    return {name: plugins.load("dashboard", name, root)() for name in names}
