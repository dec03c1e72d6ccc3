"""Trips when the NAV has fallen too far below its peak; the peak outlives every restart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.breakers._base import Breaker, Facts, Reading, in_range, percent


@dataclass(frozen=True, kw_only=True)
class Drawdown(Breaker):
    """The peak is the highest NAV that the journal has, after a trip the highest since."""

    limit_fraction: Decimal = Decimal("0.15")
    action: str = "halt"
    SCOPES = ("account",)

    def __post_init__(self) -> None:
        """A fraction in (0, 1]."""
        super().__post_init__()
        in_range(1, limit_fraction=self.limit_fraction)

    def reading(self, facts: Facts) -> Reading | None:
        """Distance from the peak as a fraction of it."""
        if facts.nav is None or facts.peak_nav <= 0:
            return None
        fallen = (facts.peak_nav - facts.nav) / facts.peak_nav
        return Reading(
            percent(fallen),
            percent(self.limit_fraction),
            fallen > self.limit_fraction,
            f"The NAV of {facts.nav:,.2f} is {percent(fallen)} below its peak of "
            f"{facts.peak_nav:,.2f}; the limit is {percent(self.limit_fraction)}.",
        )
