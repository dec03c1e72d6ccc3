"""Minimum quantity, icebergs, hidden and discretionary orders, amounts, market-to-limit."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import Forex, MarketOrder

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import CancelOrder
from hydra.gateway.responses import Error
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, echo, errors, fills, order, statuses

EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
MASTERCARD = Contract(symbol="MA", secType="STK", exchange="SMART", currency="USD")


@pytest.fixture
def quote(started):
    (apple,) = started.venue.find(APPLE)
    return started.venue.market.quote(apple, started.venue.seconds)


def minutes(exchange, count):
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


# --- minimum quantity ----------------------------------------------------------------------------


def by_time(exchange, number):
    """How much of one order traded at each second."""
    sums: dict[int, Decimal] = {}
    for done in exchange.orders.executions:
        if done.order.terms.orderId == number:
            sums[done.time] = sums.get(done.time, Decimal(0)) + abs(done.quantity)
    return list(sums.values())


def test_less_than_the_minimum_quantity_does_not_trade(started, quote):
    terms = {"lmtPrice": str(quote.ask), "tif": "IOC"}
    least = quote.ask_size + 100
    told = started.handle(1, order(1, "LMT", size=5000, minQty=least, **terms))
    assert statuses(told, 1)[-2:] == ["PendingCancel", "Cancelled"]
    assert not fills(started, 1)
    started.handle(1, order(2, "LMT", size=5000, minQty=quote.ask_size, **terms))
    assert sum(size for size, _ in fills(started, 2)) == quote.ask_size


def test_a_resting_order_trades_its_minimum_at_one_moment_or_what_is_left(started):
    (one,) = started.venue.find(MASTERCARD)
    limit = str(started.venue.mark(one) - 2 * one.tick)
    terms = {"contract": MASTERCARD, "lmtPrice": limit}
    started.handle(1, order(1, "LMT", size=1800, minQty=500, **terms))
    minutes(started, 380)
    traded = by_time(started, 1)
    assert traded
    assert all(size >= 500 for size in traded[:-1])
    assert traded[-1] >= min(500, 1800 - sum(traded[:-1]))


@pytest.mark.parametrize("least", [-1, 101])
def test_a_minimum_that_is_none_is_refused(started, least):
    assert errors(started.handle(1, order(1, "LMT", lmtPrice="80.00", minQty=least))) == [
        (1, 10340)
    ]


# --- icebergs ------------------------------------------------------------------------------------


def test_an_iceberg_shows_its_display_size_and_queues_anew_for_the_next(started, quote):
    limit = str(quote.bid)
    terms = {"lmtPrice": limit, "displaySize": 100}
    placed = started.handle(1, order(1, "LMT", size=3000, **terms))
    assert echo(placed, 1).displaySize == 100
    started.handle(1, order(2, "LMT", size=100, lmtPrice=limit))
    iceberg, behind = started.orders.open_list
    assert iceberg.displayed == 100
    assert behind.queue_ahead == iceberg.queue_ahead + 100  # not 3000: the rest is not shown
    while not fills(started, 1):
        minutes(started, 1)
    if not iceberg.is_done:
        assert iceberg.tip == 100 - sum(size for size, _ in fills(started, 1)) % 100
        assert iceberg.sequence > behind.sequence


def test_an_iceberg_takes_all_that_is_offered_within_its_limit_at_once(started):
    started.handle(1, order(1, "LMT", size=3000, lmtPrice="86.80", displaySize=100))
    assert sum(size for size, _ in fills(started, 1)) > 1000


def test_the_next_part_of_an_iceberg_trades_after_what_came_meanwhile():
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2,DU3"))
    exchange.connect(1, 178)
    (apple,) = exchange.venue.find(APPLE)
    price = exchange.venue.market.quote(apple, exchange.venue.seconds).ask - apple.tick
    inside = {"lmtPrice": str(price)}
    exchange.handle(
        1, order(1, "LMT", "SELL", 300, displaySize=100, account="DU1", tif="GTC", **inside)
    )
    exchange.handle(1, order(2, "LMT", "SELL", 100, account="DU3", **inside))
    exchange.handle(1, order(3, "LMT", "BUY", 150, account="DU2", **inside))
    exchange.handle(1, order(4, "LMT", "BUY", 150, account="DU2", **inside))
    assert [size for size, _ in fills(exchange, 1)] == [-100, -100]
    assert [size for size, _ in fills(exchange, 2)] == [-50, -50]
    sellers = [d.order.terms.orderId for d in exchange.orders.executions if d.quantity < 0]
    assert sellers == [1, 2, 2, 1]
    assert exchange.orders.open_list[0].tip == 100


def test_an_iceberg_waits_longer_than_an_order_that_shows_itself(started, quote):
    plain, iceberg = (shipped_exchange(ExchangeSettings()) for _ in range(2))
    times = []
    for exchange, shown in ((plain, 0), (iceberg, 100)):
        exchange.connect(1, 178)
        (one,) = exchange.venue.find(MASTERCARD)
        limit = str(exchange.venue.mark(one) - one.tick)
        terms = {"contract": MASTERCARD, "lmtPrice": limit, "displaySize": shown}
        exchange.handle(1, order(1, "LMT", size=900, **terms))
        exchange.command("close")
        times.append([done.time for done in exchange.orders.executions])
    assert len(times[1]) >= len(times[0]) > 0
    assert times[1][-1] >= times[0][-1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"displaySize": 100}, 10020),
        ({"displaySize": 200}, 10020),
        ({"displaySize": -1}, 10255),
        ({"displaySize": 50, "algoStrategy": "Twap"}, 10255),
        ({"displaySize": 50, "allOrNone": True}, 10255),
        ({"displaySize": 50, "discretionaryAmt": Decimal("0.05")}, 157),
        ({"displaySize": 50, "hidden": True}, 152),
    ],
)
def test_an_iceberg_that_cannot_be_is_refused_by_its_code(started, change, code):
    told = started.handle(1, order(1, "LMT", lmtPrice="80.00", **change))
    assert errors(told) == [(1, code)]
    assert not started.orders.open_list


def test_currencies_have_no_icebergs(started):
    terms = {"contract": EURO, "lmtPrice": "1.2", "displaySize": 25_000}
    assert errors(started.handle(1, order(1, "LMT", size=50_000, **terms))) == [(1, 10255)]


# --- hidden and discretionary --------------------------------------------------------------------


def test_a_hidden_order_takes_when_the_far_side_comes_to_its_limit(started, quote):
    limit = quote.ask - Decimal("0.10")
    started.handle(1, order(1, "LMT", lmtPrice=str(limit), hidden=True))
    started.handle(1, order(2, "LMT", lmtPrice=str(limit)))
    hidden, shown = started.orders.open_list
    (apple,) = started.venue.find(APPLE)
    queue = started.venue.market.queue(
        apple, started.venue.seconds, int(limit / apple.tick), is_bid=True
    )
    assert shown.queue_ahead == queue  # nobody sees the hidden one
    started.command("close")
    assert sum(size for size, _ in fills(started, 1)) == 100
    assert all(price <= limit for _, price in fills(started, 1))
    assert {done.liquidity for done in started.orders.executions if done.order is hidden} == {2}


def test_a_hidden_order_is_not_taken_by_another_account():
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2"))
    exchange.connect(1, 178)
    (apple,) = exchange.venue.find(APPLE)
    inside = str(exchange.venue.market.quote(apple, exchange.venue.seconds).ask - apple.tick)
    exchange.handle(1, order(1, "LMT", "SELL", lmtPrice=inside, hidden=True, account="DU1"))
    bought = exchange.handle(1, order(2, "LMT", lmtPrice="86.75", account="DU2"))
    assert statuses(bought, 2)[-1] == "Filled"
    assert not fills(exchange, 1)


@pytest.mark.parametrize(
    "terms", [{}, {"kind": "LMT", "lmtPrice": "80.00", "tif": "IOC"}, {"kind": "MIDPRICE"}]
)
def test_what_has_no_limit_or_does_not_rest_is_not_hidden(started, terms):
    assert errors(started.handle(1, order(1, hidden=True, **terms))) == [(1, 152)]


def test_a_discretionary_order_stands_at_its_limit_and_takes_beyond_it(started, quote):
    away = {"lmtPrice": str(quote.ask - Decimal("0.10"))}
    started.handle(1, order(1, "LMT", discretionaryAmt=Decimal("0.07"), **away))
    started.handle(1, order(2, "LMT", **away))
    started.handle(1, order(3, "LMT", discretionaryAmt=Decimal("0.10"), **away))
    assert {price for _, price in fills(started, 3)} == {quote.ask}  # within its reach at once
    first = started.orders.open_list[0]
    assert first.limit == quote.ask - Decimal("0.10")
    started.command("close")
    assert all(price <= quote.ask - Decimal("0.03") for _, price in fills(started, 1))
    moments = {
        number: next(d.time for d in started.orders.executions if d.order.terms.orderId == number)
        for number in (1, 2)
    }
    assert moments[1] < moments[2]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"kind": "MKT"}, 325),
        ({"kind": "LMT", "lmtPrice": "80.00", "hidden": True}, 325),
        ({"kind": "LMT", "lmtPrice": "1.2000", "contract": EURO, "size": 50_000}, 325),
        ({"kind": "LMT", "lmtPrice": "80.00", "discretionaryAmt": Decimal("0.005")}, 168),
        ({"kind": "LMT", "lmtPrice": "80.00", "discretionaryAmt": Decimal("-0.05")}, 168),
    ],
)
def test_a_discretionary_order_that_cannot_be_is_refused(started, terms, code):
    terms = {"discretionaryAmt": Decimal("0.05")} | terms
    assert errors(started.handle(1, order(1, **terms))) == [(1, code)]


# --- amounts -------------------------------------------------------------------------------------


def test_a_currency_order_by_an_amount_trades_what_the_amount_buys(started):
    amount = Decimal(50_000)
    placed = order(1, "MKT", size=0, contract=EURO, cashQty=amount)
    told = started.handle(1, placed)
    assert echo(told, 1).cashQty == amount
    spent = sum(size * price for size, price in fills(started, 1))
    (one,) = started.venue.find(EURO)
    assert amount - 2 <= spent <= amount * Decimal("1.0005")
    held = sum(size for size, _ in fills(started, 1))
    assert started.venue.account.held(one.conId).quantity == held
    assert statuses(told, 1)[-1] == "Filled"


def test_an_amount_at_a_limit_is_never_exceeded(started):
    terms = {"contract": EURO, "cashQty": Decimal("40000.55"), "lmtPrice": "1.3"}
    started.handle(1, order(1, "LMT", size=0, **terms))
    spent = sum(size * price for size, price in fills(started, 1))
    assert 0 < spent <= Decimal("40000.55")


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"contract": APPLE}, 10244),
        ({"size": 100}, 10244),
        ({"cashQty": Decimal(-5)}, 10244),
        ({"cashQty": Decimal("1000.005")}, 10286),
        ({"cashQty": Decimal("0.01")}, 434),
    ],
)
def test_an_amount_that_is_ambiguous_or_not_of_currencies_is_refused(started, terms, code):
    terms = {"size": 0, "contract": EURO, "cashQty": Decimal(1000)} | terms
    assert errors(started.handle(1, order(1, **terms))) == [(1, code)]
    assert not started.orders.executions


def test_an_order_by_an_amount_is_not_changed(started):
    terms = {"size": 0, "contract": EURO, "cashQty": Decimal(30_000)}
    started.handle(1, order(1, "LMT", lmtPrice="1.25", **terms))
    told = started.handle(1, order(1, "LMT", lmtPrice="1.26", **terms))
    (refused,) = (r for _, r in told if isinstance(r, Error))
    assert refused.code == 10241
    assert started.orders.open_list[0].limit == Decimal("1.25")


async def test_a_client_buys_euros_for_dollars(client):
    (euro,) = await client.qualifyContractsAsync(Forex("EURUSD"))
    bought = client.placeOrder(euro, MarketOrder("BUY", 0, cashQty=30_000, tif="DAY"))
    while not bought.isDone():
        await client.updateEvent
    assert bought.orderStatus.status == "Filled"
    assert 29_950 < bought.filled() * bought.orderStatus.avgFillPrice < 30_050


# --- market to limit -----------------------------------------------------------------------------


def test_market_to_limit_takes_the_best_price_and_rests_there(started, quote):
    told = started.handle(1, order(1, "MTL", size=quote.ask_size + 300))
    assert fills(started, 1) == [(quote.ask_size, quote.ask)]
    assert statuses(told, 1)[-1] == "Submitted"
    assert started.orders.open_list[0].limit == quote.ask
    started.command("close")
    assert {price for _, price in fills(started, 1)} == {quote.ask}


# --- all of them ---------------------------------------------------------------------------------


def test_what_an_iceberg_has_shown_outlives_a_restart(started, quote):
    terms = {"lmtPrice": str(quote.bid), "displaySize": 100, "tif": "GTC"}
    started.handle(1, order(1, "LMT", size=1500, **terms))
    minutes(started, 3)
    other = resumed(json.loads(json.dumps(snapshot(started))))
    other.connect(1, 178)
    assert other.command("close") == started.command("close")


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(2, 4000),
    shown=st.integers(1, 1500),
    least=st.integers(1, 2000),
    offset=st.integers(-60, 20),
    kind=st.sampled_from(["iceberg", "minimum", "hidden", "discretionary"]),
    side=st.sampled_from(["BUY", "SELL"]),
    cancels=st.booleans(),
)
def test_no_special_order_trades_past_its_size_or_its_price(
    size, shown, least, offset, kind, side, cancels
):
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    sign = 1 if side == "BUY" else -1
    limit = Decimal("86.67") + sign * Decimal(offset) / 100
    own = {
        "iceberg": {"displaySize": min(shown, size - 1)},
        "minimum": {"minQty": min(least, size)},
        "hidden": {"hidden": True},
        "discretionary": {"discretionaryAmt": Decimal("0.05")},
    }[kind]
    exchange.handle(1, order(1, "LMT", side, size=size, lmtPrice=str(limit), **own))
    minutes(exchange, 60)
    if cancels:
        exchange.handle(1, CancelOrder(1))
    exchange.command("close")
    traded = sum(quantity for quantity, _ in fills(exchange, 1))
    (apple,) = exchange.venue.find(APPLE)
    assert 0 <= sign * traded <= size
    assert exchange.venue.account.held(apple.conId).quantity == traded
    bound = limit + sign * own.get("discretionaryAmt", Decimal(0))
    assert all(sign * price <= sign * bound for _, price in fills(exchange, 1))
    if kind == "minimum":
        moments, left = by_time(exchange, 1), Decimal(size)
        for quantity in moments:
            assert quantity >= min(own["minQty"], left)
            left -= quantity
