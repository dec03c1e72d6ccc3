"""The present moment as something you pass in, and the sessions of an exchange."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Protocol

from hydra.errors import BadParameter
from hydra.timetable import FIRST_DAY, Timetable, timetable


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

    A session is a date of the exchange; its open and close are moments in UTC. Dates before 1990
    and after the calendar's last session raise `BadParameter`.
    """

    calendar: str = "XNYS"

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on that date."""
        place, known = self._place(day), self._table.sessions
        return place < len(known) and known[place] == day

    def opens(self, session: date) -> datetime:
        """When the session opens, aware UTC; raises `BadParameter` when it is no session."""
        return _moment(self._table.opens[self._place_of(session)])

    def opens_of(self, days: Sequence[date]) -> list[datetime | None]:
        """The open of each day that is a session, aware UTC; None for the others."""
        return [self.opens(day) if self.is_session(day) else None for day in days]

    def closes(self, session: date) -> datetime:
        """When the session closes (half days too), aware UTC."""
        return _moment(self._table.closes[self._place_of(session)])

    def session_at(self, time: datetime) -> date:
        """The session in progress at `time`, else the one that comes next."""
        at = aware_utc(time)
        self._place(at.date())  # before the first, no session is known to come next
        return self._session(bisect_right(self._table.closes, at.timestamp()), at)

    def is_open(self, time: datetime) -> bool:
        """Whether the session at `time` has opened."""
        return self.opens(self.session_at(time)) <= time

    def previous(self, session: date) -> date:
        """The session before this one (or before this date)."""
        return self._session(self._place(session) - 1, session)

    def next(self, session: date) -> date:
        """The session after this one (or after this date)."""
        place = self._place(session)
        return self._session(place + self.is_session(session), session)

    def last_completed(self, time: datetime) -> date:
        """The last session that has closed by `time`: decisions use bars up to it."""
        return self.previous(self.session_at(time))

    @property
    def zone(self) -> tzinfo:
        """The time zone of the exchange, in which its sessions are dates."""
        return self._table.zone

    @property
    def _table(self) -> Timetable:
        return timetable(self.calendar)

    def _place(self, day: date) -> int:
        """Where the first session from `day` on stands among all."""
        if day.isoformat() < FIRST_DAY:
            raise BadParameter(f"{day} is before {FIRST_DAY}, where the calendars begin.")
        return bisect_left(self._table.sessions, day)

    def _place_of(self, session: date) -> int:
        if not self.is_session(session):
            raise BadParameter(
                f"{session} is no session of {self.calendar}; the next is {self.next(session)}."
            )
        return self._place(session)

    def _session(self, place: int, asked: date) -> date:
        known = self._table.sessions
        if not 0 <= place < len(known):
            raise BadParameter(
                f"{asked} has no session of {self.calendar} beside it; the calendar has those "
                f"from {known[0]} to {known[-1]}."
            )
        return known[place]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
