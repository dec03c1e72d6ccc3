"""What the gateway's error codes mean for an order or a request.

Sources: IB's page "TWS API Error Codes", and what a real gateway 10.40 was recorded to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INFORMATIONAL = frozenset(
    {
        165,  # historical data service: a query message
        399,  # the order waits for the exchange to open
        404,  # shares are being located for a short sale
        10167,  # delayed data is shown
        10349,  # time in force was set by an order preset; the order is live and fills
    }
)
"""Codes that ib_async takes for an order's or request's end, and that end nothing."""

ENDS_BY_STATUS = frozenset(
    {
        202,  # follows the status Cancelled
        10147,  # a cancel found no such order: says nothing of its end
        10148,  # a cancel came too late: the end was told already
        161,  # a cancel was not possible in this state
    }
)
"""Codes beside which an order status, and only that, tells what became of the order."""

CHANGE_REFUSED = frozenset({103, 104, 105, 110, 201, 321, 329, 387, 440, 462, 10147, 10148})
"""Codes by which a change of a working order is turned down; the order itself is as it was."""

CONNECTION = {1100: False, 1300: False, 2110: False, 1101: True, 1102: True}
"""Codes that tell whether the way from the gateway to the exchange is open."""

DATA_LOST = 1101
"""The way is open again and all market data subscriptions are gone."""

NO_MARKET_DATA = frozenset(
    {
        101,  # all market data lines are taken
        200,  # no such contract
        321,  # the request is not valid
        354,  # not subscribed
        10168,  # not subscribed, and delayed data are not enabled
        10186,  # the same, of newer gateways
        10197,  # another session of the same user has the data
    }
)
"""Codes after which a market data request brings no ticks (any more). Sources: IB's page "TWS API
Error Codes"; rust-ibapi #672 has 200, 354, 10168 and 10197 end a subscription, and 10167 not."""

NEEDS_SUBSCRIPTION = 10089
"""Not subscribed for the API; its text says whether delayed data follow (IB4m #158)."""


STILL_SUBSCRIBED = frozenset({0, 10197})
"""No error, or one after which the gateway still has the request: it is to be cancelled."""


def ends_market_data(code: int, text: str) -> bool:
    """Whether no price of a market data request will come after this error."""
    if code == NEEDS_SUBSCRIPTION:
        return "delayed market data is available" not in text.lower()
    return code in NO_MARKET_DATA


ADVICE: Mapping[int, str] = MappingProxyType(
    {10243: " Set fractional_shares = false in [trading]: this account takes whole shares only."}
)
"""By code: which setting to change. 10243: fractional orders are not taken through the API
(vnpy_ib #75)."""

CLIENT_ID_IN_USE = 326
NO_SECURITY = 200


def informational(code: int) -> bool:
    """Whether a code never ends an order: the 2100 series and those listed above."""
    return code in INFORMATIONAL or 2100 <= code < 2200


def rejects(code: int) -> bool:
    """Whether a code on a new order's id means that the order is not held by the gateway."""
    return not informational(code) and code not in ENDS_BY_STATUS
