"""Trips when one closed trade has lost more than a fraction of the NAV."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.breakers._base import Breaker, Facts, Reading, in_range, percent


@dataclass(frozen=True, kw_only=True)
class TradeLoss(Breaker):
    """A trade is what the fills of one order closed, all its children together."""

    limit_fraction: Decimal = Decimal("0.02")
    cooldown_sessions: int = 1
    scope: str = "strategy"

    def __post_init__(self) -> None:
        """A fraction in (0, 1]."""
        super().__post_init__()
        in_range(1, limit_fraction=self.limit_fraction)

    def reading(self, facts: Facts) -> Reading | None:
        """The largest loss of those remembered, as a fraction of the NAV."""
        if facts.nav is None or facts.nav <= 0 or not facts.gains:
            return None
        lost = max(-min(facts.gains) / facts.nav, Decimal(0))
        return Reading(
            percent(lost),
            percent(self.limit_fraction),
            lost > self.limit_fraction,
            f"A closed trade has lost {percent(lost)} of the NAV; the limit is "
            f"{percent(self.limit_fraction)}.",
        )
