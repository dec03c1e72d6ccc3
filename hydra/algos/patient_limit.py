"""A limit that starts at the mid or the near side and steps towards the far side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hydra.algos._base import (
    Desk,
    Touch,
    check_fraction,
    check_one_of,
    check_positive,
)
from hydra.domain.orders import OrderRequest, OrderType


@dataclass(frozen=True)
class PatientLimit:
    """Steps the limit of one order every `interval_s` seconds of the market's time.

    After `steps` of them it stands at the far side. `finish` says what then becomes of the rest:
    "cross" leaves it for one more interval at the far side, "cancel" takes it back at once. It
    never pays more than `collar_fraction` beyond the decision price.
    """

    start: str = "mid"
    steps: int = 5
    interval_s: float = 30.0
    collar_fraction: float = 0.01
    finish: str = "cross"

    def __post_init__(self) -> None:
        """Refuse what would never step or never end."""
        check_one_of("start", self.start, ("mid", "near"))
        check_one_of("finish", self.finish, ("cross", "cancel"))
        check_positive("steps", self.steps)
        check_positive("interval_s", self.interval_s)
        check_fraction("collar_fraction", self.collar_fraction)

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Place once, then change the price; what is left at the end the desk takes back."""
        limit = self.limit(request, await desk.touch(), 0)
        ref = await desk.place(
            replace(
                request,
                quantity=desk.unplaced,
                order_type=OrderType.LIMIT,
                limit_price=limit,
            )
        )
        last = self.steps if self.finish == "cross" else self.steps - 1
        began, interval = max(desk.now, desk.opens), timedelta(seconds=self.interval_s)
        for step in range(1, last + 1):
            if await desk.ended(ref, began + step * interval):
                return
            wanted = self.limit(request, await desk.touch(), step)
            if wanted != limit and await desk.modify(ref, wanted):
                limit = wanted
        await desk.ended(ref, began + (last + 1) * interval)

    def limit(self, request: OrderRequest, touch: Touch, step: int) -> Decimal:
        """The limit of that step: on the tick, and never beyond the collar."""
        side = 1 if request.quantity > 0 else -1
        far = touch.far(request.quantity)
        begin = touch.mid if self.start == "mid" else touch.near(request.quantity)
        wanted = begin + (far - begin) * step / self.steps
        collar = request.decision_price * (1 + side * Decimal(str(self.collar_fraction)))
        bounded = min(wanted * side, collar * side) * side
        return request.instrument.round_price(bounded, request.quantity)
