"""What a strategy is: a frozen dataclass of parameters that turns bars into signals."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter


class Strategy(Protocol):
    """One frozen dataclass in one file of this folder, named as its file.

    It has no memory: row t of its signals follows from the last `lookback_bars` bars up to t and
    from nothing else, so that a paper session that loads just these decides as the backtest did.
    """

    @property
    def lookback_bars(self) -> int:
        """How many bars make the last row of the signals exact; at least 1."""

    def signals(self, bars: Bars) -> pd.DataFrame:
        """Conviction by row and symbol, from −1 (as short as can be) to 1 (as long as can be).

        Same index and columns as `bars.close`, float64, never NaN: 0 where nothing can be said
        yet or the symbol is not listed. Row t is decided at the close of bar t and may use bars
        up to and including t, none after it. `bars` is left as it was.
        """


Feature = tuple[str] | tuple[str, int] | tuple[str, int, int]
"""A trailing figure of the closes, as `hydra.windows` reckons it: ("close",), ("mean", bars),
("std", bars) or ("return", bars, skip)."""


class Swept(Strategy, Protocol):
    """A strategy that a sweep can compile: what two members more make a hundred times faster.

    Each instrument's signal must follow from its own trailing figures alone. A test holds it to
    `signals`, row by row.
    """

    @property
    def features(self) -> tuple[Feature, ...]:
        """The figures that `signal_at` looks at; sets that share one share its table."""

    @staticmethod
    def signal_at(tables: np.ndarray, keys: np.ndarray, row: int, values: np.ndarray) -> float:
        """The signal at `row`, NaN where none can be told; numba compiles it, so plain figures.

        `tables[keys[i], row]` is feature i, `values` are the parameters in the order of the
        fields, as floats.
        """


def checked_signals(strategy: Any, bars: Bars) -> pd.DataFrame:
    """The strategy's signals when they keep the protocol above; else `BadParameter` says where."""
    name, signals = type(strategy).__name__, strategy.signals(bars)
    if not isinstance(signals, pd.DataFrame):
        raise BadParameter(
            f"{name}.signals gave a {type(signals).__name__}; it gives a DataFrame."
        )
    same = signals.index.equals(bars.index) and signals.columns.equals(bars.close.columns)
    if not same:
        raise BadParameter(f"{name}.signals has other rows or columns than the bars it was given.")
    values = signals.to_numpy(dtype=float)
    broken = ~(np.abs(values) <= 1)  # NaN breaks it too
    if broken.any():
        row, column = (int(place[0]) for place in np.nonzero(broken))
        raise BadParameter(
            f"{name}.signals is {values[row, column]} for {bars.symbols[column]} at "
            f"{bars.index[row]}; a signal lies from -1 to 1 and is 0 where nothing can be said."
        )
    return signals.astype(float)


def defined(signals: pd.DataFrame, close: pd.DataFrame) -> pd.DataFrame:
    """The signals with 0 where they are undefined or the symbol has no price."""
    values = signals.to_numpy(dtype=float)
    known = ~(np.isnan(values) | np.isnan(close.to_numpy(dtype=float)))
    # of plain arrays: three times as fast on the few rows of a session
    return pd.DataFrame(np.where(known, values, 0.0), index=signals.index, columns=signals.columns)


def at_least(owner: object, lowest: int, **given: int) -> None:
    """Raise `BadParameter` for the first parameter of `owner` below `lowest`."""
    for name, value in given.items():
        if value < lowest:
            raise BadParameter(
                f"{type(owner).__name__}: {name} is {value}; it must be {lowest} or more."
            )
