"""Replay: sessions a second through the gateway, and what is left unexplained over 250 of them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import date
from pathlib import Path

from hydra.config import Data, Settings
from hydra.replay.run import Wanted, replay

FIRST, LAST = date(2012, 1, 3), date(2012, 12, 31)


def run() -> None:
    """Three strategies over one year, five instruments."""
    for strategy in ("sma_cross", "ts_momentum", "mean_reversion"):
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            settings = Settings(data=Data(folder))
            closed = []
            started = time.perf_counter()
            found = asyncio.run(
                replay(
                    settings,
                    Wanted(strategy, FIRST, LAST, {}),
                    folder,
                    lambda session, of, closed=closed: closed.append(time.perf_counter()),
                )
            )
            took = time.perf_counter() - started
        number = len(found.bridge.sessions)
        print(
            f"{strategy:>15}: {number} sessions, {(number - 1) / (closed[-1] - closed[0]):5.1f} "
            f"a second (aim: 20), {number / took:5.1f} with gateway, backtest and bridge; "
            f"{len(found.bridge.trades)} trades, difference {found.bridge.difference:,.2f}, "
            f"unexplained {found.bridge.unexplained:.2f}"
        )


if __name__ == "__main__":
    run()
