"""Refuses orders that open a position while a breaker refuses entries."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class NoEntries:
    """What is held may be added to and closed; the engine tells which orders would open."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to an order that opens or turns over its strategy's position."""
        if context.no_entries is None:
            return None
        symbol = request.instrument.symbol
        return Objection(
            "no_entries",
            f"{request.quantity:+} {symbol}",
            "no new position",
            f"Entries are refused ({context.no_entries}), and {request.quantity:+} {symbol} "
            "would open a position.",
        )
