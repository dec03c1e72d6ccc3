"""Sizes of ticks, and what real-time bars show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hydra.gateway.requests import (
    ReqHistoricalData,
    ReqHistoricalTicks,
    ReqMktData,
    ReqRealTimeBars,
    ReqTickByTickData,
)
from hydra.gateway.responses import Error, HistoricalData, HistoricalTicksLast, TickByTick
from hydra.gateway.responses import RealTimeBar as Bar
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE

EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
ES = Contract(symbol="ES", secType="FUT", exchange="CME", currency="USD")
MINUTE = "20120928 11:00:00 US/Eastern"
END = "20120928 11:01:00 US/Eastern"


def month(exchange):
    """ES's front month."""
    return min(exchange.venue.find(ES), key=lambda one: one.expiry).contract()


def past(exchange, contract, count=12, what="TRADES", **more):
    terms = {"startDateTime": MINUTE, "endDateTime": "", **more}
    request = ReqHistoricalTicks(
        5,
        contract,
        includeExpired=False,
        numberOfTicks=count,
        whatToShow=what,
        useRth=True,
        ignoreSize=False,
        **terms,
    )
    ((_, answer),) = exchange.handle(1, request)
    return answer


def volume(exchange, contract):
    """What the bar of the minute says."""
    request = ReqHistoricalData(
        6,
        contract,
        includeExpired=False,
        endDateTime=END,
        barSize="1 min",
        duration="60 S",
        useRTH=True,
        whatToShow="TRADES",
        formatDate=2,
    )
    ((_, answer),) = exchange.handle(1, request)
    assert isinstance(answer, HistoricalData)
    (bar,) = answer.bars
    return bar.volume


@pytest.mark.parametrize("kind", ["STK", "FUT"])
def test_the_trades_of_a_minute_add_up_to_its_bar(started, kind):
    contract = APPLE if kind == "STK" else month(started)
    answer = past(started, contract)
    assert isinstance(answer, HistoricalTicksLast)
    sizes = [tick.size for tick in answer.ticks]
    assert sum(sizes) == volume(started, contract)
    assert all(sizes)


def test_streamed_trades_add_up_to_the_volume_of_the_day_so_far(started):
    asked = ReqTickByTickData(8, APPLE, tickType="Last", numberOfTicks=0, ignoreSize=False)
    started.handle(1, asked)
    told = started.advance(started.venue.now + timedelta(minutes=5))
    sizes = [r.tick.size for _, r in told if isinstance(r, TickByTick)]
    (one,) = started.venue.find(APPLE)
    path = started.venue.market.path(
        one, started.venue.market.series(one).at(started.venue.seconds)
    )
    # the first step was told before the minutes began, the last one is being traded
    assert sum(sizes) == int(path.traded[61] - path.traded[1])


def test_steps_without_a_trade_are_left_out_and_the_count_is_kept(started):
    (one,) = started.venue.find(month(started))
    series = started.venue.market.series(one)
    series.volume[series.at(started.venue.seconds) - 1] = 700
    started.venue.market._paths.clear()
    answer = past(started, one.contract(), 50, startDateTime="", endDateTime=END)
    assert len(answer.ticks) == 50
    assert all(tick.size for tick in answer.ticks)
    assert [tick.time for tick in answer.ticks] == sorted(tick.time for tick in answer.ticks)


def test_currencies_have_no_trades(started):
    answers = [
        past(started, EURO),
        *(
            started.handle(1, request)[0][1]
            for request in (
                ReqTickByTickData(8, EURO, tickType="Last", numberOfTicks=0, ignoreSize=False),
                ReqRealTimeBars(9, EURO, 5, "TRADES", useRTH=True),
            )
        ),
    ]
    assert [answer.code for answer in answers] == [10187, 10189, 420]


# --- real-time bars -----------------------------------------------------------------------------


def streamed(exchange, what, contract=APPLE):
    assert exchange.handle(1, ReqRealTimeBars(9, contract, 5, what, useRTH=True)) == []
    told = exchange.advance(exchange.venue.now + timedelta(seconds=5))
    return next(r for _, r in told if isinstance(r, Bar))


@pytest.mark.parametrize("what", ["MIDPOINT", "BID", "ASK"])
def test_real_time_bars_of_quotes_have_no_volume(started, what):
    bar = streamed(started, what)
    assert (bar.volume, bar.wap, bar.count) == (-1, -1, -1)


def test_real_time_bars_show_the_side_that_is_asked_for(started):
    kinds = ("TRADES", "MIDPOINT", "BID", "ASK")
    for number, what in enumerate(kinds):
        started.handle(1, ReqRealTimeBars(number, APPLE, 5, what, useRTH=True))
    told = started.advance(started.venue.now + timedelta(seconds=5))
    bars = {kinds[r.reqId]: r for _, r in told if isinstance(r, Bar)}
    quote = started.venue.market.quote(*started.venue.find(APPLE), started.venue.seconds)
    shown = [bars[what].close for what in kinds]
    assert shown == [float(price) for price in (quote.last, quote.last, quote.bid, quote.ask)]
    assert bars["TRADES"].volume > 0


@pytest.mark.parametrize("what", ["FOO", "", "BID_ASK"])
def test_real_time_bars_of_what_is_not_shown_are_refused(started, what):
    ((_, answer),) = started.handle(1, ReqRealTimeBars(9, APPLE, 5, what, useRTH=True))
    assert isinstance(answer, Error)
    assert answer.code == 321
    assert answer.text.endswith("What to show field is missing or incorrect.")


# --- continuous futures -------------------------------------------------------------------------


@pytest.mark.parametrize("is_numbered", [True, False])
def test_a_continuous_future_does_not_stream(started, is_numbered):
    named = replace(month(started) if is_numbered else ES, secType="CONTFUT")
    requests = (
        ReqMktData(4, named),
        ReqTickByTickData(4, named, tickType="Last", numberOfTicks=0, ignoreSize=False),
        ReqRealTimeBars(4, named, 5, "TRADES", useRTH=True),
    )
    for request in requests:
        ((_, answer),) = started.handle(1, request)
        assert (answer.reqId, answer.code) == (4, 321)
    assert started.handle(1, ReqMktData(4, month(started)))[0][1].__class__ is not Error
