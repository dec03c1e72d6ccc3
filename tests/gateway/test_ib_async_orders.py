"""Order types, brackets, groups and futures with an unmodified ib_async client over TCP."""

from __future__ import annotations

import asyncio

import pytest
from ib_async import (
    ContFuture,
    Forex,
    Future,
    LimitOrder,
    MarketOrder,
    Order,
    PriceCondition,
    Stock,
    StopLimitOrder,
    StopOrder,
    TagValue,
)

from tests.gateway.test_ib_async import step, until


async def filled(trade):
    """Wait until a trade is filled and its last commission has come."""
    await until(lambda: trade.fills and trade.fills[-1].commissionReport.commission)
    await until(trade.isDone)


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (StopOrder("SELL", 100, 80.0), "PreSubmitted"),
        (StopLimitOrder("SELL", 100, 79.0, 80.0), "PreSubmitted"),
        (Order(action="SELL", totalQuantity=100, orderType="TRAIL", auxPrice=3.0), "PreSubmitted"),
        (
            Order(
                action="SELL",
                totalQuantity=100,
                orderType="TRAIL LIMIT",
                auxPrice=3.0,
                trailStopPrice=80.0,
                lmtPriceOffset=0.1,
            ),
            "PreSubmitted",
        ),
        (Order(action="BUY", totalQuantity=100, orderType="MIT", auxPrice=80.0), "PreSubmitted"),
        (
            Order(action="BUY", totalQuantity=100, orderType="LIT", auxPrice=80.0, lmtPrice=80.1),
            "PreSubmitted",
        ),
        (Order(action="BUY", totalQuantity=100, orderType="MOC"), "Submitted"),
        (Order(action="BUY", totalQuantity=100, orderType="LOC", lmtPrice=80.0), "Submitted"),
        (Order(action="BUY", totalQuantity=100, orderType="REL", auxPrice=0.01), "Submitted"),
        (Order(action="BUY", totalQuantity=100, orderType="MIDPRICE"), "Submitted"),
    ],
)
async def test_every_order_type_is_taken_and_cancelled(client, stock, order, status):
    trade = client.placeOrder(stock, order)
    await until(lambda: trade.orderStatus.status == status)
    client.cancelOrder(trade.order)
    await until(trade.isDone)
    assert trade.orderStatus.status == "Cancelled"


async def test_a_bracket_of_the_client_works_from_entry_to_exit(gateway, client, stock):
    parent, profit, stop = client.bracketOrder("BUY", 100, 86.69, 87.20, 85.00)
    entry, take, loss = (client.placeOrder(stock, order) for order in (parent, profit, stop))
    await filled(entry)
    await until(lambda: take.orderStatus.status == "Submitted")
    await until(lambda: loss.orderStatus.whyHeld == "trigger")
    await step(gateway, "close")
    await filled(take)
    await until(loss.isDone)
    assert loss.orderStatus.status == "Cancelled"
    assert [fill.execution.price for fill in take.fills] == [87.2]


async def test_the_client_s_group_cancels_what_is_left(gateway, client, stock):
    orders = [LimitOrder("SELL", 100, 87.10), StopOrder("SELL", 100, 85.00)]
    trades = [client.placeOrder(stock, one) for one in client.oneCancelsAll(orders, "g", 1)]
    await until(lambda: all(trade.orderStatus.status for trade in trades))
    await step(gateway, "close")
    await until(lambda: all(trade.isDone() for trade in trades))
    assert [trade.orderStatus.status for trade in trades] == ["Filled", "Cancelled"]


async def test_a_stop_is_moved_and_keeps_its_permanent_id(client, stock):
    trade = client.placeOrder(stock, StopOrder("SELL", 100, 80.0))
    await until(lambda: trade.orderStatus.status == "PreSubmitted")
    perm_id = trade.order.permId
    trade.order.auxPrice = 81.0
    client.placeOrder(stock, trade.order)
    again = await client.reqAllOpenOrdersAsync()
    # The change's own openOrder may come while the list is on its way.
    assert {one.order.permId for one in again} == {perm_id}
    assert again[-1].order.auxPrice == 81.0


