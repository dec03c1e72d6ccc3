"""Refuses instruments that are on the restricted list."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class Restricted:
    """`symbols` may be neither bought nor sold, exits included; the list is empty by default."""

    symbols: tuple[str, ...] = ()

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to any order in a symbol of the list."""
        symbol = request.instrument.symbol
        if symbol not in self.symbols:
            return None
        sentence = f"{symbol} is on the restricted list."
        return Objection("restricted", symbol, "not restricted", sentence)
