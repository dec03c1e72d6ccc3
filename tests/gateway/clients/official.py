"""A conversation held by Interactive Brokers' own Python API; prints what it heard as JSON.

Run by `test_acceptance` in an environment of its own: `official.py PORT ORDER_TYPE …`. It works
with every `ibapi` from 9.81 on and imports nothing else.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
import traceback

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

PATIENCE_S = 5
ALIVE = {"PreSubmitted", "Submitted", "Filled"}
NOTICES = {2104, 2106, 2107, 2108, 2158, 399, 202, 2150}


class Ear(EWrapper):
    """Remembers every callback."""

    def __init__(self):
        super().__init__()
        self.heard = []
        self.news = threading.Condition()

    def remember(self, name, values):
        with self.news:
            self.heard.append((name, values))
            self.news.notify_all()


def _remembering(name):
    def callback(self, *values):
        self.remember(name, values)

    return callback


for _name, _method in inspect.getmembers(EWrapper, inspect.isfunction):
    if not _name.startswith("_") and _name not in {"logAnswer"}:
        setattr(Ear, _name, _remembering(_name))


class Client(EClient):
    """A client whose thread reads, and who can wait for what it hears."""

    def __init__(self, port):
        self.ear = Ear()
        super().__init__(self.ear)
        self.connect("127.0.0.1", port, 7)
        self.reader_thread = threading.Thread(target=self.run, daemon=True)
        self.reader_thread.start()
        self.next_id = self.wait("nextValidId")[0]

    def wait(self, name, about=lambda values: True, since=0):
        """The values of the first callback of that name that is about something."""
        end = time.monotonic() + PATIENCE_S
        with self.ear.news:
            while True:
                for heard, values in self.ear.heard[since:]:
                    if heard == name and about(values):
                        return values
                if not self.ear.news.wait(end - time.monotonic()):
                    raise TimeoutError(f"{name} was not heard; last: {self.ear.heard[-5:]}")

    def all(self, name, about=lambda values: True):
        """The values of all callbacks of that name."""
        with self.ear.news:
            return [values for heard, values in self.ear.heard if heard == name and about(values)]

    def take_id(self):
        self.next_id += 1
        return self.next_id - 1

    def ask(self, send, name, *arguments):
        """Send a request with a fresh number; wait for the callback with that number."""
        number = self.take_id() + 100_000
        send(number, *arguments)
        return number, self.wait(name, lambda values: values[0] == number)

    def place(self, contract, **terms):
        number = self.take_id()
        self.placeOrder(number, contract, order(**terms))
        return number

    def status(self, number, wanted):
        return self.wait("orderStatus", lambda v: v[0] == number and v[1] in wanted)

    def cancel(self, number):
        extra = len(inspect.signature(self.cancelOrder).parameters) - 1
        self.cancelOrder(number, *[_no_time(self)] * extra)
        self.status(number, {"Cancelled"})


def _no_time(client):
    """What stands for no manual time: a text, or an OrderCancel in the newest versions."""
    if "orderCancel" in inspect.signature(client.cancelOrder).parameters:
        from ibapi.order_cancel import OrderCancel

        return OrderCancel()
    return ""


def stock(**terms):
    made = Contract()
    known = {"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD"}
    for name, value in (terms or known).items():
        setattr(made, name, value)
    return made


def order(**terms):
    made = Order()
    made.action, made.totalQuantity, made.tif = "BUY", 100, "DAY"
    made.eTradeOnly = made.firmQuoteOnly = False
    for name, value in terms.items():
        setattr(made, name, value)
    return made


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


def contracts(client):
    found = []
    for wanted in (
        stock(),
        stock(conId=265598),
        stock(localSymbol="AAPL", primaryExchange="NASDAQ"),
    ):
        _, (_, details) = client.ask(client.reqContractDetails, "contractDetails", wanted)
        found.append([details.contract.conId, details.longName])
    return found


def bars(client):
    number, _ = client.ask(
        client.reqHistoricalData,
        "historicalDataEnd",
        *(stock(), "", "10 D", "1 day", "TRADES", 1, 1, False, []),
    )
    daily = client.all("historicalData", lambda v: v[0] == number)
    number, _ = client.ask(
        client.reqHistoricalData,
        "historicalDataEnd",
        *(stock(), "", "1 D", "1 hour", "MIDPOINT", 1, 1, False, []),
    )
    hourly = client.all("historicalData", lambda v: v[0] == number)
    return {"daily": [daily[0][1].date, len(daily)], "hourly": hourly[0][1].date}


def quotes(client):
    number, _ = client.ask(client.reqMktData, "tickPrice", *(stock(), "", False, False, []))
    client.wait("tickPrice", lambda v: v[:2] == (number, 2))
    client.cancelMktData(number)
    client.ask(client.reqMktData, "tickSnapshotEnd", *(stock(), "", True, False, []))
    return sorted({v[1] for v in client.all("tickPrice", lambda v: v[0] == number)})


def account(client):
    client.reqAccountUpdates(True, "")
    client.wait("accountDownloadEnd")
    client.reqPositions()
    client.wait("positionEnd")
    client.ask(client.reqAccountSummary, "accountSummaryEnd", "All", "NetLiquidation")
    client.ask(client.reqPnL, "pnl", "DU1234567", "")
    client.ask(client.reqPnLSingle, "pnlSingle", "DU1234567", "", 265598)
    client.reqCurrentTime()
    values = {v[0]: v[1] for v in client.all("updateAccountValue", lambda v: v[2] != "BASE")}
    return [values["NetLiquidation"], client.wait("currentTime")[0]]


def what_if(client):
    number = client.place(stock(), orderType="MKT", whatIf=True)
    state = client.wait("openOrder", lambda v: v[0] == number)[3]
    return state.initMarginChange


def fill(client):
    number = client.place(stock(), orderType="MKT", orderRef="mine")
    client.status(number, {"Filled"})
    execution = client.wait("execDetails", lambda v: v[2].orderId == number)[2]
    name = "commissionReport" if hasattr(EWrapper, "commissionReport") else None
    report = client.wait(name or "commissionAndFeesReport")[0]
    cost = getattr(report, "commission", None) or getattr(report, "commissionAndFees", None)
    return [float(execution.shares), execution.price, execution.orderRef, cost]


def modify(client):
    number = client.place(stock(), orderType="LMT", lmtPrice=10.0)
    client.status(number, ALIVE)
    client.placeOrder(number, stock(), order(orderType="LMT", lmtPrice=11.0))
    client.wait("openOrder", lambda v: v[0] == number and v[2].lmtPrice == 11.0)
    client.cancel(number)
    return True


def every_type(client, types):
    alive = []
    for kind in types:
        number = client.place(stock(), orderType=kind, **PRICES.get(kind, {}))
        client.status(number, {"Filled"} if kind == "MKT" else ALIVE)
        client.wait("openOrder", lambda v, n=number, k=kind: v[0] == n and v[2].orderType == k)
        if kind != "MKT":
            client.cancel(number)
        alive.append(kind)
    return alive


def bracket(client):
    parent = client.place(stock(), orderType="LMT", lmtPrice=10.0, transmit=False)
    sells = {"action": "SELL", "parentId": parent}
    limit = client.place(stock(), orderType="LMT", lmtPrice=150.0, transmit=False, **sells)
    stop = client.place(stock(), orderType="STP", auxPrice=5.0, transmit=True, **sells)
    family = [parent, limit, stop]
    alive = [client.status(number, ALIVE)[1] for number in family]
    client.cancel(parent)
    return [alive, [client.status(number, {"Cancelled"})[1] for number in family]]


def listings(client):
    client.reqOpenOrders()
    client.wait("openOrderEnd")
    client.reqCompletedOrders(False)
    client.wait("completedOrdersEnd")
    number, _ = client.ask(client.reqExecutions, "execDetailsEnd", ExecutionFilter())
    done = client.all("execDetails", lambda v: v[0] == number)
    completed = {v[2].completedStatus.split(":")[0] for v in client.all("completedOrder")}
    return {"executions": len(done), "completed": "Filled Size" in completed}


def main(port, types):
    client = Client(port)
    told = {
        "version": client.serverVersion(),
        "contracts": contracts(client),
        "bars": bars(client),
        "quotes": quotes(client),
        "account": account(client),
        "what_if": what_if(client),
        "fill": fill(client),
        "modify": modify(client),
        "types": every_type(client, types),
        "listings": listings(client),
    }
    if "STP" in types:
        told["bracket"] = bracket(client)
    errors = client.all("error")
    codes = {next(x for x in v[1:3] if isinstance(x, int) and 99 < x < 20_000) for v in errors}
    told["errors"] = sorted(codes - NOTICES)
    last = max(v[0] for v in client.all("openOrder"))
    client.disconnect()
    client.reader_thread.join(PATIENCE_S)
    time.sleep(1.5)  # its own reader holds the socket open for a second, until then 326
    again = Client(port)
    told["id_after_reconnect"] = again.next_id > last
    told["after_reconnect"] = listings(again)
    again.disconnect()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    code = 1
    try:
        main(int(sys.argv[1]), sys.argv[2:])
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)  # the client's own reader thread would keep the process alive
