"""Which run folders are kept: by age and by number; the journal keeps the history of all."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hydra.config import Runner
from hydra.runner.notebook import ORDER, RECORD


def remove_old_runs(folder: Path, keep: Runner, running: Collection[str]) -> list[str]:
    """Remove run folders beyond what `keep` allows; returns their names, oldest first.

    Only folders that a run has made are touched, and never one of a run that goes on.
    """
    found = sorted((path for path in _runs(folder) if path.name not in running), key=_made)
    oldest = datetime.now(UTC) - timedelta(days=keep.keep_days)
    surplus = max(len(found) - keep.keep_runs, 0)
    removed = [
        path
        for number, path in enumerate(found)
        if number < surplus or _made(path) < oldest.timestamp()
    ]
    for path in removed:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in removed]


def _runs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    made = (RECORD, ORDER)
    return [
        path
        for path in folder.iterdir()
        if not path.is_symlink() and any((path / name).is_file() for name in made)
    ]


def _made(path: Path) -> float:
    return path.stat().st_mtime
