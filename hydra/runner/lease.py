"""One run at a time for each strategy: a lock on a file that the kernel takes back by itself.

The lock belongs to the open file, and every process that inherits the file shares it; it is free
as soon as the last of them has closed it or died, however it died. What the file says is for
people, and for ending a run whose starter is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, Self

LOOKS_S = (0.01, 0.03)
"""How long one who takes a lease waits for one who only looks at it."""


class Lease:
    """A lock that is held until `close`, or until the process ends."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """Use `Lease.take`."""
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lease, or None while somebody else holds it; one who only looks at it does not."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for pause in (*LOOKS_S, None):
            if _lock(descriptor, fcntl.LOCK_EX):
                return cls(descriptor, path)
            if pause is not None:
                time.sleep(pause)
        os.close(descriptor)
        return None

    def say(self, **words: Any) -> None:
        """Write who holds it, over what the last holder has left."""
        text = json.dumps(words).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))

    def close(self) -> None:
        """Give it back; those who inherited it keep it."""
        os.close(self.descriptor)


def holder(path: Path) -> dict[str, Any] | None:
    """What the present holder said of itself; None when nobody holds the lease."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _lock(descriptor, fcntl.LOCK_SH):
            return None
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # it is held, and its words are being written
    finally:
        os.close(descriptor)
    return said


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
