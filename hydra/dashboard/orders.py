"""Orders that work now: how old they are and how far from the market."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.fold import WorkingOrder
from hydra.journal.views import Row


@dataclass(frozen=True)
class Orders:
    """Working orders"""

    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("order_ref",)
    columns: ClassVar[dict[str, Column]] = {
        "symbol": Column("text"),
        "quantity": Column("figure", signed=True),
        "filled": Column("figure", signed=True),
        "type": Column("text"),
        "price": Column("figure"),
        "market": Column("figure"),
        "distance": Column("percent", places=2, signed=True, title="to go"),
        "age": Column("text"),
        "status": Column("text"),
        "order_ref": Column("text"),
        "cancel": Column("act", title=""),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row an order, the newest first; orders that nobody knows of are among them.

        `distance` is what the market must move for it to fill, as a fraction of the market:
        0 or less is at or beyond the price. Age is by the market's clock.
        """
        state = facts.state
        orders = [*state.unknown.items(), *state.working.items()]
        return [_row(facts, ref, order) for ref, order in reversed(orders)]


def _row(facts: Facts, ref: str, order: WorkingOrder) -> Row:
    request, state = order.request, facts.state
    market = _market(facts, ref, request.instrument.symbol)
    price = request.limit_price if request.limit_price is not None else request.stop_price
    unwanted = " (cancel asked for)" if ref in state.unwanted else ""
    return {
        "order_ref": ref,
        "symbol": request.instrument.symbol,
        "quantity": request.quantity,
        "filled": order.filled,
        "type": request.order_type.value,
        "price": price,
        "market": market,
        "distance": _distance(order, market),
        "age": _age(facts, order),
        "status": f"{order.state}{unwanted}",
        "cancel": ["cancel", "cancel", ref] if ref in state.working else None,
    }


def _market(facts: Facts, ref: str, symbol: str) -> Decimal | None:
    """The last mark, else the mid when the order left."""
    marks = facts.state.mark.marks if facts.state.mark else {}
    return marks.get(symbol, facts.state.arrivals.get(ref))


def _distance(order: WorkingOrder, market: Decimal | None) -> Decimal | None:
    request = order.request
    if not market:
        return None
    side = 1 if request.quantity > 0 else -1
    if request.limit_price is not None:
        return side * (market - request.limit_price) / market
    if request.stop_price is not None:
        return side * (request.stop_price - market) / market
    return None


def _age(facts: Facts, order: WorkingOrder) -> str:
    now = facts.ledger.market_time or order.admitted_at
    seconds = max(0, int((now - order.admitted_at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
