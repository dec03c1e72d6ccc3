"""Which names a browser may call the Jupyter server by: any other Host gets 403, websockets too.

Jupyter's own check is off as soon as its server listens on all addresses, as in the container, and
then a page of anybody's whose name is made to lead to this machine (DNS rebinding) reaches it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from tornado.web import RequestHandler

OURS = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("", "*", "0.0.0.0", "::")
"""Addresses to listen on that are nobody's name."""


class ForeignHost(RequestHandler):
    """Answers every request of a foreign Host."""

    def prepare(self) -> None:
        """403 with one sentence, before anything of the request is looked at."""
        self.set_status(403)
        self.set_header("Content-Type", "application/json")
        self.finish(
            json.dumps(
                {
                    "error": f"Host is {self.request.host!r}, and this server is not called so; "
                    "add the name to HYDRA_ALLOWED_HOSTS if it is yours."
                }
            )
            + "\n"
        )

    def check_xsrf_cookie(self) -> None:
        """The answer is the same with one and without."""


def allowed_hosts(further: Iterable[str], listens_on: str = "") -> frozenset[str]:
    """The loopback's names, this machine's (in a container, its own), the address that is listened
    on, and those of the settings; lower case, without brackets."""
    given = (*OURS, socket.gethostname(), listens_on, *further)
    return frozenset(name.strip().strip("[]").lower() for name in given if name not in WILDCARDS)


def is_allowed(host: str, allowed: frozenset[str]) -> bool:
    """Whether a Host header, with or without a port, names one of them."""
    try:
        return (urlsplit(f"//{host}").hostname or "") in allowed and "@" not in host
    except ValueError:
        return False


def guard(app: Any, allowed: frozenset[str]) -> None:
    """Put the check before all routes of a tornado application, those of other extensions too."""
    find = app.find_handler

    def find_guarded(request: Any, **options: Any) -> Any:
        if is_allowed(request.host or "", allowed):
            return find(request, **options)
        return app.get_handler_delegate(request, ForeignHost)

    app.find_handler = find_guarded
