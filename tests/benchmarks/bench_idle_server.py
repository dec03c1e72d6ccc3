"""Memory of the idle runner beside its gateway, over one day of simulated time."""

import asyncio
import gc
import os
import tempfile
import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.runner.market_clock import FollowedClock
from hydra.runner.service import Service
from hydra.runner.simulator import simulated_gateway
from tests.conftest import ROOT

DAY_S = 24 * 3600
MARKS = 24


class Driven(FollowedClock):
    """A market clock that is moved by hand."""

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at, self.is_known = at, True

    def now(self) -> datetime:
        return self.at

    def set(self, told: datetime) -> None:
        """The gateway's own clock stands still here."""


def resident_kb() -> int:
    """What this process holds in memory."""
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


async def a_day(service: Service, clock: Driven) -> list[int]:
    """As many ticks, beats and looks as a day has seconds; memory at each hour."""
    found = []
    for second in range(DAY_S):
        clock.at += timedelta(seconds=1)
        await service._tick()
        if not second % 2:
            await service._beat()
        if not second % 30:
            service._looked_at = datetime.min.replace(tzinfo=UTC)
            await service._look()
        if not second % (DAY_S // MARKS):
            await service._tidy()
            gc.collect()
            found.append(resident_kb())
    return found


async def measure(settings: Settings) -> tuple[list[int], int, float]:
    """Resident memory by the hour, growth of Python's own in bytes, and seconds."""
    service = Service(replace(settings, jobs={}))
    service.settings = settings
    service.clock = clock = Driven(datetime(2012, 10, 6, tzinfo=UTC))  # a Saturday: nothing is due
    service._alerting = service._make_alerting()
    await service._tick()
    began = time.monotonic()
    warm = await a_day(service, clock)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    marks = await a_day(service, clock)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    service._end()
    return [*warm[-1:], *marks], grown, time.monotonic() - began


def run() -> None:
    """Two days, of which the second is measured; print memory by the hour."""
    with (
        tempfile.TemporaryDirectory() as name,
        simulated_gateway(["--start", "2012-10-05", "--speed", "0"]) as gateway,
    ):
        settings = Settings(
            gateway=Gateway(port=gateway.port),
            data=Data(Path(name)),
            notebooks=Notebooks(ROOT / "notebooks"),
            jobs={"open": {"strategy": "ts_momentum", "at": "open+5min"}},
        )
        marks, grown, seconds = asyncio.run(measure(settings))
    first, last = marks[0] / 1024, marks[-1] / 1024
    print(f"resident memory at the start     {first:8.1f} MB")
    print(f"a day (86,400 ticks) later       {last:8.1f} MB    grown by {last - first:+.2f} MB")
    print(f"Python's own objects             {grown / 1024:8.1f} kB more")
    print(f"two simulated days took          {seconds:8.1f} s    (aim: flat)")
