"""The tables of what the gateway says (orders stand in `orders`), by message number."""

# ruff: noqa: N815 — fields keep Interactive Brokers' own names at the vendor's boundary

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from hydra.gateway.codec import (
    NUMBER,
    TEXT,
    Escaped,
    Figure,
    Flag,
    Int,
    MaxNumber,
    Number,
    Size,
    Text,
)
from hydra.gateway.layout import (
    Response,
    inline,
    many,
    message,
    only,
    since,
    until,
    variants,
)
from hydra.gateway.values import (
    TICKS,
    Contract,
    DepthExchange,
    FamilyCode,
    HistogramBucket,
    HistoricalBar,
    HistoricalTick,
    HistoricalTickBidAsk,
    HistoricalTickLast,
    NewsProvider,
    PriceIncrement,
    ScannerRow,
    ScheduleSession,
    SmartComponent,
    SoftDollarTier,
    SymbolSample,
    TagValue,
    Tick,
)

C11 = inline(Contract, omit={"primaryExchange"})
_PORTFOLIO_CONTRACT = inline(Contract, omit={"exchange"})


@message(1, version=6)
class TickPrice(Response):
    """A price; `attribMask` 1 = can auto-execute, 2 = past limit, 4 = pre-open."""

    reqId: Int
    tickType: Int
    price: Number
    size: Size
    attribMask: Int = 0


@message(2, version=6)
class TickSize(Response):
    """A size."""

    reqId: Int
    tickType: Int
    size: Size


@message(3)
class OrderStatus(Response):
    """Where an order stands."""

    orderId: Int
    status: Text
    filled: Size
    remaining: Size
    avgFillPrice: Number
    permId: Int
    parentId: Int
    lastFillPrice: Number
    clientId: Int
    whyHeld: Text = ""
    mktCapPrice: Number = Decimal(0)


@message(4, version=2)
class Error(Response):
    """An error, warning or notice; `reqId` -1 is about the system."""

    reqId: Int
    code: Int
    text: Escaped
    advancedOrderRejectJson: Annotated[Text, since(166)] = ""


@message(6, version=2)
class AccountValue(Response):
    """One value of an account."""

    key: Text
    value: Text
    currency: Text
    account: Text


@message(7, version=8)
class PortfolioValue(Response):
    """One position and what it is worth."""

    contract: Annotated[Contract, _PORTFOLIO_CONTRACT]
    position: Size
    marketPrice: Number
    marketValue: Number
    averageCost: Number
    unrealizedPNL: Number
    realizedPNL: Number
    account: Text


@message(8, version=1)
class AccountUpdateTime(Response):
    """When the account values were true, "HH:MM" in the gateway's zone."""

    time: Text


@message(9, version=1)
class NextValidId(Response):
    """The smallest order id that the client may use."""

    orderId: Int


@message(10, version=8, version_until=163)
class ContractData(Response):
    """All about one contract."""

    reqId: Int
    symbol: Text
    secType: Text
    lastTradeDate: Text
    strike: Number
    right: Text
    exchange: Text
    currency: Text
    localSymbol: Text
    marketName: Text
    tradingClass: Text
    conId: Int
    minTick: Number
    mdSizeMultiplier: Annotated[Int, until(163)] = 100
    multiplier: Text = ""
    orderTypes: Text = ""
    validExchanges: Text = ""
    priceMagnifier: Int = 1
    underConId: Int = 0
    longName: Escaped = ""
    primaryExchange: Text = ""
    contractMonth: Text = ""
    industry: Text = ""
    category: Text = ""
    subcategory: Text = ""
    timeZoneId: Text = ""
    tradingHours: Text = ""
    liquidHours: Text = ""
    evRule: Text = ""
    evMultiplier: Int = 0
    secIds: Annotated[tuple[TagValue, ...], many(TagValue)] = ()
    aggGroup: Int = 1
    underSymbol: Text = ""
    underSecType: Text = ""
    marketRuleIds: Text = ""
    realExpirationDate: Text = ""
    stockType: Text = ""
    suggestedSizeIncrementAlone: Annotated[Number, only(163)] = Decimal(100)
    minSize: Annotated[Number, since(164)] = Decimal(1)
    sizeIncrement: Annotated[Number, since(164)] = Decimal(1)
    suggestedSizeIncrement: Annotated[Number, since(164)] = Decimal(100)


