"""Bring a series up to date: ask the gateway for what is missing, within its pacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from hydra.clock import Sessions
from hydra.config import Gateway
from hydra.data._chains import save_chain
from hydra.data._series import BarFiles, Series, check_same
from hydra.errors import BadParameter, BarsError
from hydra.ib.pacing import Pacing

if TYPE_CHECKING:
    from ib_async import IB

    from hydra.domain.instruments import Instrument
    from hydra.ib.products import Product

SIZES = {
    "1 day": ("1 Y", timedelta(days=365)),
    "1 hour": ("1 M", timedelta(days=30)),
    "30 mins": ("1 M", timedelta(days=30)),
    "5 mins": ("1 W", timedelta(days=7)),
    "1 min": ("1 D", timedelta(days=1)),
}
"""By bar size: the duration of one request, in IB's words and in time; a few thousand bars."""
LENGTHS = {"1 hour": 60, "30 mins": 30, "5 mins": 5, "1 min": 1}
"""Minutes of the bars that are shorter than a session."""
ADJUSTED_LAST = "ADJUSTED_LAST"
OVERLAP = 3
"""Bars that are asked for again, to see whether the past was adjusted."""


@dataclass(frozen=True)
class Updated:
    """What an update did: how many bars were new, how many requests it took, from when to when."""

    series: Series
    new: int
    requests: int
    first: datetime | None
    last: datetime | None
    reloaded: bool = False
    """Whether the past was adjusted, so that all of it was loaded anew."""


class Updater:
    """Loads series over one connection; `told` hears of each request that was answered."""

    def __init__(
        self,
        ib: IB,
        files: BarFiles,
        pacing: Pacing,
        settings: Gateway,
        told: Callable[[Series, int], None] = lambda series, bars: None,
    ) -> None:
        """`pacing` is shared with all processes; `settings` say how long answers may take."""
        self.ib, self.files, self.pacing = ib, files, pacing
        self.timeout_s, self.told = settings.timeout_s, told
        self.history_timeout_s = settings.history_timeout_s
        self._requests = 0

    async def update(
        self,
        instrument: Instrument,
        series: Series,
        start: datetime,
        now: datetime,
        *,
        may_be_none: bool = False,
    ) -> Updated:
        """All completed bars from `start` (aware) to `now` that the store does not have; of a
        contract that has expired up to its end.

        A series whose past was adjusted since (a split, a dividend) is loaded anew. Raises
        `BadParameter` for a bar size that is not served, and `BarsError` for no bars.
        """
        if series.bar_size not in SIZES:
            raise BadParameter(
                f"bar_size is {series.bar_size!r}; bars are loaded of {', '.join(SIZES)}."
            )
        self._requests = 0
        known, end = self.files.read(series), _end(instrument, now)
        asked = self.files.asked_from(series)
        if may_be_none and known.empty and asked and asked <= start and end < now:
            return self._done(series, 0)  # it has expired, and there were none then
        try:
            new = await self._missing(instrument, series, known, start, now)
        except _Adjusted:
            rows = await self._back(instrument, series, start, end, now)
            self.files.replace(series, rows)
            return self._done(series, len(rows), reloaded=True)
        if not new and known.empty and not may_be_none:
            raise BarsError(f"The gateway has no bars of {series.symbol} since {start}.")
        return self._done(series, new)

    async def _missing(
        self,
        instrument: Instrument,
        series: Series,
        known: pd.DataFrame,
        start: datetime,
        now: datetime,
    ) -> int:
        end = _end(instrument, now)
        if known.empty:
            rows = await self._back(instrument, series, start, end, now)
            return self.files.append(series, rows) if len(rows) else 0
        new = 0
        overlap = known.index[-min(OVERLAP, len(known))].to_pydatetime()
        if known.index[-1].to_pydatetime() < _newest(instrument, series, now):
            later = await self._back(instrument, series, overlap, end, now)
            new += self._added(series, known, later)
        first = known.index[0].to_pydatetime()
        asked = self.files.asked_from(series)
        if start < min(first - timedelta(days=5), asked or first):
            earlier = await self._back(instrument, series, start, first)
            new += self._added(series, known, earlier)
        return new

    def _added(self, series: Series, known: pd.DataFrame, told: pd.DataFrame) -> int:
        both = known.index.intersection(told.index)
        try:
            check_same(series, known.loc[both], told.loc[both])
        except BarsError as problem:
            raise _Adjusted from problem
        return self.files.append(series, told)

    async def _back(
        self,
        instrument: Instrument,
        series: Series,
        start: datetime,
        end: datetime,
        now: datetime | None = None,
    ) -> pd.DataFrame:
        """Bars from `start` to `end`, asked for from the end backwards, one stretch a request;
        where the end is `now`, IB is told none."""
        parts: list[pd.DataFrame] = []
        at = end
        while at > start:
            part = await self._stretch(instrument, series, None if at == now else at, end)
            parts.append(part)
            self.told(series, len(part))
            if part.empty or series.kind == "adjusted":  # IB serves these up to now only
                break
            at = part.index[0].to_pydatetime()
        self.files.note_asked(series, start)
        rows = pd.concat(parts)
        return rows[~rows.index.duplicated()].sort_index().loc[start:end]

    async def _stretch(
        self, instrument: Instrument, series: Series, at: datetime | None, end: datetime
    ) -> pd.DataFrame:
        """One request, for what ends at `at`; None is now, in IB's words an empty text."""
        from hydra.ib.bar_requests import BarRequests, BarsWanted
        from hydra.ib.history import bars_until, shown

        adjusted = series.kind == "adjusted"
        duration = "10 Y" if adjusted else SIZES[series.bar_size][0]
        until = "" if adjusted or at is None else f"{at.astimezone(UTC):%Y%m%d-%H:%M:%S}"
        wanted = BarsWanted(
            instrument,
            duration,
            until,
            series.bar_size,
            ADJUSTED_LAST if adjusted else shown(instrument),
            series.kind,
        )
        self._requests += 1
        requests = BarRequests(self.ib, self.history_timeout_s, self.pacing)
        return await bars_until(requests, wanted, end)

    def _done(self, series: Series, new: int, *, reloaded: bool = False) -> Updated:
        rows = self.files.read(series)
        first, last = (rows.index[0], rows.index[-1]) if len(rows) else (None, None)
        return Updated(
            series,
            new,
            self._requests,
            first.to_pydatetime() if first is not None else None,
            last.to_pydatetime() if last is not None else None,
            reloaded,
        )


