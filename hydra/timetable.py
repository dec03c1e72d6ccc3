"""The sessions of an exchange as exchange_calendars knows them, kept in a file between programs.

Importing that library and making a calendar of it takes over half a second, as long as a whole
paper session does. What it says of a calendar changes with its version alone, so it is asked once
a version and the answer kept under the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hydra.errors import UnknownName, unknown

FIRST_DAY = "1990-01-01"
"""Sessions are known from here on."""
FRESH_DAYS = 300
"""A calendar reaches a year ahead of the day it was made on; with less than this left of it, it is
made anew."""
FORM = 1


@dataclass(frozen=True, eq=False)
class Timetable:
    """Sessions in rising order: their dates, and their opens and closes in seconds since 1970.

    `zone` is the exchange's own, whose dates the sessions are.
    """

    zone: tzinfo
    sessions: tuple[date, ...]
    opens: tuple[int, ...]
    closes: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is not three rising columns of one length, as a damaged file may hold."""
        for column in (self.sessions, self.opens, self.closes):
            if len(column) != len(self.sessions) or not rises(column):
                raise ValueError("the columns of a timetable rise and have one length")


def rises(column: tuple[Any, ...]) -> bool:
    """Whether there is something, and each is above the one before."""
    return bool(column) and all(a < b for a, b in pairwise(column))


@dataclass(frozen=True)
class Closure:
    """A day on which an exchange was closed that its calendar has as a session: a day of mourning,
    a storm. Without a calendar's code it is one of every exchange."""

    day: date
    calendar: str = ""

    def concerns(self, name: str) -> bool:
        """Whether it closes that calendar; the markets of currencies (24/5) are no exchange."""
        return self.calendar == name if self.calendar else name not in ALWAYS


ALWAYS = frozenset({"24/5", "24/7"})
_closures: frozenset[Closure] = frozenset()


def close_on(closures: Iterable[Closure]) -> None:
    """Have these closures, and no others, taken out of every calendar of this process."""
    global _closures  # sessions are asked for everywhere by a calendar's name alone
    wanted = frozenset(closures)
    if wanted != _closures:
        _closures = wanted
        timetable.cache_clear()


@lru_cache(maxsize=16)
def timetable(name: str) -> Timetable:
    """The sessions of an exchange from 1990 to about a year ahead, by its code (XNYS, 24/5 …),
    without the days of `close_on`.

    Read once a process. Raises `UnknownName` for a code that exchange_calendars does not have.
    """
    known = _library(name)
    closed = {closure.day for closure in _closures if closure.concerns(name)}
    if not closed.intersection(known.sessions):
        return known
    rows = zip(known.sessions, known.opens, known.closes, strict=True)
    return Timetable(known.zone, *zip(*(row for row in rows if row[0] not in closed), strict=True))


@lru_cache(maxsize=16)
def _library(name: str) -> Timetable:
    """What exchange_calendars says, from the file that keeps it where there is one."""
    path = _file(name)
    kept = _read(path) if path else None
    if kept is not None:
        return kept
    made = _made(name)
    if path:
        with suppress(
            OSError
        ):  # a cache that cannot be written costs the next program half a second
            _write(path, made)
    return made


def _made(name: str) -> Timetable:
    import exchange_calendars

    known = exchange_calendars.get_calendar_names()
    if name not in known:
        raise UnknownName(unknown("exchange calendar", name, known))
    begins = exchange_calendars.get_calendar(name).bound_min()  # some are known of later days only
    first = FIRST_DAY if begins is None else max(FIRST_DAY, f"{begins:%Y-%m-%d}")
    calendar = exchange_calendars.get_calendar(name, start=first)
    return Timetable(
        calendar.tz,
        tuple(session.date() for session in calendar.sessions),
        tuple(int(moment.timestamp()) for moment in calendar.opens),
        tuple(int(moment.timestamp()) for moment in calendar.closes),
    )


def _file(name: str) -> Path | None:
    """Where a calendar of this version of the library is kept; None for a name that is no name."""
    plain = name.replace("/", "-")
    if not plain.replace("-", "").replace("_", "").isalnum():
        return None
    root = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    library = f"exchange_calendars-{version('exchange_calendars')}"
    return Path(root) / "hydra" / library / f"{plain}.json"


def _read(path: Path) -> Timetable | None:
    """What the file holds; None when it is not there, damaged, or reaches not far enough."""
    try:
        told = json.loads(path.read_bytes())
        if told["form"] != FORM:
            return None
        table = Timetable(
            ZoneInfo(told["zone"]),
            tuple(map(date.fromordinal, told["sessions"])),
            tuple(told["opens"]),
            tuple(told["closes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    left = table.sessions[-1] - datetime.now(UTC).date()
    return table if left >= timedelta(days=FRESH_DAYS) else None


def _write(path: Path, table: Timetable) -> None:
    told = {
        "form": FORM,
        "zone": str(table.zone),
        "sessions": [day.toordinal() for day in table.sessions],
        "opens": table.opens,
        "closes": table.closes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(told))
    part.replace(path)
