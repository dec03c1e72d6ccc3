"""What the gateway's error codes mean for an order or a request.

Sources: IB's page "TWS API Error Codes", and what a real gateway 10.40 was recorded to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FINAL = frozenset(
    {
        103,  # duplicate order id
        104,  # the id is that of a filled order
        *range(105, 108),  # does not match the original; cannot be transmitted; incomplete
        109,  # the price is out of the range of the presets
        *range(110, 115),  # price steps; time in force, type and price that do not go together
        *range(116, 124),  # cannot reach the exchange; prices, sizes and terms that are not there
        *range(125, 127),  # sizes that do not fit
        *range(131, 134),  # sizes, prices
        135,  # no such order
        *range(152, 155),  # sizes; orders for halted securities
        163,  # the price is further off than the settings allow
        200,  # no such contract
        201,  # rejected, with the reason
        203,  # the security is not allowed for this account
        320,  # the request could not be read
        321,  # the request is not valid; the read-only API, too
        325,  # discretionary orders are not supported
        *range(327, 350),  # terms that the order's type, account or exchange does not take
        *range(350, 354),  # minimum quantity, hours, location of a short sale
        355,  # the size does not conform to the market rule
        *range(356, 365),  # terms of combinations, triggers and adjustments
        *range(367, 382),  # volatility, deltas, origins and types that are not taken
        383,  # the size is above the presets' limit
        *range(387, 394),  # type, size or conditions that are not taken here
        *range(411, 413),  # conditions; contract not available for trading
        434,  # the size is zero
        435,  # an account must be named
        436,  # an allocation must be named
        *range(439, 448),  # algorithms and scales that are not taken
        451,  # the value is above the presets' limit
        460,  # no trading permissions
        463,  # a method that the account's model needs
        10006,  # missing parent order
        10052,  # invalid time in force
        10243,  # fractions of a share are not taken
        10268,  # the attribute EtradeOnly is not supported
        10269,  # the attribute FirmQuoteOnly is not supported
        10289,  # a cash quantity must be set
        10329,  # no trading permission for the contract
    }
)
"""Codes by which the gateway turns a new order down: IB's page "TWS API Error Codes" lists each as
the refusal of an order. A code that is not among them ends nothing: a final status does, or the
broker's book, when it is compared."""

CHANGE_REFUSED = frozenset(
    {103, 104, 105, 110, 134, 135, 201, 321, 329, 387, 440, 462, 10147, 10148}
)
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


HISTORY = 162
"""Whatever the historical data service has to say, a violation of its pacing too."""


def is_pacing_violation(code: int, text: str) -> bool:
    """Whether a request for history came too soon (IB's page "Historical Data Limitations")."""
    return code == HISTORY and "pacing violation" in text.lower()


ADVICE: Mapping[int, str] = MappingProxyType(
    {10243: " Set fractional_shares = false in [trading]: this account takes whole shares only."}
)
"""By code: which setting to change. 10243: fractional orders are not taken through the API
(vnpy_ib #75)."""

CLIENT_ID_IN_USE = 326
NO_SECURITY = 200


def rejects(code: int) -> bool:
    """Whether a code on a new order's id is known to mean that the gateway does not hold it."""
    return code in FINAL


def is_read_only(code: int, text: str) -> bool:
    """Whether the gateway refuses all that has to do with orders, by its own settings: 321 with
    that text, as a gateway 10.40 was recorded to say."""
    return code == 321 and "read-only" in text.lower()
