"""IB's order algorithms: which are simulated, the parameters of each, and what is refused.

Names and ranges are those of IB's page on IB algorithms; 439, 441, 442 and 443 are of its page of
message codes. BalanceImpactRisk and MinImpact get 439 for stocks, Vwap knows speedUp and the two
opt-outs: recorded in April 2026 (ibkr-go, api_algo_variants_aapl, server version 200). Times,
shares of volume and words are checked; what a parameter asks beyond its times (how patiently to
trade) has no effect on the schedule of `schedule`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from hydra.gateway.orders import PlaceOrder
from hydra.gateway.times import parse_moment
from hydra.gateway.values import TagValue

Refused = tuple[int, str] | None
Check = Callable[[str], bool]

_RISKS = ("Get Done", "Aggressive", "Neutral", "Passive")
# HYDRA's own words and IB's page differ in one: both spellings of the midpoint are taken.
_TRADE_WHEN = (
    *("Marketable", "Matching", "Midpoint", "Matching Midpoint", "Matching Same Side"),
    "Matching Last",
)


def _one_of(*words: str) -> Check:
    return lambda text: text in words


def _share(text: str) -> bool:
    """A share of the volume: 0.01 to 0.5."""
    try:
        return Decimal("0.01") <= Decimal(text) <= Decimal("0.5")
    except InvalidOperation:
        return False


def _time(text: str) -> bool:
    day = text if text[:8].isdecimal() else f"20120103 {text}"
    try:
        return parse_moment(day, "US/Eastern") is not None
    except ValueError:
        return False


_FLAG = _one_of("0", "1", "true", "false")
_TIMES: Mapping[str, Check] = MappingProxyType({"startTime": _time, "endTime": _time})
_PAST_END: Mapping[str, Check] = MappingProxyType({**_TIMES, "allowPastEndTime": _FLAG})
_RISK: Mapping[str, Check] = MappingProxyType(
    {"maxPctVol": _share, "riskAversion": _one_of(*_RISKS), "forceCompletion": _FLAG}
)
ALGORITHMS: Mapping[str, Mapping[str, Check]] = MappingProxyType(
    {
        "Adaptive": {"adaptivePriority": _one_of("Critical", "Urgent", "Normal", "Patient")},
        "Twap": {"strategyType": _one_of(*_TRADE_WHEN), **_PAST_END},
        "Vwap": {
            "maxPctVol": _share,
            **_PAST_END,
            **dict.fromkeys(
                ("noTakeLiq", "speedUp", "optoutOpeningAuction", "optoutClosingAuction"), _FLAG
            ),
        },
        "ArrivalPx": {**_RISK, **_PAST_END},
        "ClosePx": {**_RISK, "startTime": _time},
        "PctVol": {
            "pctVol": _share,
            **_TIMES,
            **dict.fromkeys(("noTakeLiq", "includeBlockTrades"), _FLAG),
        },
    }
)
# What these ask (a size in time, a share that moves, a hidden size) is not simulated.
NOT_SIMULATED = frozenset({"AD", "DarkIce", "PctVolPx", "PctVolSz", "PctVolTm"})


def refused_algorithm(terms: PlaceOrder) -> Refused:
    """The objection to an order's algorithm and its parameters; None without either."""
    if not terms.algoStrategy:
        return None
    known = ALGORITHMS.get(terms.algoStrategy)
    if terms.algoStrategy in NOT_SIMULATED or (known and terms.orderType not in {"MKT", "LMT"}):
        return 442, "Specified algorithm is not allowed for this order."
    if known is None:
        return 439, "Order processing failed. Algorithm definition not found."
    refused = (_refused_parameter(known, one) for one in terms.algoParams)
    return next((one for one in refused if one is not None), None)


def _refused_parameter(known: Mapping[str, Check], given: TagValue) -> Refused:
    check = known.get(given.tag)
    if check is None:
        return 443, f"Order processing failed. Unknown algo attribute:{given.tag}"
    if given.value and not check(given.value):
        return 441, f"Algo attributes validation failed:{given.tag}={given.value}"
    return None
