"""One run at a time for each strategy: a lock on a file that the kernel takes back by itself.

The lock belongs to the open file, and every process that inherits the file shares it; it is free
as soon as the last of them has closed it or died, however it died. What the file says is for
people, and for ending a run whose starter is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Self


class Lease:
    """A lock that is held until `close`, or until the process ends."""

    def __init__(self, descriptor: int, path: Path) -> None:
        """Use `Lease.take`."""
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The lease, or None while somebody else holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor, path)

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
    lease = Lease.take(path) if path.exists() else None
    if lease is not None or not path.exists():
        if lease:
            lease.close()
        return None
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # it is held, and its words are being written
    return said
