"""Trips when too many of the session's orders were judged on old or delayed prices."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.breakers._base import Breaker, Facts, Reading, in_range, percent


@dataclass(frozen=True, kw_only=True)
class StaleData(Breaker):
    """Refusals for an old price, or for a delayed one where those are not allowed."""

    limit_fraction: float = 0.5
    least_orders: int = 10

    def __post_init__(self) -> None:
        """A fraction in (0, 1], of one order or more."""
        super().__post_init__()
        in_range(1, limit_fraction=self.limit_fraction)
        in_range(100_000, least_orders=self.least_orders)

    def reading(self, facts: Facts) -> Reading | None:
        """Old by judged; None while fewer than `least_orders` were judged."""
        old, judged = facts.counts.stale, facts.counts.judged
        if judged < self.least_orders:
            return None
        return Reading(
            percent(old / judged),
            percent(self.limit_fraction),
            old > self.limit_fraction * judged,
            f"{old} of the session's {judged} orders met old or delayed prices; the limit is "
            f"{percent(self.limit_fraction)}.",
        )
