"""Refuses prices and quantities that the instrument's exchange would not take."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive


@dataclass(frozen=True)
class ValidTerms:
    """Prices are finite, > 0 and at most `limit_price`; limit and stop lie on the instrument's
    tick; the quantity is finite, not 0, and in whole lots.

    A request is held to tick and lot when it is made; this looks again when it leaves.
    """

    limit_price: Decimal = Decimal(1_000_000)

    def __post_init__(self) -> None:
        """Refuse a limit below any price."""
        positive("valid_terms", limit_price=self.limit_price)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to the first of its terms that is not valid."""
        one, quantity = request.instrument, request.quantity
        if not quantity.is_finite() or not quantity or not one.in_lots(quantity):
            lots = f"whole lots of {one.lot_size}"
            return _invalid(request, "quantity", quantity, lots)
        for kind, price in (
            ("decision price", request.decision_price),
            ("limit price", request.limit_price),
            ("stop price", request.stop_price),
        ):
            if price is None:
                continue
            if not price.is_finite() or not 0 < price <= self.limit_price:
                return _invalid(request, kind, price, f"above 0 and up to {self.limit_price}")
            if price is not request.decision_price and not one.on_tick(price):
                return _invalid(request, kind, price, f"on the tick of {one.min_tick}")
        return None


def _invalid(request: OrderRequest, kind: str, given: Decimal, allowed: str) -> Objection:
    sentence = f"{request.instrument.symbol}: the {kind} is {given}; it must be {allowed}."
    return Objection("valid_terms", f"{given}", allowed, sentence)
