"""When markets trade, by rule and for any year: holidays, half days, sessions.

The rules of the New York Stock Exchange are complete from 1999 on, but for two late opens and an
early close by minutes (the tests hold them against exchange_calendars). Those of the other markets
are simplified and say how: continental Europe and London keep their yearly public holidays and
know no half days; currencies pause at Christmas and New Year's Day; the Globex futures also on
Good Friday, and end at 13:00 New York time when the stock exchange is closed; grains and livestock
trade their day session alone. Eurex has the hours that it had before December 2018, without the
early session from 1:10; the softs of ICE have those of coffee, 4:15 to 13:30, though each has its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from types import MappingProxyType

from hydra.gateway.times import EASTERN, zone
from hydra.gateway.tokyo import tokyo_holidays

MONDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 0, 2, 3, 4, 5, 6
ONE_DAY = timedelta(days=1)

# The exchange's own closures, beside the yearly holidays.
_CLOSED = frozenset(
    {
        *(date(2001, 9, day) for day in (11, 12, 13, 14)),
        date(2004, 6, 11),  # mourning for President Reagan
        date(2007, 1, 2),  # mourning for President Ford
        *(date(2012, 10, day) for day in (29, 30)),  # hurricane Sandy
        date(2018, 12, 5),  # mourning for President Bush
        date(2025, 1, 9),  # mourning for President Carter
    }
)
_EARLY = frozenset({date(1999, 12, 31), date(2003, 12, 26)})


@dataclass(frozen=True, slots=True)
class Session:
    """One trading session; `opens` and `closes` in epoch seconds."""

    day: date
    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class Hours:
    """One market's day in its zone's time; `opens_before` on the evening before."""

    zone: str
    opens: time
    closes: time
    holidays: Callable[[int], frozenset[date]]
    half_days: Callable[[int], frozenset[date]]
    half_closes: time
    opens_before: bool = False
    on_weekends: bool = False


def easter(year: int) -> date:
    """Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The `n`-th such weekday of a month; -1 is the last."""
    if n < 0:
        last = date(year + month // 12, month % 12 + 1, 1) - ONE_DAY
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    """Saturday's holidays are kept on Friday, Sunday's on Monday."""
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


@cache
def nyse_holidays(year: int) -> frozenset[date]:
    """The days of `year` on which the New York Stock Exchange is closed, weekends apart."""
    new_year = date(year, 1, 1)
    days = {
        # A New Year's Day on a Saturday is not made up for.
        new_year + ONE_DAY if new_year.weekday() == SUNDAY else new_year,
        nth_weekday(year, 1, MONDAY, 3),
        nth_weekday(year, 2, MONDAY, 3),
        easter(year) - 2 * ONE_DAY,
        nth_weekday(year, 5, MONDAY, -1),
        _observed(date(year, 7, 4)),
        nth_weekday(year, 9, MONDAY, 1),
        nth_weekday(year, 11, THURSDAY, 4),
        _observed(date(year, 12, 25)),
    }
    if year >= 2022:
        days.add(_observed(date(year, 6, 19)))
    return frozenset(days | {day for day in _CLOSED if day.year == year})


@cache
def nyse_half_days(year: int) -> frozenset[date]:
    """The days of `year` on which the New York Stock Exchange closes at 13:00."""
    days = {nth_weekday(year, 11, THURSDAY, 4) + ONE_DAY, date(year, 12, 24)}
    before = date(year, 7, 3)
    if before.weekday() == WEDNESDAY and year < 2013:
        days.add(date(year, 7, 5))  # until 2012 the Friday after a Thursday holiday was short
    else:
        days.add(before)
    days |= {day for day in _EARLY if day.year == year}
    return frozenset(
        day for day in days if day.weekday() < SATURDAY and day not in nyse_holidays(year)
    )


@cache
def _continental_holidays(year: int) -> frozenset[date]:
    sunday = easter(year)
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {sunday - 2 * ONE_DAY, sunday + ONE_DAY})


@cache
def _german_holidays(year: int) -> frozenset[date]:
    return _continental_holidays(year) | {date(year, 12, 24), date(year, 12, 31)}


@cache
def _london_holidays(year: int) -> frozenset[date]:
    sunday = easter(year)
    moved = {sunday - 2 * ONE_DAY, sunday + ONE_DAY, nth_weekday(year, 5, MONDAY, 1)}
    moved |= {nth_weekday(year, 5, MONDAY, -1), nth_weekday(year, 8, MONDAY, -1)}
    christmas = [date(year, 12, 25), date(year, 12, 26)]
    new_year = date(year, 1, 1)
    # Holidays on a weekend are made up for on the next working days.
    weekend = [day for day in christmas if day.weekday() >= SATURDAY]
    moved |= {date(year, 12, 27 + n) for n in range(len(weekend))}
    if new_year.weekday() >= SATURDAY:
        moved.add(new_year + timedelta(days=7 - new_year.weekday()))
    return frozenset(moved | {new_year, *christmas})


def _last_before(day: date, holidays: frozenset[date]) -> date:
    """The last session before a day of the same year's end."""
    day -= ONE_DAY
    while day.weekday() >= SATURDAY or day in holidays:
        day -= ONE_DAY
    return day


