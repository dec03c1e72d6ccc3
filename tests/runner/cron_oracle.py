"""When a cron line is due, found by looking at every minute of UTC: slow, and plain to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BEGIN, END = datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
"""More than ten years, Samoa's and Morocco's odd changes among them."""


@dataclass(frozen=True)
class Line:
    """A cron line as sets of the values that it allows."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]

    @property
    def text(self) -> str:
        """As a person writes it."""
        every_day = len(self.weekdays) == len(NAMES)
        return " ".join(
            (
                _list(self.minutes, range(60)),
                _list(self.hours, range(24)),
                _list(self.days, range(1, 32)),
                "*",
                "*" if every_day else ",".join(NAMES[day] for day in sorted(self.weekdays)),
            )
        )

    def names(self, local: datetime) -> bool:
        """Whether the line names that local time."""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.day in self.days
            and local.weekday() in self.weekdays
        )


def _list(values: frozenset[int], whole: range) -> str:
    return "*" if len(values) == len(whole) else ",".join(map(str, sorted(values)))


def due_by_looking_at_each_minute(
    line: Line, zone: ZoneInfo, after: datetime, until: datetime
) -> list[datetime]:
    """All moments in (`after`, `until`] at which the line is due, by the rules of the schedule."""
    moment, found = after - timedelta(hours=4), []
    last, seen = _local(moment - MINUTE, zone), set()
    while moment <= until:
        local = _local(moment, zone)
        if len(line.hours) == 24:
            is_due = line.names(local)
        else:
            reached = _minutes_up_to(last, local)
            is_due = any(line.names(minute) and minute not in seen for minute in reached)
            seen.update(reached)
        if is_due and moment > after:
            found.append(moment)
        last = max(last, local)
        moment += MINUTE
    return found


def _minutes_up_to(last: datetime, local: datetime) -> list[datetime]:
    """The local minutes that begin with this one: itself, and before it what a change skipped."""
    skipped = []
    while last + MINUTE < local:
        last += MINUTE
        skipped.append(last)
    return [*skipped, local]


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


@cache
def changes() -> dict[str, tuple[datetime, ...]]:
    """Every clock change of the years above by a zone; of zones with the same ones, one."""
    by_shape: dict[tuple[object, ...], tuple[str, tuple[datetime, ...]]] = {}
    for name in sorted(available_timezones()):
        found = tuple(_changes_of(ZoneInfo(name)))
        shape = tuple((at, ZoneInfo(name).utcoffset(at.replace(tzinfo=None))) for at in found)
        by_shape.setdefault(shape, (name, found))
    return dict(by_shape.values())


def _changes_of(zone: ZoneInfo) -> Iterator[datetime]:
    day = BEGIN
    while day < END:
        if _offset(day, zone) != _offset(day + DAY, zone):
            yield _first_minute_after(day, zone)
        day += DAY


def kinds_of_change(name: str) -> list[datetime]:
    """The zone's changes, one of those that lead from one offset to another at one local time."""
    zone = ZoneInfo(name)
    kinds = {
        (_local(at - MINUTE, zone).time(), _offset(at - MINUTE, zone), _offset(at, zone)): at
        for at in changes()[name]
    }
    return list(kinds.values())


def _first_minute_after(day: datetime, zone: ZoneInfo) -> datetime:
    before, after = 0, 24 * 60
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(day + middle * MINUTE, zone) == _offset(day, zone):
            before = middle
        else:
            after = middle
    return day + after * MINUTE


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _some(values: range, most: int) -> st.SearchStrategy[frozenset[int]]:
    some = st.frozensets(st.sampled_from(values), min_size=1, max_size=most)
    return st.one_of(st.just(frozenset(values)), some)


LINES = st.builds(
    Line,
    st.frozensets(st.sampled_from(range(60)), min_size=1, max_size=4),
    st.one_of(_some(range(24), 5), _some(range(4), 3)),
    st.just(frozenset(range(1, 32))),
    _some(range(7), 4),
)
CHANGES = st.deferred(
    lambda: st.sampled_from([(name, at) for name, found in changes().items() for at in found])
)
