"""The three long tables of orders: placeOrder, openOrder and completedOrder.

Fields that mean the same bear the same name in all three, so that an order's terms are carried
from one to the other by name (`open_order`, `completed_order`).
"""

# ruff: noqa: N815 — fields keep Interactive Brokers' own names at the vendor's boundary

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

from hydra.gateway.codec import (
    MAX_DOUBLE,
    Flag,
    Int,
    MaxInt,
    MaxNumber,
    Number,
    OptFlag,
    OptInt,
    OptNumber,
    OptOffset,
    Size,
    Text,
)
from hydra.gateway.layout import (
    Request,
    Response,
    When,
    inline,
    many,
    message,
    present,
    since,
    until,
    variants,
    when,
)
from hydra.gateway.values import (
    CONDITIONS,
    Condition,
    Contract,
    DeltaNeutralContract,
    DeltaNeutralShortTerms,
    DeltaNeutralTerms,
    LegPrice,
    OrderLeg,
    PegBenchTerms,
    ScaleTerms,
    TagValue,
)

C11 = inline(Contract, omit={"primaryExchange"})

_IS_COMBO = when("contract.secType", "BAG")
_IS_SCALED = When(
    lambda order: order.scalePriceIncrement is not None and order.scalePriceIncrement > 0
)
_IS_PEG_BENCH = when("orderType", "PEG BENCH", "PEGBENCH")
_IS_PEG_BEST = when("orderType", "PEG BEST", "PEGBEST")
_HAS_MID_OFFSETS = When(
    lambda order: (
        order.orderType in {"PEG MID", "PEGMID"}
        or (
            order.orderType in {"PEG BEST", "PEGBEST"}
            and order.competeAgainstBestOffset == Decimal("Infinity")
        )
    )
)
_HAS_CONDITIONS = when("conditions")


