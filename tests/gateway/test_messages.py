"""Every message's table against itself and against ib_async's own encoder and decoder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import ib_async
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_async.client import Client
from ib_async.decoder import Decoder

from hydra.gateway import codec, orders, requests, responses
from hydra.gateway.codec import split_fields
from hydra.gateway.errors import MalformedMessage, UnknownMessage
from hydra.gateway.layout import Inline, Many, Present, Scalar, Variants, table
from hydra.gateway.messages import (
    REQUESTS,
    RESPONSES,
    VERSIONS,
    decode_request,
    decode_response,
    encode,
)
from hydra.gateway.values import CONDITIONS, TICKS

ROUNDS = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
names = pytest.mark.parametrize


def fields_of(frame: bytes) -> list[str]:
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    return split_fields(frame[4:])


def test_every_request_and_response_of_the_protocol_has_a_table():
    absent = {26, 27, 28, 29, 30, *range(31, 49), 60}  # never used on this protocol's line
    assert set(REQUESTS) == set(range(1, 105)) - absent
    assert set(range(1, 108)) - set(RESPONSES) <= {*range(22, 45), 47, 48, 60, 65, 66, 69, 70}


# --- messages drawn from their own tables, so that a new row is tested by being there ----------

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
INTS = st.integers(-(2**31) + 1, 2**31 - 2)
DECIMALS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6)
WHOLE = st.integers(-(10**9), 10**9).map(Decimal)
FLOATS = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: value + 0.0)


def kinds(version: int) -> dict[codec.Kind, st.SearchStrategy[Any]]:
    """What each kind of field can hold at a server version."""
    return {
        codec.TEXT: TEXTS,
        codec.ESCAPED: TEXTS,
        codec.INT: INTS,
        codec.NUMBER: DECIMALS,
        codec.FIGURE: FLOATS,
        codec.SIZE: DECIMALS if version >= codec.FRACTIONAL_SIZES else WHOLE,
        codec.FLAG: st.booleans(),
        codec.OPTIONAL_INT: st.none() | INTS,
        codec.OPTIONAL_NUMBER: st.none() | DECIMALS,
        codec.OPTIONAL_OFFSET: st.none() | DECIMALS | st.just(Decimal("Infinity")),
        codec.OPTIONAL_FLAG: st.none() | st.booleans(),
        codec.MAX_INT_OR_INT: st.none() | INTS,
        codec.MAX_OR_NUMBER: st.none() | DECIMALS,
    }


# Fields on which others depend get the values that open the doors.
_DOORS = {
    "orderType": st.sampled_from(["MKT", "LMT", "PEG BENCH", "PEG BEST", "PEG MID"]),
    "secType": st.sampled_from(["STK", "BAG", "FUT"]),
    "exchange": st.sampled_from(["SMART", "IBKRATS", ""]),
}


@st.composite
def values(draw: st.DrawFn, cls: type, version: int, omit: frozenset[str] = frozenset()) -> Any:
    """An instance of a message or group class, drawn along its table."""
    known = SimpleNamespace()
    for row in table(cls, version, omit).rows:
        if row.condition is None or row.condition.holds(known):
            is_plain = isinstance(row.shape, Scalar) and row.shape.kind in {codec.TEXT, codec.INT}
            door = _DOORS.get((cls, row.name), _DOORS.get(row.name)) if is_plain else None
            setattr(known, row.name, draw(_shape(row.shape, version) if door is None else door))
    return cls(**vars(known))


def _shape(shape: Any, version: int) -> st.SearchStrategy[Any]:
    if isinstance(shape, Scalar):
        return kinds(version)[shape.kind]
    if isinstance(shape, Inline):
        return values(shape.group, version, shape.omit)
    if isinstance(shape, Many):
        return st.lists(_shape(shape.item, version), max_size=2).map(tuple)
    if isinstance(shape, Present):
        return st.none() | _shape(shape.item, version)
    assert isinstance(shape, Variants)
    return st.one_of(*(values(group, version) for group in shape.groups.values()))


def versions_of(cls: type) -> list[int]:
    """The versions at which a message's table, or its literal version, is another."""
    looks: dict[object, int] = {}
    for version in VERSIONS:
        rows = tuple(row.name for row in table(cls, version).rows)
        is_coarse = version < codec.FRACTIONAL_SIZES
        looks.setdefault((rows, version <= cls.VERSION_UNTIL, is_coarse), version)
    return list(looks.values())


