"""The precautionary settings that a new account's gateway checks each order against.

The texts are those of real gateways (IBC #227 for 451, logs of two paper accounts for 383, the
page of message codes for 109). The limits are the workstation's defaults. A limit price is checked
on the side on which it would pay too much only: recordings of a real paper gateway show that AAPL
orders at a twentieth of the price are accepted.
"""

from __future__ import annotations

from decimal import Decimal

from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import LIMITED

SIZE_LIMIT = Decimal(500)  # shares
VALUE_LIMIT = Decimal(100_000)  # USD
PERCENTAGE = Decimal(3)
_WHERE = "Restriction is specified in Precautionary Settings of Global Configuration/Presets."
_FAR = (
    "Price is out of the range defined by the Percentage setting at order defaults frame. The "
    "order will not be transmitted."
)


def refused_preset(venue: Venue, one: Instrument, terms: PlaceOrder) -> tuple[int, str] | None:
    """Code and text of the first limit that `terms` breaks; None while presets are off.

    Whether a what-if meets presets is unknown: it is not checked.
    """
    if "order_presets" not in venue.real or terms.whatIf:
        return None
    named = f'The following order "ID:{terms.orderId}"'
    if one.secType == "STK" and terms.totalQuantity > SIZE_LIMIT:
        return 383, f"{named} size exceeds the Size Limit of {SIZE_LIMIT}. {_WHERE}"
    value = _value(venue, one, terms)
    if value > VALUE_LIMIT:
        return 451, (
            f"{named} value estimate of {value:,.0f} USD exceeds  the Total Value Limit of "
            f"{VALUE_LIMIT:,} USD. {_WHERE}"
        )
    return (109, _FAR) if _is_far(terms, venue.mark(one)) else None


def _value(venue: Venue, one: Instrument, terms: PlaceOrder) -> Decimal:
    """What the order is worth in USD, at its limit or at the market."""
    limit = terms.lmtPrice if terms.orderType in LIMITED else None
    price = limit or venue.mark(one)
    return one.value(terms.totalQuantity, price) * venue.rate(one.currency)


def _is_far(terms: PlaceOrder, mark: Decimal) -> bool:
    limit = terms.lmtPrice
    if terms.overridePercentageConstraints:
        return False
    if terms.orderType not in LIMITED or not limit or not mark:
        return False
    beyond = (limit - mark) if terms.action == "BUY" else (mark - limit)
    return beyond * 100 > mark * PERCENTAGE
