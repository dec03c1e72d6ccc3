"""Refuses to trade on a price that is older than a limit."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive


@dataclass(frozen=True)
class StalePrice:
    """`limit_age_s` is the greatest age in seconds of the last trade, by the market's clock.

    The default lets an order leave before the open on the last session's close, over a weekend
    with a holiday (four days); tighten it for intraday strategies.
    """

    limit_age_s: float = 4 * 24 * 3600.0

    def __post_init__(self) -> None:
        """Refuse a limit that no price can meet."""
        positive("stale_price", limit_age_s=self.limit_age_s)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the last trade is too old, of unknown age, or later than now."""
        symbol = request.instrument.symbol
        time = context.quoted_at.get(symbol)
        if time is None:
            sentence = f"{symbol}: the gateway tells no time of the last trade."
            return Objection("stale_price", "unknown", f"{self.limit_age_s:.0f}", sentence)
        age_s = (context.now - time).total_seconds()
        # A quote may arrive between two readings of the clock, hence a second of grace.
        if -1 <= age_s <= self.limit_age_s:
            return None
        return Objection(
            "stale_price",
            f"{age_s:.0f}",
            f"{self.limit_age_s:.0f}",
            f"{symbol}: the last trade is {age_s:,.0f} s old; "
            f"the limit is {self.limit_age_s:,.0f} s.",
        )
