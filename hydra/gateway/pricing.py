"""The limit and the stop at which an order stands, from its terms and the market of now."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from hydra.gateway.account import ZERO
from hydra.gateway.market import Market
from hydra.gateway.matching import stop_prices, trail_distance, watched_prices
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.working_order import LIMITED, PEGS, STOPS, TRAILS, WorkingOrder


def limit_of(order: WorkingOrder) -> Decimal | None:
    """The limit within which a live order trades; a pegged order's cap; None for any price."""
    if order.order_type in LIMITED | PEGS:
        return order.terms.lmtPrice or None
    return None


def limit_once_triggered(order: WorkingOrder) -> Decimal | None:
    """The limit of an order whose stop or touch price was seen."""
    if order.order_type != "TRAIL LIMIT":
        return limit_of(order)
    stop, offset = order.stop or ZERO, order.terms.lmtPriceOffset
    if offset is None:
        return order.terms.lmtPrice
    return stop + order.sign * offset


def pricing_changed(old: PlaceOrder, new: PlaceOrder) -> bool:
    """Whether a change costs an order its place in the queue: another price or a larger size."""
    prices = ("lmtPrice", "auxPrice", "trailStopPrice", "trailingPercent", "lmtPriceOffset")
    is_other_price = any((getattr(old, p) or ZERO) != (getattr(new, p) or ZERO) for p in prices)
    return is_other_price or new.totalQuantity > old.totalQuantity


def arm(order: WorkingOrder, market: Market, seconds: int) -> None:
    """Set the stop or touch price at which an order waits; a trail begins at the market."""
    if not order.needs_trigger:
        return
    if order.order_type not in TRAILS:
        order.stop = order.terms.auxPrice
        return
    tick = order.instrument.tick
    given = order.terms.trailStopPrice
    if given:
        ticks = float(given / tick)
        distance = float(trail_distance(order, np.array([ticks]))[0])
        order.extreme, order.stop = round(ticks - order.sign * distance), given
        return
    moment = market.moment(order.instrument, seconds, order.works_outside)
    if moment is not None:
        best = watched_prices(order, moment)
        order.extreme = round(float(best[0]))
        distance = float(trail_distance(order, best)[0])
        order.stop = round(float(best[0]) + order.sign * distance) * tick


def trips(order: WorkingOrder, market: Market, seconds: int) -> int | None:
    """The stop in ticks when the price of now already triggers the order, else None."""
    moment = market.moment(order.instrument, seconds, order.works_outside)
    if moment is None:
        return None
    watched = watched_prices(order, moment)
    stop = stop_prices(order, watched, order.extreme)
    past = order.sign * (watched - stop)
    is_met = past >= 0 if order.order_type in STOPS else past <= 0
    return int(stop[0]) if is_met[0] else None
