"""Every symbol contributes the same share of the portfolio's risk, correlations included.

Sébastien Maillard, Thierry Roncalli and Jérôme Teïletche, "The properties of equally weighted risk
contribution portfolios", Journal of Portfolio Management 36 (2010). Solved by cyclical coordinate
descent: Théophile Griveau-Billion, Jean-Charles Richard and Thierry Roncalli, "A fast algorithm
for computing high-dimensional risk parity portfolios" (2013), equation 5. All rows are solved at
once with a fixed number of rounds, so a row's weights do not depend on the other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.sizing._base import OverWindow
from hydra.sizing._caps import capped, summed
from hydra.windows import trailing_return, trailing_std

ROUNDS = 60
"""Rounds over all symbols; the risk shares are equal to some 1e-9 after half of them."""


@dataclass(frozen=True)
class RiskParity(OverWindow):
    """Risk shares in proportion to |signal|, sizes that sum to `gross`, signs of the signals.

    Covariances are of the last `window_bars` returns, each in its signal's direction, so a short
    hedges a long. A symbol without a whole window of returns, and one that did not move, has no
    weight. Where a cap binds, the shares are no longer equal.
    """

    window_bars: int = 60
    gross: float = 1.0
    max_weight: float = 0.35
    max_gross: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing and a window without a deviation."""
        self.check_limits(gross=self.gross)

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Sizing.weights`."""
        returns = trailing_return(bars.close, 1)
        moves = (trailing_std(returns, self.window_bars) > 0).to_numpy()
        wanted = signals.fillna(0.0).to_numpy(dtype=float)
        budget = np.where(moves, np.abs(wanted), 0.0)
        covariance = trailing_covariance(returns.to_numpy(dtype=float), self.window_bars)
        side = np.sign(wanted)
        covariance = covariance * side[:, :, None] * side[:, None, :]
        sizes = risk_budgeted(covariance, budget)
        whole = summed(sizes, axis=1)
        scaled = (
            sizes
            * np.divide(self.gross, whole, out=np.zeros_like(whole), where=whole > 0)[:, None]
        )
        made = pd.DataFrame(scaled * side, index=signals.index, columns=signals.columns)
        return capped(made, self.max_weight, self.max_gross)


def trailing_covariance(returns: np.ndarray, bars: int) -> np.ndarray:
    """By row the covariance (divisor bars − 1) of the last `bars` returns: rows × n × n.

    0 where a return of the window is missing.
    """
    rows, symbols = returns.shape
    total = np.zeros((rows, symbols, symbols))
    if rows < bars:
        return total
    last = rows - bars + 1
    window = [returns[bars - 1 - lag : rows - lag] for lag in range(bars)]
    mean = summed(np.array(window), axis=0) / bars
    inner = np.zeros((last, symbols, symbols))
    for part in window:
        off = part - mean
        inner += off[:, :, None] * off[:, None, :]
    total[bars - 1 :] = np.nan_to_num(inner / (bars - 1))
    return total


def risk_budgeted(covariance: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """Sizes (≥ 0) whose risk contributions are in proportion to `budget`: rows × n.

    `covariance` is rows × n × n and `budget` rows × n, ≥ 0; a symbol with budget 0 has size 0.
    """
    variance = np.einsum("tii->ti", covariance)
    usable = (budget > 0) & (variance > 0)
    safe = np.where(usable, variance, 1.0)
    sizes = np.where(usable, np.sqrt(np.where(usable, budget, 0.0) / safe), 0.0)
    for _ in range(ROUNDS):
        for i in range(budget.shape[1]):
            own = sizes[:, i] * variance[:, i]
            others = summed(covariance[:, i, :] * sizes, axis=1) - own
            root = np.sqrt(others**2 + 4.0 * safe[:, i] * np.where(usable[:, i], budget[:, i], 0))
            sizes[:, i] = np.where(usable[:, i], (root - others) / (2.0 * safe[:, i]), 0.0)
    return sizes
