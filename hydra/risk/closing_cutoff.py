"""Refuses orders for the closing auction that come too late for it."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest, OrderType
from hydra.risk._base import Context, positive

CLOSING = frozenset({OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE})


@dataclass(frozen=True)
class ClosingCutoff:
    """`limit_s` is how long before the close, in seconds, a MOC or LOC order must have left.

    The default is NYSE's: Rule 7.35B takes them until 15:50 of a session that closes at 16:00;
    Nasdaq (Rule 4754) is later. The close is the exchange calendar's, half days included.
    """

    limit_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse a time that is none."""
        positive("closing_cutoff", limit_s=self.limit_s)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to closing orders after the cut-off; other types pass."""
        if request.order_type not in CLOSING:
            return None
        symbol, limit = request.instrument.symbol, f"{self.limit_s:.0f}"
        times = context.sessions.get(request.instrument.calendar)
        if times is None:
            sentence = f"The close of {symbol} is not known."
            return Objection("closing_cutoff", "unknown", limit, sentence)
        left_s = (times.closes - context.now).total_seconds()
        if left_s >= self.limit_s:
            return None
        return Objection(
            "closing_cutoff",
            f"{left_s:.0f}",
            limit,
            f"{symbol}: {left_s:,.0f} s are left to the close; the auction takes "
            f"{request.order_type} orders until {limit} s before it.",
        )
