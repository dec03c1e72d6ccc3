"""Against the stretch: long what closed far below its recent mean, short what closed far above.

Poterba and Summers, "Mean reversion in stock prices: evidence and implications", Journal of
Financial Economics 22 (1988); the distance in standard deviations of the recent closes is that of
Bollinger's bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.strategies._base import Feature, at_least, defined
from hydra.windows import trailing_mean, trailing_std


@dataclass(frozen=True)
class MeanReversion:
    """−z / `full_z`, cut off at ±1, and 0 while |z| < `entry_z`; no −1 without `short`.

    z is the close's distance from the mean of the last `window_bars` closes, in their standard
    deviations.
    """

    window_bars: int = 20
    entry_z: float = 1.0
    full_z: float = 2.0
    short: bool = True

    def __post_init__(self) -> None:
        """Refuse a window without a deviation and thresholds in the wrong order."""
        at_least(self, 3, window_bars=self.window_bars)
        if not 0 <= self.entry_z <= self.full_z or not self.full_z > 0:
            raise BadParameter(
                f"MeanReversion: entry_z is {self.entry_z} and full_z {self.full_z}; they must "
                "be 0 <= entry_z <= full_z and full_z > 0."
            )

    @property
    def lookback_bars(self) -> int:
        """The window."""
        return self.window_bars

    def signals(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.strategies._base.Strategy.signals`."""
        spread = trailing_std(bars.close, self.window_bars).to_numpy()
        stretch = (bars.close - trailing_mean(bars.close, self.window_bars)).to_numpy()
        z = np.divide(stretch, spread, out=np.full_like(spread, np.nan), where=spread > 0)
        wanted = np.clip(-z / self.full_z, -1.0 if self.short else 0.0, 1.0)
        wanted[~(np.abs(z) >= self.entry_z)] = 0.0
        return defined(pd.DataFrame(wanted, bars.index, bars.close.columns), bars.close)

    @property
    def features(self) -> tuple[Feature, ...]:
        """See `hydra.strategies._base.Swept`."""
        return ("close",), ("mean", self.window_bars), ("std", self.window_bars)

    @staticmethod
    def signal_at(tables: np.ndarray, keys: np.ndarray, row: int, values: np.ndarray) -> float:
        """See `hydra.strategies._base.Swept`."""
        spread = tables[keys[2], row]
        if not spread > 0.0:
            return np.nan
        z = (tables[keys[0], row] - tables[keys[1], row]) / spread
        if z != z or abs(z) < values[1]:
            return 0.0 if z == z else np.nan
        return float(min(max(-z / values[2], -1.0 if values[3] else 0.0), 1.0))
