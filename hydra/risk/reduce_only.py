"""Refuses whatever would open or add to a position while only reducing is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class ReduceOnly:
    """Exits pass: an order against what has filled, no larger than it with all that already works
    on its side."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects while the state is reduce-only, to all but exits."""
        if context.reduce_only is None or reduces(request, context):
            return None
        symbol = request.instrument.symbol
        return Objection(
            "reduce_only",
            f"{context.one_sided(request)}",
            f"{context.held.get(symbol, 0)} towards 0",
            f"Only reducing is allowed ({context.reduce_only}): of {symbol} "
            f"{context.held.get(symbol, 0)} is held, and it could become "
            f"{context.one_sided(request)}.",
        )
