"""Refuses to trade on a quote whose bid is above its ask: one of the two is wrong or old."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class CrossedQuote:
    """With `both_sides` a quote that lacks bid or ask is refused too.

    It is off: before the open, when a session's orders may leave, exchanges show no sides. A
    locked quote (bid = ask) passes.
    """

    both_sides: bool = False

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a crossed quote, and to a missing side where both are asked for."""
        symbol = request.instrument.symbol
        bid, ask = context.bids.get(symbol), context.asks.get(symbol)
        if bid is None or ask is None:
            return _missing(symbol, bid is None) if self.both_sides else None
        if bid <= ask:
            return None
        sentence = f"{symbol}: the bid of {bid} is above the ask of {ask}."
        return Objection("crossed_quote", f"{bid}", f"{ask}", sentence)


def _missing(symbol: str, bid: bool) -> Objection:
    sentence = f"{symbol}: the quote has no {'bid' if bid else 'ask'}."
    return Objection("crossed_quote", "none", "both sides", sentence)
