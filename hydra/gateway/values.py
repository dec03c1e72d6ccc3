"""The groups of fields that stand inside messages: contracts, legs, rows, conditions."""

# ruff: noqa: N815 — fields keep Interactive Brokers' own names at the vendor's boundary

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from hydra.gateway.codec import (
    TEXT,
    Figure,
    Flag,
    Int,
    MaxNumber,
    Number,
    OptInt,
    OptNumber,
    Size,
    Text,
)
from hydra.gateway.layout import group, many, since


@group
class Contract:
    """A contract as clients and gateway write it; `right` is "?" or "" for stocks."""

    conId: Int = 0
    symbol: Text = ""
    secType: Text = ""
    lastTradeDateOrContractMonth: Text = ""
    strike: Number = Decimal(0)
    right: Text = ""
    multiplier: Text = ""
    exchange: Text = ""
    primaryExchange: Text = ""
    currency: Text = ""
    localSymbol: Text = ""
    tradingClass: Text = ""


@group
class ComboLeg:
    """A leg of a combination in a data request."""

    conId: Int
    ratio: Int
    action: Text
    exchange: Text


@group
class OrderLeg:
    """A leg of a combination in an order."""

    conId: Int
    ratio: Int
    action: Text
    exchange: Text
    openClose: Int
    shortSaleSlot: Int
    designatedLocation: Text
    exemptCode: Int


@group
class LegPrice:
    """The limit price of one leg of an order."""

    price: OptNumber


@group
class TagValue:
    """A named parameter."""

    tag: Text
    value: Text


@group
class DeltaNeutralContract:
    """The underlying that hedges an option order."""

    conId: Int
    delta: Number
    price: Number


@group
class PriceCondition:
    """Condition type 1."""

    conjunction: Text
    isMore: Flag
    price: Number
    conId: Int
    exch: Text
    triggerMethod: Int


@group
class TimeCondition:
    """Condition type 3."""

    conjunction: Text
    isMore: Flag
    time: Text


@group
class MarginCondition:
    """Condition type 4: cushion in percent."""

    conjunction: Text
    isMore: Flag
    percent: Int


@group
class ExecutionCondition:
    """Condition type 5: a trade in a symbol."""

    conjunction: Text
    secType: Text
    exch: Text
    symbol: Text


@group
class VolumeCondition:
    """Condition type 6."""

    conjunction: Text
    isMore: Flag
    volume: Int
    conId: Int
    exch: Text


@group
class PercentChangeCondition:
    """Condition type 7: change since the last close, in percent."""

    conjunction: Text
    isMore: Flag
    changePercent: Number
    conId: Int
    exch: Text


Condition = (
    PriceCondition
    | TimeCondition
    | MarginCondition
    | ExecutionCondition
    | VolumeCondition
    | PercentChangeCondition
)
CONDITIONS = {
    1: PriceCondition,
    3: TimeCondition,
    4: MarginCondition,
    5: ExecutionCondition,
    6: VolumeCondition,
    7: PercentChangeCondition,
}


@group
class HistoricalBar:
    """One bar of an answer to reqHistoricalData; `date` as the request's formatDate asks."""

    date: Text
    open: Figure
    high: Figure
    low: Figure
    close: Figure
    volume: Figure
    wap: Figure
    count: Int


@group
class ScheduleSession:
    """One trading session; times in the zone that the message names."""

    start: Text
    end: Text
    refDate: Text


@group
class HistoricalTick:
    """A midpoint at `time` (epoch seconds); `unused` is a field without meaning."""

    time: Int
    unused: Int
    price: Number
    size: Size


@group
class HistoricalTickBidAsk:
    """A quote at `time` (epoch seconds)."""

    time: Int
    mask: Int
    bid: Number
    ask: Number
    bidSize: Size
    askSize: Size


