"""Nonsense of every kind ends its own session and nothing else."""

from __future__ import annotations

import os
import random
import string
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.gateway import codec
from hydra.gateway.codec import frame, join_fields
from hydra.gateway.layout import Inline, Many, Present, Request, Scalar, table
from hydra.gateway.messages import REQUESTS, encode
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.requests import ReqCurrentTime, StartApi
from hydra.gateway.responses import CurrentTime
from hydra.gateway.session import Broken, Greeted, Phase, Session
from hydra.gateway.values import Contract

GREETING = b"API\0" + frame(b"v157..178") + join_fields(["71", "2", "1", ""])
FUZZED_FRAMES = int(os.environ.get("FUZZED_FRAMES", "20000"))  # `make fuzz` takes a million
PLAUSIBLE = 3_000
EVIL = ["", "0", "-1", "1", "nan", "1e999", "Infinite", "9" * 400, "x", "\\u12", "é", "2147483648"]


def started() -> Session:
    session = Session(datetime(2012, 10, 1, 13, 30, tzinfo=UTC))
    session.receive(GREETING)
    session.outgoing()
    return session


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_after_the_greeting_are_requests_or_one_refusal(data):
    session = started()
    for event in session.receive(data):
        assert isinstance(event, Request | Broken)
    assert isinstance(session.outgoing(), bytes)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_first_bytes_are_a_greeting_or_a_refusal(data):
    session = Session(datetime(2012, 10, 1, 13, 30, tzinfo=UTC))
    for event in session.receive(data):
        assert isinstance(event, Greeted | Broken | Request)


def nonsense(chance: random.Random, numbers: list[int]) -> list[str]:
    """A known message number and fields that may be anything."""
    size = chance.randrange(0, 140)
    fields = [chance.choice(EVIL) for _ in range(size)]
    return [str(chance.choice(numbers)), *fields]


def mutated(chance: random.Random, plain: list[bytes]) -> bytes:
    """A good frame with one byte changed."""
    data = bytearray(chance.choice(plain))
    data[chance.randrange(4, len(data))] = ord(chance.choice(string.printable + "\0"))
    return bytes(data)


def wounded_requests() -> list[bytes]:
    """Good frames to change."""
    contract = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
    order = PlaceOrder(1, contract, action="BUY", orderType="LMT")
    return [encode(order, 178), encode(ReqCurrentTime(), 178)]


def test_thousands_of_fuzzed_frames_are_answered_by_the_exchange_or_end_their_session(exchange):
    chance, numbers, plain = random.Random(1), sorted(REQUESTS), wounded_requests()
    exchange.connect(2, 178)  # another session, which must not notice
    exchange.connect(1, 178)
    session, ended = started(), 0
    for index in range(FUZZED_FRAMES):
        is_wound = index % 2
        data = mutated(chance, plain) if is_wound else join_fields(nonsense(chance, numbers))
        for event in session.receive(data):
            if isinstance(event, Request) and not isinstance(event, StartApi):
                posted = exchange.handle(1, event)
                assert all(client_id == 1 for client_id, _ in posted)
        if session.phase is Phase.CLOSED:
            session, ended = started(), ended + 1
    assert ended > FUZZED_FRAMES / 4
    assert exchange.handle(2, ReqCurrentTime()) == [(2, CurrentTime(1349098200))]


WORDS = ["", "AAPL", "SMART", "STK", "USD", "BUY", "SELL", "MKT", "LMT", "STP", "DAY", "GTC", "x"]
WORDS += ["1 D", "1 day", "1 min", "TRADES", "20121001 09:30:00", "All", "NetLiquidation", "Last"]
NUMBERS = [Decimal(n) for n in ("0", "1", "-1", "86.66", "100", "0.5", "1e17")]
KINDS = {
    codec.INT: [0, 1, -1, 7, 265598, 2**31, 10**30],
    codec.FLAG: [True, False],
    codec.NUMBER: NUMBERS,
    codec.OPTIONAL_NUMBER: [None, *NUMBERS],
    codec.OPTIONAL_OFFSET: [None, *NUMBERS],
    codec.OPTIONAL_INT: [None, 0, 1, 10**30],
    codec.OPTIONAL_FLAG: [None, True, False],
}