@message(3)
class PlaceOrder(Request):
    """Place an order, or change the live one with the same number."""

    orderId: Int
    contract: Annotated[Contract, inline(Contract)]
    secIdType: Text = ""
    secId: Text = ""
    action: Text = ""
    totalQuantity: Number = Decimal(0)
    orderType: Text = ""
    lmtPrice: OptNumber = None
    auxPrice: OptNumber = None
    tif: Text = ""
    ocaGroup: Text = ""
    account: Text = ""
    openClose: Text = ""
    origin: Int = 0
    orderRef: Text = ""
    transmit: Flag = True
    parentId: Int = 0
    blockOrder: Flag = False
    sweepToFill: Flag = False
    displaySize: Int = 0
    triggerMethod: Int = 0
    outsideRth: Flag = False
    hidden: Flag = False
    comboLegs: Annotated[tuple[OrderLeg, ...], many(OrderLeg), _IS_COMBO] = ()
    orderComboLegs: Annotated[tuple[LegPrice, ...], many(LegPrice), _IS_COMBO] = ()
    smartComboRoutingParams: Annotated[tuple[TagValue, ...], many(TagValue), _IS_COMBO] = ()
    sharesAllocation: Text = ""
    discretionaryAmt: OptNumber = None
    goodAfterTime: Text = ""
    goodTillDate: Text = ""
    faGroup: Text = ""
    faMethod: Text = ""
    faPercentage: Text = ""
    faProfile: Annotated[Text, until(176)] = ""
    modelCode: Text = ""
    shortSaleSlot: Int = 0
    designatedLocation: Text = ""
    exemptCode: Int = -1
    ocaType: Int = 0
    rule80A: Text = ""
    settlingFirm: Text = ""
    allOrNone: Flag = False
    minQty: OptInt = None
    percentOffset: OptNumber = None
    eTradeOnly: Flag = False
    firmQuoteOnly: Flag = False
    nbboPriceCap: OptNumber = None
    auctionStrategy: OptInt = None
    startingPrice: OptNumber = None
    stockRefPrice: OptNumber = None
    delta: OptNumber = None
    stockRangeLower: OptNumber = None
    stockRangeUpper: OptNumber = None
    overridePercentageConstraints: Flag = False
    volatility: OptNumber = None
    volatilityType: OptInt = None
    deltaNeutralOrderType: Text = ""
    deltaNeutralAuxPrice: OptNumber = None
    deltaNeutral: Annotated[
        DeltaNeutralTerms, inline(DeltaNeutralTerms), when("deltaNeutralOrderType")
    ] = DeltaNeutralTerms()
    continuousUpdate: OptInt = None
    referencePriceType: OptInt = None
    trailStopPrice: OptNumber = None
    trailingPercent: OptNumber = None
    scaleInitLevelSize: OptInt = None
    scaleSubsLevelSize: OptInt = None
    scalePriceIncrement: OptNumber = None
    scale: Annotated[ScaleTerms, inline(ScaleTerms), _IS_SCALED] = ScaleTerms()
    scaleTable: Text = ""
    activeStartTime: Text = ""
    activeStopTime: Text = ""
    hedgeType: Text = ""
    hedgeParam: Annotated[Text, when("hedgeType")] = ""
    optOutSmartRouting: Flag = False
    clearingAccount: Text = ""
    clearingIntent: Text = ""
    notHeld: Flag = False
    deltaNeutralContract: Annotated[DeltaNeutralContract | None, present(DeltaNeutralContract)] = (
        None
    )
    algoStrategy: Text = ""
    algoParams: Annotated[tuple[TagValue, ...], many(TagValue), when("algoStrategy")] = ()
    algoId: Text = ""
    whatIf: Flag = False
    orderMiscOptions: Text = ""
    solicited: Flag = False
    randomizeSize: Flag = False
    randomizePrice: Flag = False
    pegBench: Annotated[PegBenchTerms, inline(PegBenchTerms), _IS_PEG_BENCH] = PegBenchTerms()
    conditions: Annotated[tuple[Condition, ...], many(variants(CONDITIONS))] = ()
    conditionsIgnoreRth: Annotated[Flag, _HAS_CONDITIONS] = False
    conditionsCancelOrder: Annotated[Flag, _HAS_CONDITIONS] = False
    adjustedOrderType: Text = ""
    triggerPrice: OptNumber = None
    lmtPriceOffset: OptNumber = None
    adjustedStopPrice: OptNumber = None
    adjustedStopLimitPrice: OptNumber = None
    adjustedTrailingAmount: OptNumber = None
    adjustableTrailingUnit: OptInt = None
    extOperator: Text = ""
    softDollarName: Text = ""
    softDollarValue: Text = ""
    cashQty: OptNumber = None
    mifid2DecisionMaker: Text = ""
    mifid2DecisionAlgo: Text = ""
    mifid2ExecutionTrader: Text = ""
    mifid2ExecutionAlgo: Text = ""
    dontUseAutoPriceForHedge: Flag = False
    isOmsContainer: Flag = False
    discretionaryUpToLimitPrice: Flag = False
    usePriceMgmtAlgo: OptFlag = None
    duration: Annotated[OptInt, since(158)] = None
    postToAts: Annotated[OptInt, since(160)] = None
    autoCancelParent: Annotated[Flag, since(162)] = False
    advancedErrorOverride: Annotated[Text, since(166)] = ""
    manualOrderTime: Annotated[Text, since(169)] = ""
    minTradeQty: Annotated[OptInt, since(170), when("contract.exchange", "IBKRATS")] = None
    minCompeteSize: Annotated[OptInt, since(170), _IS_PEG_BEST] = None
    competeAgainstBestOffset: Annotated[OptOffset, since(170), _IS_PEG_BEST] = None
    midOffsetAtWhole: Annotated[OptNumber, since(170), _HAS_MID_OFFSETS] = None
    midOffsetAtHalf: Annotated[OptNumber, since(170), _HAS_MID_OFFSETS] = None


