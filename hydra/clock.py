"""The present moment as something you pass in, and the sessions of an exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from hydra.errors import BadParameter, UnknownName, unknown

FIRST_DAY = "1990-01-01"
"""Sessions are known from here on."""


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        return datetime.now(UTC)


@dataclass
class MarketClock:
    """The time of the market that a gateway trades in, as it was last told.

    A simulated gateway lives in another year than the machine; nothing on the order path may look
    at the machine's clock to tell a session. `set` is called with what the gateway answers.
    """

    at: datetime | None = None

    def set(self, at: datetime) -> None:
        """Take over the gateway's time (aware)."""
        self.at = aware_utc(at)

    def now(self) -> datetime:
        """The last time told, aware UTC; raises `BadParameter` before the first."""
        if self.at is None:
            raise BadParameter("The market clock was read before a gateway told the time.")
        return self.at


def aware_utc(time: datetime) -> datetime:
    """The same moment in UTC; raises `BadParameter` for a time without a zone."""
    if time.tzinfo is None:
        raise BadParameter(f"{time} has no time zone; times must be aware.")
    return time.astimezone(UTC)


@dataclass(frozen=True)
class Sessions:
    """Trading sessions of one exchange, by its code in exchange_calendars (XNYS, XLON, 24/5 …).

    A session is a date of the exchange; its open and close are moments in UTC.
    """

    calendar: str = "XNYS"

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on that date."""
        return bool(self._around(day).is_session(day.isoformat()))

    def opens(self, session: date) -> datetime:
        """When the session opens, aware UTC; raises `BadParameter` when it is no session."""
        return self._bound(session, "session_open")

    def opens_of(self, days: Sequence[date]) -> list[datetime | None]:
        """The open of each day that is a session, aware UTC; None for the others."""
        opens = exchange_calendar(self.calendar).opens.reindex([d.isoformat() for d in days])
        return [None if o != o else o.to_pydatetime() for o in opens]

    def closes(self, session: date) -> datetime:
        """When the session closes (half days too), aware UTC."""
        return self._bound(session, "session_close")

    def session_at(self, time: datetime) -> date:
        """The session in progress at `time`, else the one that comes next."""
        day = aware_utc(time).date()
        sessions = self._around(day).sessions_in_range(
            (day - timedelta(days=2)).isoformat(), (day + timedelta(days=14)).isoformat()
        )
        return next(day for day in map(_as_date, sessions) if self.closes(day) > time)

    def is_open(self, time: datetime) -> bool:
        """Whether the session at `time` has opened."""
        return self.opens(self.session_at(time)) <= time

    def previous(self, session: date) -> date:
        """The session before this one (or before this date)."""
        day = session - timedelta(days=1)
        found = self._around(day).date_to_session(day.isoformat(), direction="previous")
        return _as_date(found)

    def next(self, session: date) -> date:
        """The session after this one (or after this date)."""
        day = session + timedelta(days=1)
        return _as_date(self._around(day).date_to_session(day.isoformat(), direction="next"))

    def last_completed(self, time: datetime) -> date:
        """The last session that has closed by `time`: decisions use bars up to it."""
        return self.previous(self.session_at(time))

    def _bound(self, session: date, method: str) -> datetime:
        calendar = self._around(session)
        if not calendar.is_session(session.isoformat()):
            raise BadParameter(
                f"{session} is no session of {self.calendar}; the next is {self.next(session)}."
            )
        moment: datetime = getattr(calendar, method)(session.isoformat()).to_pydatetime()
        return moment

    def _around(self, day: date) -> Any:
        if day.isoformat() < FIRST_DAY:
            raise BadParameter(f"{day} is before {FIRST_DAY}, where the calendars begin.")
        return exchange_calendar(self.calendar)


@lru_cache(maxsize=8)
def exchange_calendar(name: str) -> Any:
    """The exchange_calendars calendar of that name from 1990 on; one for the whole process.

    Making it takes 0.3 s, and importing the library, which imports pandas, as much again: a
    program that needs no sessions does without. Raises `UnknownName`.
    """
    import exchange_calendars

    known = exchange_calendars.get_calendar_names()
    if name not in known:
        raise UnknownName(unknown("exchange calendar", name, known))
    maker: Callable[..., Any] = exchange_calendars.get_calendar
    return maker(name, start=FIRST_DAY)


def _as_date(moment: Any) -> date:
    day: date = moment.date()
    return day
