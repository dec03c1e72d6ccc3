"""Refuses an order that the account could not carry, before the broker liquidates."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.domain.portfolio import Portfolio
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class FreeMargin:
    """`limit_use` is the largest initial margin of all positions as a fraction of NAV.

    The margin is estimated as `margin_rate` of the gross exposure: Regulation T's half of a stock
    (12 CFR 220.12), long or short. A what-if takes a round trip for each order, so the broker is
    only asked when a basket's estimate is above `ask_above` of NAV; then the larger of the two
    figures counts. A broker that does not answer in time leaves the estimate.
    """

    margin_rate: Decimal = Decimal("0.50")
    limit_use: Decimal = Decimal("0.90")
    ask_above: Decimal = Decimal("0.70")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        one = Decimal(1)
        fraction("free_margin", one, margin_rate=self.margin_rate, limit_use=self.limit_use)
        fraction("free_margin", one, ask_above=self.ask_above)

    def asks(self, portfolio: Portfolio) -> bool:
        """Whether the broker is to be asked before orders that lead to `portfolio` are judged."""
        return self.margin_rate * portfolio.gross > self.ask_above * portfolio.nav

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the proposed portfolio's margin is beyond the limit; exits pass."""
        proposed = context.proposed(request)
        nav, used = proposed.nav, self.margin_rate * proposed.gross
        if told := context.margins.get(request.order_ref):
            nav, used = min(nav, told.equity), max(used, told.initial)
        if (nav > 0 and used <= self.limit_use * nav) or reduces(request, context):
            return None
        return Objection(
            "free_margin",
            f"{used / nav:.4f}" if nav > 0 else f"{used:.2f}",
            f"{self.limit_use:.4f}",
            f"The initial margin would be {used:,.2f} {context.currency} of {nav:,.2f}; "
            f"the limit is {self.limit_use:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """The estimated initial margin of what is held."""
        held = context.portfolio
        return [weighed("account", self.margin_rate * held.gross, self.limit_use, held.nav)]