@message(5, is_open=True)
class OpenOrder(Response):
    """An order that the gateway knows, or the answer to a what-if."""

    orderId: Int
    contract: Annotated[Contract, C11]
    action: Text
    totalQuantity: Size
    orderType: Text
    lmtPrice: OptNumber
    auxPrice: OptNumber
    tif: Text
    ocaGroup: Text
    account: Text
    openClose: Text
    origin: Int
    orderRef: Text
    clientId: Int
    permId: Int
    outsideRth: Flag = False
    hidden: Flag = False
    discretionaryAmt: OptNumber = None
    goodAfterTime: Text = ""
    sharesAllocation: Text = ""
    faGroup: Text = ""
    faMethod: Text = ""
    faPercentage: Text = ""
    faProfile: Annotated[Text, until(176)] = ""
    modelCode: Text = ""
    goodTillDate: Text = ""
    rule80A: Text = ""
    percentOffset: OptNumber = None
    settlingFirm: Text = ""
    shortSaleSlot: Int = 0
    designatedLocation: Text = ""
    exemptCode: Int = -1
    auctionStrategy: OptInt = None
    startingPrice: OptNumber = None
    stockRefPrice: OptNumber = None
    delta: OptNumber = None
    stockRangeLower: OptNumber = None
    stockRangeUpper: OptNumber = None
    displaySize: OptInt = None
    blockOrder: Flag = False
    sweepToFill: Flag = False
    allOrNone: Flag = False
    minQty: OptInt = None
    ocaType: Int = 0
    eTradeOnly: Flag = False
    firmQuoteOnly: Flag = False
    nbboPriceCap: OptNumber = None
    parentId: Int = 0
    triggerMethod: Int = 0
    volatility: OptNumber = None
    volatilityType: OptInt = None
    deltaNeutralOrderType: Text = "None"
    deltaNeutralAuxPrice: OptNumber = None
    deltaNeutral: Annotated[
        DeltaNeutralTerms, inline(DeltaNeutralTerms), when("deltaNeutralOrderType")
    ] = DeltaNeutralTerms()
    continuousUpdate: OptInt = None
    referencePriceType: OptInt = None
    trailStopPrice: MaxNumber = None
    trailingPercent: OptNumber = None
    basisPoints: MaxNumber = None
    basisPointsType: MaxInt = None
    comboLegsDescrip: Text = ""
    comboLegs: Annotated[tuple[OrderLeg, ...], many(OrderLeg)] = ()
    orderComboLegs: Annotated[tuple[LegPrice, ...], many(LegPrice)] = ()
    smartComboRoutingParams: Annotated[tuple[TagValue, ...], many(TagValue)] = ()
    scaleInitLevelSize: MaxInt = None
    scaleSubsLevelSize: MaxInt = None
    scalePriceIncrement: MaxNumber = None
    scale: Annotated[ScaleTerms, inline(ScaleTerms), _IS_SCALED] = ScaleTerms()
    hedgeType: Text = ""
    hedgeParam: Annotated[Text, when("hedgeType")] = ""
    optOutSmartRouting: Flag = False
    clearingAccount: Text = ""
    clearingIntent: Text = ""
    notHeld: Flag = False
    deltaNeutralContract: Annotated[DeltaNeutralContract | None, present(DeltaNeutralContract)] = (
        None
    )
    algoStrategy: Text = ""
    algoParams: Annotated[tuple[TagValue, ...], many(TagValue), when("algoStrategy")] = ()
    solicited: Flag = False
    whatIf: Flag = False
    status: Text = ""
    # Margins are texts to every client; what-if needs all nine, other answers hold them unset.
    initMarginBefore: Text = MAX_DOUBLE
    maintMarginBefore: Text = MAX_DOUBLE
    equityWithLoanBefore: Text = MAX_DOUBLE
    initMarginChange: Text = MAX_DOUBLE
    maintMarginChange: Text = MAX_DOUBLE
    equityWithLoanChange: Text = MAX_DOUBLE
    initMarginAfter: Text = MAX_DOUBLE
    maintMarginAfter: Text = MAX_DOUBLE
    equityWithLoanAfter: Text = MAX_DOUBLE
    commission: MaxNumber = None
    minCommission: MaxNumber = None
    maxCommission: MaxNumber = None
    commissionCurrency: Text = ""
    warningText: Text = ""
    randomizeSize: Flag = False
    randomizePrice: Flag = False
    pegBench: Annotated[PegBenchTerms, inline(PegBenchTerms), _IS_PEG_BENCH] = PegBenchTerms()
    conditions: Annotated[tuple[Condition, ...], many(variants(CONDITIONS))] = ()
    conditionsIgnoreRth: Annotated[Flag, _HAS_CONDITIONS] = False
    conditionsCancelOrder: Annotated[Flag, _HAS_CONDITIONS] = False
    adjustedOrderType: Text = "None"
    triggerPrice: MaxNumber = None
    # The stop price stands here a second time, and clients keep this one.
    trailStopPriceRepeated: MaxNumber = None
    lmtPriceOffset: MaxNumber = None
    adjustedStopPrice: MaxNumber = None
    adjustedStopLimitPrice: MaxNumber = None
    adjustedTrailingAmount: MaxNumber = None
    adjustableTrailingUnit: Int = 0
    softDollarName: Text = ""
    softDollarValue: Text = ""
    softDollarDisplayName: Text = ""
    cashQty: OptNumber = None
    dontUseAutoPriceForHedge: Flag = False
    isOmsContainer: Flag = False
    discretionaryUpToLimitPrice: Flag = False
    usePriceMgmtAlgo: OptFlag = None
    duration: Annotated[OptInt, since(159)] = None
    postToAts: Annotated[OptInt, since(160)] = None
    autoCancelParent: Annotated[Flag, since(162)] = False
    minTradeQty: Annotated[OptInt, since(170)] = None
    minCompeteSize: Annotated[OptInt, since(170)] = None
    competeAgainstBestOffset: Annotated[OptOffset, since(170)] = None
    midOffsetAtWhole: Annotated[OptNumber, since(170)] = None
    midOffsetAtHalf: Annotated[OptNumber, since(170)] = None


