"""Orders with outsideRth trade before the open and after the close, and others wait."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hydra.gateway.exchange import Exchange
from hydra.gateway.orders import PlaceOrder

EVENING = datetime(2012, 10, 1, 21, 0, tzinfo=UTC)  # 17:00 in New York, an hour after the close
NIGHT = datetime(2012, 10, 2, 0, 30, tzinfo=UTC)
MORNING = datetime(2012, 10, 2, 9, 0, tzinfo=UTC)  # 5:00, before the open


@pytest.fixture
def evening(exchange: Exchange) -> Exchange:
    """A connected client after the close."""
    exchange.connect(1, 178)
    exchange.advance(EVENING)
    return exchange


def last(exchange: Exchange) -> Decimal:
    one = next(i for i in exchange.venue.universe.instruments if i.symbol == "AAPL")
    return exchange.venue.mark(one)


def buy(exchange, apple, number, price, **changes):
    """Place a limit order to buy 10 AAPL; the error codes that came back."""
    terms = {
        "action": "BUY",
        "totalQuantity": Decimal(10),
        "orderType": "LMT",
        "lmtPrice": price,
        "tif": "DAY",
        "outsideRth": True,
    }
    posted = exchange.handle(1, PlaceOrder(number, apple, **{**terms, **changes}))
    return [r.code for _, r in posted if type(r).__name__ == "Error"]


def executions(exchange):
    return exchange.state()["executions"]


@pytest.mark.parametrize("moment", [EVENING, MORNING])
def test_a_limit_order_that_reaches_the_market_trades_outside_regular_hours(
    evening, apple, moment
):
    evening.advance(moment)
    assert buy(evening, apple, 1, last(evening) + 1) == []
    assert [e["quantity"] for e in executions(evening)] == ["10"]
    assert Decimal(executions(evening)[0]["price"]) <= last(evening) + 1


def test_without_outside_rth_it_is_warned_and_waits_for_the_open(evening, apple):
    assert buy(evening, apple, 1, last(evening) + 1, outsideRth=False) == [399]
    evening.advance(MORNING)
    assert executions(evening) == []
    evening.command("next_open")
    assert len(executions(evening)) == 1


def test_in_the_night_between_the_two_nothing_trades(evening, apple):
    evening.advance(NIGHT)
    assert buy(evening, apple, 1, last(evening) + 1) == [399]
    assert executions(evening) == []
    evening.advance(MORNING)
    assert len(executions(evening)) == 1


def test_a_day_order_lives_until_the_evening_session_ends(evening, apple):
    buy(evening, apple, 1, last(evening) - 20)
    evening.advance(datetime(2012, 10, 1, 23, 59, tzinfo=UTC))
    assert len(evening.state()["open_orders"]) == 1
    evening.advance(NIGHT)
    assert evening.state()["open_orders"] == []


def test_a_market_order_ignores_it_with_a_warning(evening, apple):
    codes = buy(evening, apple, 1, None, orderType="MKT", lmtPrice=None)
    assert codes == [399, 2109]
    assert executions(evening) == []
