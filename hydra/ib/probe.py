"""Whether anything listens at a gateway's address; says nothing of whether it is well."""

from __future__ import annotations

import socket

from hydra.config import Gateway


def answers(settings: Gateway, timeout_s: float = 1.0) -> bool:
    """True when the port accepts a connection within the time-out."""
    try:
        socket.create_connection((settings.host, settings.port), timeout_s).close()
    except OSError:
        return False
    return True
