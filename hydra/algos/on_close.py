"""The closing auction: market or limit on close, before its cut-off or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hydra.algos._base import CannotWork, Desk
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import BadParameter

FULL_DAY = timedelta(hours=6, minutes=30)
CUT_OFF = timedelta(minutes=10)
NASDAQ_CUT_OFF = timedelta(minutes=5)
"""NYSE takes closing orders until 15:50 and Nasdaq until 15:55 on a full day (NYSE Rule 7.35B,
Nasdaq Rule 4702(b)(11)); on half days we keep to the earlier of both."""


@dataclass(frozen=True)
class OnClose:
    """`limit_fraction` 0 sends market-on-close; above, limit-on-close that far (as a fraction)
    beyond the decision price."""

    limit_fraction: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a percentage given as a fraction."""
        if not 0 <= self.limit_fraction < 1:
            raise BadParameter(
                f"limit_fraction is {self.limit_fraction}; it is a fraction in [0, 1), "
                "so 1 % is 0.01."
            )

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """One order into the auction; raises `CannotWork` after the cut-off."""
        last = self.cut_off(request, desk)
        if desk.now >= last:
            raise CannotWork(
                f"{request.order_ref}: orders for the close of {desk.closes} are taken until "
                f"{last} and it is {desk.now}; nothing was sent."
            )
        ref = await desk.place(self.child(request, desk.unplaced))
        await desk.ended(ref, desk.closes + CUT_OFF)

    def cut_off(self, request: OrderRequest, desk: Desk) -> datetime:
        """The last moment before which an order is sent."""
        is_full = desk.closes - desk.opens >= FULL_DAY
        nasdaq = request.instrument.primary_exchange in ("NASDAQ", "ISLAND")
        return desk.closes - (NASDAQ_CUT_OFF if nasdaq and is_full else CUT_OFF)

    def child(self, request: OrderRequest, quantity: Decimal) -> OrderRequest:
        """MOC, or LOC at the limit."""
        if not self.limit_fraction:
            return replace(request, quantity=quantity, order_type=OrderType.MARKET_ON_CLOSE)
        side = 1 if quantity > 0 else -1
        limit = request.decision_price * (1 + side * Decimal(str(self.limit_fraction)))
        return replace(
            request,
            quantity=quantity,
            order_type=OrderType.LIMIT_ON_CLOSE,
            limit_price=request.instrument.round_price(limit, quantity),
        )