@message(11)
class ExecutionDetails(Response):
    """A fill; `reqId` -1 when it happens, the request's number in an answer."""

    reqId: Int
    orderId: Int
    contract: Annotated[Contract, C11]
    execId: Text
    time: Text
    account: Text
    exchange: Text
    side: Text
    shares: Size
    price: Number
    permId: Int
    clientId: Int
    liquidation: Int
    cumQty: Size
    avgPrice: Number
    orderRef: Text = ""
    evRule: Text = ""
    evMultiplier: Number = Decimal(0)
    modelCode: Text = ""
    lastLiquidity: Int = 0
    pendingPriceRevision: Annotated[Flag, since(178)] = False


@message(12, version=1)
class MarketDepth(Response):
    """A change of the order book."""

    reqId: Int
    position: Int
    operation: Int
    side: Int
    price: Number
    size: Size


@message(13, version=1)
class MarketDepthL2(Response):
    """A change of the order book with the market maker's name."""

    reqId: Int
    position: Int
    marketMaker: Text
    operation: Int
    side: Int
    price: Number
    size: Size
    isSmartDepth: Flag


@message(14, version=1)
class NewsBulletin(Response):
    """An exchange bulletin."""

    newsId: Int
    newsType: Int
    text: Text
    exchange: Text


@message(15, version=1)
class ManagedAccounts(Response):
    """The account codes, separated by commas."""

    accounts: Text


@message(16, version=1)
class ReceiveFA(Response):
    """A financial advisor's configuration."""

    faDataType: Int
    xml: Text


@message(17)
class HistoricalData(Response):
    """Historical bars, oldest first."""

    reqId: Int
    start: Text
    end: Text
    bars: Annotated[tuple[HistoricalBar, ...], many(HistoricalBar)]


@message(18, version=6, version_until=163)
class BondContractData(Response):
    """All about one bond."""

    reqId: Int
    symbol: Text
    secType: Text
    cusip: Text
    coupon: Number
    maturity: Text
    issueDate: Text
    ratings: Text
    bondType: Text
    couponType: Text
    convertible: Flag
    callable: Flag
    putable: Flag
    descAppend: Text
    exchange: Text
    currency: Text
    marketName: Text
    tradingClass: Text
    conId: Int
    minTick: Number
    mdSizeMultiplier: Annotated[Int, until(163)] = 100
    orderTypes: Text = ""
    validExchanges: Text = ""
    nextOptionDate: Text = ""
    nextOptionType: Text = ""
    nextOptionPartial: Flag = False
    notes: Text = ""
    longName: Text = ""
    evRule: Text = ""
    evMultiplier: Int = 0
    secIds: Annotated[tuple[TagValue, ...], many(TagValue)] = ()
    aggGroup: Int = 1
    marketRuleIds: Text = ""
    minSize: Annotated[Number, since(164)] = Decimal(1)
    sizeIncrement: Annotated[Number, since(164)] = Decimal(1)
    suggestedSizeIncrement: Annotated[Number, since(164)] = Decimal(1)


@message(19, version=1)
class ScannerParameters(Response):
    """What can be scanned, as XML."""

    xml: Text


@message(20, version=3)
class ScannerData(Response):
    """A scanner's result."""

    reqId: Int
    rows: Annotated[tuple[ScannerRow, ...], many(ScannerRow)]


@message(21)
class TickOptionComputation(Response):
    """An option's greeks; -1 and -2 stand for unknown, nothing may be empty."""

    reqId: Int
    tickType: Int
    tickAttrib: Int
    impliedVol: Figure
    delta: Figure
    optPrice: Figure
    pvDividend: Figure
    gamma: Figure
    vega: Figure
    theta: Figure
    undPrice: Figure


@message(45, version=6)
class TickGeneric(Response):
    """A number that is neither price nor size."""

    reqId: Int
    tickType: Int
    value: Figure


@message(46, version=6)
class TickString(Response):
    """A text, such as the last trade's time."""

    reqId: Int
    tickType: Int
    value: Text


@message(49, version=1)
class CurrentTime(Response):
    """The gateway's time in epoch seconds."""

    time: Int


@message(50, version=3)
class RealTimeBar(Response):
    """A five-second bar; `time` is its start in epoch seconds."""

    reqId: Int
    time: Int
    open: Figure
    high: Figure
    low: Figure
    close: Figure
    volume: Figure
    wap: Figure
    count: Int


