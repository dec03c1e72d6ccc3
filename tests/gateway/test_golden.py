"""Bytes recorded once: every message at every version at which it looks different, and a greeting.

A change here is a change of the protocol as clients see it. `python tests/gateway/test_golden.py`
records anew what is recorded in `golden.txt`; look at the difference before you commit it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hydra.gateway import codec
from hydra.gateway.codec import frame, join_fields, split_fields
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.layout import Inline, Many, Scalar, Variants, table
from hydra.gateway.messages import REQUESTS, RESPONSES, VERSIONS, decode_request, encode
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.requests import ReqCurrentTime, ReqIds, StartApi
from hydra.gateway.session import Greeted, Session
from hydra.gateway.values import Contract

GOLDEN = Path(__file__).with_name("golden.txt")
SAMPLES = {
    codec.TEXT: "text",
    codec.ESCAPED: "é\\",
    codec.INT: 7,
    codec.NUMBER: Decimal("1.250"),
    codec.FIGURE: 0.5,
    codec.SIZE: Decimal("100.5"),
    codec.FLAG: True,
    codec.OPTIONAL_INT: None,
    codec.OPTIONAL_NUMBER: None,
    codec.OPTIONAL_OFFSET: Decimal("Infinity"),
    codec.OPTIONAL_FLAG: None,
    codec.MAX_INT_OR_INT: None,
    codec.MAX_OR_NUMBER: None,
}
# Orders of this type have every conditional field but those of PEG BENCH.
DOORS = {"orderType": "PEG BEST", "secType": "BAG", "exchange": "IBKRATS"}


def sample(cls: type, version: int, omit: frozenset[str] = frozenset()) -> Any:
    """An instance with something in every field."""
    known = SimpleNamespace()
    for row in table(cls, version, omit).rows:
        if row.condition is None or row.condition.holds(known):
            setattr(known, row.name, DOORS.get(row.name) or sample_of(row.shape, version))
    return cls(**vars(known))


def sample_of(shape: Any, version: int) -> Any:
    if isinstance(shape, Scalar):
        return SAMPLES[shape.kind]
    if isinstance(shape, Inline):
        return sample(shape.group, version, shape.omit)
    if isinstance(shape, Variants):
        return sample(next(iter(shape.groups.values())), version)
    if isinstance(shape, Many) and isinstance(shape.item, Variants):
        return tuple(sample(group, version) for group in shape.item.groups.values())
    return (sample_of(shape.item, version),) if isinstance(shape, Many) else None


def lines() -> Iterator[str]:
    """`version name: field|field|…`, at each version at which the fields are others."""
    for cls in (*REQUESTS.values(), *RESPONSES.values()):
        before: list[str] = []
        for version in VERSIONS:
            written = split_fields(encode(sample(cls, version), version)[4:])
            if written != before:
                yield f"{version} {cls.__name__}: {'|'.join(written)}"
            before = written


def test_every_message_is_written_as_it_was_recorded():
    assert list(lines()) == GOLDEN.read_text(encoding="utf-8").splitlines()


def greeted(version: int) -> tuple[Session, list[object]]:
    """A session that heard the recorded bytes of a client with this maximum."""
    session = Session(datetime(2012, 10, 1, 13, 30, tzinfo=UTC))
    stream = b"API\0\0\0\0\x09v100..%d" % version
    stream += b"\0\0\0\x0871\0002\0007\0\0" + b"\0\0\0\x0549\0001\0" + b"\0\0\0\x068\0001\0001\0"
    return session, session.receive(stream)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_conversation_is_heard_and_answered_alike_at_every_version(
    exchange: Exchange, version: int
):
    session, events = greeted(version)
    assert events == [Greeted(version), StartApi(7), ReqCurrentTime(), ReqIds(1)]
    assert session.outgoing() == frame(b"%d\0" % version + b"20121001 13:30:00 UTC\0")
    posted = exchange.connect(7, version) or []
    for request in events[2:]:
        posted += exchange.handle(7, request)
    for _, response in posted:
        session.send(response)
    reject = "\0" if version >= 166 else ""
    farms = "".join(
        f"4|2|-1|{code}|{kind} connection is OK:{farm}|".replace("|", "\0") + reject + "\n"
        for code, kind, farm in [
            (2104, "Market data farm", "usfarm"),
            (2106, "HMDS data farm", "ushmds"),
            (2158, "Sec-def data farm", "secdefil"),
        ]
    )
    told = ["15\0001\0DU1234567\0", "9\0001\0001\0", *farms.splitlines()]
    told += ["49\0001\0001349098200\0", "9\0001\0001\0"]
    assert session.outgoing() == b"".join(frame(text.encode()) for text in told)


def test_the_same_seed_and_bytes_give_the_same_bytes_twice():
    def held() -> bytes:
        exchange = shipped_exchange(ExchangeSettings(seed=3))
        _, events = greeted(178)
        posted = exchange.connect(7, 178) or []
        contract = ["", "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", ""]
        plain = join_fields(["1", "11", "5", *contract, "0", "", "0", "0", ""])
        order = sample_order()
        for request in [*events[2:], decode_request(split_fields(plain[4:]), 178), order]:
            posted += exchange.handle(7, request)
        posted += exchange.command("close")
        return b"".join(encode(response, 178) for _, response in posted)

    first = held()
    assert len(first) > 2000
    assert first == held()


def sample_order() -> PlaceOrder:
    """A market order as a client would send it."""
    stock = Contract(conId=265598, symbol="AAPL", secType="STK", exchange="SMART")
    return PlaceOrder(1, stock, action="BUY", totalQuantity=Decimal(100), orderType="MKT")


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{GOLDEN.name} is recorded\n")
