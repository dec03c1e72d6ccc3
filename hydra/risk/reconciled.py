"""Refuses orders before journal and broker were compared: what is held is not known till then."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class Reconciled:
    """Every limit on what is held rests on the comparison that was made after connecting."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects unless journal and broker were compared since the connection was made."""
        if context.reconciled:
            return None
        sentence = "Journal and broker were not compared since the connection was made."
        return Objection("reconciled", "not reconciled", "reconciled", sentence)
