"""The simulated clock: a market's sessions by rule, and time that runs or stands."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from typing import Literal

from hydra.gateway.errors import SettingsError
from hydra.gateway.hours import Session, sessions_of
from hydra.gateway.times import from_epoch

Phase = Literal["pre", "open", "closed"]

FIRST_YEAR = 1999
LAST_YEAR = 2100


class Calendar:
    """A market's sessions in time order, by rule and year by year as they are asked for."""

    def __init__(self, market: str = "NYSE", first_year: int = FIRST_YEAR) -> None:
        self._market = market
        self._next_year = first_year
        self._sessions: list[Session] = []
        self._opens: list[int] = []
        self._days: list[date] = []
        self._grow()

    def find(self, day: date) -> Session | None:
        """The session of `day`, if it has one."""
        self._reach(day.year)
        index = bisect_left(self._days, day)
        is_there = index < len(self._days) and self._days[index] == day
        return self._sessions[index] if is_there else None

    def on(self, day: date) -> Session:
        """The session of `day`; raises SettingsError naming the nearest one."""
        session = self.find(day)
        if session is not None:
            return session
        index = bisect_left(self._days, day)
        near = self._days[max(0, index - 1) : index + 1]
        nearest = min(near, key=lambda other: abs(other - day))
        raise SettingsError(f"{day} is no session of the exchange; the nearest is {nearest}")

    def latest(self, seconds: int) -> Session:
        """The session that is open or was the last to open at `seconds`, else the first."""
        self._reach(from_epoch(seconds).year)
        return self._sessions[max(bisect_right(self._opens, seconds) - 1, 0)]

    def following(self, seconds: int) -> Session | None:
        """The first session that opens after `seconds`; None after the last year."""
        self._reach(from_epoch(seconds).year)
        index = bisect_right(self._opens, seconds)
        return self._sessions[index] if index < len(self._sessions) else None

    def between(self, first: int, last: int) -> list[Session]:
        """The sessions that are open at some moment in [`first`, `last`]."""
        self._reach(from_epoch(last).year)
        start = max(bisect_right(self._opens, first) - 1, 0)
        chosen = self._sessions[start : bisect_right(self._opens, last)]
        return [session for session in chosen if session.closes > first]

    def phase(self, seconds: int) -> Phase:
        """Whether the exchange has yet to open for the first time, is open, or is closed."""
        session = self.latest(seconds)
        if seconds < session.opens:
            return "pre"
        return "open" if seconds < session.closes else "closed"

    def _reach(self, year: int) -> None:
        """Know the sessions of `year` and of the one after, up to the last year."""
        while self._next_year <= min(year + 1, LAST_YEAR):
            self._grow()

    def _grow(self) -> None:
        added = sessions_of(self._market, self._next_year)
        self._sessions += added
        self._opens += [session.opens for session in added]
        self._days += [session.day for session in added]
        self._next_year += 1


def clock_target(calendar: Calendar, now: datetime, elapsed_s: float) -> datetime:
    """Where simulated time stands after `elapsed_s` of session time; closed hours take none."""
    moment = now.timestamp()
    left = elapsed_s
    while left > 0:
        session = calendar.latest(int(moment))
        if not session.opens <= moment < session.closes:
            following = calendar.following(int(moment))
            if following is None:
                break
            moment = float(following.opens)
            continue
        stretch = min(left, session.closes - moment)
        moment, left = moment + stretch, left - stretch
    return from_epoch(moment)


def commanded_time(calendar: Calendar, now: datetime, to: str) -> datetime:
    """The moment that a command means: `open`, `close`, `next_open` or an ISO time.

    Raises SettingsError when it lies in the past, does not exist or cannot be read.
    """
    seconds = int(now.timestamp())
    named = {"close": _close, "open": _open, "next_open": _next_open}.get(to)
    target = iso_time(to) if named is None else from_epoch(named(calendar, seconds))
    if target < now:
        raise SettingsError(f"the clock stands at {now.isoformat()} and cannot go back to {to}")
    return target


def _open(calendar: Calendar, seconds: int) -> int:
    if calendar.phase(seconds) == "open":
        return seconds
    return _next_open(calendar, seconds)


def _close(calendar: Calendar, seconds: int) -> int:
    return max(seconds, calendar.latest(seconds).closes)


def _next_open(calendar: Calendar, seconds: int) -> int:
    following = calendar.following(seconds)
    if following is None:
        raise SettingsError("there is no session after the year 2100")
    return following.opens


def iso_time(text: str) -> datetime:
    """The moment (aware, whole seconds) of an ISO text; SettingsError if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{text!r} is not open, close, next_open or a time such as 2012-10-05T15:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise SettingsError(f"{text!r} has no time zone; end it with Z for UTC")
    return moment - timedelta(microseconds=moment.microsecond)
