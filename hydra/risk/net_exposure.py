"""Refuses an order that would make the account too long, or too short, as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class NetExposure:
    """`limit_weight` is the largest size of longs less shorts as a multiple of NAV.

    Exits pass, also of a hedge: that may leave the account beyond the limit, and the next entry
    on that side is refused.
    """

    limit_weight: Decimal = Decimal("1.25")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("net_exposure", Decimal(20), limit_weight=self.limit_weight)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the proposed net exposure is beyond the limit on either side."""
        proposed = context.proposed(request)
        nav, net = proposed.nav, proposed.net
        if (nav > 0 and abs(net) <= self.limit_weight * nav) or reduces(request, context):
            return None
        return Objection(
            "net_exposure",
            f"{net / nav:.4f}" if nav > 0 else f"{net:.2f}",
            f"{self.limit_weight:.4f}",
            f"Net exposure would be {net:,.2f} {context.currency} at a NAV of {nav:,.2f}; "
            f"the limit is {self.limit_weight:.2%} on either side.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Longs less shorts; short on balance is below 0."""
        held = context.portfolio
        return [weighed("account", held.net, self.limit_weight, held.nav)]
