"""Each symbol goes on as it went: long after a rise over the past year, short after a fall.

Moskowitz, Ooi and Pedersen, "Time series momentum", Journal of Financial Economics 104 (2012):
the sign of the past twelve months' return. They hold each asset at a constant volatility, which is
`hydra.sizing.vol_target`'s part here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.strategies._base import Feature, at_least, defined
from hydra.windows import trailing_return


@dataclass(frozen=True)
class TsMomentum:
    """The sign of the return over `momentum_bars` up to `skip_bars` ago; no −1 without `short`."""

    momentum_bars: int = 252
    skip_bars: int = 0
    short: bool = True

    def __post_init__(self) -> None:
        """Refuse windows of no length."""
        at_least(self, 1, momentum_bars=self.momentum_bars)
        at_least(self, 0, skip_bars=self.skip_bars)

    @property
    def lookback_bars(self) -> int:
        """The return's first price, and all after it."""
        return self.momentum_bars + self.skip_bars + 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.strategies._base.Strategy.signals`."""
        past = trailing_return(bars.close, self.momentum_bars, self.skip_bars)
        rose, fell = (past > 0).astype(float), (past < 0).astype(float)
        return defined(rose - fell if self.short else rose, bars.close)

    @property
    def features(self) -> tuple[Feature, ...]:
        """See `hydra.strategies._base.Swept`."""
        return (("return", self.momentum_bars, self.skip_bars),)

    @staticmethod
    def signal_at(tables: np.ndarray, keys: np.ndarray, row: int, values: np.ndarray) -> float:
        """See `hydra.strategies._base.Swept`."""
        past = tables[keys[0], row]
        if past > 0.0:
            return 1.0
        if past < 0.0:
            return -1.0 if values[2] else 0.0
        return 0.0 if past == 0.0 else np.nan
