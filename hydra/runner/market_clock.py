"""The market's clock for the schedule: the machine's, moved by what the gateway last told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SIMULATED = timedelta(hours=1)
"""A gateway whose time is farther from ours lives in a time of its own."""


class FollowedClock:
    """Follows the time that a gateway tells; between two answers it goes on as ours does."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        """`ahead` is how far the market's clock was ahead when it was last known."""
        self.ahead = ahead
        self.is_known = False

    def now(self) -> datetime:
        """The market's present moment, aware UTC."""
        return datetime.now(UTC) + self.ahead

    def set(self, told: datetime) -> None:
        """Take over the gateway's time (aware UTC)."""
        self.ahead, self.is_known = told - datetime.now(UTC), True
        if abs(self.ahead) < SIMULATED / 3600:
            self.ahead = timedelta()  # the gateway's whole seconds are no other clock

    @property
    def is_simulated(self) -> bool:
        """Whether the gateway's time is not ours."""
        return abs(self.ahead) > SIMULATED
