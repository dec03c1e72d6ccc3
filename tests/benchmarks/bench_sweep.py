"""The reference sweep, 780 pairs of averages × 10 series × 2,520 bars: vectorbt plainly, and ours.

Each side runs in a process of its own, so that its memory is its own; the first run warms up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS, SERIES, WINDOWS = 2_520, 10, range(2, 42)
ROOT = Path(__file__).parents[2]


def prices(series: int = SERIES) -> pd.DataFrame:
    """Random walks, the same in every process."""
    steps = np.random.default_rng(7).normal(0.0002, 0.012, (ROWS, series))
    index = pd.date_range("2010-01-01", periods=ROWS, freq="D", tz="UTC", name="time")
    names = [f"S{i}" for i in range(series)]
    return pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), index, names)


def bars_of(close: pd.DataFrame) -> Any:
    """Bars that open and close at the same price."""
    from hydra.domain.bars import Bars

    return Bars(close, close, close, close, close * 0 + 1e6)


def plain_vectorbt(folder: Path) -> Callable[[], Any]:
    """`MA.run_combs`, `from_signals`, three statistics."""
    import vectorbt

    close = prices()

    def run() -> Any:
        fast, slow = vectorbt.MA.run_combs(close, window=np.array(WINDOWS), r=2)
        portfolio = vectorbt.Portfolio.from_signals(
            close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow),
            size=np.inf, fees=0.001, freq="1D",
        )  # fmt: skip
        return np.array(
            [portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown()]
        )

    return _saving(run, folder / "vectorbt.npy")


def compiled(folder: Path) -> Callable[[], Any]:
    """The same by `hydra.research.sweep`."""
    from hydra.costs.model import CostModel
    from hydra.research.sweep import Terms, sweep
    from hydra.strategies.sma_cross import SmaCross

    bars = bars_of(prices())
    terms = Terms(each=True, costs=CostModel("none", 10.0), fill="close", wait=True, cash=100.0)

    def run() -> Any:
        table = sweep(SmaCross, {"fast_bars": WINDOWS, "slow_bars": WINDOWS}, bars, terms).table
        keys = ["fast_bars", "slow_bars", "symbol"]
        table = table.astype({"symbol": object}).sort_values(keys)
        sharpe = table["sharpe_ratio"] * (365 / 252) ** 0.5
        return np.array([table["total_return"], sharpe, table["max_drawdown"]])

    return _saving(run, folder / "hydra.npy")


def _saving(run: Callable[[], Any], path: Path) -> Callable[[], Any]:
    np.save(path, run())
    return run


def many(number: int) -> Callable[[Path], Callable[[], Any]]:
    """About `number` sets on one series."""

    def make(folder: Path) -> Callable[[], Any]:
        from hydra.research.sweep import Terms, sweep
        from hydra.strategies.sma_cross import SmaCross

        bars = bars_of(prices(1))
        side = round(number**0.5)
        grid = {"fast_bars": range(2, 2 + side), "slow_bars": range(1002, 1002 + side)}
        small = {"fast_bars": [2], "slow_bars": [50]}
        sweep(SmaCross, small, bars, Terms(each=True))
        return lambda: sweep(SmaCross, grid, bars, Terms(each=True), file=folder / "many.parquet")

    return make


def pandas_loop(folder: Path) -> Callable[[], Any]:
    """What people write by hand: a loop over sets, signals in pandas, one portfolio each."""
    import vectorbt

    close = prices(5)

    def run() -> Any:
        found = []
        for span in range(5, 45):
            held = close > close.ewm(span=span).mean()
            portfolio = vectorbt.Portfolio.from_signals(
                close, held, ~held, size=np.inf, fees=0.001, freq="1D"
            )
            found.append(
                (portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown())
            )
        return found

    run()
    return run


def pandas_sweep(folder: Path) -> Callable[[], Any]:
    """The same strategy, written in plain pandas, by `hydra.research.sweep`."""
    from hydra.research.sweep import Terms, sweep
    from tests.benchmarks.plain_strategy import AboveMean

    bars = bars_of(prices(5))

    def run() -> Any:
        return sweep(AboveMean, {"span": range(5, 45)}, bars, Terms(each=True))

    run()
    return run


def on_dask(workers: int) -> Callable[[Path], Callable[[], Any]]:
    """A sweep of plain pandas on a cluster of so many workers on this machine."""

    def make(folder: Path) -> Callable[[], Any]:
        from distributed import Client, LocalCluster

        from hydra.research.sweep import Terms, sweep
        from tests.benchmarks.plain_strategy import AboveMedian

        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        client = Client(cluster)
        bars = bars_of(prices(20))

        def run() -> Any:
            grid = {"window": range(50, 450)}
            return sweep(AboveMedian, grid, bars, Terms(each=True), client=client)

        run()
        return run

    return make


CASES: dict[str, Callable[[Path], Callable[[], Any]]] = {
    "vectorbt": plain_vectorbt,
    "hydra": compiled,
    "sets 100,000": many(100_000),
    "sets 1,000,000": many(1_000_000),
    "pandas loop": pandas_loop,
    "pandas sweep": pandas_sweep,
    "dask 1": on_dask(1),
    "dask 2": on_dask(2),
}


def child(name: str, folder: Path) -> None:
    """Warm up, run twice, tell the faster time and the peak of memory."""
    run = CASES[name](folder)
    times = []
    for _ in range(1 if name.startswith(("sets 1,", "dask")) else 3):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    status = Path("/proc/self/status").read_text()  # of this program alone, from its start on
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": min(times), "mb": peak}))


def measured(name: str, folder: Path) -> dict[str, float]:
    """One case in a process of its own."""
    code = (
        "from pathlib import Path; from tests.benchmarks.bench_sweep import child; "
        f"child({name!r}, Path({str(folder)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name:>15}: {found['seconds']:8.3f} s, peak {found['mb']:6,.0f} MB")
    return found


def run() -> None:
    """All cases, side by side."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        found = {name: measured(name, folder) for name in CASES}
        theirs, ours = np.load(folder / "vectorbt.npy"), np.load(folder / "hydra.npy")
    off = np.nanmax(np.abs(theirs - ours))
    print(f"three statistics on {theirs.shape[1]:,} columns: largest difference {off:.1e}")
    for one, other, what in (
        ("vectorbt", "hydra", "vectorbt / hydra (aim: 100)"),
        ("sets 1,000,000", "sets 100,000", "1,000,000 / 100,000 sets (in proportion: 10)"),
        ("pandas loop", "pandas sweep", "loop by hand / sweep of plain pandas (aim: 1)"),
        ("dask 1", "dask 2", "one worker / two (aim: 1.7)"),
    ):
        ratio = found[one]["seconds"] / found[other]["seconds"]
        print(f"{what}: ratio {ratio:.2f}")


if __name__ == "__main__":
    run()
