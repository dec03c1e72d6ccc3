"""The Jupyter server extension: health for anybody, runs and control for those with the token.

Importing it costs nothing: pandas, ib_async and the schedule are loaded in the runner's own
thread, after the server answers.
"""

from __future__ import annotations

import atexit
import logging
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join

from hydra.config import Settings, load_settings
from hydra.errors import HydraError
from hydra.runner.handlers import HANDLERS, Shared
from hydra.runner.health import HealthCheck
from hydra.runner.hosts import allowed_hosts, guard

log = logging.getLogger("hydra.runner")


NO_MATHJAX = "static/no-mathjax.js"
"""There is none at this address, and asking for it tells nobody anything."""


class HydraExtension(ExtensionApp):
    """HYDRA in the Jupyter server."""

    name = "hydra"
    extension_url = "/voila/render/04_dashboard.ipynb"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Read the settings; with [start] runner the schedule begins in a thread of its own."""
        self.beside: Any = None
        try:
            settings, problem = load_settings(), ""
        except HydraError as wrong:
            settings, problem = Settings(), str(wrong)
            self.log.error("hydra: %s", wrong)
        if self.serverapp is not None:
            names = allowed_hosts(settings.allowed.hosts, self.serverapp.ip)
            guard(self.serverapp.web_app, names)
        shared = Shared(settings, self._health(settings), problem)
        self.settings["hydra"] = shared
        # JupyterLab brings its own MathJax; Voilà would fetch one from outside, formula or not.
        self.settings["mathjax_url"] = url_path_join(self.settings["base_url"], NO_MATHJAX)
        if not problem:
            self._start(settings)

    def initialize_handlers(self) -> None:
        """The addresses, below the server's base."""
        base = self.settings["base_url"]
        self.handlers.extend((url_path_join(base, path), handler) for path, handler in HANDLERS)

    async def stop_extension(self) -> None:
        """End the schedule, and its runs with it, before the server ends."""
        import asyncio

        await asyncio.to_thread(self._stop)

    def _start(self, settings: Settings) -> None:
        from hydra.runner.service_thread import Beside

        self.beside = Beside(settings, with_runner=settings.start.runner)
        self.beside.start()
        atexit.register(self._stop)  # also when the server ends without asking its extensions

    def _stop(self) -> None:
        if self.beside is not None:
            self.beside.stop()
            self.beside = None

    def _health(self, settings: Settings) -> HealthCheck:
        def gateway() -> tuple[bool, bool]:
            beside = self.beside
            service = beside.service if beside and beside.is_alive else None
            seen = service.health if service else None
            return (seen.handshake, seen.fresh) if seen else (False, False)

        return HealthCheck(settings, gateway, settings.start.runner)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "hydra.runner.extension", "app": HydraExtension}]