EVERY_LOOK = [
    pytest.param(cls, version, id=f"{cls.__name__}-{version}")
    for cls in (*REQUESTS.values(), *RESPONSES.values())
    for version in versions_of(cls)
]


def come_back(message: Any, version: int) -> Any:
    decode = decode_request if type(message) in REQUESTS.values() else decode_response
    return decode(fields_of(encode(message, version)), version)


@names(("cls", "version"), EVERY_LOOK)
@given(data=st.data())
@ROUNDS
def test_a_message_comes_back_as_it_was(cls, version, data):
    message = data.draw(values(cls, version))
    assert come_back(message, version) == message


@names("version", VERSIONS)
def test_all_messages_come_back_as_they_were_at_every_version(version):
    for cls in (*REQUESTS.values(), *RESPONSES.values()):
        message = plain(cls, version)
        assert come_back(message, version) == message


@names("fields", [[], ["26", "1"], ["x"], ["999"], ["-1"], ["1" * 5000]])
def test_a_message_that_does_not_exist_is_unknown(fields):
    with pytest.raises(UnknownMessage):
        decode_request(fields, 178)


@names("fields", [["8", "1"], ["8", "1", "1", "1"], ["8", "1", "x"], ["20", "1"]])
def test_a_message_with_too_few_too_many_or_wrong_fields_is_malformed(fields):
    with pytest.raises(MalformedMessage):
        decode_request(fields, 178)


def test_a_count_that_exceeds_the_message_is_malformed_at_once():
    with pytest.raises(MalformedMessage, match="fewer fields follow"):
        decode_response(["17", "1", "", "", "99999999"], 178)


# --- ib_async decodes what we encode -------------------------------------------------------------

SINCE_178 = 178


