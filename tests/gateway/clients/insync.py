"""A conversation held by ib_insync; prints what it heard as JSON.

Run by `test_acceptance` in an environment of its own: `insync.py PORT ORDER_TYPE …`.
"""

from __future__ import annotations

import json
import sys

from ib_insync import IB, LimitOrder, MarketOrder, Order, Stock

PRICES = {
    "LMT": {"lmtPrice": 10.0},
    "STP": {"auxPrice": 150.0},
    "STP LMT": {"auxPrice": 150.0, "lmtPrice": 151.0},
    "TRAIL": {"auxPrice": 20.0},
    "TRAIL LIMIT": {"auxPrice": 20.0, "trailStopPrice": 110.0, "lmtPriceOffset": 1.0},
    "MIT": {"auxPrice": 10.0},
    "LIT": {"auxPrice": 10.0, "lmtPrice": 9.0},
    "LOC": {"lmtPrice": 10.0},
    "MIDPRICE": {"lmtPrice": 10.0},
    "REL": {"lmtPrice": 10.0, "auxPrice": 0.05},
}
ALIVE = {"PreSubmitted", "Submitted", "Filled"}
NOTICES = {2104, 2106, 2107, 2108, 2158, 399, 202, 10148}


def wait(ib, condition):
    for _ in range(500):
        if condition():
            return True
        ib.sleep(0.02)
    raise TimeoutError


def every_type(ib, stock, types):
    alive = []
    for kind in types:
        terms = Order(action="BUY", totalQuantity=100, orderType=kind, tif="DAY")
        for name, value in PRICES.get(kind, {}).items():
            setattr(terms, name, value)
        trade = ib.placeOrder(stock, terms)
        wait(ib, lambda trade=trade: trade.orderStatus.status in ALIVE)
        if not trade.isDone():
            ib.cancelOrder(trade.order)
            wait(ib, trade.isDone)
        alive.append(kind)
    return alive


def fill(ib, stock):
    trade = ib.placeOrder(stock, MarketOrder("BUY", 100, orderRef="mine"))
    wait(ib, lambda: trade.fills and trade.fills[0].commissionReport.commission)
    execution = trade.fills[0].execution
    cost = trade.fills[0].commissionReport.commission
    return [execution.shares, execution.price, execution.orderRef, cost]


def modify(ib, stock):
    trade = ib.placeOrder(stock, LimitOrder("BUY", 100, 10.0, tif="DAY"))
    wait(ib, lambda: trade.orderStatus.status == "Submitted")
    told = []
    ib.openOrderEvent += told.append
    trade.order.lmtPrice = 11.0
    ib.placeOrder(stock, trade.order)
    wait(ib, lambda: told)
    open_orders = ib.reqOpenOrders()
    ib.cancelOrder(trade.order)
    wait(ib, trade.isDone)
    return [t.order.lmtPrice for t in open_orders] == [11.0]


def bracket(ib, stock):
    family = ib.bracketOrder("BUY", 100, 10.0, 150.0, 5.0, tif="DAY")
    trades = [ib.placeOrder(stock, one) for one in family]
    wait(ib, lambda: all(t.orderStatus.status in ALIVE for t in trades))
    alive = [t.orderStatus.status for t in trades]
    ib.cancelOrder(trades[0].order)
    wait(ib, lambda: all(t.isDone() for t in trades))
    return [alive, [t.orderStatus.status for t in trades]]


def listings(ib):
    done = ib.reqExecutions()
    completed = ib.reqCompletedOrders(False)
    filled = any(t.orderStatus.status == "Filled" for t in completed)
    return {"executions": len(done), "completed": filled}


def main(port, types):
    ib, codes = IB(), set()
    ib.errorEvent += lambda _, code, *__: codes.add(code)
    ib.connect("127.0.0.1", port, clientId=7)
    stock = Stock("AAPL", "SMART", "USD")
    found = [
        [details.contract.conId, details.longName]
        for wanted in (stock, Stock(conId=265598), Stock(localSymbol="AAPL"))
        for details in ib.reqContractDetails(wanted)
    ]
    ib.qualifyContracts(stock)
    daily = ib.reqHistoricalData(stock, "", "10 D", "1 day", "TRADES", True)
    hourly = ib.reqHistoricalData(stock, "", "1 D", "1 hour", "MIDPOINT", True)
    (ticker,) = ib.reqTickers(stock)
    values = {(v.tag, v.currency): v.value for v in ib.accountValues()}
    told = {
        "version": ib.client.serverVersion(),
        "contracts": found,
        "bars": {
            "daily": [daily[0].date.strftime("%Y%m%d"), len(daily)],
            "hourly": hourly[0].date.strftime("%Y%m%d %H:%M:%S"),
        },
        "quotes": ticker.bid < ticker.last < ticker.ask,
        "account": [
            values["NetLiquidation", "USD"],
            int(ib.reqCurrentTime().timestamp()),
        ],
        "what_if": ib.whatIfOrder(stock, MarketOrder("BUY", 100)).initMarginChange,
        "fill": fill(ib, stock),
        "modify": modify(ib, stock),
        "types": every_type(ib, stock, types),
        "listings": listings(ib),
    }
    if "STP" in types:
        told["bracket"] = bracket(ib, stock)
    told["errors"] = sorted(codes - NOTICES)
    last = ib.client.getReqId()
    ib.disconnect()
    ib.sleep(0.1)
    ib.connect("127.0.0.1", port, clientId=7)
    told["id_after_reconnect"] = ib.client.getReqId() > 0 < last
    told["after_reconnect"] = listings(ib)
    ib.disconnect()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
