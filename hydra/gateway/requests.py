"""The tables of what clients ask (placeOrder stands in `orders`), by message number."""

# ruff: noqa: N815 — fields keep Interactive Brokers' own names at the vendor's boundary

from __future__ import annotations

from typing import Annotated

from hydra.gateway.codec import Flag, Int, Number, Text
from hydra.gateway.layout import Request, inline, many, message, present, since, when
from hydra.gateway.values import ComboLeg, Contract, DeltaNeutralContract

_NO_PRIMARY = inline(Contract, omit={"primaryExchange"})
_FUNDAMENTAL = inline(
    Contract,
    omit={"lastTradeDateOrContractMonth", "strike", "right", "multiplier", "tradingClass"},
)


@message(1, version=11)
class ReqMktData(Request):
    """Stream or snapshot of quotes."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    legs: Annotated[tuple[ComboLeg, ...], many(ComboLeg), when("contract.secType", "BAG")] = ()
    deltaNeutral: Annotated[DeltaNeutralContract | None, present(DeltaNeutralContract)] = None
    genericTicks: Text = ""
    snapshot: Flag = False
    regulatorySnapshot: Flag = False
    options: Text = ""


@message(2, version=2)
class CancelMktData(Request):
    """End a stream of quotes."""

    reqId: Int


@message(4, version=1)
class CancelOrder(Request):
    """Cancel one of the client's own orders."""

    orderId: Int
    manualCancelOrderTime: Annotated[Text, since(169)] = ""


@message(5, version=1)
class ReqOpenOrders(Request):
    """The client's own open orders."""


@message(6, version=2)
class ReqAccountUpdates(Request):
    """Start or stop the stream of account values and portfolio."""

    subscribe: Flag
    account: Text


@message(7, version=3)
class ReqExecutions(Request):
    """Today's executions that pass a filter; empty and 0 pass everything."""

    reqId: Int
    clientId: Int = 0
    account: Text = ""
    time: Text = ""
    symbol: Text = ""
    secType: Text = ""
    exchange: Text = ""
    side: Text = ""


@message(8, version=1)
class ReqIds(Request):
    """The next valid order id."""

    count: Int


@message(9, version=8)
class ReqContractDetails(Request):
    """All contracts that match what is given."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    includeExpired: Flag = False
    secIdType: Text = ""
    secId: Text = ""
    issuerId: Annotated[Text, since(176)] = ""


@message(10, version=5)
class ReqMktDepth(Request):
    """Market depth."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    rows: Int
    isSmart: Flag
    options: Text = ""


@message(11, version=1)
class CancelMktDepth(Request):
    """End market depth."""

    reqId: Int
    isSmart: Flag


@message(12, version=1)
class ReqNewsBulletins(Request):
    """Exchange bulletins."""

    allMessages: Flag


@message(13, version=1)
class CancelNewsBulletins(Request):
    """End exchange bulletins."""


@message(14, version=1)
class SetServerLogLevel(Request):
    """How much the gateway logs."""

    level: Int


@message(15, version=1)
class ReqAutoOpenOrders(Request):
    """Bind orders entered by hand to client 0."""

    bind: Flag


@message(16, version=1)
class ReqAllOpenOrders(Request):
    """All clients' open orders."""


@message(17, version=1)
class ReqManagedAccts(Request):
    """The account codes."""


@message(18, version=1)
class RequestFA(Request):
    """A financial advisor's configuration."""

    faDataType: Int


@message(19, version=1)
class ReplaceFA(Request):
    """Replace a financial advisor's configuration."""

    faDataType: Int
    xml: Text
    reqId: Int


@message(20)
class ReqHistoricalData(Request):
    """Historical bars."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    includeExpired: Flag
    endDateTime: Text
    barSize: Text
    duration: Text
    useRTH: Flag
    whatToShow: Text
    formatDate: Int
    legs: Annotated[tuple[ComboLeg, ...], many(ComboLeg), when("contract.secType", "BAG")] = ()
    keepUpToDate: Flag = False
    options: Text = ""


@message(21, version=2)
class ExerciseOptions(Request):
    """Exercise or let lapse."""

    reqId: Int
    contract: Annotated[Contract, _NO_PRIMARY]
    action: Int
    quantity: Int
    account: Text
    override: Int


@message(22)
class ReqScannerSubscription(Request):
    """Scan the market."""

    reqId: Int
    numberOfRows: Text
    instrument: Text
    locationCode: Text
    scanCode: Text
    abovePrice: Text
    belowPrice: Text
    aboveVolume: Text
    marketCapAbove: Text
    marketCapBelow: Text
    moodyRatingAbove: Text
    moodyRatingBelow: Text
    spRatingAbove: Text
    spRatingBelow: Text
    maturityDateAbove: Text
    maturityDateBelow: Text
    couponRateAbove: Text
    couponRateBelow: Text
    excludeConvertible: Text
    averageOptionVolumeAbove: Text
    scannerSettingPairs: Text
    stockTypeFilter: Text
    filterOptions: Text
    options: Text


@message(23, version=1)
class CancelScannerSubscription(Request):
    """End a scan."""

    reqId: Int


@message(24, version=1)
class ReqScannerParameters(Request):
    """What can be scanned, as XML."""


@message(25, version=1)
class CancelHistoricalData(Request):
    """End a request of historical bars."""

    reqId: Int


@message(49, version=1)
class ReqCurrentTime(Request):
    """The gateway's time."""


