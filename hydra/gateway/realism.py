"""How a user, an account or a gateway may be set up so that less works than by default.

What every real gateway does is how this one is; where sources differ the seed chooses, see
`variants`. The rest is a line of `BEHAVIOURS`: its name and one sentence that ends in its source.
Whoever has a venue asks `"name" in venue.real`. What needs a wall clock lives in `wall_clock`,
what a person does by hand in `operator`.
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
        "no_completed_orders": "reqCompletedOrders is never answered (ib_insync #224, #355).",
        "order_presets": "Orders above 500 shares get 383, above 100,000 USD 451, limits more "
        "than 3 % through the market 109 (IBC #222, #227; IB's page on precautionary settings).",
        "read_only": "Requests that need write access, open and completed orders among them, get "
        "321 and nothing else (ib_insync #1, #7; `readonly` of ib_async's connectAsync).",
        "slow_market_rules": "reqMarketRule is answered after three wall seconds, more than a "
        "client may have patience for (how long real ones take is unknown).",
    }
)
BY_DEFAULT = frozenset(
    {
        "fractional_sizes",
        "frozen_quotes",
        "halted_stock",
        "inactive_order",
        "lagging_account",
        "market_data_lines",
        "order_flood",
        "shortable",
        "sleeping_farm",
        "throttled_clock",
        "zero_mark",
    }
)
"""Names of behaviours that were switches once: the gateway is like that always, or by its seed."""

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

    A name in `BY_DEFAULT` adds nothing. Raises SettingsError that names the nearest behaviour for
    a name that there is not.
    """
    given = frozenset(names)
    for name in sorted(given - ALL - BY_DEFAULT - set(_GROUPS)):
        near = get_close_matches(name, [*BEHAVIOURS, *BY_DEFAULT], 1, 0.4) or sorted(BEHAVIOURS)
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
