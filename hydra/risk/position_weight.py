"""Refuses an order that would make one position too large a part of the account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class PositionWeight:
    """`limit_weight` is the largest size of one position as a fraction of NAV (0.3 is 30 %)."""

    limit_weight: Decimal = Decimal("0.30")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction: 30 would switch the check off in silence."""
        fraction("position_weight", Decimal(10), limit_weight=self.limit_weight)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the proposed position is beyond the limit; what only reduces passes."""
        symbol, proposed = request.instrument.symbol, context.proposed(request)
        nav, size = proposed.nav, abs(proposed.value(symbol))
        if (nav > 0 and size <= self.limit_weight * nav) or reduces(request, context):
            return None
        weight = abs(proposed.weight(symbol))
        return Objection(
            "position_weight",
            f"{weight:.4f}",
            f"{self.limit_weight:.4f}",
            f"{symbol} would be {weight:.2%} of a NAV of {nav:,.2f}; "
            f"the limit is {self.limit_weight:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Each position's size."""
        held, nav = context.portfolio, context.portfolio.nav
        return [
            weighed(symbol, position.value, self.limit_weight, nav)
            for symbol, position in sorted(held.positions.items())
            if position.quantity
        ]
