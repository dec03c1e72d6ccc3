"""Historical daily bars over the API: only sessions that have closed, labelled by their close."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from ib_async import IB, BarData

from hydra.clock import Sessions
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.ib.calls import bounded
from hydra.ib.contracts import to_contract
from hydra.ib.gateway_clock import clock_of
from hydra.ib.pacing import Asked, Pacing

FIELDS = ("open", "high", "low", "close", "volume")
MOST_OF_A_CONTRACT = 190
ANOTHER_TIME = timedelta(hours=1)
MARGIN = 3
"""Sessions asked for beyond those wanted: the forming bar is thrown away."""


async def daily_bars(
    ib: IB,
    instruments: Sequence[Instrument],
    rows: int,
    timeout_s: float,
    pacing: Pacing | None = None,
) -> Bars:
    """The last `rows` completed sessions of each instrument; NaN before one was listed.

    Trade prices of regular hours, adjusted for splits, as IB serves them. Requests go one after
    the other, each in its turn by `pacing`: history is paced by the account. A gateway that lives
    in another time than ours is simulated and asks for no turns.
    """
    now = await clock_of(ib, timeout_s).now()
    frames, length = {}, duration(rows + MARGIN)
    for instrument in instruments:
        if pacing and abs(now - datetime.now(UTC)) < ANOTHER_TIME:
            await pacing.turn(asked(instrument, "1 day", length, "", "trades"))
        bars = await bounded(
            ib.reqHistoricalDataAsync(
                to_contract(instrument),
                endDateTime="",
                durationStr=length,
                barSizeSetting="1 day",
                whatToShow=shown(instrument),
                useRTH=True,
                timeout=0,
            ),
            timeout_s,
            f"daily bars of {instrument.symbol}",
        )
        frames[instrument.symbol] = completed(bars, Sessions(instrument.calendar), now)
    wide = {f: pd.DataFrame({s: frame[f] for s, frame in frames.items()}) for f in FIELDS}
    history = Bars(wide["open"], wide["high"], wide["low"], wide["close"], wide["volume"])
    return history.last(rows)


async def contract_bars(
    ib: IB,
    contracts: Sequence[Instrument],
    rows: int,
    now: datetime,
    timeout_s: float,
    pacing: Pacing | None = None,
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
        if pacing and abs(now - datetime.now(UTC)) < ANOTHER_TIME:
            await pacing.turn(asked(one, "1 day", length, until, "trades"))
        frames[one.symbol] = await bars_until(
            ib, one, until, length, "1 day", shown(one), sessions, end, timeout_s
        )
    wide = {f: pd.DataFrame({s: frame[f] for s, frame in frames.items()}) for f in FIELDS}
    opened, high, low, close, volume = (wide[f].sort_index() for f in FIELDS)
    # An expired contract's last sessions reach further back than those of the others.
    return Bars(opened, high, low, close, volume).last(rows + MARGIN)


def shown(instrument: Instrument) -> str:
    """IB's word for the prices: a currency pair has no trades, so the middle of its sides."""
    return "MIDPOINT" if instrument.sec_type == "CASH" else "TRADES"


def asked(instrument: Instrument, bar_size: str, length: str, until: str, kind: str) -> Asked:
    """A request for bars as the pacing's book has it."""
    return Asked(
        f"{instrument.con_id} {bar_size} {length} {until} {kind}",
        f"{instrument.con_id} {instrument.exchange} {kind}",
    )


def duration(sessions: int) -> str:
    """IB's duration text that covers that many daily bars: days up to a year, then years."""
    return f"{sessions} D" if sessions <= 365 else f"{math.ceil(sessions / 250)} Y"


def completed(bars: Sequence[BarData], sessions: Sessions, now: datetime) -> pd.DataFrame:
    """One row a closed session, indexed by its close (UTC); a session still open is left out."""
    rows = {
        close: _figures(bar) for bar in bars if (close := sessions.closes(_date(bar.date))) <= now
    }
    index = pd.DatetimeIndex(list(rows), dtype="datetime64[us, UTC]", name="time")
    return pd.DataFrame(list(rows.values()), index=index, columns=list(FIELDS))


def _figures(bar: BarData) -> list[float]:
    """FIELDS of a bar; where nothing is counted (a pair's middle) IB writes −1 for the volume."""
    return [float(getattr(bar, f)) for f in FIELDS[:4]] + [max(float(bar.volume), 0.0)]


def _date(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


async def bars_until(  # noqa: PLR0913 - IB's own terms of a request
    ib: IB,
    instrument: Instrument,
    until: str,
    duration: str,
    bar_size: str,
    show: str,
    sessions: Sessions,
    now: datetime,
    timeout_s: float,
) -> pd.DataFrame:
    """FIELDS by bar end (UTC) of one request that ends at `until` (IB's text; empty: now).

    Regular hours; a bar that had not ended at `now` is left out. Empty where IB has none.
    """
    call = ib.reqHistoricalDataAsync(
        to_contract(instrument),
        endDateTime=until,
        durationStr=duration,
        barSizeSetting=bar_size,
        whatToShow=show,
        useRTH=True,
        formatDate=2,
        timeout=0,
    )
    bars = await bounded(call, timeout_s, f"{bar_size} bars of {instrument.symbol}")
    if bar_size == "1 day":
        return completed(bars, sessions, now)
    return completed_intraday(bars, bar_size, now)


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