@message(51, version=1)
class FundamentalData(Response):
    """Fundamental data, as XML."""

    reqId: Int
    data: Text


@message(52, version=1)
class ContractDataEnd(Response):
    """No more contracts."""

    reqId: Int


@message(53, version=1)
class OpenOrderEnd(Response):
    """No more open orders."""


@message(54, version=1)
class AccountDownloadEnd(Response):
    """The account is complete."""

    account: Text


@message(55, version=1)
class ExecutionDetailsEnd(Response):
    """No more executions."""

    reqId: Int


@message(56, version=1)
class DeltaNeutralValidation(Response):
    """The accepted delta-neutral contract."""

    reqId: Int
    conId: Int
    delta: Number
    price: Number


@message(57, version=1)
class TickSnapshotEnd(Response):
    """The snapshot is complete."""

    reqId: Int


@message(58, version=1)
class MarketDataType(Response):
    """What kind of data follows: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""

    reqId: Int
    marketDataType: Int


@message(59, version=1)
class CommissionReport(Response):
    """What a fill cost; `realizedPNL` is unset for an opening trade."""

    execId: Text
    commission: Number
    currency: Text
    realizedPNL: MaxNumber = None
    bondYield: MaxNumber = None
    yieldRedemptionDate: Text = ""


@message(61, version=3)
class Position(Response):
    """One position; `position` is signed."""

    account: Text
    contract: Annotated[Contract, C11]
    position: Size
    avgCost: Number


@message(62, version=1)
class PositionEnd(Response):
    """No more positions."""


@message(63, version=1)
class AccountSummary(Response):
    """One value of an account summary."""

    reqId: Int
    account: Text
    tag: Text
    value: Text
    currency: Text


@message(64, version=1)
class AccountSummaryEnd(Response):
    """The account summary is complete."""

    reqId: Int


@message(67, version=1)
class DisplayGroupList(Response):
    """The display groups, separated by bars."""

    reqId: Int
    groups: Text


@message(68, version=1)
class DisplayGroupUpdated(Response):
    """A display group's contract."""

    reqId: Int
    contractInfo: Text


@message(71, version=3)
class PositionMulti(Response):
    """One position of one account."""

    reqId: Int
    account: Text
    contract: Annotated[Contract, C11]
    position: Size
    avgCost: Number
    modelCode: Text = ""


@message(72, version=1)
class PositionMultiEnd(Response):
    """No more positions of that account."""

    reqId: Int


@message(73, version=1)
class AccountUpdateMulti(Response):
    """One value of one account."""

    reqId: Int
    account: Text
    modelCode: Text
    key: Text
    value: Text
    currency: Text


@message(74, version=1)
class AccountUpdateMultiEnd(Response):
    """No more values of that account."""

    reqId: Int


@message(75)
class SecurityDefinitionOptionParameter(Response):
    """Expiries and strikes of an underlying's options on one exchange."""

    reqId: Int
    exchange: Text
    underlyingConId: Int
    tradingClass: Text
    multiplier: Text
    expirations: Annotated[tuple[str, ...], many(TEXT)]
    strikes: Annotated[tuple[Decimal, ...], many(NUMBER)]


@message(76)
class SecurityDefinitionOptionParameterEnd(Response):
    """No more expiries and strikes."""

    reqId: Int


@message(77)
class SoftDollarTiers(Response):
    """Soft-dollar tiers."""

    reqId: Int
    tiers: Annotated[tuple[SoftDollarTier, ...], many(SoftDollarTier)]


@message(78)
class FamilyCodes(Response):
    """Family codes of the accounts."""

    codes: Annotated[tuple[FamilyCode, ...], many(FamilyCode)]


@message(79)
class SymbolSamples(Response):
    """Contracts that match a pattern."""

    reqId: Int
    samples: Annotated[tuple[SymbolSample, ...], many(SymbolSample)]


@message(80)
class MktDepthExchanges(Response):
    """Exchanges with market depth."""

    exchanges: Annotated[tuple[DepthExchange, ...], many(DepthExchange)]


@message(81)
class TickReqParams(Response):
    """The tick size and exchange map of a stream."""

    reqId: Int
    minTick: Number
    bboExchange: Text
    snapshotPermissions: Int