@message(101)
class CompletedOrder(Response):
    """An order that is filled or cancelled; known by its permId alone."""

    contract: Annotated[Contract, C11]
    action: Text
    totalQuantity: Size
    orderType: Text
    lmtPrice: OptNumber
    auxPrice: OptNumber
    tif: Text
    ocaGroup: Text
    account: Text
    openClose: Text
    origin: Int
    orderRef: Text
    permId: Int
    outsideRth: Flag = False
    hidden: Flag = False
    discretionaryAmt: OptNumber = None
    goodAfterTime: Text = ""
    faGroup: Text = ""
    faMethod: Text = ""
    faPercentage: Text = ""
    faProfile: Annotated[Text, until(176)] = ""
    modelCode: Text = ""
    goodTillDate: Text = ""
    rule80A: Text = ""
    percentOffset: OptNumber = None
    settlingFirm: Text = ""
    shortSaleSlot: Int = 0
    designatedLocation: Text = ""
    exemptCode: Int = -1
    startingPrice: OptNumber = None
    stockRefPrice: OptNumber = None
    delta: OptNumber = None
    stockRangeLower: OptNumber = None
    stockRangeUpper: OptNumber = None
    displaySize: OptInt = None
    sweepToFill: Flag = False
    allOrNone: Flag = False
    minQty: OptInt = None
    ocaType: Int = 0
    triggerMethod: Int = 0
    volatility: OptNumber = None
    volatilityType: OptInt = None
    deltaNeutralOrderType: Text = "None"
    deltaNeutralAuxPrice: OptNumber = None
    deltaNeutralShort: Annotated[
        DeltaNeutralShortTerms, inline(DeltaNeutralShortTerms), when("deltaNeutralOrderType")
    ] = DeltaNeutralShortTerms()
    continuousUpdate: OptInt = None
    referencePriceType: OptInt = None
    trailStopPrice: MaxNumber = None
    trailingPercent: OptNumber = None
    comboLegsDescrip: Text = ""
    comboLegs: Annotated[tuple[OrderLeg, ...], many(OrderLeg)] = ()
    orderComboLegs: Annotated[tuple[LegPrice, ...], many(LegPrice)] = ()
    smartComboRoutingParams: Annotated[tuple[TagValue, ...], many(TagValue)] = ()
    scaleInitLevelSize: MaxInt = None
    scaleSubsLevelSize: MaxInt = None
    scalePriceIncrement: MaxNumber = None
    scale: Annotated[ScaleTerms, inline(ScaleTerms), _IS_SCALED] = ScaleTerms()
    hedgeType: Text = ""
    hedgeParam: Annotated[Text, when("hedgeType")] = ""
    clearingAccount: Text = ""
    clearingIntent: Text = ""
    notHeld: Flag = False
    deltaNeutralContract: Annotated[DeltaNeutralContract | None, present(DeltaNeutralContract)] = (
        None
    )
    algoStrategy: Text = ""
    algoParams: Annotated[tuple[TagValue, ...], many(TagValue), when("algoStrategy")] = ()
    solicited: Flag = False
    status: Text = ""
    randomizeSize: Flag = False
    randomizePrice: Flag = False
    pegBench: Annotated[PegBenchTerms, inline(PegBenchTerms), _IS_PEG_BENCH] = PegBenchTerms()
    conditions: Annotated[tuple[Condition, ...], many(variants(CONDITIONS))] = ()
    conditionsIgnoreRth: Annotated[Flag, _HAS_CONDITIONS] = False
    conditionsCancelOrder: Annotated[Flag, _HAS_CONDITIONS] = False
    trailStopPriceRepeated: MaxNumber = None
    lmtPriceOffset: MaxNumber = None
    cashQty: OptNumber = None
    dontUseAutoPriceForHedge: Flag = False
    isOmsContainer: Flag = False
    autoCancelDate: Text = ""
    filledQuantity: Size = Decimal(0)
    refFuturesConId: OptInt = None
    autoCancelParent: Flag = False
    shareholder: Text = "Not an insider or substantial shareholder"
    imbalanceOnly: Flag = False
    routeMarketableToBbo: Flag = False
    parentPermId: OptInt = None
    completedTime: Text = ""
    completedStatus: Text = ""
    minTradeQty: Annotated[OptInt, since(170)] = None
    minCompeteSize: Annotated[OptInt, since(170)] = None
    competeAgainstBestOffset: Annotated[OptOffset, since(170)] = None
    midOffsetAtWhole: Annotated[OptNumber, since(170)] = None
    midOffsetAtHalf: Annotated[OptNumber, since(170)] = None


