"""Holidays of the Tokyo Stock Exchange, by the rules of Japan's Act on National Holidays.

Neither the lunch break nor the close at 15:30 since November 2024 is modelled: a session is one
stretch from 9:00 to 15:00.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_MONDAY, _SUNDAY = 0, 6
_DAY = timedelta(days=1)
# Days that one year alone had: the Emperor's accession and the two Olympic years.
_MOVED_IN = (2020, 2021)
_SINGLE = frozenset(
    {
        *(date(2019, 4, 30), date(2019, 5, 1), date(2019, 5, 2), date(2019, 10, 22)),
        *(date(2020, 7, 23), date(2020, 7, 24), date(2020, 8, 10)),
        *(date(2021, 7, 22), date(2021, 7, 23), date(2021, 8, 8)),
        date(2020, 10, 1),  # the exchange's systems had failed
    }
)


@cache
def tokyo_holidays(year: int) -> frozenset[date]:
    """The days of `year` on which the exchange is closed, weekends apart."""
    days = _fixed(year) | _mondays(year) | {day for day in _SINGLE if day.year == year}
    days |= {_equinox(year, 3, 20.8431), _equinox(year, 9, 23.2488)}
    days |= _between(days)
    days |= _substitutes(days)
    return frozenset(days | {date(year, 1, 2), date(year, 1, 3), date(year, 12, 31)})


def _fixed(year: int) -> set[date]:
    known = {(1, 1), (2, 11), (4, 29), (5, 3), (5, 5), (11, 3), (11, 23)}
    if year >= 2007:
        known.add((5, 4))
    if year >= 2016 and year not in _MOVED_IN:
        known.add((8, 11))
    if year != 2019:
        known.add((12, 23) if year < 2019 else (2, 23))
    return {date(year, month, day) for month, day in known}


def _mondays(year: int) -> set[date]:
    days = set()
    if year >= 2000:
        days.add(_nth_monday(year, 1, 2))
    if year >= 2003:
        days.add(_nth_monday(year, 9, 3))
    if year >= 2000 and year not in _MOVED_IN:
        days.add(_nth_monday(year, 10, 2))
    if year >= 2003 and year not in _MOVED_IN:
        days.add(_nth_monday(year, 7, 3))
    before = {1: (15, 2000), 9: (15, 2003), 10: (10, 2000), 7: (20, 2003)}
    return days | {date(year, m, day) for m, (day, until) in before.items() if year < until}


def _nth_monday(year: int, month: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_MONDAY - first.weekday()) % 7 + 7 * (count - 1))


def _equinox(year: int, month: int, base: float) -> date:
    """The day of an equinox in Japan, by the approximation that holds from 1980 to 2099."""
    return date(year, month, int(base + 0.242194 * (year - 1980) - (year - 1980) // 4))


def _between(days: set[date]) -> set[date]:
    """A working day between two holidays is one."""
    return {
        day + _DAY
        for day in days
        if day + 2 * _DAY in days and (day + _DAY).weekday() != _SUNDAY and day + _DAY not in days
    }


def _substitutes(days: set[date]) -> set[date]:
    """A holiday on a Sunday is made up for on the next day that is none."""
    found = set()
    for day in days:
        if day.weekday() == _SUNDAY:
            following = day + _DAY
            while following in days:
                following += _DAY
            found.add(following)
    return found
