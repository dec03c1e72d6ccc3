"""The one validator of bars: what every source promises, said with symbol, row and rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from hydra.data._sessions import closes, sessions_of
from hydra.domain.bars import Bars
from hydra.errors import BarsError

FIELDS = ("open", "high", "low", "close", "volume")
MOST_CLOSED = 5
"""More unforeseen closures than this within one look-back are a gap in the data: in September 2001
New York's exchange was closed for four sessions."""


def checked(bars: Bars) -> Bars:
    """The same bars when they keep every rule; raises `BarsError` with symbol, row and rule.

    The rules: five frames of one shape; rows by bar end, aware UTC, ascending, each once; symbols
    each once; a bar has all five values or none; prices finite and > 0; low ≤ open, close ≤ high;
    volume ≥ 0.
    """
    _check_shape(bars)
    _check_index(bars.index)
    for rule, broken in _broken_rules(bars):
        if broken.any():
            row, column = (int(place[0]) for place in np.nonzero(broken))
            raise BarsError(f"{bars.symbols[column]} at {bars.index[row]}: {rule}.")
    return bars


def missing_sessions(bars: Bars, calendar: str = "XNYS") -> dict[str, pd.DatetimeIndex]:
    """Sessions of the exchange without a bar, from each symbol's first bar to its last.

    Daily bars only. Dates are naive midnights; a symbol without a hole is left out.
    """
    sessions = sessions_of(bars.index, calendar)
    holes = {}
    for symbol in bars.symbols:
        listed = sessions[bars.close[symbol].notna().to_numpy()]
        missing = _between(listed, calendar).difference(listed)
        if len(missing):
            holes[symbol] = missing
    return holes


def without_holes(bars: Bars, calendar: str = "XNYS") -> Bars:
    """The same daily bars; raises `BarsError` for a session missing inside a symbol's life."""
    for symbol, missing in missing_sessions(bars, calendar).items():
        _refuse_hole(symbol, missing, calendar)
    return bars


def closed_days(bars: Bars, calendar: str) -> pd.DatetimeIndex:
    """Sessions of the calendar from the first daily bar to the last on which no symbol has one:
    the exchange was closed and its calendar knows it not. Dates are naive midnights.

    Raises `BarsError` for more of them than an exchange ever was closed for: bars are missing.
    """
    traded = bars.close.notna().any(axis=1).to_numpy()
    known = sessions_of(bars.index[traded], calendar)
    days = _between(known, calendar).difference(known)
    if len(days) > MOST_CLOSED:
        raise BarsError(
            f"No symbol has a bar of {len(days)} {calendar} sessions from {days[0]:%Y-%m-%d} to "
            f"{days[-1]:%Y-%m-%d}; the data source has a gap."
        )
    return days


def without_unknown_holes(bars: Bars, calendar: str, warn: Callable[[str], None]) -> Bars:
    """The same daily bars; as `without_holes`, but days on which no symbol has a bar are taken for
    closures, each of which is warned of."""
    closed = closed_days(bars, calendar)
    for day in closed:
        warn(
            f"None of {len(bars.symbols)} symbols has a bar of the {calendar} session "
            f"{day:%Y-%m-%d}: taken for a day on which the exchange was closed. If it was, add "
            "it to closed in [calendar] of hydra.toml."
        )
    for symbol, missing in missing_sessions(bars, calendar).items():
        _refuse_hole(symbol, missing.difference(closed), calendar)
    return bars


def _refuse_hole(symbol: str, missing: pd.DatetimeIndex, calendar: str) -> None:
    if len(missing):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BarsError(
            f"{symbol} has no bar for the {calendar} session {missing[0]:%Y-%m-%d}{more}; "
            "a symbol needs one for every session between its first and its last."
        )


def _between(listed: pd.DatetimeIndex, calendar: str) -> pd.DatetimeIndex:
    if not len(listed):
        return listed
    known = closes(calendar).index
    return pd.DatetimeIndex(known[(known >= listed[0]) & (known <= listed[-1])])


def _check_shape(bars: Bars) -> None:
    for name in FIELDS:
        frame = getattr(bars, name)
        if not (frame.index.equals(bars.index) and frame.columns.equals(bars.close.columns)):
            raise BarsError(f"{name} has other rows or columns than close; all five are alike.")
    for symbol, group in groupby(sorted(bars.symbols)):
        if len(list(group)) > 1:
            raise BarsError(f"{symbol} has more than one column; a symbol has one.")


def _check_index(index: pd.Index) -> None:
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise BarsError("Rows are not labelled by aware times; the label is the bar's end in UTC.")
    if index.tz.utcoffset(None) != timedelta(0):
        raise BarsError(f"Rows are labelled in {index.tz}; the label is the bar's end in UTC.")
    steps = np.diff(index.asi8)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0))
        rule = "comes twice" if steps[row] == 0 else f"comes after {index[row]}"
        raise BarsError(f"The row {index[row + 1]} {rule}; rows ascend and each comes once.")


def _broken_rules(bars: Bars) -> Iterator[tuple[str, Any]]:
    """Each rule with the places (row, column) where it is broken; NaN rows break none but one."""
    values = np.stack([getattr(bars, name).to_numpy(dtype=float) for name in FIELDS])
    prices, (opened, high, low, close, volume) = values[:4], values
    absent = np.isnan(values)
    yield "some of the five values are missing, a hole", absent.any(axis=0) & ~absent.all(axis=0)
    yield "a price or the volume is infinite", np.isinf(values).any(axis=0)
    yield "a price is not > 0", (prices <= 0).any(axis=0)
    yield "the high is below the low", high < low
    yield "the open lies outside low to high", (opened < low) | (opened > high)
    yield "the close lies outside low to high", (close < low) | (close > high)
    yield "the volume is negative", volume < 0
