"""Trips when the connection is lost again and again within an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hydra.breakers._base import Breaker, Facts, Reading, in_range
from hydra.domain.conduct import KEPT


@dataclass(frozen=True, kw_only=True)
class Flapping(Breaker):
    """One outage counts once, however many messages tell of it."""

    limit_losses: int = 6
    window_s: float = 3600.0
    SCOPES = ("account",)

    def __post_init__(self) -> None:
        """Fewer losses than are remembered."""
        super().__post_init__()
        in_range(KEPT - 1, limit_losses=self.limit_losses)
        in_range(7 * 86_400, window_s=self.window_s)

    def reading(self, facts: Facts) -> Reading | None:
        """Losses within the window that ends now."""
        since = facts.now - timedelta(seconds=self.window_s)
        lost = sum(1 for loss in facts.losses if loss >= since)
        return Reading(
            str(lost),
            str(self.limit_losses),
            lost > self.limit_losses,
            f"The connection was lost {lost} times within {self.window_s:g} s; the limit is "
            f"{self.limit_losses}.",
        )
