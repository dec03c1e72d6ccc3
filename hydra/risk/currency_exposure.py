"""Refuses an order that would put too much of the account into one foreign currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, Usage, fraction, reduces, weighed


@dataclass(frozen=True)
class CurrencyExposure:
    """`limit_weight` is the largest gross exposure in one currency other than the account's, as a
    multiple of NAV. A pair counts in both of its currencies, a future with its whole notional."""

    limit_weight: Decimal = Decimal("0.50")

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        fraction("currency_exposure", Decimal(20), limit_weight=self.limit_weight)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects when the currency's proposed exposure is beyond the limit, or has no rate."""
        for currency in request.instrument.currencies:
            if objection := self._beyond(currency, request, context):
                return objection
        return None

    def _beyond(self, currency: str, request: OrderRequest, context: Context) -> Objection | None:
        if currency == context.currency or reduces(request, context):
            return None
        limit = f"{self.limit_weight:.4f}"
        if context.rate(currency) is None:
            sentence = f"What one {currency} is worth in {context.currency} is not known."
            return Objection("currency_exposure", "unknown", limit, sentence)
        proposed = context.proposed(request)
        nav, size = proposed.nav, proposed.gross_by_currency[currency]
        if nav > 0 and size <= self.limit_weight * nav:
            return None
        return Objection(
            "currency_exposure",
            f"{size / nav:.4f}" if nav > 0 else f"{size:.2f}",
            limit,
            f"Positions in {currency} would be worth {size:,.2f} {context.currency} at a NAV of "
            f"{nav:,.2f}; the limit is {self.limit_weight:.2%}.",
        )

    def usage(self, context: Context) -> list[Usage]:
        """Each foreign currency whose rate is known."""
        held = context.portfolio
        return [
            weighed(currency, size, self.limit_weight, held.nav)
            for currency, size in sorted(held.gross_by_currency.items())
            if currency != context.currency and context.rate(currency) is not None
        ]
