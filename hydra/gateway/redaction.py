"""What of a message may be kept in a recording: fields of an allow-list; all else is replaced.

What is not named here is replaced, so that a field that is added to a table is not kept by
mistake. A replacement is of the same type: a text by `text`, a number by 1 (0 and nothing stay: a
client behaves by them). What must be told apart (accounts, permanent ids, executions, references)
is numbered in the order in which it comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hydra.gateway.layout import Message
from hydra.gateway.plain import Tree, message_name, tree_of

# Of contracts, and of what is public about them.
_CONTRACT = """
conId symbol secType lastTradeDateOrContractMonth strike right multiplier exchange primaryExchange
currency localSymbol tradingClass ratio marketName minTick orderTypes validExchanges priceMagnifier
underConId longName contractMonth industry category subcategory timeZoneId tradingHours liquidHours
aggGroup underSymbol underSecType marketRuleIds realExpirationDate stockType minSize sizeIncrement
suggestedSizeIncrement suggestedSizeIncrementAlone lastTradeDate mdSizeMultiplier evRule
evMultiplier secIdType underlyingConId underlyingSymbol underlyingSecType futFopExchange
expirations strikes lowEdge increment ruleId primaryExch derivativeSecTypes listingExch
serviceDataType bit letter bboExchange snapshotPermissions includeExpired exch
"""
# Of an order, as far as it can tell nobody's name, account or own words.
_ORDER = """
orderId parentId clientId action totalQuantity orderType lmtPrice auxPrice tif ocaType transmit
blockOrder sweepToFill displaySize triggerMethod outsideRth hidden discretionaryAmt goodAfterTime
goodTillDate allOrNone minQty percentOffset trailStopPrice trailStopPriceRepeated trailingPercent
openClose origin whatIf status filled remaining avgFillPrice lastFillPrice whyHeld mktCapPrice
isMore conjunction price volume percent changePercent conditionsIgnoreRth conditionsCancelOrder
adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice
adjustedTrailingAmount adjustableTrailingUnit cashQty usePriceMgmtAlgo duration autoCancelParent
auctionStrategy exemptCode shortSaleSlot rule80A eTradeOnly firmQuoteOnly nbboPriceCap volatility
volatilityType deltaNeutralOrderType continuousUpdate referencePriceType scaleInitLevelSize
scaleSubsLevelSize scalePriceIncrement hedgeType optOutSmartRouting notHeld algoStrategy solicited
randomizeSize randomizePrice dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice
minTradeQty minCompeteSize competeAgainstBestOffset midOffsetAtWhole midOffsetAtHalf postToAts
overridePercentageConstraints faMethod side shares cumQty avgPrice lastLiquidity liquidation
pendingPriceRevision filledQuantity completedTime completedStatus bind apiOnly
basisPoints basisPointsType commissionCurrency manualCancelOrderTime manualOrderTime startingPrice
stockRefPrice delta stockRangeLower stockRangeUpper imbalanceOnly routeMarketableToBbo
"""
# Of data about the market, and of how it is asked for.
_DATA = """
reqId tickType attribMask tickAttrib size marketDataType genericTicks snapshot regulatorySnapshot
endDateTime startDateTime barSize duration useRTH useRth whatToShow formatDate keepUpToDate
numberOfTicks ignoreSize date open high low close wap count start end refDate timeZone time mask
bid ask bidSize askSize midpoint unused exchange conditions timestamp period done level rows
isSmart isSmartDepth position operation marketMaker impliedVol optPrice pvDividend gamma vega theta
undPrice optionPrice underPrice numberOfRows instrument locationCode scanCode rank pattern
subscribe group tags key tag ledgerAndNLV code newsType articleType providerCode providerCodes
totalResults hasMore
"""
ALLOWED = frozenset((_CONTRACT + _ORDER + _DATA).split())
# Where a name of the list above means something of the account, or free text.
REPLACED_IN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "portfolioValue": frozenset({"position"}),
        "position": frozenset({"position"}),
        "positionMulti": frozenset({"position"}),
        "pnLSingle": frozenset({"position"}),
        "reqAccountSummary": frozenset({"group"}),
        "reqMatchingSymbols": frozenset({"pattern"}),
    }
)
ALLOWED_IN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "startApi": frozenset({"clientId"}),
        "tickGeneric": frozenset({"value"}),
        "tickString": frozenset({"value"}),
        "commissionReport": frozenset({"commission"}),
        "contractData": frozenset({"tag"}),
        "openOrder": frozenset({"commission"}),
    }
)
# What is numbered: by field, the word that stands before the number.
_NUMBERED: Mapping[str, str] = MappingProxyType(
    {
        "account": "account",
        "accounts": "account",
        "execId": "execution",
        "orderRef": "reference",
        "ocaGroup": "group",
        "permId": "perm",
        "parentPermId": "perm",
    }
)
_HISTORY = "Historical Market Data Service error message:"
# The words with which a code's text begins, in IB's table of message codes and in recordings.
# Whatever a gateway adds to them may name an account, an order or a person.
_KNOWN_TEXTS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        100: ("Max rate of messages per second has been exceeded",),
        101: ("Max number of tickers has been reached",),
        103: ("Duplicate order id",),
        104: ("Cannot modify a filled order",),
        110: ("The price does not conform to the minimum price variation for this contract",),
        135: ("Can't find order with ID =",),
        161: ("Cancel attempted when order is not in a cancellable state",),
        162: (
            _HISTORY + "Historical data request pacing violation",
            _HISTORY + "HMDS query returned no data",
            _HISTORY + "API historical data query cancelled",
            _HISTORY,
        ),
        200: ("No security definition has been found for the request",),
        201: ("Order rejected - reason:",),
        202: ("Order Canceled - reason:",),
        300: ("Can't find EId with tickerId:",),
        317: ("Market depth data has been RESET",),
        320: ("Error reading request",),
        321: ("Error validating request.-'",),
        322: ("Error processing request.-'",),
        326: ("Unable to connect as the client id is already in use",),
        354: ("Requested market data is not subscribed",),
        366: ("No historical data query found for ticker id",),
        399: ("Order Message:", "Warning: your order will not be placed at the exchange until"),
        404: ("Order held while securities are located",),
        1100: ("Connectivity between",),
        1101: ("Connectivity between",),
        1102: ("Connectivity between",),
        2103: ("Market data farm connection is broken:",),
        2104: ("Market data farm connection is OK:",),
        2105: ("HMDS data farm connection is broken:",),
        2106: ("HMDS data farm connection is OK:",),
        2107: ("HMDS data farm connection is inactive but should be available upon demand",),
        2108: ("Market data farm connection is inactive but should be available upon demand",),
        2119: ("Market data farm is connecting:",),
        2157: ("Sec-def data farm connection is broken:",),
        2158: ("Sec-def data farm connection is OK:",),
        10089: ("Requested market data requires additional subscription for API",),
        10090: ("Part of requested market data is not subscribed",),
        10147: ("OrderId ",),
        10148: ("OrderId ",),
        10167: ("Requested market data is not subscribed. Displaying delayed market data",),
        10168: ("Requested market data is not subscribed. Delayed market data is not enabled",),
        10197: ("No market data during competing live session",),
        10243: ("Fractional-sized order cannot be placed via API",),
        10349: ("Order TIF was set to DAY based on order preset",),
    }
)
_FARM = re.compile(r"[a-z]{2,12}(\.[a-z]{2,12})?\Z")
_FARMS = range(2100, 2170)  # codes whose texts end in the name of a data farm
REST = "…"
ALL_ACCOUNTS = "All"  # the group of an account summary that every user has


@dataclass
class Redactor:
    """Makes trees of messages with nothing in them that is not allowed."""

    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def redact(self, message: Message, version: int) -> Tree:
        """The tree of `message` at `version`, every field allowed or replaced."""
        name = message_name(type(message))
        tree = tree_of(message, version)
        redacted = self._group(name, tree)
        if name == "error":
            redacted["text"] = known_text(int(tree["code"]), tree["text"])
        return redacted

    def _group(self, message: str, tree: Mapping[str, Any]) -> Tree:
        return {name: self._value(message, name, value) for name, value in tree.items()}

    def _value(self, message: str, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._group(message, value)
        if isinstance(value, list):
            return [self._value(message, name, item) for item in value]
        if value in {None, ALL_ACCOUNTS} or is_allowed(message, name):
            return value
        word = _NUMBERED.get(name)
        return replaced(value) if word is None else self._numbered(word, value)

    def _numbered(self, word: str, value: str) -> str:
        if not value or value == "0":
            return value
        if word == "account":
            parts = [self._placeholder(word, one, _account) for one in value.split(",") if one]
            return ",".join(parts)
        return self._placeholder(word, value, _perm if word == "perm" else _worded(word))

    def _placeholder(self, word: str, value: str, form: Callable[[int], str]) -> str:
        if (word, value) not in self._numbers:
            self._counts[word] = self._counts.get(word, 0) + 1
            self._numbers[word, value] = self._counts[word]
        return form(self._numbers[word, value])


def _account(number: int) -> str:
    return f"DU{number:07}"


def _perm(number: int) -> str:
    return str(number)


def _worded(word: str) -> Callable[[int], str]:
    return lambda number: f"{word}-{number}"


def is_allowed(message: str, name: str) -> bool:
    """Whether a recording keeps the field `name` of messages called `message` as it is."""
    if name in ALLOWED_IN.get(message, ()):
        return True
    return name in ALLOWED and name not in REPLACED_IN.get(message, ())


def replaced(text: str) -> str:
    """What stands for a field's text: of the same type, and as empty as it was."""
    if text in {"", "0", "1", "true", "false"}:
        return text
    try:
        number = float(text)
    except ValueError:
        return "text"
    if abs(number) > 1e300 or text == "2147483647":
        return text  # unset
    return "0" if number == 0 else ("-1" if number < 0 else "1")


def known_text(code: int, text: str) -> str:
    """The published beginning of a code's text; what follows it is left out."""
    for known in _KNOWN_TEXTS.get(code, ()):
        if text.lower().startswith(known.lower()):
            rest = text[len(known) :].strip()
            if not rest or rest == "." or (code in _FARMS and _FARM.match(rest)):
                return text
            return text[: len(known)] + REST
    return "text" if text else ""
