"""Market data and statements that stream, met by an unmodified ib_async client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import ib_async
import pytest
from ib_async import IB, Forex, Index, MarketOrder, Stock

from hydra.gateway.messages import REQUESTS
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.requests import StartApi
from hydra.gateway.server import GatewayServer


async def until(condition):
    """Wait until the client has seen what the gateway sent."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


async def step(gateway: GatewayServer, client: IB, to: str) -> None:
    """Move the clock once the gateway has heard everything that the client asked."""
    await client.reqUserInfoAsync()
    gateway.deliver(gateway.exchange.command(to))


@pytest.fixture
def errors(client: IB) -> list[int]:
    """The codes that the client was told."""
    codes: list[int] = []
    client.errorEvent += lambda _, code, *__: codes.append(code)
    return codes


async def test_bars_that_are_kept_up_to_date_grow_and_roll_over(gateway, client, stock):
    bars = await client.reqHistoricalDataAsync(
        stock, "", "1 D", "1 min", "TRADES", True, 2, keepUpToDate=True
    )
    before = len(bars)
    await step(gateway, client, "2012-10-01T13:30:30Z")
    await until(lambda: bars[-1].volume > 0)
    assert len(bars) == before
    await step(gateway, client, "2012-10-01T13:32:10Z")
    await until(lambda: len(bars) == before + 2)
    assert bars[-1].date == datetime(2012, 10, 1, 13, 32, tzinfo=UTC)
    client.cancelHistoricalData(bars)


async def test_completed_bars_do_not_change_when_asked_again(gateway, client, stock):
    bars = await client.reqHistoricalDataAsync(
        stock, "", "1 D", "1 min", "TRADES", True, 2, keepUpToDate=True
    )
    await step(gateway, client, "2012-10-01T13:34:10Z")
    await until(lambda: bars[-1].date.minute == 34)
    again = await client.reqHistoricalDataAsync(stock, "", "1 D", "1 min", "TRADES", True, 2)
    assert list(again)[-5:] == list(bars)[-5:]


async def test_every_trade_and_quote_is_streamed(gateway, client, stock):
    trades, seen = client.reqTickByTickData(stock, "Last"), []
    trades.updateEvent += lambda changed: seen.extend(changed.tickByTicks)
    await step(gateway, client, "2012-10-01T13:31:00Z")
    await until(lambda: len(seen) == 12)
    assert all(84.72 <= tick.price <= 87.35 for tick in seen)
    client.cancelTickByTickData(stock, "Last")


@pytest.mark.parametrize("kind", ["BidAsk", "MidPoint", "AllLast"])
async def test_every_kind_of_tick_is_decoded(gateway, client, stock, kind):
    ticker = client.reqTickByTickData(stock, kind)
    seen = []
    ticker.updateEvent += lambda changed: seen.extend(changed.tickByTicks)
    await step(gateway, client, "2012-10-01T13:30:05Z")
    await until(lambda: seen)
    told = {"BidAsk": "bidPrice", "MidPoint": "midPoint", "AllLast": "price"}[kind]
    assert all(84.72 <= getattr(tick, told) <= 87.35 for tick in seen)


async def test_real_time_bars_come_every_five_seconds(gateway, client, stock):
    bars = client.reqRealTimeBars(stock, 5, "TRADES", useRTH=True)
    await step(gateway, client, "2012-10-01T13:30:20Z")
    await until(lambda: len(bars) == 4)
    assert [bar.time.second for bar in bars] == [5, 10, 15, 20]


@pytest.mark.parametrize("what", ["TRADES", "BID_ASK", "MIDPOINT"])
async def test_ticks_of_the_past_are_counted_from_either_end(client, stock, what):
    end = "20120928 16:00:00 US/Eastern"
    last = await client.reqHistoricalTicksAsync(stock, "", end, 10, what, useRth=True)
    start = "20120928 09:30:00 US/Eastern"
    first = await client.reqHistoricalTicksAsync(stock, start, "", 10, what, useRth=True)
    assert [len(last), len(first)] == [10, 10]
    assert first[0].time == datetime(2012, 9, 28, 13, 30, tzinfo=UTC)
    assert last[-1].time == datetime(2012, 9, 28, 19, 59, 55, tzinfo=UTC)


async def test_the_schedule_knows_half_days(gateway, client, stock):
    await step(gateway, client, "2012-11-23T18:00:00Z")
    schedule = await client.reqHistoricalScheduleAsync(stock, 3)
    assert [s.refDate for s in schedule.sessions] == ["20121120", "20121121", "20121123"]
    assert schedule.sessions[-1].endDateTime == "20121123-13:00:00"


async def test_without_a_subscription_live_data_are_refused_and_delayed_are_announced(
    gateway, client, stock, errors
):
    gateway.exchange.quotes.is_subscribed = False
    client.reqMktData(stock)
    await until(lambda: 354 in errors)
    client.cancelMktData(stock)
    client.reqMarketDataType(3)
    await step(gateway, client, "2012-10-01T15:00:00Z")
    ticker = client.reqMktData(stock)
    await until(lambda: ticker.marketDataType == 3 and ticker.bid == ticker.bid)
    assert 10167 in errors
    assert ticker.last == ticker.last


