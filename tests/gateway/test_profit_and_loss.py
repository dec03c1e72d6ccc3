"""Profit and loss count from the prior close, and are told to whoever asks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hydra.gateway.requests import ReqPnL, ReqPnLSingle
from hydra.gateway.responses import PnL, PnLSingle
from tests.gateway.flow import order

APPLE = 265598


@pytest.fixture
def holder(exchange):
    """A client that has bought 100 AAPL on the first day, on the second day after its close."""
    exchange.connect(1, 178)
    exchange.handle(1, order(1, size=100))
    exchange.command("close")
    exchange.command("next_open")
    exchange.command("close")
    return exchange


def single(exchange, number=9):
    told = exchange.handle(1, ReqPnLSingle(number, "DU1234567", "", APPLE))
    return next(r for _, r in told if isinstance(r, PnLSingle))


def whole(exchange, number=9):
    told = exchange.handle(1, ReqPnL(number, "DU1234567", ""))
    return [r for _, r in told if isinstance(r, PnL)]


def closes(exchange):
    """The closes of yesterday and today."""
    one = exchange.venue.universe.get(APPLE)
    series = exchange.venue.market.series(one)
    at = series.at(exchange.venue.seconds)
    return [Decimal(str(round(float(price), 2))) for price in series.close[at - 1 : at + 1]]


def test_a_position_held_overnight_counts_from_the_prior_close(holder):
    before, now = closes(holder)
    assert single(holder).daily == pytest.approx(100 * (now - before))
    assert single(holder).unrealized != single(holder).daily


def test_the_account_counts_from_the_prior_close(holder):
    before, now = closes(holder)
    (told,) = whole(holder)
    assert told.daily == pytest.approx(100 * (now - before))


def test_what_was_bought_today_counts_from_its_price(holder):
    holder.command("next_open")
    held = closes(holder)[0]
    holder.handle(1, order(2, size=50))
    (bought,) = [e for e in holder.orders.executions if e.order.terms.orderId == 2]
    holder.command("close")
    now = closes(holder)[1]
    expected = 100 * (now - held) + 50 * (now - bought.price) - bought.fee
    assert single(holder).daily == pytest.approx(expected)
    assert whole(holder)[0].daily == pytest.approx(expected)


def test_what_is_bought_after_the_close_counts_from_its_price_on_the_next_day(holder):
    holder.advance(datetime(2012, 10, 2, 21, 0, tzinfo=UTC))
    after = {"outsideRth": True, "lmtPrice": "87"}
    holder.handle(1, order(2, "LMT", size=50, **after))
    (bought,) = [e for e in holder.orders.executions if e.order.terms.orderId == 2]
    held = closes(holder)[1]
    holder.command("next_open")
    holder.command("close")
    now = closes(holder)[1]
    expected = 100 * (now - held) + 50 * (now - bought.price) - bought.fee
    assert single(holder).daily == pytest.approx(expected)


def test_a_reconnected_client_is_answered_under_the_same_number(exchange):
    exchange.connect(1, 178)
    assert len(whole(exchange)) == 1
    exchange.disconnect(1)
    exchange.connect(1, 178)
    assert len(whole(exchange)) == 1


def test_who_asks_again_under_the_same_number_is_answered(exchange):
    exchange.connect(1, 178)
    assert len(whole(exchange)) == 1
    assert len(whole(exchange)) == 1
