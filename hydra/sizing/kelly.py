"""A fraction of what would have grown capital fastest over the window.

John Kelly, "A new interpretation of information rate", Bell System Technical Journal 35 (1956);
for continuous returns the fraction is mean over variance: Edward Thorp, "The Kelly criterion in
blackjack, sports betting and the stock market", Handbook of Asset and Liability Management (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.sizing._base import OverWindow
from hydra.sizing._caps import capped
from hydra.windows import trailing_mean, trailing_return, trailing_std


@dataclass(frozen=True)
class Kelly(OverWindow):
    """Weight = |signal| × `fraction` × mean / variance of the last `window_bars` returns.

    The mean is taken in the signal's direction; where it is against the signal nothing is held.
    The estimate of a mean is poor, so `fraction` is well below 1 and the caps bind often. A symbol
    without a whole window of returns, and one that did not move, has no weight.
    """

    fraction: float = 0.25
    window_bars: int = 120
    max_weight: float = 0.25
    max_gross: float = 1.0

    def __post_init__(self) -> None:
        """Refuse more than the whole fraction, which only adds risk, and limits that hold none."""
        if not 0 < self.fraction <= 1:
            raise BadParameter(f"Kelly: fraction is {self.fraction}; it must be in (0, 1].")
        self.check_limits()

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Sizing.weights`."""
        returns = trailing_return(bars.close, 1)
        deviation = trailing_std(returns, self.window_bars)
        best = trailing_mean(returns, self.window_bars) / deviation.where(deviation > 0) ** 2
        edge = (best * np.sign(signals)).clip(lower=0.0).fillna(0.0)
        return capped(signals.fillna(0.0) * edge * self.fraction, self.max_weight, self.max_gross)
