"""Paths, the book around them, queues and halts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from hydra.gateway.errors import SettingsError
from hydra.gateway.market import STEP_S
from hydra.gateway.requests import ReqMktData
from hydra.gateway.responses import TickGeneric
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, fills, order, statuses


@pytest.fixture
def apple(started):
    (one,) = started.venue.find(APPLE)
    return one


def minutes(exchange, count):
    return exchange.advance(exchange.venue.now + timedelta(minutes=count))


def test_the_book_stands_around_the_last_trade_and_grows_behind_the_best_price(started, apple):
    market, now = started.venue.market, started.venue.seconds
    quote = market.quote(apple, now)
    offers = market.offers(apple, now, is_buy=True)
    levels = [next(offers) for _ in range(40)]
    assert levels[0] == (int(quote.ask / apple.tick), quote.ask_size)
    assert [price for price, _ in levels] == list(range(levels[0][0], levels[0][0] + 40))
    sizes = [size for _, size in levels]
    assert sum(sizes[20:]) > 2 * sum(sizes[:20])


def test_the_stretches_of_a_session_hold_its_whole_volume_once(started, apple):
    market, opens = started.venue.market, started.venue.seconds
    (whole,) = market.stretches(apple, opens - 1, opens + 23_400)
    pieces = [
        stretch
        for start in range(opens - 1, opens + 23_400, 600)
        for stretch in market.stretches(apple, start, min(start + 600, opens + 23_400))
    ]
    assert whole.begins
    assert np.array_equal(np.concatenate([piece.times for piece in pieces]), whole.times)
    series = market.series(apple)
    volume = int(series.volume[series.at(opens)])
    assert int(whole.volume.sum()) == pytest.approx(volume, rel=0.001)


def test_two_takers_of_one_step_do_not_get_the_same_shares(started):
    started.handle(1, order(1, size=600))
    started.handle(1, order(2, size=600))
    first, second = ([price for _, price in fills(started, number)] for number in (1, 2))
    assert min(second) >= max(first)
    assert min(second) > min(first)


def test_the_displayed_sizes_are_shown_anew_with_the_next_step(started):
    started.handle(1, order(1, size=600))
    started.advance(started.venue.now + timedelta(seconds=STEP_S))
    started.handle(1, order(2, size=100))
    (one,) = started.venue.find(APPLE)
    quote = started.venue.market.quote(one, started.venue.seconds)
    assert fills(started, 2) == [(100, quote.ask)]


def test_a_resting_order_waits_behind_what_is_displayed_at_its_price(started, apple):
    quote = started.venue.market.quote(apple, started.venue.seconds)
    started.handle(1, order(1, "LMT", lmtPrice=str(quote.bid)))
    assert started.orders.open_list[0].queue_ahead == quote.bid_size


def test_a_later_order_waits_behind_our_own_older_one_at_its_price(started, apple):
    quote = started.venue.market.quote(apple, started.venue.seconds)
    started.handle(1, order(1, "LMT", size=700, lmtPrice=str(quote.bid)))
    started.handle(1, order(2, "LMT", size=100, lmtPrice=str(quote.bid)))
    first, second = started.orders.open_list
    assert second.queue_ahead >= first.queue_ahead + 700


def test_an_order_larger_than_a_step_s_volume_fills_in_parts(started):
    fund = Contract(symbol="MA", secType="STK", exchange="SMART", currency="USD")
    (one,) = started.venue.find(fund)
    limit = started.venue.mark(one) - 2 * one.tick
    started.handle(1, order(1, "LMT", size=1800, contract=fund, lmtPrice=str(limit)))
    minutes(started, 380)
    parts = [quantity for quantity, _ in fills(started, 1)]
    assert len(parts) > 1
    assert {price for _, price in fills(started, 1)} == {limit}


def test_all_or_none_trades_whole(started):
    fund = Contract(symbol="MA", secType="STK", exchange="SMART", currency="USD")
    (one,) = started.venue.find(fund)
    limit = str(started.venue.mark(one) - 2 * one.tick)
    terms = {"contract": fund, "lmtPrice": limit, "allOrNone": True}
    started.handle(1, order(1, "LMT", size=1800, **terms))
    minutes(started, 380)
    assert len(fills(started, 1)) <= 1


def test_nothing_trades_in_a_halt_and_everything_goes_on_after_it(started):
    started.venue.real |= {"halted_stock"}  # orders are taken in a halt
    started.halt(APPLE, started.venue.now + timedelta(minutes=30))
    assert statuses(started.handle(1, order(1)), 1) == ["PreSubmitted", "Submitted"]
    started.handle(1, order(2, "LMT", lmtPrice="86.60"))
    minutes(started, 29)
    assert not started.orders.executions
    minutes(started, 2)
    assert len(fills(started, 1)) == 1
    assert started.orders.executions[0].time >= started.venue.seconds - 60


def test_a_halt_is_told_with_the_quotes(started, apple):
    started.handle(1, ReqMktData(5, APPLE))
    started.halt(APPLE, started.venue.now + timedelta(minutes=30))
    told = [r.value for _, r in minutes(started, 1) if isinstance(r, TickGeneric)]
    assert told == [1]
    told = [r.value for _, r in minutes(started, 40) if isinstance(r, TickGeneric)]
    assert told == [0]


def test_an_unknown_instrument_cannot_be_halted(started):
    with pytest.raises(SettingsError, match="NOSUCH"):
        started.halt(Contract(symbol="NOSUCH"), started.venue.now)


def test_sizes_are_in_whole_lots_of_the_instrument(started):
    euro = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
    (one,) = started.venue.find(euro)
    quote = started.venue.market.quote(one, started.venue.seconds)
    assert quote.bid_size % 500_000 == 0
    assert quote.bid % one.tick == Decimal(0)
