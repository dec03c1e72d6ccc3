"""Refuses to enter a future that is about to expire, or to be delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive, reduces

EXPIRING = frozenset({"FUT", "OPT", "FOP"})


@dataclass(frozen=True)
class Expiry:
    """`limit_days` is how many calendar days before a contract's last trading day entries end.

    The days count from the first notice of delivery where that is earlier. IB does not tell it:
    that of well-known futures is known by rule, others are named in `first_notice` by symbol.
    Exits pass up to the last day.
    """

    limit_days: int = 5
    first_notice: Mapping[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a number of days that would let an order into an expired contract."""
        positive("expiry", limit_days=self.limit_days)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to entries too close to the day, and to a contract whose day is not known."""
        one = request.instrument
        if one.sec_type not in EXPIRING or reduces(request, context):
            return None
        notice = self.first_notice.get(one.symbol, one.first_notice)
        days = [day for day in (one.expires, notice) if day]
        if one.expires is None:
            sentence = f"The last trading day of {one.symbol} is not known."
            return Objection("expiry", "unknown", f"{self.limit_days}", sentence)
        left = (min(days) - request.session).days
        if left >= self.limit_days:
            return None
        return Objection(
            "expiry",
            f"{left}",
            f"{self.limit_days}",
            f"{one.symbol} expires, or may be delivered, on {min(days)}, {left} days from the "
            f"session of {request.session}; entries end {self.limit_days} days before.",
        )
