"""Refuses an order whose price is far from the last trade: a fat finger, or a bad bar."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, fraction


@dataclass(frozen=True)
class PriceCollar:
    """`limit_fraction` is how far, as a fraction of the last price, an order's price may lie."""

    limit_fraction: Decimal = Decimal("0.10")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("price_collar", Decimal(1), limit_fraction=self.limit_fraction)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a price outside the collar, and to having no last price."""
        last = context.quotes.get(request.instrument.symbol)
        limit = self.limit_fraction
        if last is None or not last > 0:
            sentence = f"{request.instrument.symbol} has no last price to hold the order against."
            return Objection("price_collar", "none", f"{limit:.4f}", sentence)
        if abs(request.price - last) <= limit * last:
            return None
        distance = abs(request.price / last - 1)
        return Objection(
            "price_collar",
            f"{distance:.4f}",
            f"{limit:.4f}",
            f"{request.instrument.symbol}: the order's price {request.price} is {distance:.2%} "
            f"from the last price {last}; the collar is {self.limit_fraction:.2%}.",
        )
