"""Refuses whatever would open or add to a position while only reducing is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class ReduceOnly:
    """Exits pass: an order against what is held, no larger than it."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects while the state is reduce-only, to all but exits."""
        if context.reduce_only is None or reduces(request, context):
            return None
        symbol = request.instrument.symbol
        held = context.portfolio.quantity(symbol)
        return Objection(
            "reduce_only",
            f"{held + request.quantity}",
            f"{held} towards 0",
            f"Only reducing is allowed ({context.reduce_only}): of {symbol} {held} is held, and "
            f"it would become {held + request.quantity}.",
        )
