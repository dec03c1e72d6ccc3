"""When IB resets its servers, and a gateway that is away is nothing to wake anybody for."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hydra.errors import ConfigError
from hydra.runner.schedule import DAYS

WINDOW = re.compile(r"(?:([A-Za-z]{3}) )?(\d\d:\d\d)-(\d\d:\d\d) (\S+)")


def is_reset(windows: tuple[str, ...], moment: datetime) -> bool:
    """Whether a moment (aware) lies in one of the windows, such as "23:45-01:45 US/Eastern" or, on
    the day on which it begins, "Fri 23:00-03:00 US/Eastern"."""
    return any(_inside(window, moment) for window in windows)


def check_windows(windows: tuple[str, ...]) -> None:
    """Raise `ConfigError` for a window that cannot be read."""
    for window in windows:
        _parsed(window)


def _inside(window: str, moment: datetime) -> bool:
    day, begin, end, zone = _parsed(window)
    local = moment.astimezone(zone)
    now = local.time()
    if begin <= end:
        return begin <= now < end and day in (None, local.weekday())
    if now >= begin:
        return day in (None, local.weekday())
    return now < end and day in (None, (local - timedelta(days=1)).weekday())


@lru_cache(maxsize=16)
def _parsed(window: str) -> tuple[int | None, time, time, ZoneInfo]:
    match = WINDOW.fullmatch(window)
    try:
        if match is None:
            raise ValueError(window)
        day, begin, end, zone = match.groups()
        number = DAYS.index(day.lower()) if day else None
        return number, time.fromisoformat(begin), time.fromisoformat(end), ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError) as problem:
        raise ConfigError(
            f'[alerts] reset_windows has {window!r}; it takes texts such as "23:45-01:45 '
            'US/Eastern" or "Fri 23:00-03:00 US/Eastern".'
        ) from problem
