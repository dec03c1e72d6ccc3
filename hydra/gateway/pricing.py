"""The limit and the stop at which an order stands, from its terms and the market of now."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from hydra.gateway.account import ZERO
from hydra.gateway.market import Market
from hydra.gateway.matching import stop_prices, trail_distance, watched_prices
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.scale import component_limit
from hydra.gateway.working_order import LIMITED, PEGS, STOPS, TRAILS, WorkingOrder


def limit_of(order: WorkingOrder) -> Decimal | None:
    """The limit within which a live order trades; a pegged order's cap; None for any price."""
    if order.is_scale:
        return component_limit(order)
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
    prices = (
        *("lmtPrice", "auxPrice", "trailStopPrice", "trailingPercent", "lmtPriceOffset"),
        *("discretionaryAmt", "triggerPrice", "adjustedStopPrice", "displaySize", "hidden"),
    )
    is_other_price = any((getattr(old, p) or ZERO) != (getattr(new, p) or ZERO) for p in prices)
    is_other = is_other_price or new.orderType != old.orderType
    return is_other or new.totalQuantity > old.totalQuantity


def adjusted(terms: PlaceOrder, sign: int) -> PlaceOrder:
    """What an adjustable stop becomes at its trigger price; it is adjusted once.

    IB's API documentation, Adjustable Stops: the order is turned into one of the given type, with
    the given stop, limit and trailing amount (unit 0) or percentage (unit 1).
    """
    stop, limit = terms.adjustedStopPrice, terms.adjustedStopLimitPrice
    kind, amount = terms.adjustedOrderType, terms.adjustedTrailingAmount
    trails, is_percent = kind in TRAILS, bool(terms.adjustableTrailingUnit)
    has_limit = kind in LIMITED
    offset = sign * (limit - stop) if kind == "TRAIL LIMIT" and limit and stop else None
    return replace(
        terms,
        orderType=kind,
        lmtPrice=limit if has_limit else None,
        auxPrice=(None if is_percent else amount) if trails else stop,
        trailingPercent=amount if trails and is_percent else None,
        trailStopPrice=stop if trails else None,
        lmtPriceOffset=offset,
        adjustedOrderType="",
        triggerPrice=None,
        adjustedStopPrice=None,
        adjustedStopLimitPrice=None,
        adjustedTrailingAmount=None,
        adjustableTrailingUnit=None,
    )


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
