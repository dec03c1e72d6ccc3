"""What the gateway refuses at once: an order's terms against the instrument and the live order.

Each check returns the error's code and text, or None; the first that objects is told. Codes and
texts are those of the message-code page of Interactive Brokers' API documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from hydra.gateway.algorithms import refused_algorithm
from hydra.gateway.attributes import refused_attribute
from hydra.gateway.order_types import refused_time_in_force, refused_type
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.times import parse_moment
from hydra.gateway.universe import Instrument
from hydra.gateway.values import TimeCondition
from hydra.gateway.working_order import (
    AT_CLOSE,
    LIMITED,
    ORDER_TYPES,
    PEGS,
    TIMES_IN_FORCE,
    TOUCHES,
    TRAILS,
    WorkingOrder,
)

Refused = tuple[int, str] | None

_TRIGGER_METHODS = frozenset({0, 1, 2, 3, 4, 7, 8})  # IB's page on trigger methods
_SIDES = ("BUY", "SELL", "SSHORT")
_NOT_FOR: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "CASH": AT_CLOSE | PEGS,
        "FUT": AT_CLOSE | PEGS,
        "CONTFUT": ORDER_TYPES,
    }
)
_OFF_TICK = "The price does not conform to the minimum price variation for this contract."
_BAD_TIME = (
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss "
    "xx/xxxx where yyyymmdd and xx/xxxx are optional."
)
_FAR = 2  # times the market, beyond which an aggressive limit is taken for a slip of the finger


def refused_order(one: Instrument, terms: PlaceOrder, now: datetime) -> Refused:
    """The first objection to a new order for `one` at the time `now` (aware)."""
    checks: Iterable[Callable[[], Refused]] = (
        lambda: refused_attribute(terms),
        lambda: _refused_size(one, terms),
        lambda: _refused_kind(one, terms, now),
        lambda: _refused_tif(terms),
        lambda: _refused_times(one, terms, now),
        lambda: refused_prices(one, terms),
        lambda: _refused_what_if(terms),
    )
    return next((refused for check in checks if (refused := check()) is not None), None)


def refused_change(order: WorkingOrder, terms: PlaceOrder) -> Refused:
    """The objection to replacing a known order's terms by `terms`."""
    if order.is_done:
        return 104, "Cannot modify a filled order."
    if terms.action != order.terms.action or terms.totalQuantity <= order.filled:
        return 105, "Order being modified does not match original order"
    if terms.contract.conId and terms.contract.conId != order.instrument.conId:
        return 105, "Order being modified does not match original order"
    if terms.orderType != order.order_type:
        return 329, "Order modify failed. Cannot change to the new order type."
    if (terms.tif or "DAY") != order.time_in_force:
        return 462, f"Cannot change to the new Time in Force:{terms.tif}"
    if terms.algoStrategy != order.terms.algoStrategy:
        return 440, "Order modify failed. Algorithm cannot be modified."
    return (
        refused_attribute(terms)
        or refused_algorithm(terms)
        or _refused_moments(order.instrument, terms)
        or refused_prices(order.instrument, terms)
    )


def refused_prices(one: Instrument, terms: PlaceOrder) -> Refused:
    """110 for a price that is needed and missing, or off the market rule's grid at that price."""
    is_complete = None not in _needed_prices(terms)
    prices_fit = all(_fits(one, price) for price in _given_prices(terms) if price)
    offset = _given_offset(terms)
    offset_fits = not offset or _on_grid(offset, one.tick)
    return None if is_complete and prices_fit and offset_fits else (110, _OFF_TICK)


def rejected_price(terms: PlaceOrder, mark: Decimal) -> str | None:
    """The exchange's reason for a limit that would pay far more than the market asks."""
    limit = terms.lmtPrice
    if limit is None or not mark or terms.orderType not in LIMITED | {"LMT"}:
        return None
    is_far = limit > mark * _FAR if terms.action == "BUY" else limit < mark / _FAR
    if not is_far:
        return None
    return (
        f"We cannot accept an order at the limit price you selected. Please submit your order "
        f"using a limit price that is closer to the current market price of {mark}"
    )


def ignores_outside_hours(terms: PlaceOrder) -> bool:
    """Whether outsideRth means nothing for this type of order (warning 2109)."""
    return terms.outsideRth and terms.orderType not in {"LMT", "LIT", "STP LMT", "TRAIL LIMIT"}


