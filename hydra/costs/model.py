"""The costs that a backtest reckons with, bundled: commission, spread and market impact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hydra.costs.commission import schedule
from hydra.costs.impact import square_root_impact_bps
from hydra.costs.spread import fill_price
from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter

MAX_COEFFICIENT = 10.0
"""Ten times what is measured anywhere; more is a slip of the pen."""


@dataclass(frozen=True)
class CostModel:
    """A commission schedule by name, and how far from the mid an order fills.

    `half_spread_bps` (by symbol in `half_spreads_bps`, where it is known there) and `impact_bps`
    are basis points of the price, whatever the size; `impact_coefficient` adds the square root
    impact, for which volatility and volume of a day must be told. `CostModel("none", 0)` trades
    for nothing. `source` is where the figures come from, for the reports; it changes no cost.
    """

    commission: str = "fixed"
    half_spread_bps: float = 1.0
    impact_bps: float = 0.0
    impact_coefficient: float = 0.0
    half_spreads_bps: Mapping[str, float] = field(default_factory=dict, hash=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse an unknown schedule (`UnknownName`) and costs below 0 (`BadParameter`)."""
        schedule(self.commission)
        named = {f"half_spreads_bps of {s}": v for s, v in self.half_spreads_bps.items()}
        bounded = {"half_spread_bps": self.half_spread_bps, "impact_bps": self.impact_bps, **named}
        for name, value in bounded.items():
            if not 0 <= value < 10_000:
                raise BadParameter(
                    f"CostModel: {name} is {value}; it must be 0 or more and below 10000."
                )
        if not 0 <= self.impact_coefficient <= MAX_COEFFICIENT:
            raise BadParameter(
                f"CostModel: impact_coefficient is {self.impact_coefficient}; it must be from 0 "
                f"to {MAX_COEFFICIENT:g} (1 is what is usually measured)."
            )

    def __str__(self) -> str:
        """What a report says of it: where it comes from, else its figures."""
        if self.source or self == CostModel():
            return self.source or "default"
        return (
            f"given ({self.commission} commission, half spread {self.half_spread_bps:g} bps, "
            f"impact {self.impact_bps:g} bps, coefficient {self.impact_coefficient:g})"
        )

    @property
    def needs_liquidity(self) -> bool:
        """Whether volatility and volume of a day must be told."""
        return self.impact_coefficient > 0

    def half_spread_of(self, symbol: str) -> float:
        """The instrument's own half spread where it is known, else the one for all; bps."""
        return self.half_spreads_bps.get(symbol, self.half_spread_bps)

    def distance_bps(
        self,
        quantity: ArrayLike,
        symbol: str = "",
        volatility_bps: ArrayLike = np.nan,
        daily_volume: ArrayLike = np.nan,
    ) -> np.ndarray:
        """How much worse than the mid signed `quantity` fills, in bps of the mid; ≥ 0.

        `volatility_bps` is the deviation of a day's return, `daily_volume` the mean of a day's
        volume, in units of `quantity`; without them NaN, where the model `needs_liquidity`.
        """
        flat = self.half_spread_of(symbol) + self.impact_bps
        size = np.asarray(quantity, dtype=float)
        if not self.needs_liquidity:
            return np.full(size.shape, flat)
        return flat + square_root_impact_bps(
            size, volatility_bps, daily_volume, self.impact_coefficient
        )

    def fill_price(
        self,
        quantity: ArrayLike,
        mid: ArrayLike,
        symbol: str = "",
        volatility_bps: ArrayLike = np.nan,
        daily_volume: ArrayLike = np.nan,
    ) -> np.ndarray:
        """What signed `quantity` fills at when the market stands at `mid`; see `distance_bps`."""
        distance = self.distance_bps(quantity, symbol, volatility_bps, daily_volume)
        return fill_price(quantity, mid, distance)

    def commission_of(self, quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
        """What the broker charges for signed `quantity` at its fill price; ≥ 0."""
        return schedule(self.commission)(quantity, price)

    def charge_of(self, one: Instrument, quantity: float, price: float) -> float:
        """The same for an order in an instrument: a future, a pair and a share listed abroad have
        schedules of their own, unless nothing is charged at all. `price` is as quoted."""
        kind = {"FUT": "future", "CASH": "currency"}.get(one.sec_type, "")
        if one.sec_type == "STK" and one.listed_as:
            kind = "europe"
        units = quantity * float(one.multiplier)
        if not kind or self.commission == "none":
            return float(self.commission_of(units, price))
        return float(schedule(kind)(quantity if kind == "future" else units, price))