@cache
def _german_half_days(year: int) -> frozenset[date]:
    """Since 2010 the last session of the year ends at 14:00."""
    last = _last_before(date(year + 1, 1, 1), _german_holidays(year))
    return frozenset({last} if year >= 2010 else ())


@cache
def _euronext_half_days(year: int) -> frozenset[date]:
    days = (date(year, 12, 24), date(year, 12, 31))
    return frozenset(day for day in days if year >= 2007 and day.weekday() < SATURDAY)


@cache
def _london_half_days(year: int) -> frozenset[date]:
    """The last sessions before Christmas and before the new year."""
    eves, holidays = (date(year, 12, 25), date(year + 1, 1, 1)), _london_holidays(year)
    return frozenset(_last_before(eve, holidays) for eve in eves)


@cache
def _currency_holidays(year: int) -> frozenset[date]:
    return frozenset({date(year, 1, 1), date(year, 12, 25)})


@cache
def _globex_holidays(year: int) -> frozenset[date]:
    new_year = date(year, 1, 1)
    days = {
        new_year + ONE_DAY if new_year.weekday() == SUNDAY else new_year,
        _observed(date(year, 12, 25)),
        easter(year) - 2 * ONE_DAY,
    }
    return frozenset(days | {day for day in _MOURNED if day.year == year})


_MOURNED = (date(2007, 1, 2), date(2018, 12, 5), date(2025, 1, 9))


@cache
def _globex_half_days(year: int) -> frozenset[date]:
    return (nyse_holidays(year) | nyse_half_days(year)) - _globex_holidays(year)


def _none(year: int) -> frozenset[date]:
    return frozenset()


ALWAYS_OPEN = "ALWAYS"  # no real market: sessions of a day, one after the other, on all days
_MET, _LONDON, _CENTRAL = "MET", "GB", "US/Central"
MARKETS: Mapping[str, Hours] = MappingProxyType(
    {
        "NYSE": Hours(EASTERN, time(9, 30), time(16), nyse_holidays, nyse_half_days, time(13)),
        "XETRA": Hours(_MET, time(9), time(17, 30), _german_holidays, _german_half_days, time(14)),
        "EURONEXT": Hours(
            _MET, time(9), time(17, 30), _continental_holidays, _euronext_half_days, time(14, 5)
        ),
        "LSE": Hours(
            _LONDON, time(8), time(16, 30), _london_holidays, _london_half_days, time(12, 30)
        ),
        "FX": Hours(EASTERN, time(17, 15), time(17), _currency_holidays, _none, time(13), True),
        "GLOBEX": Hours(
            EASTERN, time(18), time(17), _globex_holidays, _globex_half_days, time(13), True
        ),
        "TSE": Hours("Japan", time(9), time(15), tokyo_holidays, _none, time(15)),
        "GRAINS": Hours(
            _CENTRAL, time(8, 30), time(13, 20), nyse_holidays, nyse_half_days, time(12, 5)
        ),
        "EUREX": Hours(_MET, time(8), time(22), _german_holidays, _none, time(14)),
        "SOFTS": Hours(
            EASTERN, time(4, 15), time(13, 30), nyse_holidays, nyse_half_days, time(13)
        ),
        "LIVESTOCK": Hours(
            _CENTRAL, time(8, 30), time(13, 5), nyse_holidays, nyse_half_days, time(12, 15)
        ),
        ALWAYS_OPEN: Hours(EASTERN, time(17), time(17), _none, _none, time(17), True, True),
    }
)


@cache
def is_session(market: str, day: date) -> bool:
    """Whether `market` trades on `day`."""
    hours = MARKETS[market]
    is_weekday = hours.on_weekends or day.weekday() < SATURDAY
    return is_weekday and day not in hours.holidays(day.year)


@cache
def sessions_of(market: str, year: int) -> tuple[Session, ...]:
    """All sessions of a year, in order."""
    hours = MARKETS[market]
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return tuple(
        _session(hours, day) for day in days if day.year == year and is_session(market, day)
    )


def business_days(market: str, day: date, count: int) -> date:
    """The session `count` sessions after `day`, or before it when negative."""
    step = ONE_DAY if count > 0 else -ONE_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_session(market, day)
    return day


def _session(hours: Hours, day: date) -> Session:
    is_half = day in hours.half_days(day.year)
    closes = hours.half_closes if is_half else hours.closes
    first = day - ONE_DAY if hours.opens_before else day
    where = zone(hours.zone)
    begin = datetime.combine(first, hours.opens, where)
    end = datetime.combine(day, closes, where)
    return Session(day, int(begin.timestamp()), int(end.timestamp()))