@group
class HistoricalTickLast:
    """A trade at `time` (epoch seconds)."""

    time: Int
    mask: Int
    price: Number
    size: Size
    exchange: Text
    conditions: Text


@group
class LastTick:
    """A trade as it happens (tick type 1); `time` in epoch seconds."""

    time: Int
    price: Number
    size: Size
    mask: Int = 0
    exchange: Text = ""
    conditions: Text = ""


@group
class AllLastTick(LastTick):
    """A trade as it happens, odd lots and combinations included (tick type 2)."""


@group
class QuoteTick:
    """A quote as it changes (tick type 3)."""

    time: Int
    bid: Number
    ask: Number
    bidSize: Size
    askSize: Size
    mask: Int = 0


@group
class MidpointTick:
    """A midpoint as it changes (tick type 4)."""

    time: Int
    midpoint: Number


Tick = LastTick | AllLastTick | QuoteTick | MidpointTick
TICKS = {1: LastTick, 2: AllLastTick, 3: QuoteTick, 4: MidpointTick}


@group
class SymbolSample:
    """One match of reqMatchingSymbols."""

    conId: Int
    symbol: Text
    secType: Text
    primaryExchange: Text
    currency: Text
    derivativeSecTypes: Annotated[tuple[str, ...], many(TEXT)]
    description: Annotated[Text, since(176)] = ""
    issuerId: Annotated[Text, since(176)] = ""


@group
class PriceIncrement:
    """From `lowEdge` upwards prices move in steps of `increment`."""

    lowEdge: Number
    increment: Number


@group
class SoftDollarTier:
    """A soft-dollar tier."""

    name: Text
    value: Text
    displayName: Text


@group
class FamilyCode:
    """An account and its family code."""

    account: Text
    familyCode: Text


@group
class DepthExchange:
    """An exchange that offers market depth."""

    exchange: Text
    secType: Text
    listingExch: Text
    serviceDataType: Text
    aggGroup: OptInt


@group
class SmartComponent:
    """The letter that stands for an exchange in a quote's exchange field."""

    bit: Int
    exchange: Text
    letter: Text


@group
class NewsProvider:
    """A source of news."""

    code: Text
    name: Text


@group
class HistogramBucket:
    """How much was traded at a price."""

    price: Number
    size: Size


@group
class ScannerRow:
    """One line of a scanner's result."""

    rank: Int
    conId: Int
    symbol: Text
    secType: Text
    lastTradeDateOrContractMonth: Text
    strike: Number
    right: Text
    exchange: Text
    currency: Text
    localSymbol: Text
    marketName: Text
    tradingClass: Text
    distance: Text
    benchmark: Text
    projection: Text
    legs: Text


@group
class DeltaNeutralTerms:
    """The eight fields of a delta-neutral order in placeOrder and openOrder."""

    conId: Int = 0
    settlingFirm: Text = ""
    clearingAccount: Text = ""
    clearingIntent: Text = ""
    openClose: Text = "?"
    shortSale: Flag = False
    shortSaleSlot: Int = 0
    designatedLocation: Text = ""


@group
class DeltaNeutralShortTerms:
    """The four fields of a delta-neutral order in completedOrder."""

    conId: Int = 0
    shortSale: Flag = False
    shortSaleSlot: Int = 0
    designatedLocation: Text = ""


@group
class ScaleTerms:
    """What follows a positive scale price increment."""

    priceAdjustValue: MaxNumber = None
    priceAdjustInterval: OptInt = None
    profitOffset: MaxNumber = None
    autoReset: Flag = False
    initPosition: OptInt = None
    initFillQty: OptInt = None
    randomPercent: Flag = False


@group
class PegBenchTerms:
    """What follows for a PEG BENCH order."""

    referenceContractId: Int = 0
    isPeggedChangeAmountDecrease: Flag = False
    peggedChangeAmount: OptNumber = None
    referenceChangeAmount: OptNumber = None
    referenceExchangeId: Text = ""
