"""Historical and implied volatility of a stock or an index, as bars of a session and more.

IB's page "Historical Bar Data" offers HISTORICAL_VOLATILITY and OPTION_IMPLIED_VOLATILITY for
stocks, ETFs and indices. The first is realised: the standard deviation of the logarithmic returns
of 30 sessions, a year of 252. There are no options here, so the second is modelled: recent
variance (RiskMetrics' weights, 0.94 a session), half-way back to that of the whole history so far.
No figure knows a later price than its session's close.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hydra.gateway.bar_source import BarSource
from hydra.gateway.market import Floats

REALISED, IMPLIED = "HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY"
VOLATILITIES = (REALISED, IMPLIED)
SESSIONS = 30
YEAR = 252
_DECAY = 0.94


def volatility(source: BarSource, what: str) -> BarSource:
    """`source` with volatilities (a year, 0.2 is 20 %) in place of its prices.

    A bar goes from the session before to its own; the first sessions have none and are left out.
    """
    series = source.series
    returns = np.diff(np.log(series.close))
    figures = _realised(returns) if what == REALISED else _implied(returns)
    first = len(series) - len(figures) + 1
    opens, closes = figures[:-1], figures[1:]
    kept = {name: getattr(series, name)[first:] for name in ("session", "start", "end", "volume")}
    derived = replace(
        series,
        open=opens,
        high=np.maximum(opens, closes),
        low=np.minimum(opens, closes),
        close=closes,
        **kept,
    )
    return replace(source, series=derived, is_derived=True)


def _realised(returns: Floats) -> Floats:
    if len(returns) < SESSIONS:
        return np.zeros(1)
    windows = np.lib.stride_tricks.sliding_window_view(returns, SESSIONS)
    figures = np.round(windows.std(axis=1, ddof=1) * np.sqrt(YEAR), 8)
    return np.asarray(figures, dtype=np.float64)


def _implied(returns: Floats) -> Floats:
    if len(returns) < SESSIONS:
        return np.zeros(1)
    squares = returns**2
    recent = np.empty(len(squares))
    level = float(squares[:SESSIONS].mean())
    for at, square in enumerate(squares):
        level = _DECAY * level + (1 - _DECAY) * float(square)
        recent[at] = level
    lasting = np.cumsum(squares) / np.arange(1, len(squares) + 1)
    figures = np.round(np.sqrt((recent + lasting)[SESSIONS - 1 :] / 2 * YEAR), 8)
    return np.asarray(figures, dtype=np.float64)