@message(50, version=3)
class ReqRealTimeBars(Request):
    """Five-second bars."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    barSize: Int
    whatToShow: Text
    useRTH: Flag
    options: Text = ""


@message(51, version=1)
class CancelRealTimeBars(Request):
    """End five-second bars."""

    reqId: Int


@message(52, version=2)
class ReqFundamentalData(Request):
    """Fundamental data, as XML."""

    reqId: Int
    contract: Annotated[Contract, _FUNDAMENTAL]
    reportType: Text
    nOptions: Int = 0
    options: Text = ""


@message(53, version=1)
class CancelFundamentalData(Request):
    """End a request of fundamental data."""

    reqId: Int


@message(54, version=3)
class CalculateImpliedVolatility(Request):
    """An option's volatility from its price."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    optionPrice: Number
    underPrice: Number
    nOptions: Int = 0
    options: Text = ""


@message(55, version=3)
class CalculateOptionPrice(Request):
    """An option's price from its volatility."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    volatility: Number
    underPrice: Number
    nOptions: Int = 0
    options: Text = ""


@message(56, version=1)
class CancelCalculateImpliedVolatility(Request):
    """End a calculation."""

    reqId: Int


@message(57, version=1)
class CancelCalculateOptionPrice(Request):
    """End a calculation."""

    reqId: Int


@message(58, version=1)
class ReqGlobalCancel(Request):
    """Cancel all orders of all clients."""


@message(59, version=1)
class ReqMarketDataType(Request):
    """1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""

    marketDataType: Int


@message(61, version=1)
class ReqPositions(Request):
    """Start the stream of positions."""


@message(62, version=1)
class ReqAccountSummary(Request):
    """Start the stream of an account summary; `tags` separated by commas."""

    reqId: Int
    group: Text
    tags: Text


@message(63, version=1)
class CancelAccountSummary(Request):
    """End the stream of an account summary."""

    reqId: Int


@message(64, version=1)
class CancelPositions(Request):
    """End the stream of positions."""


@message(65, version=1)
class VerifyRequest(Request):
    """Third-party verification."""

    apiName: Text
    apiVersion: Text


@message(66, version=1)
class VerifyMessage(Request):
    """Third-party verification."""

    apiData: Text


@message(67, version=1)
class QueryDisplayGroups(Request):
    """The display groups of the workstation."""

    reqId: Int


@message(68, version=1)
class SubscribeToGroupEvents(Request):
    """Follow a display group."""

    reqId: Int
    groupId: Int


@message(69, version=1)
class UpdateDisplayGroup(Request):
    """Show a contract in a display group."""

    reqId: Int
    contractInfo: Text


@message(70, version=1)
class UnsubscribeFromGroupEvents(Request):
    """Stop following a display group."""

    reqId: Int


@message(71, version=2)
class StartApi(Request):
    """The client's number; nothing else may come before it."""

    clientId: Int
    optionalCapabilities: Text = ""


@message(72, version=1)
class VerifyAndAuthRequest(Request):
    """Third-party verification."""

    apiName: Text
    apiVersion: Text
    opaqueIsvKey: Text


@message(73, version=1)
class VerifyAndAuthMessage(Request):
    """Third-party verification."""

    apiData: Text
    xyzResponse: Text


@message(74, version=1)
class ReqPositionsMulti(Request):
    """Start the stream of one account's positions."""

    reqId: Int
    account: Text
    modelCode: Text


@message(75, version=1)
class CancelPositionsMulti(Request):
    """End the stream of one account's positions."""

    reqId: Int


@message(76, version=1)
class ReqAccountUpdatesMulti(Request):
    """Start the stream of one account's values."""

    reqId: Int
    account: Text
    modelCode: Text
    ledgerAndNLV: Flag


