"""Refuses new orders while the gateway restarts or IB resets: what is sent then may be lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hydra.domain.orders import Objection, OrderRequest
from hydra.errors import BadParameter
from hydra.risk._base import Context

WINDOW = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)")


@dataclass(frozen=True)
class Blackout:
    """`windows` are daily times "HH:MM-HH:MM Zone"; one may run over midnight.

    The default is IB's nightly reset in North America, by both forms of IB's page "System status"
    that are known (23:45 to 00:45 and 00:15 to 01:45 US/Eastern). Add the gateway's own restart
    time. Orders that work when a window begins stay with the exchange as they are; the next
    reconciliation takes up what became of them.
    """

    windows: tuple[str, ...] = ("23:45-01:45 US/Eastern",)

    def __post_init__(self) -> None:
        """Refuse a window that cannot be read."""
        for window in self.windows:
            _parsed(window)

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to any order inside a window, by the market's clock."""
        for window in self.windows:
            if objection := _inside(window, context.now):
                return objection
        return None


@lru_cache(maxsize=8)
def _inside(window: str, moment: datetime) -> Objection | None:
    """A basket is judged in one moment, so the answer of the last one mostly holds."""
    begin, end, zone = _parsed(window)
    now = moment.astimezone(zone).time()
    if not (begin <= now < end or (begin > end and (now >= begin or now < end))):
        return None
    return Objection(
        "blackout",
        f"{now:%H:%M}",
        window,
        f"It is {now:%H:%M} {zone.key}, in the blackout {window}; orders sent now may be lost.",
    )


@lru_cache(maxsize=8)
def _parsed(window: str) -> tuple[time, time, ZoneInfo]:
    match = WINDOW.fullmatch(window)
    try:
        if match is None:
            raise ValueError(window)
        begin, end = (time.fromisoformat(text) for text in match.groups()[:2])
        return begin, end, ZoneInfo(match.group(3))
    except (ValueError, ZoneInfoNotFoundError) as problem:
        raise BadParameter(
            f"windows: {window!r} is no daily window such as '23:45-00:45 US/Eastern'."
        ) from problem
