"""Refuses orders that would open a short position, or add to one, where that is not allowed."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class ShortSelling:
    """`allow` false refuses every short; symbols in `never` are refused in any case.

    Judged with all sells that work already filled and no buy: a sell that waits for a buy to fill
    first may find itself short.
    """

    allow: bool = True
    never: tuple[str, ...] = ()

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a sell that could leave less than nothing; buying back passes."""
        symbol = request.instrument.symbol
        if request.quantity > 0 or (self.allow and symbol not in self.never):
            return None
        quantity = context.one_sided(request)
        if quantity >= 0:
            return None
        return Objection(
            "short_selling",
            f"{quantity}",
            "0",
            f"{symbol} could become {quantity:,}; short positions "
            f"{'in it ' if self.allow else ''}are not allowed.",
        )
