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
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from hydra.errors import UnknownName, unknown


class Schedule(Protocol):
    """A commission by signed quantity and price of whole orders."""

    def __call__(self, quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
        """The amount, ≥ 0, in the currency of the price; an array of the broadcast shape."""


TIERS = (
    (0.0, 0.0035),
    (300_000.0, 0.0020),
    (3_000_000.0, 0.0015),
    (20_000_000.0, 0.0010),
    (100_000_000.0, 0.0005),
)
"""IB Pro tiered: shares traded in the calendar month before, and the rate a share from there."""


@dataclass(frozen=True)
class Fee:
    """A schedule as figures: a rate a unit by `tiers` (from how many units on, rate; the first
    from 0), and a fraction `of_value` of the trade's value.

    The sum is at least `least`, and then at most `most` of the value: where the maximum of an
    order is less than its minimum, IB charges the maximum.
    """

    tiers: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    of_value: float = 0.0
    least: float = 0.0
    most: float = float("inf")

    def __call__(
        self, quantity: ArrayLike, price: ArrayLike, traded_before: ArrayLike = 0.0
    ) -> np.ndarray:
        """The amount for one order, when `traded_before` units of the tiers were used up."""
        units = np.abs(np.asarray(quantity, dtype=float))
        value, before = units * np.asarray(price, dtype=float), np.asarray(traded_before, float)
        amount = np.zeros(np.broadcast_shapes(value.shape, before.shape))
        if self.of_value:
            amount = amount + self.of_value * value
        ends = [start for start, _ in self.tiers[1:]] + [np.inf]
        for (start, rate), end in zip(self.tiers, ends, strict=True):
            within = np.clip(before + units, start, end) - np.clip(before, start, end)
            amount = amount + rate * within
        amount = np.where(value == 0.0, 0.0, np.maximum(amount, self.least))
        return np.asarray(amount if np.isinf(self.most) else np.minimum(amount, self.most * value))


FEES: Mapping[str, Fee] = MappingProxyType(
    {
        "fixed": Fee(((0.0, 0.005),), least=1.0, most=0.01),
        "tiered": Fee(TIERS, least=0.35, most=0.01),
        "currency": Fee(of_value=0.2e-4, least=2.0),
        "none": Fee(),
    }
)
"""The figures of all schedules: what a backtest and a sweep charge comes from here."""


def commission_fixed(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB Pro fixed, US stocks: 0.005 a share, at least 1.00, at most 1 % of the trade's value."""
    return FEES["fixed"](quantity, price)


def commission_tiered(
    quantity: ArrayLike, price: ArrayLike, traded_before: ArrayLike = 0.0
) -> np.ndarray:
    """IB Pro tiered, US stocks: by the shares `traded_before` in the calendar month, marginally.

    0.0035 a share up to 300,000 shares a month, less for those beyond (`TIERS`); at least 0.35, at
    most 1 % of the trade's value. Without `traded_before` each order is the month's first.
    """
    return FEES["tiered"](quantity, price, traded_before)


def commission_currency(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB spot currencies, first tier: 0.2 basis points of the trade's value, at least 2.00."""
    return FEES["currency"](quantity, price)


def commission_europe(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB Pro fixed, Western European stocks: 0.05 % of the trade's value, at least 3.00.

    Source: IB's page "Commissions: Stocks, ETFs, Warrants", Europe. The minimum is in the currency
    of the price.
    """
    value = np.abs(np.asarray(quantity, dtype=float)) * np.asarray(price, dtype=float)
    return np.where(value > 0, np.maximum(5e-4 * value, 3.0), 0.0)


A_CONTRACT = 2.25
"""IB's 0.85 and an exchange's 1.38 to 1.55 for a future of the CME group, rounded."""


def commission_future(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """IB fixed, futures: so much a contract, the exchange's and regulatory fees in it."""
    contracts = np.abs(np.asarray(quantity, dtype=float))
    return np.asarray(A_CONTRACT * contracts + np.zeros(np.shape(price)))


def no_commission(quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
    """Nothing, whatever is traded."""
    return FEES["none"](quantity, price)


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "fixed": commission_fixed,
        "tiered": commission_tiered,
        "currency": commission_currency,
        "europe": commission_europe,
        "future": commission_future,
        "none": no_commission,
    }
)
"""Schedules by the name they have in `hydra.toml` and in `CostModel`."""


def schedule(name: str) -> Schedule:
    """The schedule of that name; raises `UnknownName` with the nearest one."""
    if name not in SCHEDULES:
        raise UnknownName(unknown("commission schedule", name, SCHEDULES))
    return SCHEDULES[name]
