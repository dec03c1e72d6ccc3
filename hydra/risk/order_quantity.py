"""Refuses an order of more units than a limit: a fat finger in the quantity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive, reduces


@dataclass(frozen=True)
class OrderQuantity:
    """`limit_quantity` is the largest size of one order in units: shares, contracts.

    The units of a currency pair are money, which `order_notional` limits.
    """

    limit_quantity: Decimal = Decimal(100_000)

    def __post_init__(self) -> None:
        """Refuse a limit that would refuse everything without saying so."""
        positive("order_quantity", limit_quantity=self.limit_quantity)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a larger order, but for one that can only shrink what is held."""
        if request.instrument.sec_type == "CASH":
            return None
        if abs(request.quantity) <= self.limit_quantity or reduces(request, context):
            return None
        return Objection(
            "order_quantity",
            f"{abs(request.quantity)}",
            f"{self.limit_quantity}",
            f"The order is for {abs(request.quantity):,} units; "
            f"the limit is {self.limit_quantity:,}.",
        )
