"""Refuses an order that would put too much of the account into one group of instruments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class GroupExposure:
    """`limit_weight` is the largest gross exposure of one group, as a multiple of NAV.

    `groups` names each symbol's group: a sector, a country, whatever moves together. A symbol
    that is not named belongs to none.
    """

    limit_weight: Decimal = Decimal("0.60")
    groups: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("group_exposure", Decimal(20), limit_weight=self.limit_weight)

    @cached_property
    def _members(self) -> dict[str, frozenset[str]]:
        """The symbols of each group."""
        names = set(self.groups.values())
        return {n: frozenset(s for s, g in self.groups.items() if g == n) for n in names}

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the group's proposed exposure is beyond the limit; exits pass."""
        group = self.groups.get(request.instrument.symbol)
        if group is None:
            return None
        context.portfolio.gross_of(self._members[group])  # so that the sum is carried along
        proposed = context.proposed(request)
        nav, size = proposed.nav, proposed.gross_of(self._members[group])
        if (nav > 0 and size <= self.limit_weight * nav) or reduces(request, context):
            return None
        return Objection(
            "group_exposure",
            f"{size / nav:.4f}" if nav > 0 else f"{size:.2f}",
            f"{self.limit_weight:.4f}",
            f"Group {group} would be worth {size:,.2f} {context.currency} at a NAV of {nav:,.2f}; "
            f"the limit is {self.limit_weight:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Each group's size."""
        held = context.portfolio
        return [
            weighed(name, held.gross_of(members), self.limit_weight, held.nav)
            for name, members in sorted(self._members.items())
        ]
