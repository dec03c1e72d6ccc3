"""Trips when the session has cost more than a fraction of the NAV it began with."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.breakers._base import Breaker, Facts, Reading, in_range, percent


@dataclass(frozen=True, kw_only=True)
class DailyLoss(Breaker):
    """Measured from the NAV at the session's first mark; what is not realised yet counts too."""

    limit_fraction: Decimal = Decimal("0.03")
    action: str = "reduce_only"
    SCOPES = ("account",)

    def __post_init__(self) -> None:
        """A fraction in (0, 1]."""
        super().__post_init__()
        in_range(1, limit_fraction=self.limit_fraction)

    def reading(self, facts: Facts) -> Reading | None:
        """Loss since the opening as a fraction of it."""
        if facts.nav is None or facts.opening_nav is None or facts.opening_nav <= 0:
            return None
        lost = (facts.opening_nav - facts.nav) / facts.opening_nav
        return Reading(
            percent(lost),
            percent(self.limit_fraction),
            lost > self.limit_fraction,
            f"The session has lost {percent(lost)} of the NAV it began with, "
            f"{facts.opening_nav:,.2f}; the limit is {percent(self.limit_fraction)}.",
        )