@message(82)
class SmartComponents(Response):
    """Letters that stand for exchanges."""

    reqId: Int
    components: Annotated[tuple[SmartComponent, ...], many(SmartComponent)]


@message(83)
class NewsArticle(Response):
    """A news article."""

    reqId: Int
    articleType: Int
    text: Text


@message(84)
class TickNews(Response):
    """A headline."""

    reqId: Int
    timestamp: Int
    providerCode: Text
    articleId: Text
    headline: Text
    extraData: Text


@message(85)
class NewsProviders(Response):
    """Sources of news."""

    providers: Annotated[tuple[NewsProvider, ...], many(NewsProvider)]


@message(86)
class HistoricalNews(Response):
    """A headline of the past."""

    reqId: Int
    time: Text
    providerCode: Text
    articleId: Text
    headline: Text


@message(87)
class HistoricalNewsEnd(Response):
    """No more headlines."""

    reqId: Int
    hasMore: Flag


@message(88)
class HeadTimestamp(Response):
    """When a contract's history begins."""

    reqId: Int
    timestamp: Text


@message(89)
class HistogramData(Response):
    """Volume by price."""

    reqId: Int
    buckets: Annotated[tuple[HistogramBucket, ...], many(HistogramBucket)]


@message(90)
class HistoricalDataUpdate(Response):
    """The bar in the making; its fields stand in an order of their own."""

    reqId: Int
    count: Int
    date: Text
    open: Figure
    close: Figure
    high: Figure
    low: Figure
    wap: Figure
    volume: Figure


@message(91)
class RerouteMktDataReq(Response):
    """Ask for another contract's data instead."""

    reqId: Int
    conId: Int
    exchange: Text


@message(92)
class RerouteMktDepthReq(Response):
    """Ask for another contract's depth instead."""

    reqId: Int
    conId: Int
    exchange: Text


@message(93)
class MarketRule(Response):
    """The price increments of a market rule."""

    ruleId: Int
    increments: Annotated[tuple[PriceIncrement, ...], many(PriceIncrement)]


@message(94)
class PnL(Response):
    """An account's profit and loss."""

    reqId: Int
    daily: MaxNumber
    unrealized: MaxNumber
    realized: MaxNumber


@message(95)
class PnLSingle(Response):
    """One position's profit and loss."""

    reqId: Int
    position: Size
    daily: MaxNumber
    unrealized: MaxNumber
    realized: MaxNumber
    value: MaxNumber


@message(96)
class HistoricalTicks(Response):
    """Midpoints of the past."""

    reqId: Int
    ticks: Annotated[tuple[HistoricalTick, ...], many(HistoricalTick)]
    done: Flag


@message(97)
class HistoricalTicksBidAsk(Response):
    """Quotes of the past."""

    reqId: Int
    ticks: Annotated[tuple[HistoricalTickBidAsk, ...], many(HistoricalTickBidAsk)]
    done: Flag


@message(98)
class HistoricalTicksLast(Response):
    """Trades of the past."""

    reqId: Int
    ticks: Annotated[tuple[HistoricalTickLast, ...], many(HistoricalTickLast)]
    done: Flag


@message(99)
class TickByTick(Response):
    """One tick, after the number of its type."""

    reqId: Int
    tick: Annotated[Tick, variants(TICKS)]


@message(100)
class OrderBound(Response):
    """An order entered by hand got an API order id."""

    permId: Int
    clientId: Int
    orderId: Int


@message(102)
class CompletedOrdersEnd(Response):
    """No more completed orders."""


@message(103)
class ReplaceFAEnd(Response):
    """A financial advisor's configuration was replaced."""

    reqId: Int
    text: Text


@message(104)
class WshMetaData(Response):
    """Wall Street Horizon's event types."""

    reqId: Int
    data: Text


@message(105)
class WshEventData(Response):
    """Wall Street Horizon's events."""

    reqId: Int
    data: Text


@message(106)
class HistoricalSchedule(Response):
    """Trading sessions; times in `timeZone`."""

    reqId: Int
    start: Text
    end: Text
    timeZone: Text
    sessions: Annotated[tuple[ScheduleSession, ...], many(ScheduleSession)]


@message(107)
class UserInfo(Response):
    """The user's white-branding id."""

    reqId: Int
    whiteBrandingId: Text
