"""The costs that a backtest reckons with, bundled: commission, spread and market impact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hydra.costs.commission import schedule
from hydra.costs.spread import fill_price
from hydra.errors import BadParameter


@dataclass(frozen=True)
class CostModel:
    """A commission schedule by name, and how far from the mid an order fills.

    `half_spread_bps` and `impact_bps` are basis points of the price and are added up; the impact
    is the same for every size of order. `CostModel("none", 0)` trades for nothing.
    """

    commission: str = "fixed"
    half_spread_bps: float = 1.0
    impact_bps: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an unknown schedule (`UnknownName`) and costs below 0 (`BadParameter`)."""
        schedule(self.commission)
        for name in ("half_spread_bps", "impact_bps"):
            value = getattr(self, name)
            if not 0 <= value < 10_000:
                raise BadParameter(
                    f"CostModel: {name} is {value}; it must be 0 or more and below 10000."
                )

    def fill_price(self, quantity: ArrayLike, mid: ArrayLike) -> np.ndarray:
        """What signed `quantity` fills at when the market stands at `mid`."""
        return fill_price(quantity, mid, self.half_spread_bps + self.impact_bps)

    def commission_of(self, quantity: ArrayLike, price: ArrayLike) -> np.ndarray:
        """What the broker charges for signed `quantity` at its fill price; ≥ 0."""
        return schedule(self.commission)(quantity, price)
