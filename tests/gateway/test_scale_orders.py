"""Scale orders: components that work one after the other, each at a better price."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import CancelOrder
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import ScaleTerms
from tests.gateway.flow import APPLE, echo, errors, fills, order, statuses

STEP = Decimal("0.10")
LADDER = {"scaleInitLevelSize": 200, "scaleSubsLevelSize": 100, "scalePriceIncrement": STEP}


def minutes(exchange, count):
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


def by_price(exchange, number):
    """How much traded at each price, in order."""
    found: dict[Decimal, Decimal] = {}
    for quantity, price in fills(exchange, number):
        found[price] = found.get(price, Decimal(0)) + quantity
    return list(found.items())


def test_components_work_one_after_the_other_each_at_a_better_price(started):
    placed = started.handle(1, order(1, "LMT", size=600, lmtPrice="86.00", **LADDER))
    assert echo(placed, 1).scaleInitLevelSize == 200
    started.command("close")
    assert by_price(started, 1) == [
        (Decimal("86.00"), 200),
        (Decimal("85.90"), 100),
        (Decimal("85.80"), 100),
        (Decimal("85.70"), 100),
        (Decimal("85.60"), 100),
    ]


def test_a_scale_to_sell_steps_up(started):
    terms = LADDER | {"scaleSubsLevelSize": None}
    started.handle(1, order(1, "LMT", "SELL", size=400, lmtPrice="87.00", **terms))
    started.command("close")
    assert by_price(started, 1) == [(Decimal("87.00"), -200), (Decimal("87.10"), -200)]


def test_what_is_not_reached_waits_at_the_price_of_its_component(started):
    started.handle(1, order(1, "LMT", size=5000, lmtPrice="85.00", **LADDER))
    told = started.command("close")
    (left,) = snapshot(started)["orders"]
    traded = sum(quantity for quantity, _ in fills(started, 1))
    assert 0 < traded < 1000
    assert left["component"] == (traded - 200) // 100 + 1
    assert statuses(told, 1)[-1] == "Cancelled"


def test_a_marketable_ladder_takes_all_that_is_within_its_components_at_once(started):
    started.handle(1, order(1, "LMT", size=500, lmtPrice="87.00", **LADDER))
    quote = started.venue.market.quote(started.venue.find(APPLE)[0], started.venue.seconds)
    assert sum(quantity for quantity, _ in fills(started, 1)) == 500
    assert all(price <= Decimal("87.00") for _, price in fills(started, 1))
    assert fills(started, 1)[0][1] == quote.ask


def test_a_component_waits_at_the_end_of_the_queue(started):
    started.handle(1, order(1, "LMT", size=600, lmtPrice="86.00", **LADDER))
    minutes(started, 150)
    other = order(2, "LMT", size=100, lmtPrice="85.50")
    started.handle(1, other)
    first = [o for o in started.orders.open_list if o.terms.orderId == 1]
    for one in first:
        assert one.limit == Decimal("86.00") - STEP * one.component


def test_a_component_filled_after_a_restart_is_followed_by_the_next(started):
    started.handle(1, order(1, "LMT", size=600, lmtPrice="86.00", tif="GTC", **LADDER))
    minutes(started, 120)
    other = resumed(json.loads(json.dumps(snapshot(started))))
    other.connect(1, 178)
    other.command("close")
    started.command("close")
    assert fills(other, 1) == fills(started, 1) != []


def test_random_components_are_round_lots_that_add_up(started):
    terms = {"scaleInitLevelSize": 400, "scalePriceIncrement": Decimal("0.01")}
    placed = order(
        1, "LMT", size=5000, lmtPrice="86.00", scale=ScaleTerms(randomPercent=True), **terms
    )
    assert errors(started.handle(1, placed)) == []
    started.command("close")
    sizes = [size for _, size in by_price(started, 1)]
    assert sum(sizes) == 5000
    assert len(set(sizes)) > 1
    assert all(200 <= size <= 600 and not size % 100 for size in sizes[:-1])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scalePriceIncrement": None}, 408),
        ({"scalePriceIncrement": Decimal("0.015")}, 408),
        ({"scaleInitLevelSize": None}, 409),
        ({"scaleInitLevelSize": 700}, 417),
        ({"scaleInitLevelSize": -5}, 417),
        ({"scaleSubsLevelSize": 700}, 410),
        ({"scale": ScaleTerms(profitOffset=Decimal(1))}, 418),
        ({"scale": ScaleTerms(autoReset=True)}, 446),
        ({"scale": ScaleTerms(priceAdjustValue=Decimal(1))}, 449),
        ({"scale": ScaleTerms(initFillQty=7)}, 10340),
        ({"allOrNone": True}, 10340),
        ({"hidden": True}, 10340),
        ({"minQty": 100}, 10340),
        ({"tif": "IOC"}, 111),
        ({"algoStrategy": "Twap"}, 442),
        ({"scalePriceIncrement": Decimal("25.00")}, 408),  # the last would be below 0
    ],
)
def test_a_scale_order_that_is_not_simulated_is_refused_by_its_code(started, change, code):
    told = started.handle(1, order(1, "LMT", size=600, lmtPrice="86.00", **LADDER | change))
    assert errors(told) == [(1, code)]
    assert not started.orders.open_list


def test_only_limit_orders_scale(started):
    assert errors(started.handle(1, order(1, size=600, **LADDER))) == [(1, 387)]


def test_the_ladder_of_a_live_order_is_not_changed_but_its_price_is(started):
    started.handle(1, order(1, "LMT", size=600, lmtPrice="80.00", **LADDER))
    told = started.handle(
        1, order(1, "LMT", size=600, lmtPrice="81.00", **LADDER | {"scaleInitLevelSize": 100})
    )
    assert errors(told) == [(1, 105)]
    assert errors(started.handle(1, order(1, "LMT", size=600, lmtPrice="81.00", **LADDER))) == []
    assert started.orders.open_list[0].limit == Decimal("81.00")


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 3000),
    first=st.integers(1, 900),
    following=st.none() | st.integers(1, 900),
    ticks=st.integers(1, 40),
    limit=st.integers(8480, 8760),
    side=st.sampled_from(["BUY", "SELL"]),
    cancels=st.booleans(),
)
def test_the_fills_of_a_ladder_add_up_and_none_is_past_its_price(
    size, first, following, ticks, limit, side, cancels
):
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    terms = {"scaleInitLevelSize": first, "scaleSubsLevelSize": following}
    step, price = Decimal(ticks) / 100, Decimal(limit) / 100
    terms |= {"scalePriceIncrement": step, "lmtPrice": str(price)}
    exchange.handle(1, order(1, "LMT", side, size=size, **terms))
    minutes(exchange, 200)
    if cancels:
        exchange.handle(1, CancelOrder(1))
    exchange.command("close")
    sign = 1 if side == "BUY" else -1
    traded, done = Decimal(0), fills(exchange, 1)
    for quantity, paid in done:
        level = component_of(traded, first, following or first)
        assert sign * paid <= sign * (price - sign * step * level)
        assert quantity * sign <= component_end(level, first, following or first) - traded
        traded += quantity * sign
    assert traded <= size
    (apple,) = exchange.venue.find(APPLE)
    assert exchange.venue.account.held(apple.conId).quantity == sign * traded


def component_of(traded: Decimal, first: int, following: int) -> int:
    return 0 if traded < first else int((traded - first) // following) + 1


def component_end(level: int, first: int, following: int) -> int:
    return first + level * following
