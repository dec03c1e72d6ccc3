"""Interactive Brokers' commission schedules, as amounts of money for one order.

Source: the page "Commissions: Stocks, ETFs, Warrants and Structured Products", United States, on
interactivebrokers.com, and "Commissions: Spot Currencies" for the currency schedule. Quantities
are signed and their sign does not matter; prices and amounts are in the order's currency; a
commission is a cost and positive. Numbers and arrays are taken alike, element by element.

Not included, for they change by venue and by year: what IB passes on. On both schedules a sale of
US stocks pays the SEC's transaction fee (8.00 to 28 dollars a million of value in the last years,
at times none) and FINRA's trading activity fee (about 0.0002 a share, capped near 10 dollars). The
tiered schedule adds clearing (0.0002 a share), the venue's fee or rebate (up to 0.003 a share
taken, often a rebate for liquidity given), and NYSE's and FINRA's pass-through fees (0.000175 and
0.00056 of the commission). A market order on the tiered schedule so costs about as much again.
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


TIERS = (
    (0.0, 0.0035),
    (300_000.0, 0.0020),
    (3_000_000.0, 0.0015),
    (20_000_000.0, 0.0010),
    (100_000_000.0, 0.0005),
)
"""IB Pro tiered: shares traded in the calendar month before, and the rate a share from there."""


def commission_tiered(
    quantity: ArrayLike, price: ArrayLike, traded_before: ArrayLike = 0.0
) -> np.ndarray:
    """IB Pro tiered, US stocks: by the shares `traded_before` in the calendar month, marginally.

    0.0035 a share up to 300,000 shares a month, less for those beyond (`TIERS`); at least 0.35, at
    most 1 % of the trade's value. Without `traded_before` each order is the month's first.
    """
    shares = np.abs(np.asarray(quantity, dtype=float))
    before = np.asarray(traded_before, dtype=float)
    amount = np.zeros(np.broadcast_shapes(shares.shape, before.shape))
    ends = [start for start, _ in TIERS[1:]] + [np.inf]
    for (start, rate), end in zip(TIERS, ends, strict=True):
        within = np.clip(before + shares, start, end) - np.clip(before, start, end)
        amount = amount + rate * within
    return _bounded(amount, shares, price, minimum=0.35)


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
    shares = np.abs(np.asarray(quantity, dtype=float))
    return _bounded(rate * shares, shares, price, minimum)


def _bounded(
    amount: np.ndarray, shares: np.ndarray, price: ArrayLike, minimum: float
) -> np.ndarray:
    """IB: where the maximum of an order is less than its minimum, the maximum is charged."""
    value = shares * np.asarray(price, dtype=float)
    return np.asarray(np.minimum(np.maximum(amount, minimum), 0.01 * value))
