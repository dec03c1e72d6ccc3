"""Refuses orders that come faster than any strategy of ours decides: a loop that ran away."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, positive


@dataclass(frozen=True)
class OrderRate:
    """`limit_orders` is the most new orders of the account in any 60 s of the market's clock.

    Counted from the journal, so over all processes and restarts; a basket at the open counts too.
    """

    limit_orders: int = 1_000

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through."""
        positive("order_rate", limit_orders=self.limit_orders)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a new order beyond the rate; changes are counted by `modify_rate`."""
        traffic = context.traffic
        count = traffic.sent.orders.within_minute(context.now) + 1
        if count <= self.limit_orders or request.order_ref in traffic.working:
            return None
        return Objection(
            "order_rate",
            f"{count}",
            f"{self.limit_orders}",
            f"It would be order {count:,} within a minute; the limit is {self.limit_orders:,}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """New orders of the last minute."""
        count = context.traffic.sent.orders.within_minute(context.now)
        return [Usage("account", count, self.limit_orders, "orders a minute")]
