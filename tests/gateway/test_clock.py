"""Sessions, holidays and half days by rule."""

from __future__ import annotations

from datetime import UTC, date, datetime

import exchange_calendars
import pytest

from hydra.gateway.clock import Calendar
from hydra.gateway.errors import SettingsError
from hydra.gateway.hours import MARKETS, business_days, easter, sessions_of
from hydra.gateway.times import from_epoch

LATE_OR_SHORT = {date(2001, 9, 17), date(2002, 9, 11), date(2005, 6, 1)}


def test_new_york_s_sessions_are_those_of_exchange_calendars_from_1999_to_2030():
    schedule = exchange_calendars.get_calendar("XNYS", "1999-01-01", "2030-12-31").schedule
    theirs = {
        day.date(): (opens.to_pydatetime(), closes.to_pydatetime())
        for day, opens, closes in zip(
            schedule.index, schedule["open"], schedule["close"], strict=True
        )
    }
    ours = {
        session.day: (from_epoch(session.opens), from_epoch(session.closes))
        for year in range(1999, 2031)
        for session in sessions_of("NYSE", year)
    }
    assert ours.keys() == theirs.keys()
    assert {day for day in ours if ours[day] != theirs[day]} <= LATE_OR_SHORT


@pytest.mark.parametrize(("ours", "theirs"), [("XETRA", "XFRA"), ("EURONEXT", "XAMS")])
def test_continental_sessions_are_close_to_those_of_exchange_calendars(ours, theirs):
    calendar = exchange_calendars.get_calendar(theirs, "2010-01-01", "2024-12-31")
    known = {day.date() for day in calendar.sessions}
    ruled = {s.day for year in range(2010, 2025) for s in sessions_of(ours, year)}
    assert len(known ^ ruled) <= 16  # Whit Mondays and the like, kept in some years only


def test_london_s_sessions_differ_by_royal_occasions_and_moved_holidays_only():
    calendar = exchange_calendars.get_calendar("XLON", "2010-01-01", "2024-12-31")
    known = {day.date() for day in calendar.sessions}
    ruled = {s.day for year in range(2010, 2025) for s in sessions_of("LSE", year)}
    assert len(known ^ ruled) <= 16


@pytest.mark.parametrize(
    ("ours", "theirs"), [("XETRA", "XETR"), ("EURONEXT", "XAMS"), ("LSE", "XLON")]
)
def test_europe_s_half_days_are_those_of_exchange_calendars(ours, theirs):
    calendar = exchange_calendars.get_calendar(theirs, "2008-01-01", "2024-12-31")
    known = {
        day.date(): calendar.session_close(day).to_pydatetime() for day in calendar.early_closes
    }
    ruled = {
        s.day: from_epoch(s.closes)
        for year in range(2008, 2025)
        for s in sessions_of(ours, year)
        if s.day in MARKETS[ours].half_days(year)
    }
    assert ruled == known


def test_a_half_day_closes_at_one_o_clock():
    session = Calendar().find(date(2026, 11, 27))
    assert from_epoch(session.closes) == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


def test_currencies_open_on_sunday_evening_and_close_on_friday():
    monday = Calendar("FX").find(date(2012, 10, 1))
    assert from_epoch(monday.opens) == datetime(2012, 9, 30, 21, 15, tzinfo=UTC)
    assert from_epoch(monday.closes) == datetime(2012, 10, 1, 21, 0, tzinfo=UTC)
    assert Calendar("FX").find(date(2012, 9, 30)) is None


def test_the_futures_of_globex_end_early_when_the_stock_exchange_is_closed():
    thanksgiving = Calendar("GLOBEX").find(date(2012, 11, 22))
    assert from_epoch(thanksgiving.closes) == datetime(2012, 11, 22, 18, 0, tzinfo=UTC)


def test_the_calendar_goes_on_for_decades():
    calendar = Calendar()
    assert calendar.following(int(datetime(2060, 1, 1, tzinfo=UTC).timestamp())).day == date(
        2060, 1, 2
    )


def test_the_calendar_names_the_session_nearest_to_a_holiday():
    with pytest.raises(SettingsError, match="nearest is 2012-10-26"):
        Calendar().on(date(2012, 10, 28))


def test_business_days_are_counted_in_sessions():
    assert business_days("NYSE", date(2012, 10, 26), 1) == date(2012, 10, 31)
    assert business_days("NYSE", date(2012, 10, 31), -1) == date(2012, 10, 26)


@pytest.mark.parametrize(
    "day", [date(1999, 4, 4), date(2008, 3, 23), date(2011, 4, 24), date(2038, 4, 25)]
)
def test_easter_is_reckoned_by_the_gregorian_rule(day):
    assert easter(day.year) == day


def test_tokyo_s_sessions_are_those_of_exchange_calendars_from_1999_to_2027():
    calendar = exchange_calendars.get_calendar("XTKS", "1999-01-01", "2027-12-31")
    theirs = [session.date() for session in calendar.sessions]
    ours = [session.day for year in range(1999, 2028) for session in sessions_of("TSE", year)]
    assert ours == theirs
