"""Interactive Brokers' commission schedules, as amounts of money for one order.

Source: the page "Commissions: Stocks, ETFs, Warrants and Structured Products", United States, on
interactivebrokers.com, and "Commissions: Spot Currencies" for the currency schedule. Quantities
are signed and their sign does not matter; prices and amounts are in the order's currency; a
commission is a cost and positive. Numbers and arrays are taken alike, element by element.
Regulatory, exchange and clearing fees, which IB passes on, are not included.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from hydra.errors import UnknownName, unknown


class Schedule(Protocol):
    """A commission by signed quantity and price of whole orders."""

    def __call__(self, quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
        """The amount, ≥ 0, in the currency of the price; an array of the broadcast shape."""


def commission_fixed(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB Pro fixed, US stocks: 0.005 a share, at least 1.00, at most 1 % of the trade's value."""
    return _per_share(quantity, price, rate=0.005, minimum=1.0)


def commission_tiered(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB Pro tiered, US stocks, first tier (up to 300,000 shares a month).

    0.0035 a share, at least 0.35, at most 1 % of the trade's value.
    """
    return _per_share(quantity, price, rate=0.0035, minimum=0.35)


def commission_currency(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB spot currencies, first tier: 0.2 basis points of the trade's value, at least 2.00."""
    value = np.abs(np.asarray(quantity, dtype=float)) * np.asarray(price, dtype=float)
    return np.where(value > 0, np.maximum(0.2e-4 * value, 2.0), 0.0)


def no_commission(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """Nothing, whatever is traded."""
    return np.zeros(np.broadcast_shapes(np.shape(quantity), np.shape(price)))


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "fixed": commission_fixed,
        "tiered": commission_tiered,
        "currency": commission_currency,
        "none": no_commission,
    }
)
"""Schedules by the name they have in `hydra.toml` and in `CostModel`."""


def schedule(name: str) -> Schedule:
    """The schedule of that name; raises `UnknownName` with the nearest one."""
    if name not in SCHEDULES:
        raise UnknownName(unknown("commission schedule", name, SCHEDULES))
    return SCHEDULES[name]


def _per_share(quantity: ArrayLike, price: ArrayLike, rate: float, minimum: float) -> np.ndarray:
    """IB: where the maximum of an order is less than its minimum, the maximum is charged."""
    shares = np.abs(np.asarray(quantity, dtype=float))
    value = shares * np.asarray(price, dtype=float)
    amount: np.ndarray = np.minimum(np.maximum(rate * shares, minimum), 0.01 * value)
    return amount