def _newest(instrument: Instrument, series: Series, now: datetime) -> datetime:
    """The end of the newest bar that can be complete: the last session's close, or of shorter
    bars also the present session so far."""
    sessions = Sessions(instrument.calendar)
    closed = min(sessions.closes(sessions.last_completed(now)), _end(instrument, now))
    if series.is_daily or not sessions.is_open(now) or closed == _end(instrument, now):
        return closed
    return max(closed, now - timedelta(minutes=LENGTHS[series.bar_size]))


def _end(instrument: Instrument, now: datetime) -> datetime:
    """Up to when there can be bars: now, or the close of a contract's last session."""
    if instrument.expires is None or instrument.expires >= now.date():
        return now
    return min(now, Sessions(instrument.calendar).closes(instrument.expires))


class _Adjusted(Exception):
    """The gateway tells other prices of the past than it did."""


LIFE = timedelta(days=250)
"""The part of a contract's life in which it may be the one that a series trades."""


async def update_future(
    updater: Updater,
    product: Product,
    kind: str,
    bar_size: str,
    start: datetime,
    now: datetime,
) -> list[Updated]:
    """Bars of all contracts that the series of a product trades from `start` on, each from its
    own time on; the contracts themselves are kept beside them.

    Bars of one contract that are there already are not asked for again, so that what was cut off
    goes on where it stood. Raises `UnknownInstrument`, and what `Updater.update` raises.
    """
    from hydra.ib.chains import between, chain

    listed = await chain(updater.ib, product, updater.timeout_s)
    save_chain(updater.files.root, product, listed)
    done = []
    for one in between(listed, start.date(), now.date()):
        born = datetime.combine(one.expires or now.date(), time(), UTC) - LIFE
        series = Series("gateway", kind, one.symbol, bar_size)
        done.append(await updater.update(one, series, max(start, born), now, may_be_none=True))
    return done
