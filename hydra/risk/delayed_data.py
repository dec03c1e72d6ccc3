"""Refuses to trade on prices that are delayed: IB's are by a quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class DelayedData:
    """`allow` true takes delayed prices: for an account without a market data subscription whose
    strategy trades once a day. Source: IB's market data types 3 and 4."""

    allow: bool = False

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to an instrument whose prices are not of this moment."""
        symbol = request.instrument.symbol
        if self.allow or symbol not in context.delayed:
            return None
        return Objection(
            "delayed_data",
            "delayed",
            "live",
            f"{symbol}: the gateway sends delayed prices; subscribe to the exchange's, or set "
            "allow = true in [risk.delayed_data].",
        )
