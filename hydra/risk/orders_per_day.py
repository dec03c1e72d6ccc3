"""Refuses more orders in a session than a limit."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, positive, reduces


@dataclass(frozen=True)
class OrdersPerDay:
    """`limit_orders` is the most orders of the account for one session, filled or not."""

    limit_orders: int = 5_000

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through."""
        positive("orders_per_day", limit_orders=self.limit_orders)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a new order beyond the limit; exits and changes pass."""
        traffic = context.traffic
        count = traffic.sent.day.orders_of(request.session) + 1
        if count <= self.limit_orders or request.order_ref in traffic.working:
            return None
        if reduces(request, context):
            return None
        return Objection(
            "orders_per_day",
            f"{count}",
            f"{self.limit_orders}",
            f"It would be order {count:,} of the session of {request.session}; "
            f"the limit is {self.limit_orders:,}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """The orders of the last session that had any."""
        count = context.traffic.sent.day.orders
        return [Usage("account", count, self.limit_orders, "orders")]
