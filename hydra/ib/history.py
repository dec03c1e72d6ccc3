"""Historical daily bars over the API: only sessions that have closed, labelled by their close."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from ib_async import BarData

from hydra.clock import Sessions
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.ib.bar_requests import BarRequests, BarsWanted

log = logging.getLogger(__name__)

FIELDS = ("open", "high", "low", "close", "volume")
MOST_OF_A_CONTRACT = 190
ANOTHER_TIME = timedelta(hours=1)
MOST_NAMED = 5
"""So many days are named in a warning."""
MARGIN = 3
"""Sessions asked for beyond those wanted: the forming bar is thrown away."""


async def daily_bars(
    requests: BarRequests, instruments: Sequence[Instrument], rows: int, now: datetime
) -> Bars:
    """The last `rows` sessions of each instrument that were completed at `now`; NaN before one
    was listed.

    Trade prices of regular hours, adjusted for splits, as IB serves them. Requests go one after
    the other: history is paced by the account.
    """
    frames, length = {}, duration(rows + MARGIN)
    for instrument in instruments:
        bars = await requests.bars(BarsWanted(instrument, length, show=shown(instrument)))
        frames[instrument.symbol] = completed(bars, Sessions(instrument.calendar), now)
    wide = {f: pd.DataFrame({s: frame[f] for s, frame in frames.items()}) for f in FIELDS}
    history = Bars(wide["open"], wide["high"], wide["low"], wide["close"], wide["volume"])
    return history.last(rows)


async def contract_bars(
    requests: BarRequests, contracts: Sequence[Instrument], rows: int, now: datetime
) -> Bars:
    """The last `rows` completed sessions, and a few more, of contracts of one calendar; NaN where
    one did not trade.

    Of each no more than about the last nine months: before that no series trades it.
    """
    sessions, frames = Sessions(contracts[0].calendar), {}
    length = duration(min(rows + MARGIN, MOST_OF_A_CONTRACT))
    for one in contracts:
        ended = one.expires is not None and sessions.closes(one.expires) < now
        end = sessions.closes(one.expires) if ended and one.expires else now
        until = f"{end:%Y%m%d-%H:%M:%S}" if ended else ""
        wanted = BarsWanted(one, length, until, show=shown(one))
        frames[one.symbol] = await bars_until(requests, wanted, end)
    wide = {f: pd.DataFrame({s: frame[f] for s, frame in frames.items()}) for f in FIELDS}
    opened, high, low, close, volume = (wide[f].sort_index() for f in FIELDS)
    # An expired contract's last sessions reach further back than those of the others.
    return Bars(opened, high, low, close, volume).last(rows + MARGIN)


def shown(instrument: Instrument) -> str:
    """IB's word for the prices: a currency pair has no trades, so the middle of its sides."""
    return "MIDPOINT" if instrument.sec_type == "CASH" else "TRADES"


def duration(sessions: int) -> str:
    """IB's duration text that covers that many daily bars: days up to a year, then years."""
    return f"{sessions} D" if sessions <= 365 else f"{math.ceil(sessions / 250)} Y"


def completed(bars: Sequence[BarData], sessions: Sessions, now: datetime) -> pd.DataFrame:
    """One row a closed session, indexed by its close (UTC); a session still open is left out, and
    so is, with a warning, a bar of a day on which the calendar has no session."""
    days = {_date(bar.date): bar for bar in bars}
    unknown = [day for day in days if not sessions.is_session(day)]
    if unknown:
        log.warning(
            "%d bars are of days without a session in the calendar %s and left out: %s",
            len(unknown),
            sessions.calendar,
            ", ".join(map(str, unknown[:MOST_NAMED])),
        )
    known = ((sessions.closes(day), bar) for day, bar in days.items() if day not in unknown)
    rows = {close: _figures(bar) for close, bar in known if close <= now}
    index = pd.DatetimeIndex(list(rows), dtype="datetime64[us, UTC]", name="time")
    return pd.DataFrame(list(rows.values()), index=index, columns=list(FIELDS))


def _figures(bar: BarData) -> list[float]:
    """FIELDS of a bar; where nothing is counted (a pair's middle) IB writes −1 for the volume."""
    return [float(getattr(bar, f)) for f in FIELDS[:4]] + [max(float(bar.volume), 0.0)]


def _date(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


async def bars_until(requests: BarRequests, wanted: BarsWanted, now: datetime) -> pd.DataFrame:
    """FIELDS by bar end (UTC) of one request.

    Regular hours; a bar that had not ended at `now` is left out. Empty where IB has none.
    """
    bars = await requests.bars(wanted)
    if wanted.bar_size == "1 day":
        return completed(bars, Sessions(wanted.instrument.calendar), now)
    return completed_intraday(bars, wanted.bar_size, now)


def is_simulated(now: datetime) -> bool:
    """Whether a gateway lives in another time than ours: it asks for no turns."""
    return abs(now - datetime.now(UTC)) >= ANOTHER_TIME


def completed_intraday(bars: Sequence[BarData], bar_size: str, now: datetime) -> pd.DataFrame:
    """One row a bar of less than a day that had ended at `now`, indexed by its end (UTC)."""
    number, unit = bar_size.split()
    length = timedelta(minutes=int(number) * (60 if unit.startswith("hour") else 1))
    rows = {
        end: _figures(bar)
        for bar in bars
        if isinstance(bar.date, datetime) and (end := bar.date.astimezone(UTC) + length) <= now
    }
    index = pd.DatetimeIndex(list(rows), dtype="datetime64[us, UTC]", name="time")
    return pd.DataFrame(list(rows.values()), index=index, columns=list(FIELDS))
