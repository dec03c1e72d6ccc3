"""Due moments follow the exchange's own calendar, whatever the clocks on the wall do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.clock import Sessions
from hydra.config import Settings
from hydra.errors import BadParameter, ConfigError
from hydra.runner.jobs import load_jobs
from hydra.runner.schedule import FILTERS, Timetable, parse_at, parse_cron
from tests.runner.cron_oracle import (
    CHANGES,
    LINES,
    Line,
    changes,
    due_by_looking_at_each_minute,
    kinds_of_change,
)

NYSE = Sessions("XNYS")
NEW_YORK = ZoneInfo("America/New_York")


def by_session(at, *only, calendar="XNYS"):
    return Timetable(at, "", "", calendar, only)


def by_cron(line, *only, zone="America/New_York"):
    return Timetable("", line, zone, "XNYS", only)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moments(timetable, after, until):
    return [due.at for due in timetable.dues(utc(after), utc(until))]


def test_a_holiday_has_no_run_and_a_half_day_has_its_own_close():
    # Thanksgiving 2026 is November 26; the 27th closes at 13:00 in New York.
    assert moments(by_session("close-15min"), "2026-11-25", "2026-11-28") == [
        utc("2026-11-25T20:45"),
        utc("2026-11-27T17:45"),
    ]


def test_the_opening_run_stays_at_the_open_over_a_clock_change():
    found = moments(by_session("open+5min"), "2026-10-30", "2026-11-03")
    assert found == [utc("2026-10-30T13:35"), utc("2026-11-02T14:35")]


def test_a_cron_line_keeps_the_wall_time_of_its_zone_and_runs_once_in_the_repeated_hour():
    found = moments(by_cron("30 1 * * *"), "2026-10-31", "2026-11-03")
    assert [at.astimezone(NEW_YORK).strftime("%d %H:%M") for at in found] == [
        "31 01:30", "01 01:30", "02 01:30",
    ]  # fmt: skip


def test_an_hourly_cron_line_runs_in_both_of_the_repeated_hours():
    assert len(moments(by_cron("30 * * * *"), "2026-11-01T04:00", "2026-11-01T08:00")) == 4


@pytest.mark.parametrize(
    ("only", "days"),
    [
        ("first_of_month", [date(2026, 12, 1), date(2027, 1, 4)]),
        ("last_of_month", [date(2026, 11, 30), date(2026, 12, 31)]),
        ("first_of_week", [date(2026, 11, 23), date(2026, 11, 30)]),
        ("last_of_week", [date(2026, 11, 27), date(2026, 12, 4)]),
        ("fri", [date(2026, 11, 27), date(2026, 12, 4)]),
    ],
)
def test_filters_choose_sessions(only, days):
    coming = by_session("open", only).coming(utc("2026-11-22"), 2)
    assert [due.session for due in coming] == days


def test_a_cron_line_can_be_kept_to_days_on_which_the_exchange_trades():
    found = moments(by_cron("0 12 * * *", "session"), "2026-11-25T18:00", "2026-11-30T18:00")
    assert [at.date().day for at in found] == [27, 30]


def test_a_run_before_the_close_may_be_late_until_the_close_and_one_after_it_until_the_next_open():
    before, after = by_session("close-15min"), by_session("close+30min")
    (due,) = before.coming(utc("2026-11-27"), 1)
    assert due.until == NYSE.closes(date(2026, 11, 27))
    (due,) = after.coming(utc("2026-11-27"), 1)
    assert due.until == NYSE.opens(date(2026, 11, 30))


@pytest.mark.parametrize("text", ["opne+5min", "open+5", "open 5min", "close-13h", "", "noon"])
def test_a_moment_that_cannot_be_read_is_named(text):
    with pytest.raises(BadParameter, match="at is"):
        parse_at(text or "x")


@pytest.mark.parametrize("line", ["30 9 * * 1-5", "30 9 * *", "99 9 * * mon", "x", "0 0 * * 0"])
def test_a_cron_line_that_means_nothing_or_two_things_is_refused(line):
    with pytest.raises(BadParameter, match="cron is"):
        parse_cron(line)


TIMETABLES = [
    by_session("open+5min"),
    by_session("close-15min"),
    by_session("open-30min", "fri", "first_of_month"),
    by_session("close+1h", calendar="XLON"),
    by_cron("30 9 * * mon-fri"),
    by_cron("*/20 1,2,3 * * *"),
    by_cron("0 2 * * sun", zone="Europe/London"),
]
TIMES = st.datetimes(datetime(2012, 1, 1), datetime(2026, 12, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)
SPANS = st.floats(0, 21).map(lambda days: timedelta(days=days))


@given(st.sampled_from(TIMETABLES), TIMES, SPANS, SPANS)
def test_due_moments_of_an_interval_are_those_of_its_parts(timetable, start, first, second):
    middle, end = start + first, start + first + second
    whole = list(timetable.dues(start, end))
    assert whole == [*timetable.dues(start, middle), *timetable.dues(middle, end)]
    assert all(a.at < b.at for a, b in pairwise(whole))
    assert all(start < due.at <= end for due in whole)


@given(TIMES)
def test_every_session_of_a_month_is_due_once(start):
    end = start + timedelta(days=31)
    due = [due.session for due in by_session("open+5min").dues(start, end)]
    days = [start.date() + timedelta(days=n) for n in range(33)]
    expected = [
        day
        for day in days
        if NYSE.is_session(day) and start < NYSE.opens(day) + timedelta(minutes=5) <= end
    ]
    assert due == expected


@given(TIMES)
def test_a_cron_line_is_due_at_the_wall_time_that_it_names(start):
    for due in by_cron("30 9 * * mon-fri").coming(start, 5):
        local = due.at.astimezone(NEW_YORK)
        assert (local.hour, local.minute, local.weekday() < 5) == (9, 30, True)


def test_filters_are_the_ones_that_the_settings_explain():
    assert {"session", "first_of_month", "last_of_month", "fri"} <= set(FILTERS)


EVERY_DAY = {"days": frozenset(range(1, 32)), "weekdays": frozenset(range(7))}


def around(line, zone, at):
    """The line's due moments from just before a clock change to well into the next day, and what
    they must be."""
    after, until = at - timedelta(hours=3), at + timedelta(hours=27)
    found = [due.at for due in Timetable("", line.text, zone, "XNYS").dues(after, until)]
    return found, due_by_looking_at_each_minute(line, ZoneInfo(zone), after, until)


def test_the_day_after_the_spring_change_has_its_run_at_midnight():
    found = moments(by_cron("15 0 * * *"), "2026-03-07T12:00", "2026-03-10T12:00")
    assert [at.astimezone(NEW_YORK).strftime("%d %H:%M") for at in found] == [
        "08 00:15", "09 00:15", "10 00:15",
    ]  # fmt: skip


def test_a_local_time_that_does_not_exist_is_due_at_the_first_minute_after_the_change_and_once():
    found = moments(by_cron("0,20,40 2,3 * * *"), "2026-03-08T05:00", "2026-03-08T12:00")
    assert [at.astimezone(NEW_YORK).strftime("%H:%M") for at in found] == [
        "03:00", "03:20", "03:40",
    ]  # fmt: skip
    (skipped,) = moments(by_cron("30 2 * * *"), "2026-03-08T05:00", "2026-03-08T12:00")
    assert skipped == utc("2026-03-08T07:00")


def test_a_line_of_every_second_hour_runs_once_in_a_repeated_hour():
    found = moments(by_cron("0 1-23/2 * * *"), "2026-11-01T04:00", "2026-11-01T09:00")
    assert [at.astimezone(NEW_YORK).strftime("%H:%M") for at in found] == ["01:00", "03:00"]


@pytest.mark.parametrize("zone", sorted(changes()))
def test_no_due_minute_is_skipped_or_doubled_at_any_clock_change_of_ten_years(zone):
    minutes = frozenset({0, 30, 59})
    for at in kinds_of_change(zone):
        for hours in (range(24), (0, 1, 2, 3, 23)):
            found, expected = around(Line(minutes, frozenset(hours), **EVERY_DAY), zone, at)
            assert found == expected, (zone, at)


@given(LINES, CHANGES)
def test_any_cron_line_is_due_just_when_a_look_at_each_minute_finds_it_due(line, change):
    found, expected = around(line, *change)
    assert found == expected


@given(LINES, st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]), TIMES)
@settings(max_examples=25)
def test_a_cron_line_away_from_clock_changes_is_due_when_each_minute_says_so(line, zone, at):
    found, expected = around(line, zone, at.replace(second=0, microsecond=0))
    assert found == expected


def test_a_time_zone_that_does_not_exist_is_named_and_not_the_cron_line():
    jobs = {"j": {"notebook": "n.ipynb", "cron": "0 9 * * *", "timezone": "Europe/Pari"}}
    with pytest.raises(ConfigError, match="timezone is 'Europe/Pari'"):
        load_jobs(replace(Settings(), jobs=jobs))
