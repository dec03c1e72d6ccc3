"""Where the bars of a request come from: an instrument's history, and when it counts.

`useRTH` (IB's page "Historical Bar Data") leaves out what is traded outside of regular hours. That
matters for bars shorter than a session of

- US stocks and funds, which trade from 4:00 to 20:00 New York time. Outside of regular hours the
  price stands at the last close, where orders trade too, with a lot a minute; the last minute
  before the open leads to the open's price.
- futures on indices, whose liquid hours are 8:30 to 16:00 Chicago time. Those of other futures are
  unknown here: all of their hours count as regular.

Bars of a session and longer are those of the exchange's own day either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import numpy as np

from hydra.gateway.market import (
    AFTER_S,
    BEFORE_S,
    EXTENDED_STEP_S,
    STEP_S,
    Path,
    Series,
    Ticks,
    half_spreads,
)
from hydra.gateway.quote import volume_share
from hydra.gateway.times import from_epoch, zone
from hydra.gateway.universe import FUTURES, Instrument

DAY_S = 86_400
HOUR_S = 3600
INDEX_FUTURES = frozenset({"ES", "NQ", "YM", "RTY", "MES", "MNQ", "MYM", "M2K"})
# Their liquid hours in their zone, as contract details of ES name them (recorded 2026).
LIQUID = (time(8, 30), time(16))


@dataclass(frozen=True, slots=True)
class Span:
    """One bar in epoch seconds and floats; `session` in days since 1970."""

    start: int
    session: int
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The part [`start`, `end`) of a path; `traded` is its volume up to an epoch second."""

    path: Path
    session: int
    start: int
    end: int
    traded: Callable[[int], int]

    def cut(self, size: int, until: int, one: Instrument) -> Iterator[Span]:
        """Bars of `size` seconds, up to `until`."""
        tick = float(one.tick)
        for at, stop in self._edges(size, until, one):
            reached = min(stop, max(until, at))
            seen = self.path.ticks[self.path.step(at) : self.path.step(reached) + 1]
            first, high, low, last = (
                round(int(t) * tick, 10) for t in (seen[0], seen.max(), seen.min(), seen[-1])
            )
            volume = self.traded(reached) - self.traded(at)
            yield Span(at, self.session, first, high, low, last, volume)

    def _edges(self, size: int, until: int, one: Instrument) -> Iterator[tuple[int, int]]:
        """Where bars begin and end. Those of an hour and more begin on the hours of the zone's
        clock: 9:30, 10:00, 11:00 (recorded: ib_async's notebook bar_data), 9:30, 10:00, 12:00."""
        at, stop = self.start, self.start + size
        if HOUR_S <= size < DAY_S:
            stop -= (self.start + offset(one, self.start)) % size
        while at < self.end and at <= until:
            yield at, min(stop, self.end)
            at, stop = stop, stop + size


