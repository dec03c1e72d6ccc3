"""When a job is due: pure functions of a timetable and an interval of time.

A due moment is computed from the exchange's own calendar or from a cron line in its time zone,
never counted on from the last one, so holidays, half days and clock changes need no care.

A cron line names local times, and each of them is due exactly once:

* a local time that a clock change skips is due at the first minute after the change; several that
  are skipped together are due there once,
* a local time that a clock change repeats is due when it comes first.

A line that is due in every hour of its days (`30 * * * *`) goes by elapsed time instead: it is due
in both of two repeated hours, and not in an hour that does not exist. Vixie cron draws the same
line between jobs at fixed times and jobs with a wildcard (its manual page, "Daylight Saving Time
and other time changes").
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from hydra.clock import Sessions
from hydra.errors import BadParameter

AT = re.compile(r"(open|close)(?:\s*([+-])\s*(\d+)\s*(s|min|h))?")
UNITS = {"s": 1, "min": 60, "h": 3600}
FURTHEST_S = 12 * 3600
"""A run belongs to a session, so it lies no farther from its open or close."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
LONGEST_CHANGE = timedelta(hours=25)
"""No clock change is longer: Samoa's of 2011 took one day."""
HORIZON = timedelta(days=200)
"""How far ahead is looked; a timetable that has nothing due in it is refused."""


@dataclass(frozen=True)
class Due:
    """One moment at which a job shall run (aware UTC), and the session that it belongs to.

    `until` is when that session is over: no run of it begins from then on.
    """

    at: datetime
    session: date
    until: datetime


@dataclass(frozen=True)
class Timetable:
    """When a job runs: by `at` and a calendar, or by a cron line in a time zone."""

    at: str
    cron: str
    timezone: str
    calendar: str
    only: tuple[str, ...] = ()

    def dues(self, after: datetime, until: datetime) -> Iterator[Due]:
        """All due moments in (`after`, `until`], in order."""
        for due in self._all(after):
            if due.at > until:
                return
            yield due

    def coming(self, after: datetime, count: int) -> list[Due]:
        """The next `count` due moments after a time."""
        return list(islice(self._all(after), count))

    def _all(self, after: datetime) -> Iterator[Due]:
        dues = self._by_session(after) if self.at else self._by_cron(after)
        return (due for due in dues if due.at > after)

    def _by_session(self, after: datetime) -> Iterator[Due]:
        bound, distance = parse_at(self.at)
        sessions = Sessions(self.calendar)
        day = sessions.previous((after - timedelta(days=2)).date())
        last = after.date() + HORIZON
        while day < last:
            if self._wanted(day):
                base = sessions.opens(day) if bound == "open" else sessions.closes(day)
                due = (base + distance).astimezone(UTC)
                closes = sessions.closes(day)
                until = closes if due < closes else sessions.opens(sessions.next(day))
                yield Due(due, day, until.astimezone(UTC))
            day = sessions.next(day)

    def _by_cron(self, after: datetime) -> Iterator[Due]:
        zone, sessions = ZoneInfo(self.timezone), Sessions(self.calendar)
        last = None
        for local, moment in cron_moments(self.cron, zone, after):
            if moment == last:
                continue  # several local times were skipped together
            if self._wanted(local.date()):
                session = sessions.session_at(moment)
                yield Due(moment, session, sessions.closes(session).astimezone(UTC))
                last = moment
            elif moment > after + HORIZON:
                return

    def _wanted(self, day: date) -> bool:
        sessions = Sessions(self.calendar)
        return not self.only or any(FILTERS[name](day, sessions) for name in self.only)


def parse_at(text: str) -> tuple[str, timedelta]:
    """`open+5min` → ("open", 5 minutes); raises `BadParameter`."""
    found = AT.fullmatch(text.strip())
    if not found:
        raise BadParameter(
            f'at is {text!r}; it takes open or close and a distance, such as "open+5min" or '
            '"close-15min".'
        )
    bound, sign, number, unit = found.groups()
    seconds = int(number) * UNITS[unit] if number else 0
    if seconds > FURTHEST_S:
        raise BadParameter(f"at is {text!r}; the distance may be 12 hours at most.")
    return bound, timedelta(seconds=-seconds if sign == "-" else seconds)