def _refused_size(one: Instrument, terms: PlaceOrder) -> Refused:
    quantity = terms.totalQuantity
    if not quantity.is_finite() or quantity <= 0:
        return 434, "The order size cannot be zero."
    if quantity != quantity.to_integral_value():
        return 10243, (
            "Fractional-sized order cannot be placed via API. Please use desktop version to place "
            "this order."
        )
    if quantity < one.min_size:
        return 388, f"Order size {quantity} is smaller than the minimum requirement."
    if quantity % one.increment:  # as a real gateway said it: vnpy_ib #75
        return _invalid("Order size does not conform to market rule.")
    return None


def _refused_kind(one: Instrument, terms: PlaceOrder, now: datetime) -> Refused:
    if one.expiry and one.expiry < now.date():
        return 392, "Invalid order: contract expired."
    if terms.action not in _SIDES:
        return _invalid(f"Order side {terms.action!r} is not one of {', '.join(_SIDES)}")
    if terms.orderType not in ORDER_TYPES - _NOT_FOR.get(one.secType, frozenset()):
        return refused_type(terms.orderType)
    if terms.triggerMethod not in _TRIGGER_METHODS:
        return 146, "Invalid trigger method."
    return refused_algorithm(terms)


def _refused_tif(terms: PlaceOrder) -> Refused:
    if terms.tif and terms.tif not in TIMES_IN_FORCE:
        return refused_time_in_force(terms.tif)
    if terms.orderType in AT_CLOSE and (terms.tif or "DAY") != "DAY":
        return 113, "The Tif option should be set to DAY for MOC and LOC orders."
    if terms.tif == "OPG" and terms.orderType not in {"MKT", "LMT"}:
        return 111, "The Time in force (tif type) and the order type are incompatible."
    return None


def _refused_moments(one: Instrument, terms: PlaceOrder) -> Refused:
    timed = [c.time for c in terms.conditions if isinstance(c, TimeCondition)]
    moments = [terms.goodAfterTime, terms.goodTillDate, *timed]
    is_good = all(timed) and all(_is_moment(text, one.zone) for text in moments)
    return None if is_good else (343, _BAD_TIME)


def _refused_times(one: Instrument, terms: PlaceOrder, now: datetime) -> Refused:
    if (refused := _refused_moments(one, terms)) is not None:
        return refused
    if terms.tif != "GTD" and terms.goodTillDate:
        return 334, "Invalid Good Till Date order"
    if terms.tif == "GTD":
        is_past = not terms.goodTillDate or parse_moment(terms.goodTillDate, one.zone) <= now
        return (334, "Invalid Good Till Date order") if is_past else None
    return None


def _refused_what_if(terms: PlaceOrder) -> Refused:
    if terms.whatIf and not terms.transmit:
        return _invalid("What-if order should have the transmit flag set to true.")
    return None


def _needed_prices(terms: PlaceOrder) -> list[Decimal | None]:
    needed = [terms.lmtPrice] if terms.orderType in LIMITED - TRAILS else []
    if terms.orderType in TOUCHES | {"STP", "STP LMT"}:
        needed.append(terms.auxPrice)
    if terms.orderType in TRAILS:
        needed.append(terms.trailingPercent or terms.auxPrice)
    if terms.orderType == "TRAIL LIMIT":
        offset = terms.lmtPriceOffset
        needed.append(terms.lmtPrice if offset is None else offset)
    return [price or None for price in needed]


def _given_prices(terms: PlaceOrder) -> list[Decimal | None]:
    uses_aux = terms.orderType in TOUCHES | {"STP", "STP LMT"}
    uses_limit = terms.orderType in LIMITED | PEGS
    return [
        terms.lmtPrice if uses_limit else None,
        terms.auxPrice if uses_aux else None,
        terms.trailStopPrice if terms.orderType in TRAILS else None,
    ]


def _given_offset(terms: PlaceOrder) -> Decimal | None:
    """The distance from the market that a trailing or relative order keeps."""
    return terms.auxPrice if terms.orderType in TRAILS | {"REL"} else None


def _fits(one: Instrument, price: Decimal) -> bool:
    return price.is_finite() and _on_grid(price, one.step(price))


def _on_grid(price: Decimal, step: Decimal) -> bool:
    return price.is_finite() and price > 0 and not price % step


def _is_moment(text: str, zone: str) -> bool:
    try:
        return not text or parse_moment(text, zone) is not None
    except ValueError:
        return False


def _invalid(cause: str) -> tuple[int, str]:
    return 321, f"Error validating request.-'bN' : cause - {cause}"
