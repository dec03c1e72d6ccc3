"""The risk gate: the only place where a request becomes an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hydra.domain.orders import Order, OrderRequest, Refusal
from hydra.risk._base import Check, Context


@dataclass(frozen=True)
class RiskGate:
    """All checks that are switched on, by name, in the order of their names."""

    checks: Mapping[str, Check]

    def review(self, request: OrderRequest, context: Context) -> Order | Refusal:
        """The order, or a refusal with every objection that any check has, not only the first."""
        found = [check.objection(request, context) for check in self.checks.values()]
        objections = tuple(objection for objection in found if objection)
        if objections:
            return Refusal(request, objections)
        return Order(request, context.now, tuple(self.checks))
