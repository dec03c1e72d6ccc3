"""Documented behaviours of real gateways, each a switch that is off by default.

A behaviour is one line of `BEHAVIOURS`: its name and one sentence that ends in its source. Whoever
has a venue asks `"name" in venue.real`. What needs a wall clock lives in `wall_clock`, what a
person does by hand in `operator`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from hydra.gateway import requests as ask
from hydra.gateway.errors import SettingsError
from hydra.gateway.layout import Request
from hydra.gateway.orders import PlaceOrder

BEHAVIOURS: Mapping[str, str] = MappingProxyType(
    {
        "confirmation_window": "placeOrder gets no answer and the order is in no book, because "
        "the gateway shows a window that must be clicked (IBC #222, IBAutomater #104).",
        "delayed_data": "The user has no market data subscription: ticks are delayed after "
        "reqMarketDataType(3), else error 354 (IB's page on market data types; nautilus #4675).",
        "fractional_sizes": "Contract details of US stocks tell minSize and sizeIncrement 0.0001, "
        "and orders for a fraction get 10243 (ib_async outputs for AAPL 2025-12; vnpy_ib #75).",
        "frozen_quotes": "Quotes stop while the market is open, after 10197 or 2103, and what is "
        "subscribed then gets the last known ones; by the command freeze (IB's message codes).",
        "halted_stock": "An order in a halted stock is accepted without a warning and does not "
        "fill: Submitted, or PreSubmitted for a stop; by the command halt_stock, with tick 49 = 1 "
        "(IB's pages on tick types and on order statuses).",
        "inactive_order": "An order is Inactive while the book holds it, and may work again; by "
        "the commands inactivate and activate (IB's page on order statuses).",
        "lagging_account": "Account values are those of the last three-minute cycle, cash and net "
        "liquidation of one moment, while portfolio and positions are of now (IB's page on "
        "account updates; ib_async #15).",
        "market_data_lines": "More than 100 simultaneous streams of reqMktData get error 101; it "
        "is always on (IB's page on market data lines).",
        "no_completed_orders": "reqCompletedOrders is never answered (ib_insync #224, #355).",
        "order_flood": "reqAllOpenOrders brings thousands of orders of another client; by the "
        "command flood (IB's page on open orders; the number is ours).",
        "order_presets": "Orders above 500 shares get 383, above 100,000 USD 451, limits more "
        "than 3 % through the market 109 (IBC #222, #227; IB's page on precautionary settings).",
        "read_only": "Requests that need write access, open and completed orders among them, get "
        "321 and nothing else (ib_insync #1, #7; `readonly` of ib_async's connectAsync).",
        "shortable": "Generic tick 236 tells ticks 46 and 89, and a short sale beyond the shares "
        "that can be lent is held for locate with 404; by the commands set_shortable and locate "
        "(IB's pages on tick types and message codes).",
        "sleeping_farm": "The first historical request of a connection says 2107, then 2106, and "
        "is answered after 12 wall seconds; identical requests within 15 s get pacing error 162 "
        "(IB's page on historical data limitations; IB's message codes 2106, 2107).",
        "slow_market_rules": "reqMarketRule is answered after three wall seconds, more than a "
        "client may have patience for (how long real ones take is unknown).",
        "throttled_clock": "A second reqCurrentTime of a connection within a wall second of the "
        "last answered one gets no answer at all (maintainer in ib_insync #604; #479).",
        "zero_mark": "One portfolio row is told with price and value 0 until the second download; "
        "by the command zero_mark (where it was seen is unknown; no such price may be believed).",
    }
)
ALL = frozenset(BEHAVIOURS)
TRADING = ALL - {"confirmation_window", "read_only"}  # those with which orders are still taken
_GROUPS = MappingProxyType({"all": ALL, "trading": TRADING})

READ_ONLY = (
    321,
    "Error validating request.-'bN' : cause - The API interface is currently in Read-Only mode.",
)
# What a real one refuses: ib_async leaves out the first four of these with readonly=True.
_NEEDS_WRITE_ACCESS: Mapping[type[Request], str] = MappingProxyType(
    {
        ask.ReqOpenOrders: "",
        ask.ReqAllOpenOrders: "",
        ask.ReqAutoOpenOrders: "",
        ask.ReqCompletedOrders: "",
        ask.ReqGlobalCancel: "",
        PlaceOrder: "orderId",
        ask.CancelOrder: "orderId",
        ask.ExerciseOptions: "reqId",
    }
)
_UNANSWERED: Mapping[str, type[Request]] = MappingProxyType(
    {"confirmation_window": PlaceOrder, "no_completed_orders": ask.ReqCompletedOrders}
)


def chosen(names: Iterable[str]) -> frozenset[str]:
    """The behaviours of these names; `all` means every one, `trading` all that let orders through.

    Raises SettingsError that names the nearest behaviour for a name that there is not.
    """
    given = frozenset(names)
    for name in sorted(given - ALL - set(_GROUPS)):
        near = get_close_matches(name, BEHAVIOURS, 1, 0.4) or sorted(BEHAVIOURS)
        raise SettingsError(
            f"{name!r} is no behaviour of real gateways; there is {', '.join(near)}, and the "
            "groups all and trading"
        )
    return (given & ALL).union(*(_GROUPS[name] for name in given if name in _GROUPS))


def is_unanswered(real: frozenset[str], request: Request) -> bool:
    """Whether the gateway says nothing at all to `request`, and does nothing.

    Whether a confirmation window meets a what-if is unknown: it is answered here.
    """
    if isinstance(request, PlaceOrder) and request.whatIf:
        return False
    return any(name in real and isinstance(request, kind) for name, kind in _UNANSWERED.items())


def read_only_refusal(real: frozenset[str], request: Request) -> tuple[int, int, str] | None:
    """Id, code and text for a request that a read-only gateway refuses; else None."""
    number = _NEEDS_WRITE_ACCESS.get(type(request))
    if "read_only" not in real or number is None:
        return None
    return (getattr(request, number) if number else -1, *READ_ONLY)
