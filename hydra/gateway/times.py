"""Market time as the protocol writes it, and the moments that clients write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONED = 174  # from this server version on, dates carry the name of their zone
EASTERN = "US/Eastern"

_MOMENT = re.compile(r"(\d{8})(?:(-|\s+)(\d{2}:\d{2}:\d{2})(?:\s+(\S+))?)?\Z")


def zone(name: str) -> ZoneInfo:
    """The zone called `name`; raises ValueError for a name that nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as reason:
        raise ValueError(f"there is no time zone {name!r}") from reason


@lru_cache(maxsize=256)  # all that happens in one second is written alike
def moment_text(when: datetime, zone_name: str, version: int) -> str:
    """`20121001 09:30:00 US/Eastern` in the market's time; without the zone below 174."""
    text = when.astimezone(zone(zone_name)).strftime("%Y%m%d %H:%M:%S")
    return f"{text} {zone_name}" if version >= ZONED else text


@lru_cache(maxsize=256)
def day_text(when: datetime, zone_name: str = EASTERN) -> str:
    """`20121001`, the market's date."""
    return when.astimezone(zone(zone_name)).strftime("%Y%m%d")


def parse_moment(text: str, zone_name: str = EASTERN) -> datetime:
    """The moment that a client wrote, in UTC.

    `20121001 16:00:00 US/Eastern`, `20121001-20:00:00` (UTC), `20121001 16:00:00` (the market's
    zone) and `20121001` (the end of that day) are understood; raises ValueError for others.
    """
    match = _MOMENT.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no date such as 20121001 16:00:00 {EASTERN}")
    day, separator, clock, named = match.groups()
    if clock is None:
        midnight = datetime.strptime(day, "%Y%m%d").replace(tzinfo=zone(zone_name))
        return (midnight + timedelta(days=1)).astimezone(UTC)
    naive = datetime.strptime(f"{day} {clock}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 — zone next
    where = UTC if separator == "-" else zone(named or zone_name)
    return naive.replace(tzinfo=where).astimezone(UTC)


def epoch(when: datetime) -> int:
    """Whole seconds since 1970."""
    return int(when.timestamp())


def from_epoch(seconds: float) -> datetime:
    """The moment `seconds` after 1970, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
