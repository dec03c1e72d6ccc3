"""Refuses everything while trading is halted."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context


@dataclass(frozen=True)
class Halt:
    """A halt holds over restarts until somebody resumes with a reason."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects while the journal says that trading is halted."""
        if context.halted is None:
            return None
        return Objection("halt", "halted", "not halted", f"Trading is halted: {context.halted}.")
