"""Which process is behind a port: for tests that kill what they have started."""

from __future__ import annotations

import os
from pathlib import Path


def listening_on(port: int) -> int:
    """The process id of whoever listens on that port."""
    ending = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(ending) and row[3] == "0A"}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) in sockets:
                return int(link.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on port {port}")
