"""Trips when the broker rejects too large a share of the session's orders."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.breakers._base import Breaker, Facts, Reading, in_range, percent


@dataclass(frozen=True, kw_only=True)
class RejectRate(Breaker):
    """Orders that the gate refused do not count; only what the broker turned down."""

    limit_fraction: float = 0.5
    least_orders: int = 6

    def __post_init__(self) -> None:
        """A fraction in (0, 1], of one order or more."""
        super().__post_init__()
        in_range(1, limit_fraction=self.limit_fraction)
        in_range(100_000, least_orders=self.least_orders)

    def reading(self, facts: Facts) -> Reading | None:
        """Rejected by submitted; None while fewer than `least_orders` were submitted."""
        rejected = facts.counts.rejected
        sent = max(facts.counts.sent, rejected)
        if sent < self.least_orders:
            return None
        return Reading(
            percent(rejected / sent),
            percent(self.limit_fraction),
            rejected > self.limit_fraction * sent,
            f"The broker has rejected {rejected} of the session's {sent} orders; the limit is "
            f"{percent(self.limit_fraction)}.",
        )