async def test_a_conditional_order_comes_back_with_its_condition(client, stock):
    order = MarketOrder("BUY", 100)
    order.conditions = [PriceCondition(isMore=True, price=99.0, conId=stock.conId, exch="SMART")]
    trade = client.placeOrder(stock, order)
    await until(lambda: trade.orderStatus.status == "PreSubmitted")
    (again,) = await client.reqAllOpenOrdersAsync()
    assert [condition.price for condition in again.order.conditions] == [99.0]


async def test_a_large_market_order_walks_the_book_in_several_fills(client, stock):
    trade = client.placeOrder(stock, MarketOrder("BUY", 5000))
    await filled(trade)
    prices = [fill.execution.price for fill in trade.fills]
    assert len(prices) > 1
    assert prices == sorted(prices)
    assert sum(fill.execution.shares for fill in trade.fills) == 5000
    assert trade.fills[-1].execution.cumQty == 5000


async def test_an_adaptive_order_names_its_algorithm(client, stock):
    order = MarketOrder("BUY", 100)
    order.algoStrategy, order.algoParams = "Adaptive", [TagValue("adaptivePriority", "Normal")]
    trade = client.placeOrder(stock, order)
    await filled(trade)
    assert trade.order.algoStrategy == "Adaptive"


async def test_a_position_that_is_closed_leaves_the_portfolio_of_who_follows_it(client):
    (apple,) = await client.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
    await filled(client.placeOrder(apple, MarketOrder("BUY", 10)))
    await client.reqAccountUpdatesAsync("")
    assert [item.position for item in client.portfolio()] == [10]
    await filled(client.placeOrder(apple, MarketOrder("SELL", 10)))
    await client.reqAccountUpdatesAsync("")
    assert client.portfolio() == []


async def test_a_future_is_found_by_its_month_and_traded(client):
    (front,) = await client.qualifyContractsAsync(Future("ES", "201212", "CME"))
    assert (front.localSymbol, front.multiplier) == ("ESZ2", "50")
    trade = client.placeOrder(front, MarketOrder("BUY", 1))
    await filled(trade)
    assert trade.fills[0].commissionReport.commission == 2.25
    await until(client.portfolio)
    (item,) = client.portfolio()
    assert item.marketValue == pytest.approx(item.marketPrice * 50)


async def test_a_future_without_a_month_is_ambiguous_and_a_continuous_one_is_the_front(client):
    months = await client.reqContractDetailsAsync(Future("ES", exchange="CME"))
    assert len(months) > 3
    (front,) = await client.reqContractDetailsAsync(ContFuture("ES", "CME"))
    assert front.contract.localSymbol == "ESZ2"


async def test_currencies_are_traded_in_their_own_lots(client):
    (pair,) = await client.qualifyContractsAsync(Forex("USDJPY"))
    trade = client.placeOrder(pair, MarketOrder("SELL", 20_000))
    await filled(trade)
    assert trade.fills[0].execution.price == pytest.approx(78.0, abs=5)


async def test_modelled_stocks_have_bars_and_quotes(client):
    (fund,) = await client.qualifyContractsAsync(Stock("SPY", "SMART", "USD"))
    bars = await client.reqHistoricalDataAsync(fund, "", "1 Y", "1 day", "TRADES", useRTH=True)
    assert len(bars) == 252
    (ticker,) = await client.reqTickersAsync(fund)
    assert ticker.bid < ticker.ask


async def test_a_what_if_of_a_future_tells_its_margin(client):
    (front,) = await client.qualifyContractsAsync(Future("ES", "201212", "CME"))
    async with asyncio.timeout(5):
        state = await client.whatIfOrderAsync(front, MarketOrder("BUY", 2))
    assert (state.initMarginChange, state.commission) == ("12320.00", 4.5)
