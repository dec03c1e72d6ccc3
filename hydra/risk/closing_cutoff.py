"""Refuses orders for the closing auction that come too late for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hydra.domain.orders import Objection, OrderRequest, OrderType
from hydra.risk._base import Context, positive

CLOSING = frozenset({OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE})

CUTOFFS_S: Mapping[str, float] = MappingProxyType(
    {"NYSE": 600.0, "NASDAQ": 300.0, "ISLAND": 300.0}
)
"""Seconds before the close until which MOC and LOC orders are taken, by IB's primary exchange
(ISLAND is its older name of Nasdaq).

NYSE until 15:50 ("NYSE Opening and Closing Auctions", Rule 7.35B; SR-NYSE-2018-58), Nasdaq until
15:55 (Rule 4754; SR-NASDAQ-2018-068, 83 FR 45165; its LOC orders of up to 15:58 are priced by
another rule). NYSE Arca told 15:58 in 2006; what holds there today, at NYSE American, at Cboe and
abroad was not found, so these have the longest of the table."""
LONGEST_S = max(CUTOFFS_S.values())


@dataclass(frozen=True)
class ClosingCutoff:
    """How long before the close, in seconds, a MOC or LOC order must have left.

    By the instrument's primary exchange: that of `exchanges` (such as exchanges = {ARCA = 120}),
    else of the table above, else the longest of it. `limit_s` is the least at every exchange. The
    close is the exchange calendar's, half days included.
    """

    limit_s: float = 0.0
    exchanges: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a time that is none; a `limit_s` of 0 adds nothing."""
        if self.limit_s != 0:
            positive("closing_cutoff", limit_s=self.limit_s)
        positive("closing_cutoff", **{f"exchanges.{k}": v for k, v in self.exchanges.items()})

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to closing orders after the cut-off; other types pass."""
        if request.order_type not in CLOSING:
            return None
        one = request.instrument
        limit_s = self._limit_s(one.primary_exchange)
        times = context.sessions.get(one.calendar)
        if times is None:
            sentence = f"The close of {one.symbol} is not known."
            return Objection("closing_cutoff", "unknown", f"{limit_s:.0f}", sentence)
        left_s = (times.closes - context.now).total_seconds()
        if left_s >= limit_s:
            return None
        return Objection(
            "closing_cutoff",
            f"{left_s:.0f}",
            f"{limit_s:.0f}",
            f"{one.symbol}: {left_s:,.0f} s are left to the close; the auction of "
            f"{one.primary_exchange or 'its exchange'} takes {request.order_type} orders until "
            f"{limit_s:.0f} s before it.",
        )

    def _limit_s(self, exchange: str) -> float:
        return max(self.limit_s, self.exchanges.get(exchange, CUTOFFS_S.get(exchange, LONGEST_S)))
