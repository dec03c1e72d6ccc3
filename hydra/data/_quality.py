"""What is wrong with bars that keep every rule: holes, jumps, silence, splits nobody told of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from hydra.data._validate import missing_sessions
from hydra.domain.bars import Bars

JUMP = 12.0
"""Returns so many times larger than is usual are outliers: a normal day's is below 4."""
STALE_BARS = 5
RATIOS = (2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 10.0, 15.0, 20.0)
RATIO_NEAR = 0.03


@dataclass(frozen=True)
class Flaw:
    """One finding: `what` is gap, outlier, zero_volume, stale or split; the first of `bars`."""

    symbol: str
    what: str
    time: datetime
    bars: int
    sentence: str


def flaws(bars: Bars, calendar: str = "XNYS") -> list[Flaw]:
    """Everything that looks wrong, by symbol and time; none of it is certain to be."""
    found: list[Flaw] = []
    if bars.bar_size == "1 day":
        found += _gaps(bars, calendar)
    for symbol in bars.symbols:
        close = bars.close[symbol].dropna()
        if len(close) > 2:
            found += _jumps(symbol, close)
            found += _silent(symbol, bars.volume[symbol].reindex(close.index))
            found += _stale(symbol, bars, close.index)
    return sorted(found, key=lambda flaw: (flaw.symbol, flaw.time, flaw.what))


def _gaps(bars: Bars, calendar: str) -> Iterator[Flaw]:
    for symbol, missing in missing_sessions(bars, calendar).items():
        first = missing[0]
        yield Flaw(
            symbol,
            "gap",
            first.tz_localize("UTC").to_pydatetime(),
            len(missing),
            f"no bar for {len(missing)} sessions of {calendar}, the first of {first:%Y-%m-%d}",
        )


def _jumps(symbol: str, close: pd.Series[float]) -> Iterator[Flaw]:
    """Against the usual size of a return: 1.4826 times the median of the sizes."""
    prices = close.to_numpy(dtype=float)
    returns = np.diff(np.log(prices))
    usual = 1.4826 * float(np.median(np.abs(returns)))
    for place in np.flatnonzero(np.abs(returns) > JUMP * usual) if usual > 0 else ():
        before, after = prices[place], prices[place + 1]
        time = close.index[int(place) + 1].to_pydatetime()
        if ratio := _split(before, after):
            yield Flaw(
                symbol, "split", time, 1,
                f"from {before:g} to {after:g}, near {ratio}: a split that is not accounted for?",
            )  # fmt: skip
        else:
            yield Flaw(
                symbol, "outlier", time, 1,
                f"from {before:g} to {after:g}, {abs(returns[place]) / usual:.0f} times a usual "
                "return",
            )  # fmt: skip


def _split(before: float, after: float) -> str:
    """The ratio in words where the prices are near one; empty for none."""
    for ratio in RATIOS:
        if abs(before / after / ratio - 1.0) < RATIO_NEAR:
            return f"{ratio:g}:1"
        if abs(after / before / ratio - 1.0) < RATIO_NEAR:
            return f"1:{ratio:g}"
    return ""


def _silent(symbol: str, volume: pd.Series[float]) -> Iterator[Flaw]:
    for first, number in _runs(volume.to_numpy() == 0):
        yield Flaw(
            symbol, "zero_volume", volume.index[first].to_pydatetime(), number,
            f"nothing was traded in {number} bars",
        )  # fmt: skip


def _stale(symbol: str, bars: Bars, index: pd.Index) -> Iterator[Flaw]:
    """The same four prices again and again."""
    four = np.column_stack(
        [getattr(bars, f)[symbol].reindex(index).to_numpy() for f in ("open", "high", "low")]
        + [bars.close[symbol].reindex(index).to_numpy()]
    )
    same = np.append(False, (four[1:] == four[:-1]).all(axis=1))
    for first, number in _runs(same):
        if number + 1 >= STALE_BARS:
            yield Flaw(
                symbol, "stale", index[first - 1].to_pydatetime(), number + 1,
                f"the same prices in {number + 1} bars",
            )  # fmt: skip


def _runs(flags: np.ndarray) -> Iterator[tuple[int, int]]:
    """Begin and length of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(int), [0]))))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end - begin)
