"""Exchange sessions as pandas wants them: for many bar ends at once."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import pandas as pd

from hydra.clock import FIRST_DAY, exchange_calendar
from hydra.errors import BarsError


def closes(calendar: str) -> pd.Series[Any]:
    """Close of every session since 1990, aware UTC, by session date (naive midnight).

    Raises `UnknownName` for a calendar that exchange_calendars does not have.
    """
    ends: pd.Series[Any] = exchange_calendar(calendar).closes
    return ends


def zone(calendar: str) -> tzinfo:
    """The time zone of the exchange, in which its sessions are dates."""
    local: tzinfo = exchange_calendar(calendar).tz
    return local


def sessions_of(times: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    """The session that each bar end (aware UTC) belongs to: the first to close at or after it.

    Raises `BarsError` for a time before 1990 or after the calendar's last session.
    """
    ends = closes(calendar)
    places = pd.DatetimeIndex(ends.array).searchsorted(times, side="left")
    outside = (places == len(ends)) | (times < pd.Timestamp(FIRST_DAY, tz="UTC"))
    if outside.any():
        raise BarsError(
            f"{times[outside][0]} lies outside the sessions known of {calendar}: "
            f"{ends.index[0]:%Y-%m-%d} to {ends.index[-1]:%Y-%m-%d}."
        )
    return pd.DatetimeIndex(ends.index[places])
