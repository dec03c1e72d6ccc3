"""Refuses an order whose session is not the one that the instrument's exchange is in or before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, SessionTimes, positive


@dataclass(frozen=True)
class SessionHours:
    """`limit_early_s` is how long before its session's open an order may leave, in seconds.

    Sessions, holidays and half days are those of the instrument's exchange calendar. An order of a
    session that has closed is refused: its decision is of another day. The default of 12 hours
    takes orders on the morning of their session (a DAY order waits for the open) and refuses them
    on the evening before, or over a weekend; 345600 (four days) takes those too.
    """

    limit_early_s: float = 12 * 3600.0

    def __post_init__(self) -> None:
        """Refuse a time that is none; 0 takes orders from the open on."""
        if self.limit_early_s != 0:
            positive("session_hours", limit_early_s=self.limit_early_s)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to other sessions than the one on or next, and to orders too far before it."""
        one = request.instrument
        times = context.sessions.get(one.calendar)
        if times is None:
            sentence = f"{one.symbol}: the sessions of {one.calendar} are not known."
            return Objection("session_hours", "unknown", "a session", sentence)
        if request.session != times.session or not context.now < times.closes:
            return _other(request, times)
        return self._early(request, context.now, times)

    def _early(
        self, request: OrderRequest, now: datetime, times: SessionTimes
    ) -> Objection | None:
        early_s = (times.opens - now).total_seconds()
        if early_s <= self.limit_early_s:
            return None
        return Objection(
            "session_hours",
            f"{early_s:.0f}",
            f"{self.limit_early_s:.0f}",
            f"{request.instrument.symbol}: the session of {times.session} opens in "
            f"{early_s:,.0f} s; orders are taken from {self.limit_early_s:,.0f} s before the "
            "open on.",
        )


def _other(request: OrderRequest, times: SessionTimes) -> Objection:
    return Objection(
        "session_hours",
        f"{request.session}",
        f"{times.session}",
        f"{request.instrument.symbol}: the order is of the session of {request.session}; its "
        f"exchange is in or before that of {times.session} (until {times.closes:%H:%M} UTC).",
    )
