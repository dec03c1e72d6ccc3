"""A session where each answer of the gateway takes 100 ms and history 500 ms, step by step."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import hydra
from hydra.config import Data, Gateway, Notebooks, Settings, Trading
from hydra.gateway.embedded import EmbeddedGateway, stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.realism import TRADING
from hydra.wiring import halt
from tests.conftest import ROOT

ROUNDS = 5
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
REAL = TRADING - {"order_presets", "delayed_data"}


@dataclass
class Watch:
    """Seconds by step, one a round."""

    steps: dict[str, list[float]] = field(default_factory=dict)

    async def take(self, name: str, step: Awaitable):
        """The step's result, and how long it took."""
        began = time.monotonic()
        try:
            return await step
        finally:
            self.steps.setdefault(name, []).append(time.monotonic() - began)


async def session(settings: Settings, watch: Watch) -> None:
    """One session as the notebook takes it."""
    one = await watch.take(
        "log on, compare", hydra.open_paper_session("ts_momentum", settings=settings)
    )
    try:
        bars = await watch.take("bars of 4 symbols", one.bars())
        targets = one.targets(one.signals(bars), bars)
        await watch.take("quotes, orders", one.trade(targets))
        await watch.take("fills", one.wait_for_fills())
        await watch.take("report", one.report())
    finally:
        await one.close()


def rounds(folder: Path, answer_ms: int, history_ms: int, real: frozenset[str]) -> Watch:
    """Sessions in a row, then a halt that flattens."""
    watch = Watch()
    made = stepped(
        is_fast=False,
        answer_ms=answer_ms,
        history_ms=history_ms,
        exchange=ExchangeSettings(start=date(2013, 1, 14), real=real),
    )
    with EmbeddedGateway(made) as gateway:
        settings = Settings(
            gateway=Gateway(port=gateway.port),
            data=Data(folder),
            notebooks=Notebooks(ROOT / "notebooks"),
            trading=Trading(symbols=SYMBOLS),
        )
        for number in range(ROUNDS):
            if number:
                gateway.step("next_open")
            asyncio.run(session(settings, watch))
        stopping = halt(settings, "the bench is over", "a bench", flatten=True)
        outcome = asyncio.run(watch.take("halt --flatten", stopping))
        assert outcome.whole, outcome.sentences
    return watch


def run() -> None:
    """Print the median of each step: at once, with answer times, and with all behaviours too."""
    with tempfile.TemporaryDirectory() as name:
        columns = [
            rounds(Path(name) / "0", 0, 0, frozenset()),
            rounds(Path(name) / "1", 100, 500, frozenset()),
            rounds(Path(name) / "2", 100, 500, REAL),
        ]
    print(f"{'':22}{'at once':>12}{'100/500 ms':>12}{'as real ones':>14}")
    for step in columns[0].steps:
        figures = [statistics.median(column.steps[step]) for column in columns]
        print(f"{step:22}{figures[0]:10.2f} s{figures[1]:10.2f} s{figures[2]:12.2f} s")
    sums = [
        sum(statistics.median(times) for name, times in column.steps.items() if "halt" not in name)
        for column in columns
    ]
    print(f"{'a session':22}{sums[0]:10.2f} s{sums[1]:10.2f} s{sums[2]:12.2f} s")
