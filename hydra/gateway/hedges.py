"""Hedging orders: children whose size is what their parent traded asks for.

IB's API documentation, Hedging: the child is submitted only on the execution of its parent, as an
attached currency trade (F), pair trade (P) or beta hedge (B), and is sent with a quantity of 0.
What is done for a parent that fills in parts is unknown: here the child works once its parent has
ended, for what was filled.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from hydra.gateway.account import ZERO
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument
from hydra.gateway.working_order import WorkingOrder

Refused = tuple[int, str] | None

_BAD_TYPE = (10007, "Invalid hedge type.")
_BAD_BETA = (10008, "Invalid beta value.")
_BAD_RATIO = (10009, "Invalid hedge ratio.")
_BAD_DELTA = (10010, "Invalid delta hedge order.")
_NO_PARENT = (10006, "Missing parent order.")
_NOT_ZERO = (
    321,
    "Error validating request.-'bN' : cause - The size of a hedging order must be 0: it follows "
    "from what its parent trades",
)


def refused_hedge(one: Instrument, terms: PlaceOrder) -> Refused:
    """The objection to the hedge that `terms` for `one` ask for."""
    kind = terms.hedgeType
    if not kind:
        return None
    if kind == "D":  # for options, of which none is listed
        return _BAD_DELTA
    if kind not in {"F", "P", "B"} or (kind == "F") != (one.secType == "CASH"):
        return _BAD_TYPE
    if terms.totalQuantity:
        return _NOT_ZERO
    if not terms.parentId:
        return _NO_PARENT
    return _refused_parameter(kind, terms)


def refused_for_parent(one: Instrument, terms: PlaceOrder, parent: Instrument) -> Refused:
    """The objection to a hedge of an order for `parent`: a currency hedge is of its currency."""
    is_of_currency = parent.currency in {one.symbol, one.currency}
    return _BAD_TYPE if terms.hedgeType == "F" and not is_of_currency else None


def hedge_size(child: WorkingOrder, parent: WorkingOrder, price: Decimal) -> Decimal:
    """How many units hedge what `parent` traded; `price` is that of the child's instrument.

    F buys or sells what the parent cost in its currency. P is the parent's quantity times the
    ratio (TWS Users' Guide, Attach a Pair Trade: 500 with a ratio of 2 are 1000). B is the
    parent's value times beta, in units of the child. Rounded to the child's steps.
    """
    one, cost = child.instrument, parent.instrument.value(parent.value, Decimal(1))
    factor = _number(child.terms.hedgeParam) or Decimal(1)
    if not price:
        return ZERO
    if child.terms.hedgeType == "P":
        size = parent.filled * factor
    elif child.terms.hedgeType == "F":
        size = cost if one.symbol == parent.instrument.currency else cost / price
    else:
        size = cost * factor / one.value(Decimal(1), price)
    return (size / one.increment).to_integral_value(ROUND_HALF_UP) * one.increment


def _refused_parameter(kind: str, terms: PlaceOrder) -> Refused:
    number = _number(terms.hedgeParam)
    is_positive = number is not None and number > 0
    if kind == "F":
        return _BAD_RATIO if terms.hedgeParam else None
    if kind == "P":
        return None if is_positive else _BAD_RATIO
    return None if is_positive else _BAD_BETA


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
