"""How far an order moves the price against itself, by its share of what is traded in a day.

The square root law: Richard Grinold and Ronald Kahn, "Active Portfolio Management" (2000), chapter
16; Bence Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial
markets", Physical Review X 1 (2011), who find a coefficient near 1. Robert Almgren, Chee Thum,
Emmanuel Hauptmann and Hong Li, "Direct estimation of equity market impact", Risk 18 (2005), fit an
exponent of 3/5 to the temporary part instead of 1/2; the root is kept, for its coefficient can be
compared with what others have measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def square_root_impact_bps(
    quantity: ArrayLike,
    volatility_bps: ArrayLike,
    daily_volume: ArrayLike,
    coefficient: float,
) -> np.ndarray:
    """`coefficient` × `volatility_bps` × √(|quantity| / `daily_volume`), in bps of the price; ≥ 0.

    `volatility_bps` is the deviation of one day's return, `daily_volume` the average in units of
    `quantity`. Numbers and arrays alike; 0 for quantity 0, NaN where a figure is missing and where
    nothing is traded in a day.
    """
    volume = np.asarray(daily_volume, dtype=float)
    traded = np.where(volume > 0, volume, np.nan)
    share = np.abs(np.asarray(quantity, dtype=float)) / traded
    return np.asarray(coefficient * np.asarray(volatility_bps, dtype=float) * np.sqrt(share))
