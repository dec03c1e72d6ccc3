"""Refuses instruments that this version cannot account for to the cent."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, positive, reduces


@dataclass(frozen=True)
class Tradable:
    """`sec_types` are IB's security types that may be traded; in another currency than the
    account's only at a rate of exchange that is at most `limit_rate_age_s` seconds old.

    A continuous future (CONTFUT) and an index (IND) are for looking at. The default age lets an
    order leave after a weekend with a holiday; exits pass at an older rate.
    """

    sec_types: tuple[str, ...] = ("STK", "FUT", "CASH")
    limit_rate_age_s: float = 4 * 24 * 3600.0

    def __post_init__(self) -> None:
        """Refuse an age that no rate can have."""
        positive("tradable", limit_rate_age_s=self.limit_rate_age_s)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to other security types and to a currency without a rate of late."""
        instrument = request.instrument
        if instrument.sec_type not in self.sec_types:
            allowed = ", ".join(self.sec_types)
            return Objection(
                "tradable",
                instrument.sec_type,
                allowed,
                f"{instrument.symbol} is of type {instrument.sec_type}; "
                f"orders are taken for {allowed}.",
            )
        foreign = [c for c in instrument.currencies if c != context.currency]
        found = (self._too_old(currency, request, context) for currency in foreign)
        return next((objection for objection in found if objection), None)

    def _too_old(self, currency: str, request: OrderRequest, context: Context) -> Objection | None:
        told, limit = context.rates_at.get(currency), f"{self.limit_rate_age_s:.0f}"
        symbol, base = request.instrument.symbol, context.currency
        if told is None or context.rate(currency) is None:
            sentence = (
                f"{symbol}: what one {currency} is worth in {base} is not known (the gateway "
                f"quotes no pair {currency}.{base})."
            )
            return Objection("tradable", "no rate", f"a rate to {base}", sentence)
        age_s = (context.now - told).total_seconds()
        if age_s <= self.limit_rate_age_s or reduces(request, context):
            return None
        sentence = (
            f"{symbol}: the rate from {currency} to {base} is {age_s:,.0f} s old; the limit is "
            f"{self.limit_rate_age_s:,.0f} s."
        )
        return Objection("tradable", f"{age_s:.0f}", limit, sentence)
