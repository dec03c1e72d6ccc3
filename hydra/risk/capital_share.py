"""Refuses an order that would take a strategy beyond its share of the capital."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed

MOST = Decimal(20)


@dataclass(frozen=True)
class CapitalShare:
    """`shares` is the largest gross exposure of each named strategy's own positions, as a multiple
    of the account's NAV; a strategy that is not named has `share_of_others`."""

    shares: Mapping[str, Decimal] = field(default_factory=dict)
    share_of_others: Decimal = Decimal("1.75")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("capital_share", MOST, share_of_others=self.share_of_others)
        for strategy, share in self.shares.items():
            fraction("capital_share", MOST, **{f"shares.{strategy}": share})

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the strategy's proposed gross is beyond its share; what makes it no larger
        passes."""
        strategy, nav = request.strategy, context.portfolio.nav
        share = self.shares.get(strategy, self.share_of_others)
        book = context.book(strategy)
        size = context.book_after(request).gross
        if (nav > 0 and size <= share * nav) or size <= book.gross or reduces(request, context):
            return None
        return Objection(
            "capital_share",
            f"{size / nav:.4f}" if nav > 0 else f"{size:.2f}",
            f"{share:.4f}",
            f"{strategy} would hold {size:,.2f} {context.currency} at a NAV of {nav:,.2f}; "
            f"its share is {share:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Each strategy's own gross exposure."""
        nav = context.portfolio.nav
        return [
            weighed(name, book.gross, self.shares.get(name, self.share_of_others), nav)
            for name, book in sorted(context.books.items())
        ]
