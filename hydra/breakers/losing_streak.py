"""Trips when more closed trades in a row have lost than it allows."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.breakers._base import Breaker, Facts, Reading, in_range
from hydra.domain.conduct import KEPT


@dataclass(frozen=True, kw_only=True)
class LosingStreak(Breaker):
    """A trade that realised nothing, or more, ends the streak; commissions are left out."""

    limit_trades: int = 12
    cooldown_sessions: int = 1
    scope: str = "strategy"

    def __post_init__(self) -> None:
        """From 1 to fewer trades than are remembered."""
        super().__post_init__()
        in_range(KEPT - 1, limit_trades=self.limit_trades)

    def reading(self, facts: Facts) -> Reading | None:
        """How many of the newest trades have lost."""
        if not facts.gains:
            return None
        lost = next((n for n, gain in enumerate(reversed(facts.gains)) if gain >= 0), None)
        streak = len(facts.gains) if lost is None else lost
        return Reading(
            str(streak),
            str(self.limit_trades),
            streak > self.limit_trades,
            f"{streak} closed trades in a row have lost; the limit is {self.limit_trades}.",
        )
