"""Adjustable stops against the path of 2012-10-01: AAPL goes from 86.67 to 87.34 and to 84.73."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from ib_async import Contract as IbContract
from ib_async import Order

from hydra.gateway.snapshot import resumed, snapshot
from tests.gateway.flow import echo, errors, fills, order, statuses, whys

UP = {"triggerPrice": Decimal("87.20"), "adjustedStopPrice": Decimal("86.90")}
BASE = {"auxPrice": "80.00", "adjustedOrderType": "STP", **UP}


def minutes(exchange, count):
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


def test_an_adjustable_stop_becomes_another_at_its_trigger_price(started):
    placed = started.handle(1, order(1, "STP", "SELL", **BASE))
    assert statuses(placed, 1) == ["PreSubmitted"]
    assert (echo(placed, 1).adjustedOrderType, echo(placed, 1).triggerPrice) == (
        "STP",
        Decimal("87.20"),
    )
    told = minutes(started, 47)
    assert (echo(told, 1).auxPrice, echo(told, 1).adjustedOrderType) == (Decimal("86.90"), "None")
    assert whys(told, 1)[-1] == "trigger"
    started.command("close")
    ((quantity, price),) = fills(started, 1)
    assert quantity == -100
    assert Decimal("86.70") < price <= Decimal("86.90")


def test_it_stays_as_it_was_while_the_market_does_not_come_to_its_trigger(started):
    started.handle(1, order(1, "STP", "SELL", **BASE | {"triggerPrice": Decimal("95.00")}))
    started.command("close")
    assert not fills(started, 1)
    started.handle(1, order(2, "STP", "SELL", **BASE | {"auxPrice": "86.00"}))


def test_the_first_stop_triggers_when_the_market_never_goes_its_way(started):
    terms = BASE | {"auxPrice": "86.00", "triggerPrice": Decimal("95.00")}
    started.handle(1, order(1, "STP", "SELL", **terms))
    started.command("close")
    ((_, price),) = fills(started, 1)
    assert Decimal("85.90") <= price <= Decimal("86.00")


def test_a_stop_to_buy_is_adjusted_when_the_market_falls(started):
    terms = {"auxPrice": "99.00", "adjustedOrderType": "STP", "triggerPrice": Decimal("85.00")}
    started.handle(1, order(1, "STP", "BUY", **terms, adjustedStopPrice=Decimal("85.05")))
    started.command("close")
    ((quantity, price),) = fills(started, 1)
    assert quantity == 100
    assert Decimal("85.05") <= price <= Decimal("85.20")


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("STP", {}),
        ("STP LMT", {"adjustedStopLimitPrice": Decimal("86.80")}),
        ("TRAIL", {"adjustedTrailingAmount": Decimal("0.30")}),
        (
            "TRAIL LIMIT",
            {
                "adjustedTrailingAmount": Decimal("0.30"),
                "adjustedStopLimitPrice": Decimal("86.80"),
            },
        ),
    ],
)
@pytest.mark.parametrize("before", ["STP", "STP LMT", "TRAIL", "TRAIL LIMIT"])
def test_a_stop_is_adjusted_to_each_type_of_stop(started, before, kind, terms):
    first = {"auxPrice": "80.00" if before.startswith("STP") else "7.00", "lmtPrice": "79.00"}
    if before.startswith("TRAIL"):
        first |= {"trailStopPrice": "79.00"}
    placed = order(1, before, "SELL", **first, adjustedOrderType=kind, **UP, **terms)
    assert errors(started.handle(1, placed)) == []
    told = minutes(started, 47)
    assert echo(told, 1).orderType == kind
    started.command("close")
    if kind.endswith(("LMT", "LIMIT")):
        assert all(price >= Decimal("86.75") for _, price in fills(started, 1))
    assert sum(quantity for quantity, _ in fills(started, 1)) in {0, -100}
    assert fills(started, 1) or kind.endswith(("LMT", "LIMIT"))


@pytest.mark.parametrize(("unit", "amount"), [(0, "0.20"), (1, "0.25")])
def test_an_adjusted_trail_trails_by_its_amount_or_percentage(started, unit, amount):
    terms = {"adjustedTrailingAmount": Decimal(amount), "adjustableTrailingUnit": unit}
    placed = order(1, "STP", "SELL", auxPrice="80.00", adjustedOrderType="TRAIL", **UP | terms)
    started.handle(1, placed)
    told = started.command("close")
    assert echo(told, 1).adjustedOrderType == "None"  # it is adjusted once
    ((_, price),) = fills(started, 1)
    distance = Decimal("0.20") if unit == 0 else Decimal("0.22")
    assert Decimal("87.34") - distance - Decimal("0.10") <= price <= Decimal("87.34") - distance


def test_an_adjusted_trail_begins_at_its_adjusted_stop(started):
    terms = {"adjustedTrailingAmount": Decimal("0.60"), "adjustedOrderType": "TRAIL"}
    started.handle(1, order(1, "STP", "SELL", auxPrice="80.00", **UP | terms))
    told = minutes(started, 47)  # 87.34 less 0.60 would be below it
    assert echo(told, 1).trailStopPriceRepeated == Decimal("86.90")
    assert started.orders.open_list[0].stop == Decimal("86.90")


def test_an_adjustable_stop_outlives_a_restart_before_and_after_it_is_adjusted(started):
    started.handle(1, order(1, "STP", "SELL", **BASE))
    other = resumed(snapshot(started))
    other.connect(1, 178)
    for exchange in (started, other):
        minutes(exchange, 47)
    assert other.orders.open_list[0].stop == started.orders.open_list[0].stop == Decimal("86.90")
    third = resumed(snapshot(other))
    third.connect(1, 178)
    started.command("close")
    third.command("close")
    assert fills(third, 1) == fills(started, 1) != []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"triggerPrice": None}, 361),
        ({"triggerPrice": Decimal("87.205")}, 361),
        ({"adjustedStopPrice": None}, 362),
        ({"adjustedStopPrice": Decimal(-1)}, 362),
        ({"adjustedStopLimitPrice": Decimal("86.80")}, 363),
        ({"adjustedOrderType": "STP LMT"}, 363),
        ({"adjustedTrailingAmount": Decimal("0.20")}, 364),
        ({"adjustableTrailingUnit": 1}, 364),
        ({"adjustedOrderType": "TRAIL"}, 364),
        ({"adjustedOrderType": "LMT"}, 10340),
        ({"adjustedOrderType": "", "triggerPrice": None}, 362),
        ({"adjustedOrderType": ""}, 361),
    ],
)
def test_an_adjustment_that_is_not_whole_is_refused_by_its_code(started, change, code):
    told = started.handle(1, order(1, "STP", "SELL", **BASE | change))
    assert errors(told) == [(1, code)]
    assert not started.orders.open_list


def test_only_stops_are_adjusted(started):
    told = started.handle(1, order(1, "LMT", "SELL", **BASE | {"lmtPrice": "99.00"}))
    assert errors(told) == [(1, 10340)]


async def test_a_client_sees_its_stop_adjusted(gateway, client, stock: IbContract):
    stop = Order(
        action="SELL",
        orderType="STP",
        totalQuantity=10,
        auxPrice=80.0,
        tif="GTC",
        adjustedOrderType="STP LMT",
        triggerPrice=87.2,
        adjustedStopPrice=86.9,
        adjustedStopLimitPrice=86.8,
    )
    trade = client.placeOrder(stock, stop)
    while trade.orderStatus.status != "PreSubmitted":
        await client.updateEvent
    gateway.exchange.advance(gateway.exchange.venue.now + timedelta(minutes=47))
    (known,) = await client.reqOpenOrdersAsync()
    assert (known.order.orderType, known.order.lmtPrice) == ("STP LMT", 86.8)
