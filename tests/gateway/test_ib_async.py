"""An unmodified ib_async client against the gateway over TCP."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from ib_async import IB, Forex, Index, LimitOrder, MarketOrder, Stock
from tornado.httpclient import AsyncHTTPClient


async def step(gateway, to):
    """Move the gateway's clock through its control port."""
    url = f"http://127.0.0.1:{gateway.control_port}/clock"
    body = f'{{"to": "{to}"}}'
    await AsyncHTTPClient().fetch(
        url, method="POST", body=body, headers={"Content-Type": "application/json"}
    )


async def until(condition):
    """Wait until the client has seen what the gateway sent."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


async def test_connecting_brings_account_positions_and_orders_without_time_outs(client):
    assert client.managedAccounts() == ["DU1234567"]
    values = {(v.tag, v.currency): v.value for v in client.accountValues()}
    assert values["NetLiquidation", "USD"] == "1000000.00"
    assert values["CashBalance", "BASE"] == "1000000.00"
    assert client.positions() == []


async def test_the_account_summary_has_the_ledger(client):
    rows = await client.accountSummaryAsync()
    tags = {(row.tag, row.currency): row.value for row in rows}
    assert tags["BuyingPower", "USD"] == "4000000.00"
    assert tags["TotalCashBalance", "USD"] == "1000000.00"


@pytest.mark.parametrize(
    "contract",
    [
        Stock("AAPL", "SMART", "USD"),
        Stock(conId=265598),
        Stock(localSymbol="AAPL", primaryExchange="NASDAQ"),
    ],
)
async def test_contracts_are_found_by_any_key(client, contract):
    (details,) = await client.reqContractDetailsAsync(contract)
    assert (details.contract.conId, details.contract.exchange) == (265598, "SMART")
    assert details.longName == "APPLE INC"


async def test_an_unknown_contract_is_not_qualified(client):
    assert await client.qualifyContractsAsync(Stock("NOSUCH", "SMART", "USD")) == [None]


async def test_daily_bars_are_the_history_s_own_and_end_with_the_one_in_the_making(client, stock):
    bars = await client.reqHistoricalDataAsync(stock, "", "1 Y", "1 day", "TRADES", useRTH=True)
    assert len(bars) == 252
    assert (bars[-2].date, bars[-2].close) == (date(2012, 9, 28), 86.0983)
    assert bars[-1].date == date(2012, 10, 1)
    assert bars[-1].open == 86.67


@pytest.mark.parametrize("end", ["20120928 16:00:00 US/Eastern", "20120928-20:00:00"])
async def test_bars_end_at_the_asked_moment(client, stock, end):
    bars = await client.reqHistoricalDataAsync(stock, end, "5 D", "1 day", "TRADES", useRTH=True)
    assert [bar.date.day for bar in bars] == [24, 25, 26, 27, 28]


async def test_intraday_bars_stay_within_their_day_and_share_its_volume(client, stock):
    bars = await client.reqHistoricalDataAsync(
        stock, "20120928 16:00:00 US/Eastern", "1 D", "30 mins", "TRADES", True, formatDate=2
    )
    assert bars[0].date == datetime(2012, 9, 28, 13, 30, tzinfo=UTC)
    assert len(bars) == 13
    assert sum(bar.volume for bar in bars) == 148076222
    assert max(bar.high for bar in bars) <= 87.9058
    assert bars[-1].close == 86.10


async def test_midpoint_bars_have_no_volume(client, stock):
    bars = await client.reqHistoricalDataAsync(stock, "", "2 D", "1 hour", "MIDPOINT", useRTH=True)
    assert {(bar.volume, bar.average, bar.barCount) for bar in bars} == {(-1, -1, -1)}


async def test_currencies_have_no_trades(client):
    (pair,) = await client.qualifyContractsAsync(Forex("EURUSD"))
    assert not await client.reqHistoricalDataAsync(pair, "", "2 D", "1 hour", "TRADES", True)


async def test_quotes_stream_as_the_clock_moves(gateway, client, stock):
    ticker = client.reqMktData(stock)
    await until(lambda: ticker.ask == ticker.ask)
    assert (ticker.bid, ticker.last, ticker.ask) == (86.66, 86.67, 86.68)
    await step(gateway, "2012-10-01T15:00:00Z")
    await until(lambda: ticker.last != 86.67)
    assert 84.72 <= ticker.last <= 87.35


async def test_snapshots_end(client, stock):
    (index,) = await client.qualifyContractsAsync(Index("SPX", "CBOE"))
    tickers = await client.reqTickersAsync(stock, index)
    assert [ticker.last > 0 for ticker in tickers] == [True, True]


async def test_a_market_order_is_filled_with_its_commission(client, stock):
    trade = client.placeOrder(stock, MarketOrder("BUY", 100))
    await until(lambda: trade.fills and trade.fills[0].commissionReport.commission)
    assert trade.orderStatus.status == "Filled"
    assert trade.fills[0].execution.price == 86.68
    assert trade.fills[0].commissionReport.commission == 1.0
    await until(client.positions)
    assert client.positions()[0].position == 100
    await until(client.portfolio)
    assert client.portfolio()[0].marketValue == 8667.0


async def test_a_limit_order_is_cancelled(client, stock):
    trade = client.placeOrder(stock, LimitOrder("BUY", 100, 1.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    client.cancelOrder(trade.order)
    await until(trade.isDone)
    assert trade.orderStatus.status == "Cancelled"


async def test_an_order_sent_at_night_fills_at_the_next_open(gateway, client, stock):
    await step(gateway, "close")
    trade = client.placeOrder(stock, MarketOrder("BUY", 10))
    await until(lambda: trade.orderStatus.status == "PreSubmitted")
    assert 399 in [entry.errorCode for entry in trade.log]
    await step(gateway, "next_open")
    await until(trade.isDone)
    assert trade.fills[0].execution.time == datetime(2012, 10, 2, 13, 30, tzinfo=UTC)


async def test_a_what_if_returns_margins(client, stock):
    state = await client.whatIfOrderAsync(stock, MarketOrder("BUY", 100))
    assert state.initMarginChange == "4333.50"
    assert state.commission == 1.0


async def test_executions_and_completed_orders_are_there_after_a_reconnect(gateway, stock, client):
    trade = client.placeOrder(stock, MarketOrder("BUY", 100, orderRef="mine"))
    await until(trade.isDone)
    client.disconnect()
    await until(lambda: not gateway.exchange.venue.versions)
    again = IB()
    await again.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
    fills = await again.reqExecutionsAsync()
    assert [fill.execution.orderRef for fill in fills] == ["mine"]
    completed = await again.reqCompletedOrdersAsync(False)
    assert [done.orderStatus.status for done in completed] == ["Filled"]
    assert again.client.getReqId() > trade.order.orderId
    again.disconnect()


async def test_two_clients_have_their_own_orders(gateway, client, stock):
    other = IB()
    await other.connectAsync("127.0.0.1", gateway.port, clientId=2, raiseSyncErrors=True)
    trade = client.placeOrder(stock, LimitOrder("BUY", 100, 1.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    assert other.openTrades() == []
    assert [t.order.clientId for t in await other.reqAllOpenOrdersAsync()] == [1]
    other.disconnect()


async def test_a_client_number_in_use_is_told_326_and_closed(gateway, client):
    second, errors = IB(), []
    second.errorEvent += lambda _, code, *__: errors.append(code)
    with pytest.raises(TimeoutError):
        await second.connectAsync("127.0.0.1", gateway.port, clientId=1, timeout=0.5)
    assert errors == [326]


async def test_the_current_time_is_the_market_s(client):
    assert await client.reqCurrentTimeAsync() == datetime(2012, 10, 1, 13, 30, tzinfo=UTC)


async def test_the_books_agree_with_what_the_client_saw(gateway, client, stock):
    for side, size in [("BUY", 100), ("SELL", 40)]:
        trade = client.placeOrder(stock, MarketOrder(side, size))
        await until(trade.isDone)
    state = gateway.exchange.state()
    assert [Decimal(e["quantity"]) for e in state["executions"]] == [100, -40]
    assert state["positions"][0]["quantity"] == "60"
    tag = "NetLiquidation"
    await until(
        lambda: (
            [v.value for v in client.accountValues() if v.tag == tag] == [state["net_liquidation"]]
        )
    )
