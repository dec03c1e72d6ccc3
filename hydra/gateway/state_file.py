"""Keeps an exchange's state in a file that is always whole: written aside, then put in place."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import Exchange
from hydra.gateway.snapshot import resumed, snapshot


def read_state(path: Path) -> Exchange | None:
    """The exchange that `path` holds; None when there is no such file.

    Raises SettingsError when the file is damaged, OSError when it cannot be read.
    """
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise SettingsError(f"{path} holds no saved state: {reason}") from None
    if not isinstance(state, dict):
        raise SettingsError(f"{path} holds no saved state: it is no JSON object")
    return resumed(state)


def write_state(path: Path, exchange: Exchange, *, to_disk: bool = True) -> None:
    """Save the exchange's state; a reader sees the old file or the new one, nothing between.

    What is not forced `to_disk` outlives the process, and not the machine.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with aside.open("w", encoding="utf-8") as file:
        json.dump(snapshot(exchange), file)
        file.flush()
        if to_disk:
            os.fsync(file.fileno())
    aside.replace(path)
