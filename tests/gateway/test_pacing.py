"""The limits of messages a second and of historical requests, as real gateways enforce them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import IB, LimitOrder, Stock

from hydra.gateway import requests as ask
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.pacing import HistoryPacing, MessageRate
from hydra.gateway.server import serve
from hydra.gateway.values import Contract
from hydra.gateway.variants import seed_with

APPLE = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
SECONDS = ask.ReqHistoricalData(1, APPLE, False, "", "5 secs", "1000 S", True, "TRADES", 1)
TICKS = ask.ReqHistoricalTicks(
    1, APPLE, False, "20121001 10:00:00", "", 100, "TRADES", True, False
)


def asked(number, of=SECONDS, **changes):
    """The `number`-th of requests that differ by their end alone."""
    return replace(of, endDateTime=f"20121001 10:00:{number:02d}", **changes)


# --- history ------------------------------------------------------------------------------------


def test_an_identical_request_within_fifteen_seconds_is_too_much_whatever_its_number():
    pacing = HistoryPacing()
    assert not pacing.is_too_much(SECONDS, 0, 0)
    assert pacing.is_too_much(replace(SECONDS, reqId=2), 14.9, 14)
    assert not pacing.is_too_much(SECONDS, 15, 15)


def test_the_sixth_request_for_one_instrument_within_two_seconds_is_too_much():
    pacing = HistoryPacing()
    told = [pacing.is_too_much(asked(number), 0.1 * number, 0) for number in range(6)]
    assert told == [False] * 5 + [True]
    assert not pacing.is_too_much(asked(9, contract=replace(APPLE, symbol="MSFT")), 0.6, 0)
    assert not pacing.is_too_much(asked(9, whatToShow="MIDPOINT"), 0.6, 0)
    assert not pacing.is_too_much(asked(9), 2.5, 2)


def test_the_sixty_first_request_in_ten_minutes_is_too_much():
    pacing = HistoryPacing()
    told = [
        pacing.is_too_much(asked(n % 60, duration=f"{n} S"), 5.0 * n, 5 * n) for n in range(61)
    ]
    assert told == [False] * 60 + [True]
    assert not pacing.is_too_much(SECONDS, 601, 601)


def test_bid_ask_counts_twice():
    pacing = HistoryPacing()
    told = [pacing.is_too_much(asked(n, whatToShow="BID_ASK"), 0.1 * n, 0) for n in range(3)]
    assert told == [False, False, True]


def test_a_span_is_over_when_it_is_by_either_clock():
    pacing = HistoryPacing()
    pacing.is_too_much(SECONDS, 0, 0)
    assert not pacing.is_too_much(SECONDS, 0.1, 86_400)


def test_minute_bars_are_free_or_not_as_the_variant_says():
    minutes = replace(SECONDS, barSize="1 min")
    free, all_bars = HistoryPacing(), HistoryPacing(small_bars_alone=False)
    assert [free.is_too_much(minutes, 0, 0) for _ in range(2)] == [False, False]
    assert [all_bars.is_too_much(minutes, 0, 0) for _ in range(2)] == [False, True]


def test_historical_ticks_are_counted_by_every_variant():
    pacing = HistoryPacing()
    assert [pacing.is_too_much(TICKS, 0, 0) for _ in range(2)] == [False, True]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 3)), max_size=120))
def test_never_more_than_the_rules_allow_is_taken(steps):
    pacing, now, taken = HistoryPacing(), 0.0, []
    for wait, number in steps:
        now += wait
        if not pacing.is_too_much(asked(number), now, int(now)):
            taken.append((now, number))
    for index, (when, number) in enumerate(taken):
        before = taken[:index]
        assert sum(when - then < 600 for then, _ in before) < 60
        assert sum(when - then < 2 for then, _ in before) < 5
        # Whole seconds of the market may be over a little before those of the wall.
        assert not any(n == number and when - then < 14 for then, n in before)


@pytest.mark.parametrize("paces", [True, False])
async def test_a_client_is_told_of_a_pacing_violation_unless_pacing_is_off(paces):
    settings = stepped(paces=paces, wall_scale=1.0)
    async with await serve(settings) as gateway:
        ib, told = IB(), []
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
        ib.errorEvent += lambda number, code, text, contract: told.append((code, text))
        stock = Stock("AAPL", "SMART", "USD")
        terms = (stock, "", "1000 S", "5 secs", "TRADES", True)
        first = await ib.reqHistoricalDataAsync(*terms)
        again = await ib.reqHistoricalDataAsync(*terms)
        refused = [text for code, text in told if code == 162]
        assert (len(refused), len(again) == len(first)) == ((1, False) if paces else (0, True))
        assert all(text.endswith("pacing violation") for text in refused)
        ib.disconnect()


# --- messages -----------------------------------------------------------------------------------


def test_fifty_messages_are_taken_in_any_second():
    rate = MessageRate()
    for number in range(50):
        assert rate.wait_s(number / 100) == 0
        rate.take(number / 100)
    assert rate.wait_s(0.5) == pytest.approx(0.5)
    assert rate.wait_s(1.0) == 0


@pytest.fixture
async def flooding(request):
    """A client that asks as fast as it can, on a gateway of one variant; its codes."""
    settings = stepped(exchange=ExchangeSettings(seed=seed_with(message_rate=request.param)))
    async with await serve(settings) as gateway:
        ib, codes = IB(), []
        ib.client.MaxRequests = 0
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
        ib.errorEvent += lambda number, code, text, contract: codes.append((number, code, text))
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        trades = [ib.placeOrder(stock, LimitOrder("BUY", 1, 50.0)) for _ in range(70)]
        yield gateway, ib, trades, codes
        ib.disconnect()


async def until(condition):
    """Wait until it holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("flooding", ["paced"], indirect=True)
