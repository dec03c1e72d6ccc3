"""Refuses everything but flattening while trading is halted."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class Halt:
    """A halt holds over restarts until somebody resumes with a reason."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects while the journal says that trading is halted; only an order that was made to
        flatten a position, and that reduces it, passes."""
        if context.halted is None or (request.flatten and reduces(request, context)):
            return None
        return Objection("halt", "halted", "not halted", f"Trading is halted: {context.halted}.")
