"""Calm symbols get more than wild ones, and the whole is held at one volatility.

Within the portfolio a symbol's weight is its signal over its own volatility, as in Moskowitz, Ooi
and Pedersen (2012); the sum is then scaled so that the portfolio of these weights would have had
the wanted volatility over the window, correlations included (Moreira and Muir, "Volatility-managed
portfolios", Journal of Finance 72, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.sizing._base import OverWindow
from hydra.sizing._caps import capped, summed
from hydra.windows import trailing_return, trailing_std


@dataclass(frozen=True)
class VolTarget(OverWindow):
    """Weights for `annual_vol` (0.1 = 10 % a year) by the returns of the last `window_bars`.

    No weight is larger than `max_weight` and their sizes sum to at most `max_gross`; under these
    limits the volatility stays below its target. A symbol without a whole window of returns, and
    one whose price did not move, has no weight yet.
    """

    annual_vol: float = 0.10
    window_bars: int = 60
    max_weight: float = 0.25
    max_gross: float = 1.0
    bars_a_year: float = 252.0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing and a window without a deviation."""
        self.check_limits(annual_vol=self.annual_vol, bars_a_year=self.bars_a_year)

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Sizing.weights`."""
        returns = trailing_return(bars.close, 1)
        own_vol = trailing_std(returns, self.window_bars)
        wanted, spread = signals.to_numpy(dtype=float), own_vol.to_numpy()
        raw = np.divide(wanted, spread, out=np.zeros_like(wanted), where=spread > 0)
        raw = np.where(np.isnan(raw), 0.0, raw)
        vol = _portfolio_vol(raw, returns.to_numpy(), self.window_bars) * np.sqrt(self.bars_a_year)
        scale = np.divide(self.annual_vol, vol, out=np.zeros_like(vol), where=vol > 0)
        scaled = pd.DataFrame(raw * scale[:, None], index=signals.index, columns=signals.columns)
        return capped(scaled, self.max_weight, self.max_gross)


def _portfolio_vol(held: np.ndarray, returns: np.ndarray, window: int) -> np.ndarray:
    """By row, the deviation that this row's weights would have had over the window's returns."""
    moves = np.where(np.isnan(returns), 0.0, returns)
    past = [summed(held * _lagged(moves, lag), axis=1) for lag in range(window)]
    mean = summed(np.array(past), axis=0) / window
    return np.sqrt(summed((np.array(past) - mean) ** 2, axis=0) / (window - 1))


def _lagged(array: np.ndarray, lag: int) -> np.ndarray:
    """The rows `lag` earlier, 0 before the first."""
    moved = np.zeros_like(array)
    moved[lag:] = array[: len(array) - lag] if lag < len(array) else 0.0
    return moved
