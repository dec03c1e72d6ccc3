"""Whether attributes that are simulated fit an order: its type, its instrument, each other.

Codes and texts are of IB's page of message codes where no other source is named. Which of them a
real gateway says to each combination is unknown where the text does not say it; no combination
that is not simulated is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from hydra.gateway.hedges import refused_hedge
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.scale import component_count
from hydra.gateway.universe import Instrument
from hydra.gateway.working_order import LIMITED, STOPS, TRAILS

Refused = tuple[int, str] | None

NO_DISPLAY = (  # ibkr-go, api_algo_variants_aapl: recorded in April 2026 at server version 200
    10255,
    "The 'Display Size' order attribute may not be specified for this order.",
)
NO_HIDDEN = (152, 'The "hidden" order attribute may not be specified for this order.')
NO_DISCRETION = (
    325,
    "Discretionary orders are not supported for this combination of exchange and order type.",
)
_EITHER = (
    157,
    "An order can be EITHER Iceberg or Discretionary. Please remove either the Discretionary "
    "amount or the Display size.",
)
_OFF_TICK = (
    168,
    "Discretionary amount does not conform to the minimum price variation for this contract.",
)
_TOO_MUCH_SHOWN = (10020, "Display size should be smaller than order size.")
_BAD_TRIGGER = (361, "Invalid trigger price.")
_BAD_STOP = (362, "Invalid adjusted stop price.")
_BAD_LIMIT = (363, "Invalid adjusted stop limit price.")
_BAD_TRAIL = (364, "Invalid adjusted trailing amount.")
_BAD_INCREMENT = (408, "Invalid scale order increment.")
_NO_COMPONENT = (409, "Invalid scale order. You must specify order component size.")
_BAD_NEXT = (410, "Invalid subsequent component size for scale order.")
_BAD_FIRST = (417, "Invalid initial component size for scale order.")
_INCOMPATIBLE = (111, "The Time in force (tif type) and the order type are incompatible.")
_UNSUPPORTED = (387, "Unsupported order type for this exchange and security type.")
_NO_ALGO = (442, "Specified algorithm is not allowed for this order.")
_AT_ONCE = frozenset({"IOC", "FOK", "OPG"})  # no order of these rests, so that nothing is hidden
_MOST_COMPONENTS = 1000  # ours: a fill may work through all of them at one moment


def refused_attributes(one: Instrument, terms: PlaceOrder) -> Refused:
    """The first objection to what `terms` ask for besides type, size and price."""
    checks: Iterable[Callable[[], Refused]] = (
        lambda: _refused_minimum(terms),
        lambda: _refused_display(one, terms),
        lambda: _refused_hidden(terms),
        lambda: _refused_discretion(one, terms),
        lambda: _refused_adjustment(one, terms),
        lambda: _refused_scale(one, terms),
        lambda: refused_hedge(one, terms),
    )
    return next((refused for check in checks if (refused := check()) is not None), None)


def unsupported(name: str) -> tuple[int, str]:
    """10340: the attribute is not supported."""
    return 10340, f"The following order attribute is not supported: {name}"


def _refused_minimum(terms: PlaceOrder) -> Refused:
    """IB's page names no code for a minimum that is no minimum."""
    if not terms.minQty:
        return None
    is_wrong = not 0 < terms.minQty <= terms.totalQuantity or terms.algoStrategy
    return unsupported("minQty") if is_wrong else None


def _refused_display(one: Instrument, terms: PlaceOrder) -> Refused:
    """A size to be shown is less than the order; which types may have one is told by contracts.

    Order types of contract details have ICE for stocks and futures and not for currencies.
    """
    if not terms.displaySize:
        return None
    must_trade_whole = terms.allOrNone or terms.minQty
    if terms.displaySize < 0 or terms.algoStrategy or must_trade_whole or one.secType == "CASH":
        return NO_DISPLAY
    if terms.displaySize >= terms.totalQuantity:
        return _TOO_MUCH_SHOWN
    return NO_DISPLAY if Decimal(terms.displaySize) % one.increment else None


def _refused_hidden(terms: PlaceOrder) -> Refused:
    if not terms.hidden:
        return None
    has_limit = terms.orderType in LIMITED - {"LOC"} and terms.tif not in _AT_ONCE
    is_shown = terms.displaySize or terms.algoStrategy
    return None if has_limit and not is_shown else NO_HIDDEN


