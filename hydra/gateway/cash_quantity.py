"""Currency orders by an amount of money: cashQty is in the second currency of the pair.

IB's API documentation, LimitOrderWithCashQty: "Forex orders can be placed in denomination of
second currency in pair using cashQty field". TWS works out the quantity and attempts to buy or
sell for the amount (IB's release notes of TWS 963). Here it is the amount at the limit, or at the
price of the far side, in whole units and not more; how a real gateway rounds, and which total
quantity it tells, is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import LIMITED

Refused = tuple[int, str] | None

# All of IB's page of message codes; the last one's placeholders are filled in.
_NOT_HERE = (10244, "Cash Quantity cannot be used for this order")
_TOO_FINE = (10286, "Cash Quantity field cannot contain more than 2 decimals.")
NO_CHANGE = (
    10241,
    "Order Quantity is expressed in monetary terms. Modification is not supported via API. Please "
    "use desktop version to revise this order.",
)
_CENT = Decimal("0.01")


def refused_cash_quantity(one: Instrument, terms: PlaceOrder) -> Refused:
    """The objection to an order by an amount; both an amount and a quantity are ambiguous."""
    amount = terms.cashQty
    if not amount:
        return None
    is_simple = not (terms.algoStrategy or terms.hedgeType or terms.scalePriceIncrement)
    if one.secType != "CASH" or terms.totalQuantity or not is_simple:
        return _NOT_HERE
    if not amount.is_finite() or amount < 0:
        return _NOT_HERE
    return _TOO_FINE if amount % _CENT else None


def sized_by_amount(venue: Venue, one: Instrument, terms: PlaceOrder) -> PlaceOrder:
    """The terms with the quantity that their amount buys or sells; others are unchanged."""
    if not terms.cashQty:
        return terms
    limit = terms.lmtPrice if terms.orderType in LIMITED else None
    price = limit or _far_side(venue, one, terms)
    if not price.is_finite() or price <= 0:
        return terms
    units = (terms.cashQty / price / one.increment).to_integral_value(ROUND_FLOOR)
    return replace(terms, totalQuantity=units * one.increment)


def _far_side(venue: Venue, one: Instrument, terms: PlaceOrder) -> Decimal:
    quote = venue.market.quote(one, venue.seconds)
    if quote is None:
        return venue.mark(one)
    return quote.ask if terms.action == "BUY" else quote.bid