class Heard:
    """Stands where ib_async's wrapper does and remembers what was decoded."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.ib = SimpleNamespace(TimezoneTWS="US/Eastern")
        self.defaultTimezone = UTC

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.calls.append((name, values))


def plain(cls: type, version: int, omit: frozenset[str] = frozenset()) -> Any:
    """An instance with a value in every field that any reader can take."""
    known = SimpleNamespace()
    for row in table(cls, version, omit).rows:
        if row.condition is None or row.condition.holds(known):
            setattr(known, row.name, _plain(row.shape, version))
    return cls(**vars(known))


def _plain(shape: Any, version: int) -> Any:
    if isinstance(shape, Scalar):
        return _SAMPLES[shape.kind]
    if isinstance(shape, Inline):
        return plain(shape.group, version, shape.omit)
    if isinstance(shape, Many):
        item = shape.item
        groups = getattr(item, "groups", None)
        if groups is not None:
            return tuple(plain(group, version) for group in groups.values())
        return (_plain(item, version),) * 2
    if isinstance(shape, Variants):
        return plain(next(iter(shape.groups.values())), version)
    return _plain(shape.item, version)


_SAMPLES = {
    codec.TEXT: "7",
    codec.ESCAPED: "Crédit\nAgricole",
    codec.INT: 1,
    codec.NUMBER: Decimal("1.25"),
    codec.FIGURE: 2.5,
    codec.SIZE: Decimal(300),
    codec.FLAG: True,
    codec.OPTIONAL_INT: 4,
    codec.OPTIONAL_NUMBER: Decimal("0.5"),
    codec.OPTIONAL_OFFSET: Decimal("0.5"),
    codec.OPTIONAL_FLAG: True,
    codec.MAX_INT_OR_INT: None,
    codec.MAX_OR_NUMBER: Decimal("5.75"),
}


@names("version", VERSIONS)
def test_ib_async_decodes_every_response_at_every_version(caplog, version):
    caplog.set_level(logging.ERROR)
    for cls in RESPONSES.values():
        heard = Heard()
        message = readable(plain(cls, version))
        Decoder(heard, version).interpret(fields_of(encode(message, version)))
        assert caplog.records == []
        assert heard.calls


def readable(message: Any) -> Any:
    """A message whose texts are what ib_async turns into times and whole numbers."""
    if isinstance(message, responses.ExecutionDetails):
        return replace(message, time="20121001 09:30:00 US/Eastern")
    if isinstance(message, responses.BondContractData):
        return replace(message, coupon=Decimal(5))
    return message


def heard_from(response: Any, version: int = 178) -> tuple[Any, ...]:
    heard = Heard()
    Decoder(heard, version).interpret(fields_of(encode(response, version)))
    ((_, values),) = heard.calls
    return values


@names("version", VERSIONS)
def test_ib_async_reads_each_term_of_an_open_order_where_we_wrote_it(version):
    sent = replace(plain(orders.OpenOrder, version), trailStopPriceRepeated=Decimal("3.5"))
    _, contract, order, state = heard_from(sent, version)
    assert (contract.symbol, contract.tradingClass) == ("7", "7")
    assert (order.trailStopPrice, order.lmtPrice) == (3.5, 0.5)
    assert len(order.conditions) == len(CONDITIONS)
    assert order.conditionsCancelOrder is True
    assert (state.initMarginChange, state.commission) == ("7", 5.75)
    assert order.usePriceMgmtAlgo is True
    assert order.duration == (4 if version >= 159 else ib_async.Order().duration)
    assert bool(order.autoCancelParent) == (version >= 162)
    assert order.midOffsetAtHalf == (0.5 if version >= 170 else ib_async.Order().midOffsetAtHalf)


@names("version", VERSIONS)
def test_ib_async_reads_each_term_of_a_completed_order_where_we_wrote_it(version):
    sent = replace(plain(orders.CompletedOrder, version), completedStatus="Filled Size: 7")
    _, order, state = heard_from(sent, version)
    assert state.completedStatus == "Filled Size: 7"
    assert (order.permId, order.filledQuantity, order.shareholder) == (1, 300, "7")
    assert len(order.conditions) == len(CONDITIONS)


@names("kind", sorted(TICKS))
def test_ib_async_reads_every_kind_of_tick(caplog, kind):
    tick = plain(TICKS[kind], 178)
    read = heard_from(responses.TickByTick(1, tick))
    assert caplog.records == []
    assert read[-1 if kind == 4 else 2 if kind == 3 else 3] == 1.25


def test_ib_async_reads_bars_and_their_updates_in_their_two_orders():
    update = responses.HistoricalDataUpdate(1, 9, "20121001", 10, 13, 14, 9, 11, 500)
    _, bar = heard_from(update)
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 14, 9, 13)
    assert (bar.average, bar.volume, bar.barCount) == (11, 500, 9)


@names("version", VERSIONS)
def test_ib_async_reads_a_contract_s_sizes_where_we_wrote_them(version):
    _, details = heard_from(plain(responses.ContractData, version), version)
    assert details.longName == "Crédit\nAgricole"
    assert details.stockType == "7"
    assert details.suggestedSizeIncrement == (1.25 if version >= 163 else 0)


# --- we decode what ib_async encodes -------------------------------------------------------------


def dictated(version: int, say: Callable[[Client], None]) -> list[str]:
    """The fields of the one message that ib_async's client sends."""
    sent: list[str] = []
    client = Client(SimpleNamespace())
    client._serverVersion, client.connState = version, Client.CONNECTED
    client.sendMsg = sent.append
    say(client)
    (text,) = sent
    return text.split("\0")[:-1]


def contracts() -> Iterator[ib_async.Contract]:
    yield ib_async.Stock("AAPL", "SMART", "USD")
    leg = ib_async.ComboLeg(conId=1, ratio=1, action="BUY", exchange="SMART")
    yield ib_async.Contract(symbol="A", secType="BAG", exchange="SMART", comboLegs=[leg, leg])
    neutral = ib_async.DeltaNeutralContract(1, 0.5, 20.25)
    yield ib_async.Contract(symbol="A", secType="OPT", deltaNeutralContract=neutral)
    yield ib_async.Contract(symbol="A", secType="STK", exchange="IBKRATS")


def placed() -> Iterator[ib_async.Order]:
    tags = [ib_async.TagValue("a", "b")]
    conditions = [
        ib_async.PriceCondition(price=5, conId=1, exch="SMART"),
        ib_async.TimeCondition(time="20121001 10:00:00 US/Eastern"),
        ib_async.MarginCondition(percent=5),
        ib_async.ExecutionCondition(secType="STK", exch="SMART", symbol="A"),
        ib_async.VolumeCondition(volume=100, conId=1),
        ib_async.PercentChangeCondition(changePercent=1.5, conId=1),
    ]
    legs = [ib_async.OrderComboLeg(price=1.5)]
    yield ib_async.MarketOrder("BUY", 100)
    yield ib_async.LimitOrder("SELL", 1.5, 86.5, conditions=conditions, orderComboLegs=legs)
    yield ib_async.Order(orderType="LMT", algoStrategy="Twap", algoParams=tags, hedgeType="D")
    yield ib_async.Order(orderType="VOL", deltaNeutralOrderType="MKT", volatility=0.2)
    yield ib_async.Order(orderType="LMT", scalePriceIncrement=0.5, smartComboRoutingParams=tags)
    yield ib_async.Order(orderType="PEG BENCH", referenceContractId=5)
    yield ib_async.Order(orderType="PEG BEST", competeAgainstBestOffset=float("inf"))
    yield ib_async.Order(orderType="PEG BEST", competeAgainstBestOffset=0.02)
    yield ib_async.Order(orderType="PEG MID", midOffsetAtWhole=0.01, midOffsetAtHalf=0.005)