async def test_profit_and_loss_follow_position_and_price(gateway, client, stock):
    client.placeOrder(stock, MarketOrder("BUY", 100))
    single = client.reqPnLSingle("DU1234567", "", stock.conId)
    whole = client.reqPnL("DU1234567")
    await until(lambda: single.position == 100)
    await step(gateway, client, "close")
    expected = round(100 * (85.10 - 86.68) - 1, 2)
    await until(lambda: single.unrealizedPnL == pytest.approx(expected))
    assert whole.unrealizedPnL == pytest.approx(expected)
    assert whole.dailyPnL == pytest.approx(expected)


async def test_profit_and_loss_of_what_is_not_held_is_unset(client, stock, errors):
    single = client.reqPnLSingle("DU1234567", "", stock.conId)
    await until(lambda: 2150 in errors)
    assert single.position == 0


async def test_account_values_follow_the_clock(gateway, client, stock):
    client.placeOrder(stock, MarketOrder("BUY", 1000))
    await until(client.portfolio)
    await step(gateway, client, "close")
    await until(lambda: client.portfolio()[0].marketPrice == 85.10)
    [held] = client.portfolio()
    assert held.marketValue == pytest.approx(1000 * 85.10)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (lambda c, s: c.reqMktDepth(s), 10092),
        (lambda c, s: c.reqFundamentalDataAsync(s, "ReportSnapshot"), 430),
        (lambda c, s: c.reqScannerDataAsync(ib_async.ScannerSubscription()), 162),
        (lambda c, s: c.reqHistoricalNewsAsync(s.conId, "BZ", "", "", 10), 10276),
        (lambda c, s: c.getWshMetaDataAsync(), 10276),
    ],
)
async def test_what_is_not_offered_is_refused_as_the_real_gateway_does(
    client, stock, errors, what, code
):
    asked = what(client, stock)
    if asyncio.iscoroutine(asked):
        asked = asyncio.ensure_future(asked)
    await until(lambda: code in errors)
    assert errors[0] == code


async def test_lists_that_are_empty_end(client, stock):
    assert await client.reqSecDefOptParamsAsync("AAPL", "", "STK", stock.conId) == []
    headlines = await client.reqHistoricalNewsAsync(stock.conId, "BRFG+DJNL", "", "", 10)
    assert headlines in (None, [])


async def test_lists_name_what_every_account_has(client):
    assert [one.code for one in await client.reqNewsProvidersAsync()] == [
        "BRFG",
        "BRFUPDN",
        "DJNL",
    ]
    exchanges = await client.reqMktDepthExchangesAsync()
    assert [(one.exchange, one.secType, one.aggGroup) for one in exchanges] == [
        ("DTB", "OPT", 2147483647),
        ("LSEETF", "STK", 2147483647),
        ("SGX", "FUT", 2147483647),
        ("IDEALPRO", "CASH", 4),
        ("ARCA", "STK", 2147483647),
    ]
    assert len(await client.reqSmartComponentsAsync("9c0001")) == 5


def test_every_request_of_the_protocol_is_answered(exchange):
    answered = set(exchange.answers) | {StartApi}
    asked = {cls for cls in REQUESTS.values() if not cls.__name__.startswith("Verify")}
    assert asked - answered == set()
    assert PlaceOrder in answered


async def test_currencies_and_indices_show_what_they_have(gateway, client):
    pair, index = await client.qualifyContractsAsync(Forex("EURUSD"), Index("SPX", "CBOE"))
    assert (pair.conId, index.conId) == (12087792, 416904)
    ticker = client.reqMktData(index)
    await until(lambda: ticker.last > 0)
    assert ticker.bid != ticker.bid


async def test_bad_data_requests_are_told_why(client, stock, errors):
    for size, span, what in [("7 mins", "1 D", "TRADES"), ("1 day", "1 X", "TRADES")]:
        query = client.reqHistoricalDataAsync(stock, "", span, size, what, True, timeout=0.2)
        assert not await query
    assert errors.count(321) == 2
    end = datetime(2012, 9, 28, tzinfo=UTC)
    assert not await client.reqHistoricalDataAsync(
        stock, end, "1 D", "1 day", "ADJUSTED_LAST", True, timeout=0.2
    )
    assert errors.count(321) == 3
    early = "20000101 16:00:00 US/Eastern"
    assert not await client.reqHistoricalDataAsync(stock, early, "1 D", "1 day", "TRADES", True)
    assert errors[-1] == 162


async def test_an_unknown_stock_has_no_quotes_bars_or_ticks(client, errors):
    nothing = Stock("NOSUCH", "SMART", "USD", conId=5)
    client.reqMktData(nothing)
    client.reqRealTimeBars(nothing, 5, "TRADES", useRTH=True)
    await until(lambda: len(errors) == 2)
    assert errors == [200, 200]
