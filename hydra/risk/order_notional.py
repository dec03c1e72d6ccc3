"""Refuses an order whose value is beyond a limit in money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive, reduces


@dataclass(frozen=True)
class OrderNotional:
    """`limit_notional` is the largest size of one order, in the account's currency."""

    limit_notional: Decimal = Decimal(1_000_000)

    def __post_init__(self) -> None:
        """Refuse a limit that would refuse everything without saying so."""
        positive("order_notional", limit_notional=self.limit_notional)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to an order larger than the limit, valued at the request's price, but for one
        that can only shrink what is held."""
        size = abs(context.notional(request))
        if size <= self.limit_notional or reduces(request, context):
            return None
        return Objection(
            "order_notional",
            f"{size:.2f}",
            f"{self.limit_notional:.2f}",
            f"The order is worth {size:,.2f} {context.currency}; "
            f"the limit is {self.limit_notional:,.2f}.",
        )
