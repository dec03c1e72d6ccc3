"""Refuses an order that would take the account's leverage beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class GrossExposure:
    """`limit_weight` is the largest sum of all positions' sizes as a multiple of NAV: leverage.

    A future counts with its whole notional.
    """

    limit_weight: Decimal = Decimal("1.75")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("gross_exposure", Decimal(20), limit_weight=self.limit_weight)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the proposed gross exposure is beyond the limit; exits pass."""
        proposed = context.proposed(request)
        nav, gross = proposed.nav, proposed.gross
        if (nav > 0 and gross <= self.limit_weight * nav) or reduces(request, context):
            return None
        return Objection(
            "gross_exposure",
            f"{gross / nav:.4f}" if nav > 0 else f"{gross:.2f}",
            f"{self.limit_weight:.4f}",
            f"Gross exposure would be {gross:,.2f} {context.currency} at a NAV of {nav:,.2f}; "
            f"the limit is {self.limit_weight:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """The account's leverage."""
        held = context.portfolio
        return [weighed("account", held.gross, self.limit_weight, held.nav)]