STOCK = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
PAIR = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
POOLS: dict[str, list[Any]] = {
    "contract": [STOCK, STOCK, PAIR, Contract(conId=416904, exchange="CBOE")],
    "action": ["BUY", "SELL", "SSHORT"],
    "orderType": ["MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT", "LOC"],
    "tif": ["", "DAY", "GTC", "IOC", "FOK", "GTD", "OPG"],
    "totalQuantity": [Decimal(100), Decimal(1)],
    "lmtPrice": [None, Decimal("86.66"), Decimal(80), Decimal("86.665"), Decimal("-1")],
    "auxPrice": [None, Decimal("86.66"), Decimal(90), Decimal("0.5")],
    "account": ["", "DU1234567"],
    "transmit": [True],
    "orderId": [1, 4, 7],
    "algoStrategy": ["", "", "Twap"],
    "conditions": [()],
    "deltaNeutralOrderType": [""],
    "whatToShow": ["TRADES", "MIDPOINT", "BID_ASK", "SCHEDULE", "ADJUSTED_LAST"],
    "barSize": ["1 day", "1 min", "1 hour", "1W", "1M", "x"],
    "duration": ["1 D", "300 D", "999 D", "2 W", "1 M", "99 Y", "0 D", "60 S", "x"],
    "endDateTime": ["", "20121001 16:00:00", "20120228", "19000101-00:00:00", "99999999", "x"],
    "startDateTime": ["", "", "20120901-10:00:00", "00010101", "x"],
}


def plausible(chance: random.Random, cls: type, omit: frozenset[str] = frozenset()) -> Any:
    """A request that can be read, whose values stand where they make no sense."""
    known = SimpleNamespace()
    for row in table(cls, 178, omit).rows:
        if row.condition is None or row.condition.holds(known):
            pool = POOLS.get(row.name) if chance.random() < 0.9 else None
            value = chance.choice(pool) if pool else drawn(chance, row.shape)
            setattr(known, row.name, value)
    return cls(**vars(known))


def odd_order(chance: random.Random, newest: int) -> PlaceOrder:
    """An order that could be right, but for a few of its fields."""
    order = PlaceOrder(newest - chance.choice([0, 0, 0, 3]), STOCK, totalQuantity=Decimal(100))
    usual = {name: chance.choice(POOLS[name]) for name in ("action", "orderType", "lmtPrice")}
    odd = chance.sample(table(PlaceOrder, 178).rows[1:], chance.randrange(4))
    return replace(
        order,
        **usual,
        **{"auxPrice": Decimal(87)}
        | {row.name: drawn(chance, row.shape) for row in odd if row.name not in usual},
    )


def drawn(chance: random.Random, shape: Any) -> Any:
    if isinstance(shape, Scalar):
        return chance.choice(KINDS.get(shape.kind, WORDS))
    if isinstance(shape, Inline):
        return plausible(chance, shape.group, shape.omit)
    if isinstance(shape, Many):
        return tuple(drawn(chance, shape.item) for _ in range(chance.randrange(2)))
    if isinstance(shape, Present):
        return chance.choice([None, drawn(chance, shape.item)])
    return plausible(chance, chance.choice(list(shape.groups.values())))


def test_requests_whose_values_make_no_sense_are_all_answered_or_passed_over(exchange):
    chance, classes = random.Random(2), [c for c in REQUESTS.values() if c is not StartApi]
    exchange.connect(1, 178)
    for index in range(PLAUSIBLE):
        cls = chance.choice(classes)
        request = plausible(chance, cls) if index % 3 else odd_order(chance, index + 1)
        for _, response in exchange.handle(1, request):
            encode(response, 178)
        if index % 50 == 0:
            exchange.advance(exchange.venue.now + timedelta(seconds=30))
    assert len(exchange.orders.executions) > 50


@pytest.mark.parametrize("length", [0, 1, 3])
def test_short_frames_are_refused(length):
    session = started()
    events = session.receive(struct.pack(">I", length) + b"\0" * length)
    assert len(events) == 1
    assert isinstance(events[0], Broken)