async def test_messages_beyond_the_limit_wait_in_their_order(flooding):
    gateway, _, trades, codes = flooding
    await until(lambda: all(trade.orderStatus.status == "Submitted" for trade in trades))
    assert len(gateway.exchange.orders.open_list) == 70
    numbers = [order.terms.orderId for order in gateway.exchange.orders.open_list]
    assert numbers == sorted(numbers)
    assert [code for _, code, _ in codes if code == 100] == []


@pytest.mark.parametrize("flooding", ["refused"], indirect=True)
async def test_messages_beyond_the_limit_are_refused_and_do_nothing(flooding):
    gateway, ib, _, codes = flooding
    await until(lambda: any(code == 100 for _, code, _ in codes))
    number, _, text = next(entry for entry in codes if entry[1] == 100)
    assert number == -1
    assert text.startswith("Max rate of messages per second has been exceeded:max=50 rec=51")
    assert len(gateway.exchange.orders.open_list) < 50
    assert ib.isConnected()


@pytest.mark.parametrize("flooding", ["disconnected"], indirect=True)
async def test_a_client_beyond_the_limit_may_be_disconnected(flooding):
    gateway, ib, _, _ = flooding
    await until(lambda: not ib.isConnected())
    said = [entry for entry in gateway.record.after(0) if entry["name"] == "error"]
    assert said[-1]["fields"]["code"] == 100
    assert gateway.exchange.state()["clients"] == []


async def test_a_client_that_asks_for_pacing_is_paced():
    settings = stepped(exchange=ExchangeSettings(seed=seed_with(message_rate="refused")))
    async with await serve(settings) as gateway:
        ib, codes = IB(), []
        ib.errorEvent += lambda number, code, text, contract: codes.append(code)
        ib.client.MaxRequests = 0
        ib.client.setConnectOptions("+PACEAPI")
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        trades = [ib.placeOrder(stock, LimitOrder("BUY", 1, 50.0)) for _ in range(70)]
        await until(lambda: all(trade.orderStatus.status == "Submitted" for trade in trades))
        assert len(gateway.exchange.orders.open_list) == 70
        assert 100 not in codes
        ib.disconnect()
