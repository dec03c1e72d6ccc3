"""Signed slippage: how much worse a fill was than a reference price; paying up is positive.

André Perold, "The implementation shortfall: paper versus reality", Journal of Portfolio Management
14 (1988): the reference is the price that the decision was made on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hydra.costs.spread import BPS


def slippage(quantity: ArrayLike, fill: ArrayLike, reference: ArrayLike) -> np.ndarray:
    """Money lost against the reference price: positive for a buy above or a sell below it.

    `quantity` is signed (sell < 0), prices are per unit, the result is in their currency (times
    the multiplier, where an instrument has one).
    """
    worse = np.asarray(fill, dtype=float) - np.asarray(reference, dtype=float)
    return np.asarray(np.asarray(quantity, dtype=float) * worse)


def slippage_bps(quantity: ArrayLike, fill: ArrayLike, reference: ArrayLike) -> np.ndarray:
    """The same in basis points of the reference price, whatever the size; 0 for quantity 0."""
    worse = np.asarray(fill, dtype=float) / np.asarray(reference, dtype=float) - 1.0
    return np.asarray(np.sign(np.asarray(quantity, dtype=float)) * worse / BPS)
