"""One market order for all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hydra.algos._base import Desk
from hydra.domain.orders import OrderRequest


@dataclass(frozen=True)
class Market:
    """No parameters: the market's price, at once."""

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Send it and wait until it has ended, at the latest with the session."""
        ref = await desk.place(replace(request, quantity=desk.unplaced))
        await desk.ended(ref, desk.closes)
