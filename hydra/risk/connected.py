"""Refuses orders while the way to the exchange is lost: what is sent then may be lost with it."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class Connected:
    """Source: IB's system messages 1100 and 2110, connectivity lost."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects unless the connection is known to be up."""
        if context.connected:
            return None
        sentence = "There is no way to the exchange now."
        return Objection("connected", "not connected", "connected", sentence)