@names("version", VERSIONS)
def test_every_order_that_ib_async_can_place_is_read_to_its_last_field(version):
    for contract in contracts():
        for order in placed():
            fields = dictated(version, lambda c, k=contract, o=order: c.placeOrder(7, k, o))
            read = decode_request(fields, version)
            assert (read.orderId, read.contract.symbol) == (7, contract.symbol)
            assert (read.orderType, read.algoStrategy) == (order.orderType, order.algoStrategy)
            assert len(read.conditions) == len(order.conditions)
            assert read.usePriceMgmtAlgo is order.usePriceMgmtAlgo
            assert read.autoCancelParent is order.autoCancelParent


# All other requests of ib_async's client, about contract k.
EVERYTHING: tuple[Callable[[Client, Any], None], ...] = (
    lambda c, k: c.reqMktData(1, k, "233,236", False, False, []),
    lambda c, k: c.cancelMktData(1),
    lambda c, k: c.cancelOrder(1, ""),
    lambda c, k: c.reqOpenOrders(),
    lambda c, k: c.reqAccountUpdates(True, "DU1"),
    lambda c, k: c.reqExecutions(1, ib_async.ExecutionFilter()),
    lambda c, k: c.reqIds(1),
    lambda c, k: c.reqContractDetails(1, k),
    lambda c, k: c.reqMktDepth(1, k, 5, False, []),
    lambda c, k: c.cancelMktDepth(1, False),
    lambda c, k: c.reqNewsBulletins(True),
    lambda c, k: c.cancelNewsBulletins(),
    lambda c, k: c.setServerLogLevel(1),
    lambda c, k: c.reqAutoOpenOrders(True),
    lambda c, k: c.reqAllOpenOrders(),
    lambda c, k: c.reqManagedAccts(),
    lambda c, k: c.requestFA(1),
    lambda c, k: c.replaceFA(1, 1, "<x/>"),
    lambda c, k: c.reqHistoricalData(1, k, "", "1 D", "1 min", "TRADES", True, 1, False, []),
    lambda c, k: c.exerciseOptions(1, k, 1, 1, "DU1", 0),
    lambda c, k: c.reqScannerSubscription(1, ib_async.ScannerSubscription(), [], []),
    lambda c, k: c.cancelScannerSubscription(1),
    lambda c, k: c.reqScannerParameters(),
    lambda c, k: c.cancelHistoricalData(1),
    lambda c, k: c.reqCurrentTime(),
    lambda c, k: c.reqRealTimeBars(1, k, 5, "TRADES", True, []),
    lambda c, k: c.cancelRealTimeBars(1),
    lambda c, k: c.reqFundamentalData(1, k, "ReportSnapshot", []),
    lambda c, k: c.cancelFundamentalData(1),
    lambda c, k: c.calculateImpliedVolatility(1, k, 5.5, 100.0, []),
    lambda c, k: c.calculateOptionPrice(1, k, 0.2, 100.0, []),
    lambda c, k: c.cancelCalculateImpliedVolatility(1),
    lambda c, k: c.cancelCalculateOptionPrice(1),
    lambda c, k: c.reqGlobalCancel(),
    lambda c, k: c.reqMarketDataType(3),
    lambda c, k: c.reqPositions(),
    lambda c, k: c.reqAccountSummary(1, "All", "NetLiquidation"),
    lambda c, k: c.cancelAccountSummary(1),
    lambda c, k: c.cancelPositions(),
    lambda c, k: c.verifyRequest("a", "b"),
    lambda c, k: c.verifyMessage("a"),
    lambda c, k: c.queryDisplayGroups(1),
    lambda c, k: c.subscribeToGroupEvents(1, 1),
    lambda c, k: c.updateDisplayGroup(1, "8314"),
    lambda c, k: c.unsubscribeFromGroupEvents(1),
    lambda c, k: c.startApi(),
    lambda c, k: c.verifyAndAuthRequest("a", "b", "c"),
    lambda c, k: c.verifyAndAuthMessage("a", "b"),
    lambda c, k: c.reqPositionsMulti(1, "DU1", ""),
    lambda c, k: c.cancelPositionsMulti(1),
    lambda c, k: c.reqAccountUpdatesMulti(1, "DU1", "", False),
    lambda c, k: c.cancelAccountUpdatesMulti(1),
    lambda c, k: c.reqSecDefOptParams(1, "IBM", "", "STK", 8314),
    lambda c, k: c.reqSoftDollarTiers(1),
    lambda c, k: c.reqFamilyCodes(),
    lambda c, k: c.reqMatchingSymbols(1, "app"),
    lambda c, k: c.reqMktDepthExchanges(),
    lambda c, k: c.reqSmartComponents(1, "9c0001"),
    lambda c, k: c.reqNewsArticle(1, "a", "b", []),
    lambda c, k: c.reqNewsProviders(),
    lambda c, k: c.reqHistoricalNews(1, 8314, "a", "", "", 10, []),
    lambda c, k: c.reqHeadTimeStamp(1, k, "TRADES", True, 1),
    lambda c, k: c.reqHistogramData(1, k, True, "3 days"),
    lambda c, k: c.cancelHistogramData(1),
    lambda c, k: c.cancelHeadTimeStamp(1),
    lambda c, k: c.reqMarketRule(26),
    lambda c, k: c.reqPnL(1, "DU1", ""),
    lambda c, k: c.cancelPnL(1),
    lambda c, k: c.reqPnLSingle(1, "DU1", "", 8314),
    lambda c, k: c.cancelPnLSingle(1),
    lambda c, k: c.reqHistoricalTicks(1, k, "", "", 10, "TRADES", True, False, []),
    lambda c, k: c.reqTickByTickData(1, k, "Last", 0, False),
    lambda c, k: c.cancelTickByTickData(1),
    lambda c, k: c.reqCompletedOrders(False),
    lambda c, k: c.reqWshMetaData(1),
    lambda c, k: c.cancelWshMetaData(1),
    lambda c, k: c.reqWshEventData(1, ib_async.WshEventData()),
    lambda c, k: c.cancelWshEventData(1),
    lambda c, k: c.reqUserInfo(1),
)


