"""Whether the stack is well, in words that give nothing away: no names, no money, no reasons."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hydra import __version__
from hydra.config import Settings
from hydra.domain.events import Halted, Resumed
from hydra.errors import HydraError
from hydra.journal.journal import Journal
from hydra.journal.run_rows import RUN_KINDS, run_rows
from hydra.runner.beat import read_beat

Look = Callable[[], tuple[bool, bool]]
"""Whether the gateway greeted us, and whether its data is fresh."""


@dataclass
class HealthCheck:
    """Answers for `GET /api/health`; an answer is kept for a second, for anybody may ask."""

    settings: Settings
    gateway: Look
    needs_runner: bool
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at: datetime | None = None
    _answer: dict[str, Any] = field(default_factory=dict)

    def answer(self) -> tuple[int, dict[str, Any]]:
        """200 when all is well, else 503, and what was found."""
        with self._lock:
            now = datetime.now(UTC)
            if self._at is None or (now - self._at).total_seconds() > 1.0:
                self._answer, self._at = self._look(now), now
            return (200 if self._answer["status"] == "ok" else 503), self._answer

    def _look(self, now: datetime) -> dict[str, Any]:
        beat = read_beat(self.settings)
        beating = beat is not None and beat.is_alive(now)
        handshake, fresh = self.gateway()
        journal = self._journal()
        well = journal["writable"] and handshake and fresh and (beating or not self.needs_runner)
        return {
            "status": "ok" if well else "unwell",
            "version": __version__,
            "journal": {"writable": journal["writable"]},
            "runner": {"wanted": self.needs_runner, "beating": beating},
            "gateway": {"handshake": handshake, "data_fresh": fresh},
            "last_run": journal["last_run"],
            "halted": journal["halted"],
        }

    def _journal(self) -> dict[str, Any]:
        try:
            with Journal.open(self.settings.journal_path) as journal:
                rows = run_rows(journal.read(kinds=RUN_KINDS))
                words = [r.event for r in journal.read(kinds=(Halted, Resumed))]
        except (HydraError, OSError, sqlite3.Error):
            return {"writable": False, "last_run": None, "halted": None}
        last = None
        if rows:
            at = rows[-1]["started"] or rows[-1]["due"]
            last = {"outcome": rows[-1]["outcome"], "at": at.isoformat()}
        return {
            "writable": True,
            "last_run": last,
            "halted": bool(words) and isinstance(words[-1], Halted),
        }
