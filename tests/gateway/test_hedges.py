"""Hedging orders: children whose size follows from what their parent traded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async import LimitOrder, Order, Stock

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import CancelOrder
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, echo, errors, fills, order, statuses, whys

MICROSOFT = Contract(symbol="MSFT", secType="STK", exchange="SMART", currency="USD")
SAP = Contract(symbol="SAP", secType="STK", exchange="IBIS", currency="EUR")
EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
PAIR = {"contract": MICROSOFT, "parentId": 1, "hedgeType": "P", "hedgeParam": "2", "size": 0}


def minutes(exchange, count):
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


def traded(exchange, number):
    return sum(quantity for quantity, _ in fills(exchange, number))


def test_a_currency_hedge_trades_what_its_parent_cost(started):
    (sap,) = started.venue.find(SAP)
    limit = (started.venue.mark(sap) * Decimal("1.02") / sap.tick).to_integral_value() * sap.tick
    parent = order(1, "LMT", size=300, contract=SAP, lmtPrice=str(limit), transmit=False)
    started.handle(1, parent)
    hedge = order(2, "MKT", contract=EURO, size=0, parentId=1, hedgeType="F")
    told = started.handle(1, hedge)
    cost = sum(quantity * price for quantity, price in fills(started, 1))
    assert cost > 0
    assert traded(started, 2) == round(cost)
    assert echo(told, 2).totalQuantity == round(cost)


def test_a_pair_trades_its_ratio_of_what_its_parent_traded(started):
    started.handle(1, order(1, "LMT", lmtPrice="86.00", tif="GTC"))
    told = started.handle(1, order(2, "MKT", "SELL", tif="GTC", **PAIR))
    assert (statuses(told, 2), whys(told, 2)[-1]) == (["PreSubmitted"], "child")
    assert echo(told, 2).ocaGroup == ""  # it is no exit of its parent's
    started.command("close")
    assert traded(started, 1) == 100
    assert traded(started, 2) == -200


def test_a_beta_hedge_is_worth_beta_times_its_parent(started):
    started.handle(1, order(1, "LMT", lmtPrice="86.00"))
    beta = PAIR | {"hedgeType": "B", "hedgeParam": "0.5"}
    started.handle(1, order(2, "MKT", "SELL", **beta))
    started.command("close")
    ((quantity, price),) = fills(started, 2)
    assert abs(-quantity * price - 100 * Decimal("86.00") / 2) <= price


def test_a_hedge_follows_a_parent_that_was_filled_before(started):
    started.handle(1, order(1))
    started.handle(1, order(2, "MKT", "SELL", **PAIR | {"hedgeParam": "0.3"}))
    assert traded(started, 2) == -30


def test_a_hedge_of_a_parent_that_is_cancelled_goes_with_it(started):
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    started.handle(1, order(2, "MKT", "SELL", **PAIR))
    told = started.handle(1, CancelOrder(1))
    assert statuses(told, 2) == ["Cancelled"]
    assert not started.orders.open_list


def test_a_hedge_outlives_a_restart(started):
    started.handle(1, order(1, "LMT", lmtPrice="86.00", tif="GTC"))
    started.handle(1, order(2, "MKT", "SELL", tif="GTC", **PAIR))
    other = resumed(snapshot(started))
    other.connect(1, 178)
    other.command("close")
    assert traded(other, 2) == -200


def test_the_price_of_a_hedge_can_be_changed_and_its_kind_not(started):
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    started.handle(1, order(2, "LMT", "SELL", lmtPrice="29.00", **PAIR))
    assert errors(started.handle(1, order(2, "LMT", "SELL", lmtPrice="30.00", **PAIR))) == []
    told = started.handle(
        1, order(2, "LMT", "SELL", lmtPrice="30.00", **PAIR | {"hedgeParam": "3"})
    )
    assert errors(told) == [(2, 105)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hedgeType": "D"}, 10010),
        ({"hedgeType": "X"}, 10007),
        ({"hedgeType": "F"}, 10007),
        ({"contract": EURO}, 10007),
        ({"contract": EURO, "hedgeType": "F", "hedgeParam": ""}, 10007),
        ({"hedgeParam": ""}, 10009),
        ({"hedgeParam": "two"}, 10009),
        ({"hedgeParam": "-1"}, 10009),
        ({"hedgeType": "B", "hedgeParam": "NaN"}, 10008),
        ({"size": 100}, 321),
        ({"parentId": 0}, 10006),
        ({"parentId": 77}, 10006),
    ],
)
def test_a_hedge_that_is_not_whole_is_refused_by_its_code(started, change, code):
    japanese = Contract(symbol="7203", secType="STK", exchange="TSEJ", currency="JPY")
    parent = japanese if change.get("contract") == EURO else APPLE
    started.handle(1, order(1, "LMT", lmtPrice="80", contract=parent))
    told = started.handle(1, order(2, "MKT", "SELL", **PAIR | change))
    assert errors(told)[-1] == (2, code)
    assert not fills(started, 2)


async def test_a_client_hedges_a_pair(gateway, client, stock):
    (other,) = await client.qualifyContractsAsync(Stock("MSFT", "SMART", "USD"))
    parent = LimitOrder("BUY", 100, 90.0, transmit=False, tif="DAY")
    parent.orderId = client.client.getReqId()
    client.placeOrder(stock, parent)
    hedge = Order(action="SELL", orderType="MKT", totalQuantity=0, tif="DAY")
    hedge.parentId, hedge.hedgeType, hedge.hedgeParam = parent.orderId, "P", "1.5"
    sold = client.placeOrder(other, hedge)
    while not sold.isDone():
        await client.updateEvent
    assert {p.contract.symbol: p.position for p in client.positions()} == {
        "AAPL": 100,
        "MSFT": -150,
    }


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 4000),
    ratio=st.decimals("0.01", "4", places=2),
    limit=st.integers(8480, 8700),
    kind=st.sampled_from(["P", "B"]),
)
def test_a_hedge_is_never_of_more_than_what_its_parent_traded(size, ratio, limit, kind):
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    exchange.handle(1, order(1, "LMT", size=size, lmtPrice=str(Decimal(limit) / 100)))
    hedge = PAIR | {"hedgeType": kind, "hedgeParam": str(ratio)}
    exchange.handle(1, order(2, "MKT", "SELL", **hedge))
    minutes(exchange, 388)
    (msft,) = exchange.venue.find(MICROSOFT)
    held = exchange.venue.account.held(msft.conId).quantity
    assert held == traded(exchange, 2)
    done = sum(q * p for q, p in fills(exchange, 1)) if kind == "B" else traded(exchange, 1)
    own = sum(q * p for q, p in fills(exchange, 2)) if kind == "B" else traded(exchange, 2)
    step = exchange.venue.mark(msft) if kind == "B" else 1
    assert abs(own) <= abs(done) * ratio * Decimal("1.03") + step
