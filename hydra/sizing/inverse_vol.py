"""Weights in proportion to the inverse of each symbol's own volatility, correlations left aside.

Also called naive risk parity: Raul Leote de Carvalho, Xiao Lu and Pierre Moulin, "Demystifying
equity risk-based strategies", Journal of Portfolio Management 38 (2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hydra.domain.bars import Bars
from hydra.sizing._base import OverWindow
from hydra.sizing._caps import capped, row_sums
from hydra.windows import trailing_return, trailing_std


@dataclass(frozen=True)
class InverseVol(OverWindow):
    """Weight = signal × `gross` × (1 / volatility) / (sum of 1 / volatility over all symbols).

    Volatility is of the last `window_bars` returns. The share of a symbol whose signal is 0 stays
    in cash. A symbol without a whole window of returns, and one that did not move, has none.
    """

    window_bars: int = 60
    gross: float = 1.0
    max_weight: float = 0.25
    max_gross: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing and a window without a deviation."""
        self.check_limits(gross=self.gross)

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Sizing.weights`."""
        weights = signals.fillna(0.0) * self.scale(bars)
        return capped(weights, self.max_weight, self.max_gross)

    def scale(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Scaled`."""
        vol = trailing_std(trailing_return(bars.close, 1), self.window_bars)
        calm = (1.0 / vol.where(vol > 0)).fillna(0.0)
        whole = row_sums(calm)
        return calm.div(whole.where(whole > 0, 1.0), axis=0) * self.gross
