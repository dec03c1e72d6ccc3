"""Refuses another order while too many work already."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, positive, reduces


@dataclass(frozen=True)
class OpenOrders:
    """`limit_orders` is the most orders of ours that may work at the same time."""

    limit_orders: int = 1_000

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through."""
        positive("open_orders", limit_orders=self.limit_orders)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a new order beyond the limit; exits and changes pass."""
        working = context.traffic.working
        count = len(working) + 1
        if count <= self.limit_orders or request.order_ref in working:
            return None
        if reduces(request, context):
            return None
        return Objection(
            "open_orders",
            f"{count}",
            f"{self.limit_orders}",
            f"It would be working order {count:,}; the limit is {self.limit_orders:,}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Orders that work now."""
        return [Usage("account", len(context.traffic.working), self.limit_orders, "orders")]
