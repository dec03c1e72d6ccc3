"""Long while the fast moving average of closes is above the slow one.

The moving-average rule of Brock, Lakonishok and LeBaron, "Simple technical trading rules and the
stochastic properties of stock returns", Journal of Finance 47 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.strategies._base import Feature, at_least, defined
from hydra.windows import trailing_mean


@dataclass(frozen=True)
class SmaCross:
    """1 while fast > slow; otherwise 0, or −1 with `short`; 0 while the averages are equal."""

    fast_bars: int = 20
    slow_bars: int = 100
    short: bool = False

    def __post_init__(self) -> None:
        """Refuse windows that cannot cross."""
        at_least(self, 1, fast_bars=self.fast_bars)
        if self.fast_bars >= self.slow_bars:
            raise BadParameter(
                f"SmaCross: fast_bars is {self.fast_bars}; it must be less than slow_bars, "
                f"{self.slow_bars}."
            )

    @property
    def lookback_bars(self) -> int:
        """The slow window."""
        return self.slow_bars

    def signals(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.strategies._base.Strategy.signals`."""
        fast = trailing_mean(bars.close, self.fast_bars)
        slow = trailing_mean(bars.close, self.slow_bars)
        above = (fast > slow).astype(float)
        below = (fast < slow).astype(float)
        return defined(above - below if self.short else above, bars.close)

    @property
    def features(self) -> tuple[Feature, ...]:
        """See `hydra.strategies._base.Swept`."""
        return ("mean", self.fast_bars), ("mean", self.slow_bars)

    @staticmethod
    def signal_at(tables: np.ndarray, keys: np.ndarray, row: int, values: np.ndarray) -> float:
        """See `hydra.strategies._base.Swept`."""
        fast, slow = tables[keys[0], row], tables[keys[1], row]
        if fast > slow:
            return 1.0
        if fast < slow:
            return -1.0 if values[2] else 0.0
        return 0.0 if fast == slow else np.nan
