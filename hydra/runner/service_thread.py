"""The service in a thread of its own, beside a program that has its own event loop.

What the service needs (pandas, ib_async) is loaded in that thread, so that the program beside it
starts without waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from hydra.config import Settings
from hydra.errors import HydraError

if TYPE_CHECKING:
    from hydra.runner.service import Service

log = logging.getLogger("hydra.runner")


class Beside:
    """A service in a thread of its own, beside a program that has its own event loop."""

    def __init__(self, settings: Settings, *, with_runner: bool) -> None:
        """`start` starts the thread."""
        self.settings = settings
        self.with_runner = with_runner
        self.service: Service | None = None
        self.problem = ""
        self._thread = threading.Thread(target=self._work, name="hydra-runner", daemon=True)
        self._wants_to_stop = threading.Event()

    def start(self) -> None:
        """Begin, without waiting for anything."""
        self._thread.start()

    def stop(self) -> None:
        """End it and wait until its runs have ended."""
        self._wants_to_stop.set()
        if self.service:
            self.service.stop()
        self._thread.join(self.settings.runner.stop_s + 15.0)

    @property
    def is_alive(self) -> bool:
        """Whether its thread is at work."""
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except (HydraError, OSError) as problem:
            self.problem = str(problem)
            log.error("the runner did not start: %s", problem)

    async def _serve(self) -> None:
        from hydra.runner.service import Service

        service = Service(self.settings, self.with_runner)
        self.service = service
        if not self._wants_to_stop.is_set():
            await service.run()
