"""IB's Adaptive algorithm: a market order that the broker works between the two sides."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.algos._base import Desk, check_one_of
from hydra.algos._broker_run import hand_over
from hydra.domain.orders import OrderRequest


@dataclass(frozen=True)
class IbAdaptive:
    """`priority`: Urgent fills soonest, Patient waits for the better price (IB's page "Adaptive
    Algo")."""

    priority: str = "Normal"

    def __post_init__(self) -> None:
        """Refuse a word that IB does not know."""
        check_one_of("priority", self.priority, ("Urgent", "Normal", "Patient"))

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Hand it over and wait."""
        await hand_over(request, desk, "Adaptive", {"adaptivePriority": self.priority})
