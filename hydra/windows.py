"""Trailing windows whose every row depends on the bars of its window and on nothing older.

pandas' rolling functions carry a running sum from row to row, so their rounding depends on how
much history came before: the same row can differ in the last bits between a backtest over ten
years and a paper session that loads a hundred bars. Here every row is summed anew, oldest term
last, so both see the same number to the last bit. A row is NaN until its window is full of
numbers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NOISE = 1e-9
"""A spread of values smaller than this fraction of their size is rounding, and counts as 0."""


def trailing_mean(values: pd.DataFrame, bars: int) -> pd.DataFrame:
    """Arithmetic mean of the last `bars` rows, this one included."""
    return _like(values, _mean(values.to_numpy(dtype=float), bars))


def trailing_std(values: pd.DataFrame, bars: int) -> pd.DataFrame:
    """Sample standard deviation (divisor bars − 1) of the last `bars` rows; `bars` is ≥ 2.

    Exactly 0 where the values differ by no more than rounding.
    """
    array = values.to_numpy(dtype=float)
    mean = _mean(array, bars)
    squares = np.zeros_like(mean)
    for lag in range(min(bars, len(array))):
        squares[bars - 1 :] += (_lagged(array, lag, bars) - mean[bars - 1 :]) ** 2
    spread = np.sqrt(squares / (bars - 1))
    spread[spread <= NOISE * np.abs(mean)] = 0.0
    spread[: bars - 1] = np.nan
    return _like(values, spread)


def trailing_return(prices: pd.DataFrame, bars: int, skip: int = 0) -> pd.DataFrame:
    """Simple return over the `bars` rows that end `skip` rows ago, as a fraction."""
    array = prices.to_numpy(dtype=float)
    gain = np.full_like(array, np.nan)
    rows = len(array) - skip - bars
    if rows > 0:
        gain[skip + bars :] = array[bars : bars + rows] / array[:rows] - 1.0
    return _like(prices, gain)


def _mean(array: np.ndarray, bars: int) -> np.ndarray:
    """By distances from the newest value, so that the mean of equal values is exactly that."""
    distance = np.full_like(array, np.nan)
    distance[bars - 1 :] = 0.0
    for lag in range(min(bars, len(array))):
        distance[bars - 1 :] += _lagged(array, lag, bars) - array[bars - 1 :]
    return array + distance / bars


def _lagged(array: np.ndarray, lag: int, bars: int) -> np.ndarray:
    """The values `lag` rows back, for each row that has a whole window."""
    return array[bars - 1 - lag : len(array) - lag] if len(array) >= bars else array[:0]


def _like(values: pd.DataFrame, array: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(array, index=values.index, columns=values.columns)