@dataclass(frozen=True, slots=True, eq=False)
class BarSource:
    """An instrument's series and the paths of its bars; `is_regular` for regular hours alone.

    `is_whole` is what is asked for in sessions: then the exchange's own day counts.
    `is_derived` series are figures that are known at the end of a session and have no path.
    """

    one: Instrument
    series: Series
    path: Callable[[int], Path]
    is_regular: bool = True
    is_whole: bool = False
    is_derived: bool = False

    @property
    def is_extended(self) -> bool:
        """Whether it trades before and after the exchange's own hours, and that counts."""
        is_american = self.one.secType == "STK" and self.one.hours == "NYSE"
        return is_american and not self.is_regular and not self.is_whole

    def begins(self, index: int) -> int:
        """The epoch second at which what counts of bar `index` begins."""
        start = int(self.series.start[index])
        if self.is_extended and self._has_pause(index):
            return start - BEFORE_S
        return max(start, self._liquid(index)[0])

    def at(self, seconds: int) -> int:
        """The last bar of which something that counts has begun at `seconds`; -1 before all."""
        index = min(self.series.at(seconds) + 1, len(self.series) - 1)
        while index >= 0 and self.begins(index) > seconds:
            index -= 1
        return index

    def first_after(self, seconds: int) -> int:
        """The first bar of which something ends after `seconds`."""
        later = AFTER_S if self.is_extended else 0
        return int(np.searchsorted(self.series.end, seconds - later, side="right"))

    def parts(self, index: int) -> Iterator[Part]:
        """What counts of bar `index`, in order of time."""
        start, end = int(self.series.start[index]), int(self.series.end[index])
        if self.is_extended and self._has_pause(index):
            yield self._still(index, index - 1, (start - BEFORE_S, start))
        yield self._regular(index)
        if self.is_extended and (index + 1 == len(self.series) or self._has_pause(index + 1)):
            yield self._still(index, index, (end, end + AFTER_S))

    def _has_pause(self, index: int) -> bool:
        """Whether the market is closed before bar `index`: the always-open one never is."""
        return index > 0 and int(self.series.end[index - 1]) < int(self.series.start[index])

    def whole(self, index: int, until: int) -> Span:
        """Bar `index` of the history, or its part up to `until` when that falls into it."""
        series = self.series
        if self.is_derived or until >= int(series.end[index]):
            prices = (series.open, series.high, series.low, series.close)
            first, high, low, last = (float(column[index]) for column in prices)
            start, session = int(series.start[index]), int(series.session[index])
            return Span(start, session, first, high, low, last, int(series.volume[index]))
        part = self._all_of(index)
        return next(part.cut(max(part.end - part.start, DAY_S), until, self.one))

    def _all_of(self, index: int) -> Part:
        path, volume = self.path(index), int(self.series.volume[index])
        length = path.end - path.start

        def traded(seconds: int) -> int:
            return int(volume * volume_share((seconds - path.start) / length))

        return Part(path, int(self.series.session[index]), path.start, path.end, traded)

    def _regular(self, index: int) -> Part:
        part = self._all_of(index)
        first, last = self._liquid(index)
        start, end = max(part.start, first), min(part.end, last)
        return Part(part.path, part.session, start, end, part.traded)

    def _liquid(self, index: int) -> tuple[int, int]:
        """The liquid hours of bar `index`, in epoch seconds: all of it where they are unknown."""
        is_liquid = self.is_regular and not self.is_whole and self.one.secType in FUTURES
        if not is_liquid or self.one.symbol not in INDEX_FUTURES:
            return int(self.series.start[index]), int(self.series.end[index])
        day = from_epoch(int(self.series.session[index]) * DAY_S).date()
        where = zone(self.one.zone)
        first, last = (int(datetime.combine(day, t, where).timestamp()) for t in LIQUID)
        return first, last

    def _still(self, index: int, close: int, hours: tuple[int, int]) -> Part:
        """Extended hours at the close of bar `close`; those before the open end in its price."""
        start, end = hours
        count = (end - start) // STEP_S + 1
        tick, lot = float(self.one.tick), self.one.lot
        last = round(float(self.series.close[close]) / tick)
        ticks = np.full(count, last, dtype=np.int64)
        if close < index:
            opens = round(float(self.series.open[index]) / tick)
            lead = EXTENDED_STEP_S // STEP_S + 1
            ticks[-lead:] = np.rint(np.linspace(last, opens, lead)).astype(np.int64)
        traded = lot * (np.arange(count) * STEP_S // EXTENDED_STEP_S)
        sizes = np.full(count, lot, dtype=np.int64)
        path = Path(start, end, ticks, sizes, traded, np.diff(traded), half_spreads(ticks))
        session = int(self.series.session[index])

        def volume(seconds: int) -> int:
            return lot * ((seconds - start) // EXTENDED_STEP_S)

        return Part(path, session, start, end, volume)


def offset(one: Instrument, seconds: int) -> int:
    """How far the clock of the instrument's zone is ahead of UTC, in seconds."""
    ahead = from_epoch(seconds).astimezone(zone(one.zone)).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0


def in_liquid_hours(one: Instrument, times: Ticks) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether `times` of a session lie in its liquid hours: only index futures have others."""
    if one.secType not in FUTURES or one.symbol not in INDEX_FUTURES:
        return np.ones(len(times), dtype=bool)
    clock = (times + offset(one, int(times[0]))) % DAY_S
    first, last = (at.hour * 3600 + at.minute * 60 for at in LIQUID)
    return np.asarray((first <= clock) & (clock < last), dtype=bool)