def cron_moments(
    line: str, zone: ZoneInfo, after: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Local times (naive) that a cron line names, each with its moment (aware UTC), from some time
    before `after` on, moments in order. Two local times can have one moment: see the module."""
    begin = after.astimezone(zone).replace(tzinfo=None) - LONGEST_CHANGE
    if not _is_every_hour(line):
        return ((local, first_moment(local, zone)) for local in _local_times(line, begin))
    both = heapq.merge(*(_by_fold(line, zone, begin, fold) for fold in (0, 1)))
    return ((local, moment) for moment, local in both)


def _by_fold(
    line: str, zone: ZoneInfo, begin: datetime, fold: int
) -> Iterator[tuple[datetime, datetime]]:
    """Each local time that exists with the first or the second of its moments, which are mostly
    the same; in order."""
    for local in _local_times(line, begin):
        moment = _moment(local, zone, fold)
        if _local(moment, zone) == local:
            yield moment, local


def first_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """When a local time (naive) comes first, aware UTC; for one that a clock change skips, the
    first minute after the change."""
    moment = _moment(local, zone, 0)
    if _local(moment, zone) == local:
        return moment
    earliest = _moment(local, zone, 1)  # by the offset after the change; the other one is before
    minutes = range((moment - earliest) // MINUTE + 1)
    number = bisect_left(
        minutes, True, key=lambda minute: _local(earliest + minute * MINUTE, zone) > local
    )
    return earliest + number * MINUTE


def _moment(local: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _local_times(line: str, begin: datetime) -> Iterator[datetime]:
    """All local times of a line after `begin`, in order; naive, so that no change touches them."""
    trigger, local = parse_cron(line), begin
    while True:
        fire = trigger.get_next_fire_time(None, (local + MINUTE).replace(second=0, tzinfo=UTC))
        if fire is None:
            return
        local = fire.replace(tzinfo=None)
        yield local


@lru_cache(maxsize=64)
def _is_every_hour(line: str) -> bool:
    """Whether no hour of a day is left out."""
    field = next(field for field in parse_cron(line).fields if field.name == "hour")
    day = datetime(2000, 1, 1, tzinfo=UTC)
    return all(field.get_next_value(day.replace(hour=hour)) == hour for hour in range(24))


@lru_cache(maxsize=64)
def parse_cron(line: str) -> Any:
    """An APScheduler trigger for a cron line, in a time zone without clock changes; raises
    `BadParameter`.

    APScheduler's own walk through a change skips the day after it for lines at 00:00 to 00:59, so
    it is asked for local times only. Weekdays go by name: APScheduler counts from Monday and cron
    from Sunday, and a number would run on another day than the one that was meant.
    """
    from apscheduler.triggers.cron import CronTrigger

    parts = line.split()
    if len(parts) == len(("minute", "hour", "day", "month", "weekday")) and re.search(
        r"\d", parts[4].rpartition("/")[0] or parts[4]
    ):
        raise BadParameter(
            f"cron is {line!r}; write weekdays by name, such as mon-fri: numbers mean different "
            "days to different programs."
        )
    try:
        return CronTrigger.from_crontab(line, timezone=UTC)
    except (ValueError, KeyError) as problem:
        raise BadParameter(
            f"cron is {line!r} ({problem}); it takes minute, hour, day, month and weekday, such "
            'as "30 9 * * mon-fri".'
        ) from problem


def _weekday(number: int) -> Callable[[date, Sessions], bool]:
    return lambda day, sessions: day.weekday() == number


def _first(key: Callable[[date], Any]) -> Callable[[date, Sessions], bool]:
    """The first session of its month or week."""
    return lambda day, sessions: (
        sessions.is_session(day) and key(sessions.previous(day)) != key(day)
    )


def _last(key: Callable[[date], Any]) -> Callable[[date, Sessions], bool]:
    return lambda day, sessions: sessions.is_session(day) and key(sessions.next(day)) != key(day)


def _month(day: date) -> Any:
    return day.year, day.month


def _week(day: date) -> Any:
    return day.isocalendar()[:2]


FILTERS: dict[str, Callable[[date, Sessions], bool]] = {
    "session": lambda day, sessions: sessions.is_session(day),
    "first_of_month": _first(_month),
    "last_of_month": _last(_month),
    "first_of_week": _first(_week),
    "last_of_week": _last(_week),
    **{name: _weekday(number) for number, name in enumerate(DAYS)},
}
"""Days that `only` can name; several mean any of them."""
