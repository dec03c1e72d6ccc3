"""Which bars a request brings: regular hours, the clock's hours, where windows begin and end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hydra.gateway.requests import ReqHeadTimestamp, ReqHistoricalData
from hydra.gateway.responses import Error, HeadTimestamp, HistoricalData
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE

ES = Contract(symbol="ES", secType="FUT", exchange="CME", currency="USD")
EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
SPX = Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD")
NEW_YORK, CHICAGO = "US/Eastern", "US/Central"


@pytest.fixture
def closed(exchange):
    """A connected client at the close of 2012-10-01."""
    exchange.connect(1, 178)
    exchange.command("close")
    return exchange


def front(exchange):
    """ES's front month as a client writes it."""
    months = exchange.venue.find(ES)
    return min(months, key=lambda one: one.expiry).contract()


def ask(exchange, contract, size, duration="1 D", **more):
    terms = {
        "includeExpired": False,
        "endDateTime": "",
        "barSize": size,
        "duration": duration,
        "useRTH": True,
        "whatToShow": "TRADES",
        "formatDate": 2,
        **more,
    }
    ((_, answer),) = exchange.handle(1, ReqHistoricalData(7, contract, **terms))
    return answer


def bars(exchange, contract, size, duration="1 D", **more):
    answer = ask(exchange, contract, size, duration, **more)
    assert isinstance(answer, HistoricalData), answer
    return answer.bars


def clocks(told, zone=NEW_YORK):
    """When bars begin, as HH:MM in a zone."""
    return [f"{datetime.fromtimestamp(int(b.date), ZoneInfo(zone)):%H:%M}" for b in told]


# --- regular hours ------------------------------------------------------------------------------


def test_a_stock_trades_from_four_to_eight_outside_of_regular_hours(closed):
    closed.advance(datetime(2012, 10, 2, 1, 0, tzinfo=UTC))
    told = bars(closed, APPLE, "1 hour", useRTH=False)
    expected = ["04:00", "05:00", "06:00", "07:00", "08:00", "09:00", "09:30"]
    assert clocks(told) == [*expected, *(f"{hour}:00" for hour in range(10, 20))]
    assert all(bar.volume > 0 for bar in told)


def test_what_is_traded_outside_leaves_regular_hours_as_they_are(closed):
    closed.advance(datetime(2012, 10, 2, 1, 0, tzinfo=UTC))
    inside = bars(closed, APPLE, "5 mins")
    around = bars(closed, APPLE, "5 mins", useRTH=False)
    assert clocks(inside)[0] == "09:30"
    first = around.index(inside[0])
    assert around[first : first + len(inside)] == inside
    assert around[first - 1].close == inside[0].open
    assert around[first + len(inside)].open == inside[-1].close


def test_before_the_open_the_morning_is_told_and_regular_hours_end_yesterday(closed):
    closed.advance(datetime(2012, 10, 2, 12, 10, tzinfo=UTC))
    told = bars(closed, APPLE, "1 hour", useRTH=False)
    assert clocks(told) == ["04:00", "05:00", "06:00", "07:00", "08:00"]
    assert clocks(bars(closed, APPLE, "1 hour"))[0] == "09:30"


def test_the_price_outside_is_the_one_at_which_orders_trade_there(closed):
    closed.advance(datetime(2012, 10, 2, 12, 10, tzinfo=UTC))
    (one,) = closed.venue.find(APPLE)
    (last,) = bars(closed, APPLE, "1 min", "60 S", useRTH=False)[-1:]
    assert last.close == float(closed.venue.mark(one))


def test_an_index_future_has_liquid_hours_and_the_night_only_outside_of_them(closed):
    closed.advance(datetime(2012, 10, 1, 21, 0, tzinfo=UTC))
    month = front(closed)
    inside = clocks(bars(closed, month, "1 hour"), CHICAGO)
    assert inside == ["08:30", *(f"{hour:02}:00" for hour in range(9, 16))]
    around = clocks(bars(closed, month, "1 hour", useRTH=False), CHICAGO)
    assert around[0] == "17:00"
    assert len(around) == 23


def test_in_the_night_regular_hours_of_an_index_future_are_those_of_the_day_before(closed):
    closed.advance(datetime(2012, 10, 2, 6, 0, tzinfo=UTC))
    told = bars(closed, front(closed), "1 hour")
    assert clocks(told, CHICAGO)[0] == "08:30"
    assert datetime.fromtimestamp(int(told[0].date), UTC).day == 1


@pytest.mark.parametrize("contract", [APPLE, ES])
def test_daily_bars_are_the_same_with_and_without_regular_hours(closed, contract):
    asked = front(closed) if contract is ES else contract
    with_, without = (bars(closed, asked, "1 day", "1 M", useRTH=u) for u in (True, False))
    assert with_ == without


# --- the clock's hours --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "begins"),
    [
        ("1 hour", ["09:30", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]),
        ("2 hours", ["09:30", "10:00", "12:00", "14:00"]),
        ("30 mins", [f"{h:02}:{m}" for h in range(9, 16) for m in ("00", "30")][1:]),
    ],
)
def test_bars_of_an_hour_and_more_begin_on_the_clock_s_hours(closed, size, begins):
    assert clocks(bars(closed, APPLE, size)) == begins


def test_currencies_too_begin_on_the_hour_after_their_open(closed):
    told = clocks(bars(closed, EURO, "1 hour", whatToShow="MIDPOINT"))
    assert told[:3] == ["17:15", "18:00", "19:00"]


