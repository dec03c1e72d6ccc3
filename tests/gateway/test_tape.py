"""Recorded trades are replayed as they were, and the rest of the history stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.values import Contract

HEADER = "symbol,time,price,size\n"
TRADES = [
    ("2012-10-01T13:30:00Z", "90.00", 500),
    ("2012-10-01T13:31:00Z", "90.10", 200),
    ("2012-10-01T13:31:02Z", "90.40", 100),
    ("2012-10-01T15:00:00Z", "88.00", 1000),
    ("2012-10-01T19:59:00Z", "89.50", 300),
]
TAPE = HEADER + "".join(f"AAPL,{time},{price},{size}\n" for time, price, size in TRADES)
AAPL = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")


@pytest.fixture
def taped() -> Exchange:
    return shipped_exchange(ExchangeSettings(ticks=TAPE))


def last(exchange: Exchange, symbol: str = "AAPL") -> Decimal:
    one = next(i for i in exchange.venue.universe.instruments if i.symbol == symbol)
    return exchange.venue.mark(one)


def at(exchange: Exchange, hour: int, minute: int) -> None:
    exchange.advance(datetime(2012, 10, 1, hour, minute, tzinfo=UTC))


def test_the_last_price_is_that_of_the_last_recorded_trade_at_every_moment(taped):
    seen = [last(taped)]
    for hour, minute in ((13, 31), (13, 32), (14, 59), (15, 0), (20, 0)):
        at(taped, hour, minute)
        seen.append(last(taped))
    assert [str(price.normalize()) for price in seen] == [
        "9E+1",
        "90.1",
        "90.4",
        "90.4",
        "88",
        "89.5",
    ]


def test_the_sessions_bar_is_made_of_the_recorded_trades(taped):
    one = next(i for i in taped.venue.universe.instruments if i.symbol == "AAPL")
    at(taped, 20, 0)
    quote = taped.venue.market.quote(one, taped.venue.seconds - 1)
    assert (quote.open, quote.high, quote.low) == (Decimal("90"), Decimal("90.4"), Decimal("88"))


def test_other_instruments_and_sessions_stay_as_the_seed_made_them(taped):
    plain = shipped_exchange(ExchangeSettings())
    assert last(taped, "IBM") == last(plain, "IBM")
    for exchange in (taped, plain):
        exchange.command("next_open")
    assert last(taped) == last(plain)


def test_a_limit_order_fills_when_a_recorded_trade_reaches_it_and_not_before(taped):
    taped.connect(1, 178)
    order = PlaceOrder(
        1,
        AAPL,
        action="BUY",
        totalQuantity=Decimal(10),
        orderType="LMT",
        lmtPrice=Decimal("89"),
        tif="DAY",
    )
    taped.handle(1, order)
    at(taped, 14, 59)
    assert taped.state()["executions"] == []
    at(taped, 20, 0)
    (done,) = taped.state()["executions"]
    assert Decimal(done["price"]) <= 89
    assert done["time"] >= "2012-10-01T15:00"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a,b\n", "first line"),
        (HEADER + "AAPL,2012-10-01T13:30:00,90,1\n", "no offset"),
        (HEADER + "AAPL,yesterday,90,1\n", "line 2"),
        (HEADER + "NOSUCH,2012-10-01T13:30:00Z,90,1\n", "not listed"),
        (HEADER + "AAPL,2012-10-01T13:30:00Z,-1,1\n", "above 0"),
        (TAPE + "AAPL,2012-10-01T13:30:00Z,90,1\n", "earlier"),
        (TAPE + "AAPL,2012-10-01T21:00:00Z,90,1\n", "outside trading hours: 2012-10-01 21:00"),
    ],
)
def test_a_tape_that_is_wrong_names_its_line(text, word):
    with pytest.raises(SettingsError, match=word):
        shipped_exchange(ExchangeSettings(ticks=text))
