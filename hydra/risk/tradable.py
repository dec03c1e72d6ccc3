"""Refuses instruments that this version cannot account for to the cent."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class Tradable:
    """`sec_types` are IB's security types that may be traded, in the account's own currency."""

    sec_types: tuple[str, ...] = ("STK",)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to other security types and to instruments in a foreign currency."""
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
        if instrument.currency != context.currency:
            return Objection(
                "tradable",
                instrument.currency,
                context.currency,
                f"{instrument.symbol} trades in {instrument.currency}; orders are taken in the "
                f"account's currency, {context.currency}.",
            )
        return None