def test_hours_hold_what_the_day_holds(closed):
    (day,) = bars(closed, APPLE, "1 day")
    hours = bars(closed, APPLE, "1 hour")
    assert sum(bar.volume for bar in hours) == day.volume
    assert (hours[0].open, hours[-1].close) == pytest.approx((day.open, day.close), abs=0.005)


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "size", "count"),
    [("30 S", "1 secs", 30), ("300 S", "1 min", 5), ("60 S", "5 secs", 12)],
)
def test_a_bar_that_begins_at_the_end_is_not_part_of_the_answer(closed, duration, size, count):
    end = "20121001 12:00:00 US/Eastern"
    told = bars(closed, APPLE, size, duration, endDateTime=end)
    assert len(told) == count
    assert all(bar.volume > 0 for bar in told)
    assert clocks(told)[-1] == "11:59"


def test_a_daily_bar_that_begins_at_the_end_is_not_part_of_the_answer(closed):
    end = "20121001 09:30:00 US/Eastern"
    assert bars(closed, APPLE, "1 day", "3 D", endDateTime=end)[-1].date == "20120928"


def test_the_bar_that_begins_now_is_part_of_an_answer_up_to_now(exchange):
    exchange.connect(1, 178)
    assert clocks(bars(exchange, APPLE, "1 hour")) == ["09:30"]
    assert bars(exchange, APPLE, "1 day", "3 D")[-1].date == "20121001"


def test_a_month_has_the_weekly_bar_of_its_first_day(exchange):
    exchange.connect(1, 178)
    told = bars(exchange, APPLE, "1 week", "1 M", endDateTime="20120303 16:00:00 US/Eastern")
    assert len(told) == 5


@pytest.mark.parametrize(
    ("duration", "size", "first"),
    [("1 W", "5 mins", "1348234200"), ("1 M", "1 day", "20120828"), ("1 Y", "1 day", "20110928")],
)
def test_weeks_months_and_years_are_whole_days(closed, duration, size, first):
    end = "20120928 16:00:00 US/Eastern"
    assert bars(closed, APPLE, size, duration, endDateTime=end)[0].date == first


# --- volatilities -------------------------------------------------------------------------------


def test_historical_volatility_is_that_of_thirty_closes(closed):
    told = bars(closed, APPLE, "1 day", "5 D", whatToShow="HISTORICAL_VOLATILITY")
    closes = [bar.close for bar in bars(closed, APPLE, "1 day", "31 D")]
    expected = np.diff(np.log(closes)).std(ddof=1) * np.sqrt(252)
    assert told[-1].date == "20121001"
    assert told[-1].close == pytest.approx(expected)
    assert told[-1].open == told[-2].close
    assert (told[-1].volume, told[-1].count) == (-1, -1)


@pytest.mark.parametrize("contract", [APPLE, SPX])
def test_implied_volatility_is_told_of_stocks_and_indices(closed, contract):
    told = bars(closed, contract, "1 day", "1 M", whatToShow="OPTION_IMPLIED_VOLATILITY")
    assert all(0.02 < bar.low <= bar.close <= bar.high < 2 for bar in told)


def test_no_volatility_knows_the_close_of_a_session_that_is_open(exchange):
    exchange.connect(1, 178)
    told = bars(exchange, APPLE, "1 day", "5 D", whatToShow="HISTORICAL_VOLATILITY")
    assert told[-1].date == "20120928"


@pytest.mark.parametrize(("contract", "size"), [(EURO, "1 day"), (APPLE, "1 hour")])
def test_a_volatility_that_is_not_offered_is_refused(closed, contract, size):
    answer = ask(closed, contract, size, whatToShow="HISTORICAL_VOLATILITY")
    assert isinstance(answer, Error)
    assert answer.code == 321


# --- continuous futures -------------------------------------------------------------------------


def test_a_continuous_future_has_the_history_of_all_its_months(closed):
    named = replace(ES, secType="CONTFUT")
    told = bars(closed, named, "1 day", "3 Y")
    assert len(told) > 740
    assert [bar.date for bar in told] == sorted({bar.date for bar in told})
    month = bars(closed, front(closed), "1 day", "1 W")
    assert told[-len(month) :] == month


def test_a_continuous_future_is_the_month_that_was_in_front(closed):
    named = replace(front(closed), secType="CONTFUT")
    by_day = {bar.date: bar for bar in bars(closed, named, "1 day", "1 Y")}
    march = next(one.contract() for one in closed.venue.find(ES, True) if one.month == "201203")
    last = bars(closed, march, "1 day", "3 D", endDateTime="20120316 18:00:00 US/Central")[-1]
    assert by_day["20120316"] == last


def test_its_hours_are_cut_from_the_month_in_front(closed):
    named = replace(ES, secType="CONTFUT")
    (told, month) = (bars(closed, c, "1 hour", "2 D") for c in (named, front(closed)))
    assert told == month


def test_a_continuous_future_takes_no_end(closed):
    named = replace(ES, secType="CONTFUT")
    answer = ask(closed, named, "1 day", endDateTime="20120901 16:00:00 US/Eastern")
    assert answer.code == 10339


# --- the first bar ------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "is_told"), [("TRADES", True), ("FOO", False), ("", False)])
def test_the_head_timestamp_of_what_is_not_shown_is_refused(closed, what, is_told):
    request = ReqHeadTimestamp(
        7, APPLE, includeExpired=False, useRTH=True, whatToShow=what, formatDate=1
    )
    ((_, answer),) = closed.handle(1, request)
    assert isinstance(answer, HeadTimestamp if is_told else Error)
    assert is_told or answer.code == 321
