"""What crossing the spread costs: a buy pays the ask, a sell gets the bid."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

BPS = 1e-4
"""One basis point as a fraction."""


def fill_price(quantity: ArrayLike, mid: ArrayLike, half_spread_bps: ArrayLike) -> np.ndarray:
    """The price an order crosses at: the mid, up by the half spread for a buy, down for a sell.

    `quantity` is signed (sell < 0; 0 gives the mid itself), `half_spread_bps` is in basis points
    of the mid. Numbers and arrays alike.
    """
    side = np.sign(np.asarray(quantity, dtype=float))
    away = side * np.asarray(half_spread_bps, dtype=float)
    return np.asarray(np.asarray(mid, dtype=float) * (1.0 + away * BPS))
