"""Loading 500 instruments × 10 years of daily bars: from the store, and from one CSV file each."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from hydra.data._series import FIELDS, BarFiles, Series

SYMBOLS, ROWS = 500, 2_520


def run() -> None:
    """Write both, then load both in turns; the fastest of each counts."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        files = BarFiles(folder / "bars")
        index = pd.date_range("2010-01-04 21:00", periods=ROWS, freq="D", tz="UTC", name="time")
        draw = np.random.default_rng(1)
        names = [f"S{number:03d}" for number in range(SYMBOLS)]
        for name in names:
            close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, ROWS)))
            rows = pd.DataFrame(
                {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close,
                 "volume": 1e6}, index,
            )  # fmt: skip
            files.replace(Series("gateway", "trades", name), rows)
            rows.to_csv(folder / f"{name}.csv")
        times = [
            (
                _timed(lambda: files.bars("gateway", "trades", names)),
                _timed(lambda: _from_csv(folder, names)),
            )
            for _ in range(5)
        ]
    ours, theirs = (min(side) for side in zip(*times, strict=True))
    print(f"store: {ours:.3f} s (aim: 0.5), one CSV each: {theirs:.1f} s")
    print(f"CSV / store (aim: 20): ratio {theirs / ours:.1f}")


def _from_csv(folder: Path, names: list[str]) -> dict[str, pd.DataFrame]:
    frames = {
        n: pd.read_csv(folder / f"{n}.csv", index_col="time", parse_dates=True) for n in names
    }
    return {f: pd.DataFrame({n: frame[f] for n, frame in frames.items()}) for f in FIELDS}


def _timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


if __name__ == "__main__":
    run()
