"""Figures that describe an equity curve; pure functions, the same definitions as vectorbt's.

An equity curve holds the net asset value at each bar's close. Returns are simple fractions; the
first is measured from the cash that the backtest began with. Nothing is subtracted for a riskless
rate. A figure that cannot be told (one bar, no variation) is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars

SESSIONS_A_YEAR = 252.0
DAYS_A_YEAR = 365.25


def bars_a_year(bars: Bars) -> float:
    """How many bars make a year: 252 daily ones; of other sizes as many as came in a year here."""
    if bars.bar_size == "1 day":
        return SESSIONS_A_YEAR
    days = (bars.index[-1] - bars.index[0]) / pd.Timedelta(days=1)
    return float(len(bars) / days * DAYS_A_YEAR) if days else float("nan")


def returns_of(equity: pd.Series[Any], cash: float) -> pd.Series[Any]:
    """Return of each bar, the first from `cash`."""
    before = equity.shift(1, fill_value=cash)
    return equity / before - 1.0


def total_return(equity: pd.Series[Any], cash: float) -> float:
    """Gain from `cash` to the last value, as a fraction of `cash`."""
    return float(equity.iloc[-1] / cash - 1.0)


def annual_return(equity: pd.Series[Any], cash: float, a_year: float) -> float:
    """The constant yearly growth that gives the same total; −1 when nothing is left."""
    growth = 1.0 + total_return(equity, cash)
    return float(growth ** (a_year / len(equity)) - 1.0) if growth > 0 else -1.0


def annual_volatility(returns: pd.Series[Any], a_year: float) -> float:
    """Sample deviation of the returns, scaled to a year by the square root of time."""
    return float(returns.std() * np.sqrt(a_year))


def sharpe_ratio(returns: pd.Series[Any], a_year: float) -> float:
    """Mean return over its sample deviation, a year (Sharpe 1966, with a riskless rate of 0)."""
    spread = float(returns.std())
    return float(returns.mean() / spread * np.sqrt(a_year)) if spread > 0 else float("nan")


def drawdown_of(equity: pd.Series[Any], cash: float) -> pd.Series[Any]:
    """Distance below the highest value so far (`cash` included), as a fraction ≤ 0."""
    peak = equity.cummax().clip(lower=cash)
    return equity / peak - 1.0


def longest_drawdown(drawdown: pd.Series[Any]) -> int:
    """The most bars in a row below an earlier peak."""
    under = drawdown < 0
    return int(under.groupby((~under).cumsum()).sum().max())


def turnover(traded: float, equity: pd.Series[Any], a_year: float) -> float:
    """Money traded a year, buys and sells, as a multiple of the mean net asset value."""
    return float(traded / equity.mean() * a_year / len(equity))
