"""Exchange sessions as pandas wants them: for many bar ends at once."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from hydra.errors import BarsError
from hydra.timetable import FIRST_DAY, timetable


def closes(calendar: str) -> pd.Series[Any]:
    """Close of every session since 1990, aware UTC, by session date (naive midnight).

    Raises `UnknownName` for a calendar that exchange_calendars does not have.
    """
    table = timetable(calendar)
    ends = pd.to_datetime(np.array(table.closes), unit="s", utc=True).as_unit("us")
    return pd.Series(ends, index=pd.DatetimeIndex(table.sessions))


def zone(calendar: str) -> tzinfo:
    """The time zone of the exchange, in which its sessions are dates."""
    return timetable(calendar).zone


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
