"""Trips when orders fill far worse than the cost model says."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.breakers._base import Breaker, Facts, Reading, in_range
from hydra.domain.conduct import KEPT


@dataclass(frozen=True, kw_only=True)
class Slippage(Breaker):
    """The mean, over the last orders, of the distance from the arrival's mid less the predicted.

    The cost model's impact by size is not predicted here (it needs bars), so the limit must leave
    room for it.
    """

    limit_bps: float = 50.0
    orders: int = 10
    cooldown_sessions: int = 1
    scope: str = "strategy"

    def __post_init__(self) -> None:
        """As many orders as are remembered, at most."""
        super().__post_init__()
        in_range(10_000, limit_bps=self.limit_bps)
        in_range(KEPT, orders=self.orders)

    def reading(self, facts: Facts) -> Reading | None:
        """Mean excess in bps of the newest `orders`; None while there are fewer."""
        newest = facts.excess_bps[-self.orders :]
        if len(newest) < self.orders:
            return None
        mean = sum(newest) / len(newest)
        return Reading(
            f"{mean:.4g} bps",
            f"{self.limit_bps:g} bps",
            mean > self.limit_bps,
            f"The last {self.orders} orders filled {mean:.4g} bps worse than the cost model says; "
            f"the limit is {self.limit_bps:g} bps.",
        )
