"""A day's volatility and volume, by what was known then: what an impact model asks of a market.

Every figure of a row comes from bars up to that row. A row is summed anew from its own window, so
that more history before it never changes its last bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from hydra.costs.spread import BPS
from hydra.errors import BadParameter

if TYPE_CHECKING:
    import pandas as pd

    from hydra.domain.bars import Bars

WINDOW_BARS = 20


@dataclass(frozen=True, eq=False)
class Liquidity:
    """Two frames of the bars' shape: rows are bar ends, columns are symbols.

    `volatility_bps` is the deviation of one day's return, `daily_volume` the mean of a day's
    volume; NaN before a symbol's second bar (the first has no return).
    """

    volatility_bps: pd.DataFrame
    daily_volume: pd.DataFrame

    def at(self, symbol: str, time: datetime) -> tuple[float, float] | None:
        """Volatility in bps and volume by the last bar that had ended at `time` (aware).

        None for a symbol that is not here, and where no figure was known then or nothing traded.
        """
        if symbol not in self.daily_volume.columns:
            return None
        row = self.daily_volume.index.searchsorted(time, side="right") - 1
        return self.at_row(symbol, int(row)) if row >= 0 else None

    def at_row(self, symbol: str, row: int) -> tuple[float, float] | None:
        """The same by the row's number."""
        volatility = float(self.volatility_bps[symbol].to_numpy()[row])
        volume = float(self.daily_volume[symbol].to_numpy()[row])
        return (volatility, volume) if volatility >= 0 and volume > 0 else None


def liquidity_of(bars: Bars, window_bars: int = WINDOW_BARS) -> Liquidity:
    """The liquidity of daily `bars`, over the last `window_bars` rows or as many as there are.

    Volatility is the root of the mean squared log return (the mean return of a day is far below
    its error). A symbol without a bar any more keeps its last figures. Raises `BadParameter` for
    bars of another size than a day and for a window below 2.
    """
    if bars.bar_size != "1 day" or window_bars < 2:
        raise BadParameter(
            f"Liquidity is reckoned from daily bars over 2 or more of them; given bars of "
            f"{bars.bar_size!r} over {window_bars}."
        )
    close = bars.close.to_numpy(dtype=float)
    known = _filled(close)
    returns = np.full_like(close, np.nan)
    returns[1:] = np.log(known[1:] / known[:-1])
    returns[np.isnan(close)] = np.nan
    deviation = np.sqrt(_trailing_mean(returns**2, window_bars)) / BPS
    deviation[np.isnan(close)] = np.nan
    frame = type(bars.close)
    return Liquidity(
        frame(_filled(deviation), index=bars.index, columns=bars.close.columns),
        daily_volume_of(bars, window_bars),
    )


def daily_volume_of(bars: Bars, window_bars: int = WINDOW_BARS) -> pd.DataFrame:
    """The mean of a day's volume in units, in the bars' shape, by what was known at each row.

    Of daily bars, over the last `window_bars` rows, the row's own included; of shorter ones, over
    so many days that had ended before the row's. NaN where nothing is known yet; a symbol without
    a bar any more keeps its last figure.
    """
    if bars.bar_size == "1 day":
        volume = _trailing_mean(bars.volume.to_numpy(dtype=float), window_bars)
        volume[np.isnan(bars.close.to_numpy(dtype=float))] = np.nan
        return type(bars.volume)(_filled(volume), index=bars.index, columns=bars.volume.columns)
    days = bars.volume.groupby(bars.index.normalize()).sum(min_count=1)
    means = _filled(_trailing_mean(days.to_numpy(dtype=float), window_bars))
    known = type(days)(means, index=days.index, columns=days.columns).shift()
    return known.reindex(bars.index.normalize()).set_axis(bars.index)


def _filled(array: np.ndarray) -> np.ndarray:
    """Each column's last number where it has none."""
    rows = np.where(np.isnan(array), 0, np.arange(len(array))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    return np.take_along_axis(array, rows, axis=0)


def _trailing_mean(array: np.ndarray, bars: int) -> np.ndarray:
    """Mean of the numbers among the last `bars` rows; NaN where there is none."""
    padded = np.full((bars - 1 + array.shape[0], array.shape[1]), np.nan)
    padded[bars - 1 :] = array  # row by row, however it lies: the order of a sum is its last bits
    windows = np.lib.stride_tricks.sliding_window_view(padded, bars, axis=0)
    count = (~np.isnan(windows)).sum(axis=2)
    mean: np.ndarray = np.nansum(windows, axis=2) / np.where(count, count, np.nan)
    return mean
