"""A market entry with a stop and a target attached; a fill of one takes the other back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hydra.algos._base import Desk, check_fraction
from hydra.domain.orders import OrderRequest, OrderType


@dataclass(frozen=True)
class Bracket:
    """`stop_fraction` and `target_fraction` are distances from the mid at which it was entered.

    The exits outlive the algorithm on purpose and end with the session (DAY): the next session
    decides anew, and an old exit would trade against it.
    """

    stop_fraction: float = 0.05
    target_fraction: float = 0.05

    def __post_init__(self) -> None:
        """Refuse percentages given as fractions."""
        check_fraction("stop_fraction", self.stop_fraction)
        check_fraction("target_fraction", self.target_fraction)

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Send the three together and wait for the entry."""
        touch = await desk.touch()
        entry = replace(request, quantity=desk.unplaced)
        refs = await desk.place_bracket(entry, self.exits(entry, touch.mid))
        await desk.ended(refs[0], desk.closes)

    def exits(self, entry: OrderRequest, price: Decimal) -> tuple[OrderRequest, OrderRequest]:
        """The stop and the target, on the tick."""
        side = 1 if entry.quantity > 0 else -1
        stop = price * (1 - side * Decimal(str(self.stop_fraction)))
        target = price * (1 + side * Decimal(str(self.target_fraction)))
        back, on_tick = -entry.quantity, entry.instrument.round_price
        return (
            replace(
                entry, quantity=back, order_type=OrderType.STOP, stop_price=on_tick(stop, back)
            ),
            replace(
                entry, quantity=back, order_type=OrderType.LIMIT, limit_price=on_tick(target, back)
            ),
        )
