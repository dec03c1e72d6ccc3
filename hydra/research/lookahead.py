"""Does a strategy know the future, and does it need more of the past than it says?

A look-ahead bug makes a backtest that no account can repeat; a recursive indicator makes a paper
session that loads a hundred bars decide otherwise than a backtest over ten years.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.strategies._base import Strategy, checked_signals

CHECKED_ROWS = 40
LARGEST = 5
"""As many differences are told one by one."""


@dataclass(frozen=True, eq=False)
class Finding:
    """Rows at which a signal is another one; `differences` has time, symbol, `whole` and `part`.

    `whole` is the signal on all bars, `part` that on the bars that a decision at that time has.
    """

    what: str
    rows: int
    differences: pd.DataFrame

    @property
    def ok(self) -> bool:
        """Whether there is no difference."""
        return self.differences.empty

    def __str__(self) -> str:
        """One sentence, and the first differences."""
        if self.ok:
            return f"{self.what}: none in {self.rows} rows."
        first = "; ".join(
            f"{row.symbol} at {row.time:%Y-%m-%d %H:%M} is {row.part:g} and with all bars "
            f"{row.whole:g}"
            for row in self.differences.head(LARGEST).itertuples()
        )
        return f"{self.what}: {len(self.differences)} differences in {self.rows} rows: {first}."


def check_lookahead(strategy: Strategy, bars: Bars, rows: int = CHECKED_ROWS) -> Finding:
    """Compare the signals of `rows` moments on the bars up to them with those on all bars.

    The moments are spread over the bars, the last ones included. Any difference is knowledge of
    the future. Raises `BadParameter` for fewer than 3 bars.
    """
    return _compared("look-ahead", strategy, bars, rows, lambda end: bars.first(end))


def check_recursive(strategy: Strategy, bars: Bars, rows: int = CHECKED_ROWS) -> Finding:
    """Compare the signals on the last `lookback_bars` bars with those on all that came before.

    A difference is an indicator that never forgets, such as an exponential mean, or a
    `lookback_bars` that is too small: a paper session loads just these bars.
    """
    needed = strategy.lookback_bars

    def window(end: int) -> Bars:
        return bars.first(end).last(needed)

    return _compared("dependence on older bars", strategy, bars, rows, window, needed)


def _compared(
    what: str,
    strategy: Strategy,
    bars: Bars,
    rows: int,
    part_of: Callable[[int], Bars],
    first: int = 2,
) -> Finding:
    if len(bars) < 3 or rows < 1:
        raise BadParameter(
            f"A check needs at least 3 bars and 1 row; given {len(bars)} bars and {rows} rows."
        )
    whole = checked_signals(strategy, bars)
    start = min(max(first, 2), len(bars) - 1)
    ends = np.unique(np.linspace(start, len(bars) - 1, rows).round().astype(int))
    found = []
    for end in ends:
        part = checked_signals(strategy, part_of(int(end))).iloc[-1]
        row = whole.iloc[end - 1]
        for symbol in row.index[(row != part).to_numpy()]:
            found.append((bars.index[end - 1], symbol, row[symbol], part[symbol]))
    differences = pd.DataFrame(found, columns=["time", "symbol", "whole", "part"])
    return Finding(what, len(ends), differences)
