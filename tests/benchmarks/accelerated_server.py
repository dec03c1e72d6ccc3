"""A Jupyter server whose schedule lives as many seconds as it is told to, each as soon as the last
is over: JupyterLab with the extension, in a process of its own, for `bench_idle_server`.

It is told on file descriptor `WORDS`, one number of seconds a line, and answers each with a line
on `ANSWERS`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from hydra.runner import service
from hydra.runner.beat import EVERY_S
from hydra.runner.health import HealthCheck
from hydra.runner.market_clock import FollowedClock

SATURDAY = datetime(2012, 10, 6, tzinfo=UTC)
"""Nothing is due on it."""
LOOK_S = 30
WORDS, ANSWERS = "HYDRABENCH_WORDS", "HYDRABENCH_ANSWERS"


class Driven(FollowedClock):
    """A market clock that is moved by hand."""

    ahead = timedelta()

    def __init__(self) -> None:
        super().__init__()
        self.at, self.is_known = SATURDAY, True

    def now(self) -> datetime:
        return self.at

    def set(self, told: datetime) -> str:
        """The gateway's own clock stands still here."""
        return ""


class Accelerated(service.Service):
    """The service without its waiting."""

    lived = 0

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.clock = Driven()
        self._alerting = self._make_alerting()
        words = os.fdopen(int(os.environ[WORDS]))
        with os.fdopen(int(os.environ[ANSWERS]), "w", buffering=1) as answers:
            while line := await asyncio.to_thread(words.readline):
                for _ in range(int(line)):
                    await self._second()
                answers.write(f"{self.lived}\n")
        self._end()

    async def _second(self) -> None:
        """What the service does in one second of its life."""
        self.clock.at += timedelta(seconds=1)
        self.lived += 1
        await self._tick()
        if not self.lived % EVERY_S:
            await self._beat()
        if not self.lived % LOOK_S:
            self._looked_at = datetime.min.replace(tzinfo=UTC)
            await self._look()
            await self._learn()
            await self._tell()
        if not self.lived % 3600:
            await self._tidy()


def main() -> None:
    """Serve until the words end and the process is told to stop."""
    service.Service = Accelerated
    answer = HealthCheck.answer

    def anew(self: HealthCheck) -> Any:
        """An answer is kept for a second, which is long over between two of these."""
        self._at = None
        return answer(self)

    HealthCheck.answer = anew
    from jupyterlab.labapp import main as lab

    sys.exit(lab(sys.argv[1:]))


if __name__ == "__main__":
    main()
