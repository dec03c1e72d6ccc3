"""Refuses to trade on a price that is older than a limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive, reduces


@dataclass(frozen=True)
class StalePrice:
    """Ages in seconds, by the market's clock. `limit_age_s` is the greatest of the last trade.

    Its default lets an order leave before the open on the last session's close, over a weekend
    with a holiday (four days); tighten it for intraday strategies. While the instrument's session
    is open, an entry may have no older price than `open_limit_age_s`, counted from the open where
    the last trade was before it: prices that froze (IB's 10197, 2103) look like any other. A
    quarter of an hour lets the opening auction be late and a stock of a few trades an hour pass;
    give thinly traded ones more. An exit passes: nobody is kept in a position by a frozen price.

    `delay_s` is added for delayed prices, which IB sends 15 to 20 minutes late: those that
    `delayed_data` lets pass.
    """

    limit_age_s: float = 4 * 24 * 3600.0
    open_limit_age_s: float = 900.0
    delay_s: float = 1200.0

    def __post_init__(self) -> None:
        """Refuse a limit that no price can meet."""
        positive(
            "stale_price", limit_age_s=self.limit_age_s, open_limit_age_s=self.open_limit_age_s
        )
        if self.delay_s != 0:
            positive("stale_price", delay_s=self.delay_s)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the last trade is too old, of unknown age, or later than now."""
        symbol = request.instrument.symbol
        time = context.quoted_at.get(symbol)
        if time is None:
            sentence = f"{symbol}: the gateway tells no time of the last trade."
            return Objection("stale_price", "unknown", f"{self.limit_age_s:.0f}", sentence)
        delay_s = self.delay_s if symbol in context.delayed else 0.0
        age_s, limit_s = (context.now - time).total_seconds(), self.limit_age_s + delay_s
        # A quote may arrive between two readings of the clock, hence a second of grace.
        if not -1 <= age_s <= limit_s:
            sentence = f"{symbol}: the last trade is {age_s:,.0f} s old"
            return _too_old(age_s, limit_s, sentence)
        opened = _open_since(request, context)
        if opened is None or reduces(request, context):
            return None
        age_s = (context.now - max(time, opened)).total_seconds()
        limit_s = self.open_limit_age_s + delay_s
        sentence = f"{symbol}: no trade was told for {age_s:,.0f} s of an open session"
        return None if age_s <= limit_s else _too_old(age_s, limit_s, sentence)


def _open_since(request: OrderRequest, context: Context) -> datetime | None:
    """When the instrument's session opened; None while it is closed, or not known."""
    times = context.sessions.get(request.instrument.calendar)
    if times is None or not times.opens <= context.now < times.closes:
        return None
    return times.opens


def _too_old(age_s: float, limit_s: float, sentence: str) -> Objection:
    return Objection(
        "stale_price",
        f"{age_s:.0f}",
        f"{limit_s:.0f}",
        f"{sentence}; the limit is {limit_s:,.0f} s.",
    )
