"""Refuses the same order again under another reference: a loop, or a second run gone wrong."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.domain.traffic import HOUR, intent_of
from hydra.errors import BadParameter
from hydra.risk._base import Context


@dataclass(frozen=True)
class DuplicateIntent:
    """`window_s` is how long, in seconds of the market's clock, the same strategy may not want the
    same signed quantity of the same instrument again.

    Slices by which one algorithm works one request are one intention, and so is a change of an
    order that works; the same reference twice is stopped by the journal.
    """

    window_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a window that never closes on anything."""
        if not 0 < self.window_s <= HOUR.total_seconds():
            raise BadParameter(
                f"window_s is {self.window_s}; the check duplicate_intent takes seconds in "
                "(0, 3600]."
            )

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a repetition within the window."""
        found = context.traffic.intents.get(intent_of(request))
        if found is None or found[1:] == (request.session, request.step):
            return None
        age_s = (context.now - found[0]).total_seconds()
        if age_s >= self.window_s:
            return None
        return Objection(
            "duplicate_intent",
            f"{age_s:.0f}",
            f"{self.window_s:.0f}",
            f"{request.strategy} wanted {request.quantity:+,} {request.instrument.symbol} "
            f"{age_s:,.0f} s ago already, under another reference; the same is taken again after "
            f"{self.window_s:,.0f} s.",
        )