@names("version", VERSIONS)
def test_every_request_of_ib_async_is_read_to_its_last_field(version):
    seen = {3}
    for contract in contracts():
        for say in EVERYTHING:
            fields = dictated(version, lambda c, k=contract, say=say: say(c, k))
            request = decode_request(fields, version)
            assert str(type(request).NUMBER) == fields[0]
            seen.add(type(request).NUMBER)
    assert seen == set(REQUESTS)


def test_requests_with_the_empty_fields_that_clients_leave_are_read():
    empty = ["9", "8", "5", "", "", "", "", "", "", "", "", "NASDAQ", "", "AAPL", ""]
    request = decode_request([*empty, "", "", "", ""], 178)
    assert isinstance(request, requests.ReqContractDetails)
    assert (request.contract.localSymbol, request.contract.conId) == ("AAPL", 0)


# --- golden bytes --------------------------------------------------------------------------------


def test_a_price_tick_is_these_bytes():
    frame = encode(responses.TickPrice(3, 1, Decimal("86.66"), Decimal(1500), 1), 178)
    assert frame == bytes([0, 0, 0, 21]) + b"1|6|3|1|86.66|1500|1|".replace(b"|", b"\0")


@names(
    ("version", "count"),
    [(157, 31), (177, 31), (178, 32)],
)
def test_an_execution_has_the_fields_of_its_version(version, count):
    assert len(fields_of(encode(plain(responses.ExecutionDetails, version), version))) == count


@names(
    ("cls", "count"),
    [
        (responses.TickPrice, 7),
        (responses.PortfolioValue, 20),
        (responses.CommissionReport, 8),
        (responses.Position, 16),
    ],
)
def test_messages_that_clients_unpack_strictly_have_their_exact_field_counts(cls, count):
    for version in VERSIONS:
        assert len(fields_of(encode(plain(cls, version), version))) == count
