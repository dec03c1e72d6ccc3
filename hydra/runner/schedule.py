"""When a job is due: pure functions of a timetable and an interval of time.

A due moment is computed from the exchange's own calendar or from a cron line in its time zone,
never counted on from the last one, so holidays, half days and clock changes need no care.
"""

from __future__ import annotations

import re
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
INSTANT = timedelta(microseconds=1)
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
        trigger, zone = parse_cron(self.cron, self.timezone), ZoneInfo(self.timezone)
        sessions, moment = Sessions(self.calendar), after
        every_hour = "*" in self.cron.split()[1]
        while moment < after + HORIZON:
            fire = trigger.get_next_fire_time(None, (moment + INSTANT).astimezone(zone))
            if fire is None:
                return
            moment = fire.astimezone(UTC)
            again = fire.fold and not every_hour  # the hour that a clock change repeats
            if self._wanted(fire.date()) and not again:
                session = sessions.session_at(moment)
                yield Due(moment, session, sessions.closes(session).astimezone(UTC))

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


@lru_cache(maxsize=64)
def parse_cron(line: str, timezone: str) -> Any:
    """An APScheduler trigger for a cron line; raises `BadParameter`.

    Weekdays go by name: APScheduler counts from Monday and cron from Sunday, and a number would
    run on another day than the one that was meant.
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
        return CronTrigger.from_crontab(line, timezone=ZoneInfo(timezone or "UTC"))
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
