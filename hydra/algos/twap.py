"""Equal slices over a stretch of time, never beyond a share of the volume."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hydra.algos._base import CannotWork, Desk, check_fraction, check_positive
from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter


@dataclass(frozen=True)
class Twap:
    """Market orders: `slices` over `duration_s` seconds of the market's time.

    Each comes at a random moment within the first `jitter` of its stretch, drawn from the order's
    reference, so that a rerun draws the same. Each is at most `max_participation` of the volume
    that its stretch sees on an average day; what that leaves over is not traded, and told.
    """

    duration_s: float = 1800.0
    slices: int = 6
    jitter: float = 0.5
    max_participation: float = 0.10

    def __post_init__(self) -> None:
        """Refuse what would never trade or never end."""
        check_positive("duration_s", self.duration_s)
        check_positive("slices", self.slices)
        check_fraction("max_participation", self.max_participation)
        if not 0 <= self.jitter < 1:
            raise BadParameter(f"jitter is {self.jitter}; it is a fraction in [0, 1).")

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """One child a slice; the last waits as long as a slice does."""
        began = max(desk.now, desk.opens)
        end = began + timedelta(seconds=self.duration_s)
        if end > desk.closes:
            raise CannotWork(
                f"{request.order_ref}: a TWAP of {self.duration_s:g} s from {began} would end "
                f"after the close at {desk.closes}; start earlier or give it less time."
            )
        most = self.largest_slice(request, desk)
        sent = []
        for number, moment in enumerate(self.moments(request.order_ref, began), 1):
            await desk.until(moment)
            quantity = self.due(request, desk.unplaced, number, most)
            if quantity:
                sent.append(await desk.place(replace(request, quantity=quantity)))
        for ref in sent:
            await desk.ended(ref, end + timedelta(seconds=self.duration_s / self.slices))
        if desk.unplaced:
            desk.note(
                f"{request.order_ref}: {desk.unplaced} was not traded; a slice is at most {most}."
            )

    def moments(self, order_ref: str, began: datetime) -> Iterator[datetime]:
        """When each slice leaves; the same for the same reference and beginning."""
        draw, stretch = random.Random(order_ref), self.duration_s / self.slices
        for number in range(self.slices):
            yield began + timedelta(seconds=stretch * (number + self.jitter * draw.random()))

    def largest_slice(self, request: OrderRequest, desk: Desk) -> Decimal:
        """Whole lots (> 0) that one slice may be; raises `CannotWork` where no volume is known."""
        volume, lot = desk.daily_volume, request.instrument.lot_size
        if volume is None:
            raise CannotWork(
                f"{request.order_ref}: the volume of {request.instrument.symbol} is not known, so "
                "no TWAP can keep to a share of it; use patient_limit or market."
            )
        session_s = Decimal((desk.closes - desk.opens).total_seconds())
        stretch = Decimal(str(self.duration_s)) / self.slices / session_s
        most = volume * stretch * Decimal(str(self.max_participation))
        return most // lot * lot

    def due(self, request: OrderRequest, unplaced: Decimal, number: int, most: Decimal) -> Decimal:
        """What slice `number` (from 1 on) trades, signed whole lots: the share of the request that
        is due by then and was not placed."""
        side = 1 if request.quantity > 0 else -1
        by_now = abs(request.instrument.round_quantity(request.quantity * number / self.slices))
        placed = abs(request.quantity) - max(unplaced * side, Decimal(0))
        return side * max(min(by_now - placed, most), Decimal(0))