def _refused_discretion(one: Instrument, terms: PlaceOrder) -> Refused:
    """For limit orders of stocks, as IB's page on discretionary orders and contracts (DIS) say."""
    amount = terms.discretionaryAmt
    if not amount:
        return None
    if terms.displaySize:
        return _EITHER
    is_plain = terms.orderType == "LMT" and terms.tif != "OPG" and not terms.hidden
    if not is_plain or one.secType != "STK" or terms.algoStrategy:
        return NO_DISCRETION
    return None if _on_grid(amount, one.tick) else _OFF_TICK


def _refused_adjustment(one: Instrument, terms: PlaceOrder) -> Refused:
    kind = "" if terms.adjustedOrderType == "None" else terms.adjustedOrderType
    given = (
        (terms.triggerPrice, _BAD_TRIGGER),
        (terms.adjustedStopPrice, _BAD_STOP),
        (terms.adjustedStopLimitPrice, _BAD_LIMIT),
        (terms.adjustedTrailingAmount or terms.adjustableTrailingUnit, _BAD_TRAIL),
    )
    if not kind:
        return next((refusal for value, refusal in given if value), None)
    if kind not in STOPS or terms.orderType not in STOPS:
        return unsupported("adjustedOrderType")
    if not _is_price(one, terms.triggerPrice):
        return _BAD_TRIGGER
    if not _is_price(one, terms.adjustedStopPrice):
        return _BAD_STOP
    has_limit = _is_price(one, terms.adjustedStopLimitPrice)
    if has_limit != (kind in LIMITED) or (terms.adjustedStopLimitPrice and not has_limit):
        return _BAD_LIMIT
    return None if _is_trail(one, terms, kind) else _BAD_TRAIL


def _is_trail(one: Instrument, terms: PlaceOrder, kind: str) -> bool:
    """Whether the trailing amount fits: of ticks or percent for a trail, none for others."""
    amount, unit = terms.adjustedTrailingAmount, terms.adjustableTrailingUnit or 0
    if kind not in TRAILS:
        return not amount and not unit
    if not amount or unit not in {0, 1} or not amount.is_finite() or amount <= 0:
        return False
    return amount < 100 if unit else _on_grid(amount, one.tick)


def _refused_scale(one: Instrument, terms: PlaceOrder) -> Refused:
    first, following = terms.scaleInitLevelSize, terms.scaleSubsLevelSize
    step = terms.scalePriceIncrement
    if not step:
        return _BAD_INCREMENT if first or following else None
    if not _on_grid(step, one.tick):
        return _BAD_INCREMENT
    if not first:
        return _NO_COMPONENT
    if not _is_component(one, terms, first):
        return _BAD_FIRST
    if following and not _is_component(one, terms, following):
        return _BAD_NEXT
    return _refused_besides_scale(terms) or _refused_ladder(terms)


def _is_component(one: Instrument, terms: PlaceOrder, size: int) -> bool:
    return 0 < size <= terms.totalQuantity and not Decimal(size) % one.increment


def _refused_ladder(terms: PlaceOrder) -> Refused:
    """Every component has a price above 0, and there are not too many of them."""
    count, step = component_count(terms), terms.scalePriceIncrement or Decimal(0)
    if count > _MOST_COMPONENTS:
        return _BAD_FIRST
    deepest = (terms.lmtPrice or Decimal(0)) - step * (count - 1)
    # Random components may be less than half as large, so that there are more of them.
    if terms.scale.randomPercent:
        deepest -= 2 * step * count
    return _BAD_INCREMENT if terms.action == "BUY" and deepest <= 0 else None


def _refused_besides_scale(terms: PlaceOrder) -> Refused:
    """What a scale order cannot be as well."""
    if terms.orderType != "LMT":
        return _UNSUPPORTED
    if terms.tif in _AT_ONCE:
        return _INCOMPATIBLE
    if terms.algoStrategy:
        return _NO_ALGO
    others = {
        "allOrNone": terms.allOrNone,
        "minQty": terms.minQty,
        "displaySize": terms.displaySize,
        "hidden": terms.hidden,
        "discretionaryAmt": terms.discretionaryAmt,
    }
    return next((unsupported(name) for name, value in others.items() if value), None)


def _is_price(one: Instrument, price: Decimal | None) -> bool:
    return price is not None and price.is_finite() and _on_grid(price, one.step(price))


def _on_grid(price: Decimal, step: Decimal) -> bool:
    return price.is_finite() and price > 0 and not price % step
