"""What is probably wrong when the gateway or our own gate says no, and which setting to change.

Sources: IB's page "Message Codes"; its articles "TWS Message: Order price relative to the market"
(838) and "Order Price is Not Reasonable" (1312); IBC issues 222 and 227 (order presets); the
README of gnzsnz/ib-gateway-docker (variables of the container). A code that is not listed here is
named with its text, and nothing is guessed of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PRESETS = (
    'Set BYPASS_WARNING: "yes" for the gateway\'s container, or tick "Bypass Order Precautions '
    "for API Orders\" under API > Precautions in its configuration; HYDRA's own size limits stay."
)
READ_ONLY = (
    'Set READ_ONLY_API: "no" for the gateway\'s container, or untick "Read-Only API" under API > '
    "Settings; the setting can stick in saved settings (ib-gateway-docker issues 447, 288), then "
    "untick it there."
)
SUBSCRIBE = (
    "Subscribe to the exchange's data in IB's Client Portal and share them with the paper account "
    "(Settings > Paper Trading Account), or allow delayed prices for strategies that trade once a "
    "day: [risk.delayed_data] allow = true in hydra.toml."
)
COMPETING = (
    "Log off the other session of this user (Trader Workstation, the mobile app, the live account "
    "that shares its data), or use a second user name for the gateway."
)
WINDOW = (
    "Look at the gateway's screen (VNC on 127.0.0.1) for a confirmation window and answer it with "
    "no; the order is not sent again. Should it work after all, the next comparison finds it, and "
    f"`hydra cancel` ends it. {PRESETS}"
)
CLOSER = (
    "The check's own limit lies far from the market on purpose. If your strategies set limits "
    f"that far away, too, widen the percentage in the order presets. {PRESETS}"
)
NOT_READY = (
    "IB's servers are being reset, or the paper account is; wait some minutes and start the check "
    "again."
)
LOGON = (
    "Is the gateway running and logged in, with its API on that port (HYDRA_GATEWAY_HOST, "
    "HYDRA_GATEWAY_PORT)? A gateway whose API is read-only can end the logon, too: set "
    'READ_ONLY_API: "no", or untick "Read-Only API" under API > Settings.'
)
MEANINGS: dict[int, tuple[str, str]] = {
    101: ("all market data lines of the account are in use", COMPETING),
    109: ("the price is outside of the range of the order presets", CLOSER),
    110: (
        "the price is not on the exchange's tick grid",
        "This is an error of HYDRA's: send this report.",
    ),
    163: ("the price violates the percentage of the order presets", CLOSER),
    201: (
        "IB rejected the order",
        "The reason is in IB's text: margin, permission, size or price.",
    ),
    321: ("the API is read-only, or the request is not valid", READ_ONLY),
    326: (
        "the client id is in use",
        "Close the other program, or set client_id in [gateway] of hydra.toml.",
    ),
    354: ("there is no market data subscription and no delayed data", SUBSCRIBE),
    382: ("the price violates the ticks constraint of the order presets", CLOSER),
    383: ("the size is beyond the order presets' size limit", PRESETS),
    388: (
        "the size is smaller than the exchange takes",
        "Trade another symbol, or larger positions.",
    ),
    451: ("the value is beyond the order presets' total value limit", PRESETS),
    10089: ("market data need a further subscription; delayed data may be there", SUBSCRIBE),
    10090: ("a part of the market data is not subscribed", SUBSCRIBE),
    10091: ("a part of the market data needs a further subscription", SUBSCRIBE),
    10167: ("live data are not subscribed, delayed data are shown", SUBSCRIBE),
    10168: ("live data are not subscribed and delayed data are not enabled", SUBSCRIBE),
    10186: ("live data are not subscribed and delayed data are not enabled", SUBSCRIBE),
    10197: ("another live session of the same user has the market data", COMPETING),
    10243: (
        "the order is for a fraction of a share",
        "Trade whole shares: this is an error of HYDRA's, send this report.",
    ),
}
DATA_CODES = frozenset({101, 354, 10089, 10090, 10091, 10167, 10168, 10186, 10197})
"""Codes that tell of market data."""
PRESET_CODES = frozenset({109, 163, 382, 383, 451})
"""Codes by which the order presets of the gateway refuse an order."""
READ_ONLY_CODE = 321
GATE: dict[str, str] = {
    "delayed_data": SUBSCRIBE,
    "stale_price": "The last trade is old: is the stock halted, or do other sessions take the "
    "market data (10197)?",
    "volume_share": "The history did not come, so the daily volume is unknown: mend the step "
    "'history' first.",
    "duplicate_intent": "Wait a minute and start the check again.",
    "session_hours": "Start the check while the exchange is open.",
    "no_entries": "A circuit breaker allows no new positions: see `hydra breakers`.",
    "reduce_only": "A circuit breaker or `hydra switch` allows reductions only: see "
    "`hydra breakers`.",
    "blackout": "Start the check outside of [risk.blackout] windows.",
    "connected": "The gateway has lost its own way to the exchange: wait, then start again.",
}
"""What to do about a check of our own gate that refuses."""
CODE = re.compile(r"\berror (\d{3,5})\b")


def codes_in(text: str) -> list[int]:
    """The codes of IB that one of our sentences names."""
    return [int(code) for code in CODE.findall(text)]


def meaning(code: int) -> str:
    """What a code says, in a few words; empty for one that is not known here."""
    return MEANINGS[code][0] if code in MEANINGS else ""


def remedy(codes: Iterable[int]) -> str:
    """What to change, by the first code that is known here; empty where none is."""
    return next((MEANINGS[code][1] for code in codes if code in MEANINGS), "")


def remedy_of(text: str) -> str:
    """What to change, by the codes in a sentence; a read-only API and account values that are not
    ready are known by their words, too."""
    if "read-only" in text.lower():
        return READ_ONLY
    if "AccountReady" in text:
        return NOT_READY
    return remedy(codes_in(text))


def gate_remedy(checks: Iterable[str]) -> str:
    """What to do about a refusal by our own gate, by the names of the checks that objected."""
    names = list(checks)
    known = next((GATE[name] for name in names if name in GATE), "")
    return known or "See the limits in hydra.toml: " + ", ".join(f"[risk.{n}]" for n in names)
