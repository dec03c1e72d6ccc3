"""Refuses more turnover in a session than a limit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class TurnoverPerDay:
    """`limit_weight` is the largest sum of all orders' sizes for one session, in multiples of NAV.

    An order counts whole when it is admitted, whether it fills or not.
    """

    limit_weight: Decimal = Decimal(4)

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("turnover_per_day", Decimal(100), limit_weight=self.limit_weight)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a new order that takes the turnover beyond the limit; exits pass."""
        traffic, nav = context.traffic, context.portfolio.nav
        size = abs(context.notional(request))
        total = traffic.sent.day.turnover_of(request.session) + size
        if nav > 0 and total <= self.limit_weight * nav:
            return None
        if request.order_ref in traffic.working or reduces(request, context):
            return None
        return Objection(
            "turnover_per_day",
            f"{total / nav:.4f}" if nav > 0 else f"{total:.2f}",
            f"{self.limit_weight:.4f}",
            f"The orders of the session of {request.session} would be worth {total:,.2f} at a NAV "
            f"of {nav:,.2f}; the limit is {self.limit_weight:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """The orders of the last session that had any."""
        day, nav = context.traffic.sent.day, context.portfolio.nav
        return [weighed("account", day.turnover, self.limit_weight, nav)]
