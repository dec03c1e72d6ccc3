"""Short ways to write orders and to read what the exchange said, for the exchange's tests."""

from __future__ import annotations

from decimal import Decimal

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.orders import OpenOrder, PlaceOrder
from hydra.gateway.responses import Error, OrderStatus
from hydra.gateway.values import Contract
from hydra.gateway.variants import variant

APPLE = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
PRICES = (
    *("lmtPrice", "auxPrice", "totalQuantity", "trailStopPrice", "trailingPercent"),
    "lmtPriceOffset",
)


def order(order_id, kind="MKT", side="BUY", size=100, **terms):
    """A placeOrder; prices may be texts."""
    exact = {key: Decimal(v) if key in PRICES else v for key, v in terms.items()}
    contract = exact.pop("contract", APPLE)
    known = {"action": side, "totalQuantity": Decimal(size), "orderType": kind, **exact}
    return PlaceOrder(order_id, contract, **known)


def statuses(posted, order_id):
    """The statuses of one order, in the order in which they were told, repeats left out."""
    told = [r.status for _, r in posted if isinstance(r, OrderStatus) and r.orderId == order_id]
    return [s for at, s in enumerate(told) if at == 0 or told[at - 1] != s]


def whys(posted, order_id):
    """Why one order is held, as its statuses tell."""
    return [r.whyHeld for _, r in posted if isinstance(r, OrderStatus) and r.orderId == order_id]


def errors(posted):
    """Number and code of each error."""
    return [(r.reqId, r.code) for _, r in posted if isinstance(r, Error)]


def echo(posted, order_id):
    """The last openOrder of one order."""
    return [r for _, r in posted if isinstance(r, OpenOrder) and r.orderId == order_id][-1]


def fills(exchange, order_id):
    """Signed quantity and price of one order's executions."""
    return [
        (done.quantity, done.price)
        for done in exchange.orders.executions
        if done.order.terms.orderId == order_id
    ]


def seed_where(**answers):
    """The first seed whose gateway gives these answers to these questions of `variants`."""
    return next(
        seed
        for seed in range(10_000)
        if all(variant(seed, question) == answer for question, answer in answers.items())
    )


def started_where(**answers):
    """An exchange of such a seed with client 1 logged on at server version 178."""
    exchange = shipped_exchange(ExchangeSettings(seed=seed_where(**answers)))
    exchange.connect(1, 178)
    return exchange