def open_order(terms: PlaceOrder, **known: Any) -> OpenOrder:
    """The openOrder of `terms`; `known` is what the gateway adds (permId, status, margins …)."""
    return OpenOrder(**_carried(terms, OpenOrder) | known)


def completed_order(terms: PlaceOrder, **known: Any) -> CompletedOrder:
    """The completedOrder of `terms`; `known` is what the gateway adds."""
    return CompletedOrder(**_carried(terms, CompletedOrder) | known)


def _carried(terms: PlaceOrder, into: type) -> dict[str, Any]:
    """The terms that both tables name, as the gateway echoes them."""
    names, get = _shared(into)
    carried = dict(zip(names, get(terms), strict=True))
    # An echo shows what was left open: prices as 0, the adjectives of no hedge as "None".
    carried["lmtPrice"] = terms.lmtPrice or Decimal(0)
    carried["auxPrice"] = terms.auxPrice or Decimal(0)
    carried["deltaNeutralOrderType"] = terms.deltaNeutralOrderType or "None"
    carried["trailStopPriceRepeated"] = terms.trailStopPrice
    if into is OpenOrder:
        carried["adjustedOrderType"] = terms.adjustedOrderType or "None"
        carried["adjustableTrailingUnit"] = terms.adjustableTrailingUnit or 0
    return carried


@cache
def _shared(into: type) -> tuple[tuple[str, ...], Callable[[PlaceOrder], tuple[Any, ...]]]:
    """The names of the terms that both tables have, and how to get all their values at once."""
    offered = {field.name for field in fields(PlaceOrder)}
    echoed = {"adjustedOrderType", "adjustableTrailingUnit"}  # differ when unset
    names = tuple(f.name for f in fields(into) if f.name in offered - echoed)
    return names, operator.attrgetter(*names)