@message(77, version=1)
class CancelAccountUpdatesMulti(Request):
    """End the stream of one account's values."""

    reqId: Int


@message(78)
class ReqSecDefOptParams(Request):
    """Expiries and strikes of an underlying's options."""

    reqId: Int
    underlyingSymbol: Text
    futFopExchange: Text
    underlyingSecType: Text
    underlyingConId: Int


@message(79)
class ReqSoftDollarTiers(Request):
    """Soft-dollar tiers."""

    reqId: Int


@message(80)
class ReqFamilyCodes(Request):
    """Family codes of the accounts."""


@message(81)
class ReqMatchingSymbols(Request):
    """Contracts whose symbol or name begins with a pattern."""

    reqId: Int
    pattern: Text


@message(82)
class ReqMktDepthExchanges(Request):
    """Exchanges with market depth."""


@message(83)
class ReqSmartComponents(Request):
    """Letters that stand for exchanges."""

    reqId: Int
    bboExchange: Text


@message(84)
class ReqNewsArticle(Request):
    """A news article."""

    reqId: Int
    providerCode: Text
    articleId: Text
    options: Text = ""


@message(85)
class ReqNewsProviders(Request):
    """Sources of news."""


@message(86)
class ReqHistoricalNews(Request):
    """Headlines of the past."""

    reqId: Int
    conId: Int
    providerCodes: Text
    startDateTime: Text
    endDateTime: Text
    totalResults: Int
    options: Text = ""


@message(87)
class ReqHeadTimestamp(Request):
    """When a contract's history begins."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    includeExpired: Flag
    useRTH: Flag
    whatToShow: Text
    formatDate: Int


@message(88)
class ReqHistogramData(Request):
    """Volume by price."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    includeExpired: Flag
    useRTH: Flag
    period: Text


@message(89)
class CancelHistogramData(Request):
    """End a request of volume by price."""

    reqId: Int


@message(90)
class CancelHeadTimestamp(Request):
    """End a request of the history's begin."""

    reqId: Int


@message(91)
class ReqMarketRule(Request):
    """The price increments of a market rule."""

    ruleId: Int


@message(92)
class ReqPnL(Request):
    """Start the stream of an account's profit and loss."""

    reqId: Int
    account: Text
    modelCode: Text


@message(93)
class CancelPnL(Request):
    """End the stream of an account's profit and loss."""

    reqId: Int


@message(94)
class ReqPnLSingle(Request):
    """Start the stream of one position's profit and loss."""

    reqId: Int
    account: Text
    modelCode: Text
    conId: Int


@message(95)
class CancelPnLSingle(Request):
    """End the stream of one position's profit and loss."""

    reqId: Int


@message(96)
class ReqHistoricalTicks(Request):
    """Trades, quotes or midpoints of the past."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    includeExpired: Flag
    startDateTime: Text
    endDateTime: Text
    numberOfTicks: Int
    whatToShow: Text
    useRth: Flag
    ignoreSize: Flag
    options: Text = ""


@message(97)
class ReqTickByTickData(Request):
    """Every tick: Last, AllLast, BidAsk or MidPoint."""

    reqId: Int
    contract: Annotated[Contract, inline(Contract)]
    tickType: Text
    numberOfTicks: Int
    ignoreSize: Flag


@message(98)
class CancelTickByTickData(Request):
    """End a stream of every tick."""

    reqId: Int


@message(99)
class ReqCompletedOrders(Request):
    """Today's orders that are filled or cancelled."""

    apiOnly: Flag


@message(100)
class ReqWshMetaData(Request):
    """Wall Street Horizon's event types."""

    reqId: Int


@message(101)
class CancelWshMetaData(Request):
    """End a request of event types."""

    reqId: Int


@message(102)
class ReqWshEventData(Request):
    """Wall Street Horizon's events."""

    reqId: Int
    conId: Text
    filter: Annotated[Text, since(171)] = ""
    fillWatchlist: Annotated[Flag, since(171)] = False
    fillPortfolio: Annotated[Flag, since(171)] = False
    fillCompetitors: Annotated[Flag, since(171)] = False
    startDate: Annotated[Text, since(173)] = ""
    endDate: Annotated[Text, since(173)] = ""
    totalLimit: Annotated[Text, since(173)] = ""


@message(103)
class CancelWshEventData(Request):
    """End a request of events."""

    reqId: Int


@message(104)
class ReqUserInfo(Request):
    """The user's white-branding id."""

    reqId: Int
