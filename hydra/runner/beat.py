"""runner.json: the sign of life of the one runner, and what it is going to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hydra import __version__
from hydra.config import Settings
from hydra.runner.notebook import write_whole

EVERY_S = 2.0
DEAD_AFTER = timedelta(seconds=20)


@dataclass(frozen=True)
class Beat:
    """What runner.json said last; times aware UTC of the machine, fire times of the market."""

    pid: int
    host: str
    beat: datetime
    started: datetime
    version: str
    jobs: Mapping[str, datetime | None]
    ahead: timedelta = timedelta()
    """How far the market's clock was ahead of the machine's."""

    def is_alive(self, now: datetime) -> bool:
        """Whether a runner wrote it lately."""
        return now - self.beat <= DEAD_AFTER


def write_beat(
    settings: Settings,
    started: datetime,
    jobs: Mapping[str, datetime | None],
    ahead: timedelta = timedelta(),
) -> None:
    """Replace runner.json as a whole; may raise `OSError`."""
    said = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "beat": datetime.now(UTC).isoformat(),
        "started": started.isoformat(),
        "version": __version__,
        "jobs": {name: at.isoformat() if at else None for name, at in jobs.items()},
        "ahead_s": ahead.total_seconds(),
    }
    write_whole(beat_path(settings), json.dumps(said, indent=2) + "\n")


def read_beat(settings: Settings) -> Beat | None:
    """The last sign of life, however old; None where there is none that can be read."""
    try:
        said = json.loads(beat_path(settings).read_text(encoding="utf-8"))
        jobs = {n: datetime.fromisoformat(t) if t else None for n, t in said["jobs"].items()}
        return Beat(
            said["pid"],
            said["host"],
            datetime.fromisoformat(said["beat"]),
            datetime.fromisoformat(said["started"]),
            said["version"],
            jobs,
            timedelta(seconds=said.get("ahead_s", 0.0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def beat_path(settings: Settings) -> Path:
    """Where the runner says that it lives."""
    return settings.data.dir / "runner.json"
