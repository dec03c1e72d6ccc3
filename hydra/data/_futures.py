"""A future's contracts as one series: when one is left for the next, and how their prices join.

Pure. Every roll is decided on what a completed session told and takes place in the next one, so
that the series up to a session, made of what was known then, is the series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from hydra.data._sessions import sessions_of
from hydra.domain.bars import Bars, Contracts, Roll
from hydra.domain.instruments import Instrument
from hydra.errors import BarsError
from hydra.timetable import timetable

FIELDS = ("open", "high", "low", "close", "volume")
SEARCH_ROWS = 10
"""So many sessions back a close of both contracts is looked for, where a roll has none."""


@dataclass(frozen=True)
class RollRule:
    """`by` is volume (the session after one in which the next contract was traded more) or date;
    in both cases at the latest `sessions` sessions before the last trading day, or before the
    first notice of delivery where that is earlier."""

    by: str = "volume"
    sessions: int = 5


def continuous(
    symbol: str, raw: Bars, chain: Sequence[Instrument], rule: RollRule, adjust: str = "ratio"
) -> Bars:
    """One column `symbol` of the contracts in `chain`, of which `raw` has the daily bars.

    The newest contract keeps its prices; older ones are multiplied (`ratio`) or moved
    (`difference`) by the gaps of the rolls after them. The contracts themselves go along as
    `Bars.contracts`. Raises `BarsError` where there is no contract to trade, or no price to join
    two by.
    """
    listed = sorted((one for one in chain if one.symbol in raw.close), key=_leave_by)
    if not listed or not len(raw):
        raise BarsError(f"There are no bars of any contract of {symbol}.")
    raw = raw.rows(_first_row(raw, listed), len(raw))
    front, later = _fronts(symbol, raw, listed, rule)
    rolls = tuple(_rolls(symbol, raw, listed[0].calendar, [*front, later[-1]]))
    frames = _joined(raw, front, rolls, adjust)
    if frames["low"].min() <= 0:
        raise BarsError(
            f"{symbol}: adjusted by {adjust}, its oldest prices are not above 0; take "
            f'adjust = "ratio" in hydra.toml, [futures.{symbol.partition(".")[0]}].'
        )
    known = Contracts(
        raw,
        pd.Series(front, raw.index, dtype=object),
        pd.Series(later, raw.index, dtype=object),
        rolls,
        {one.symbol: one for one in listed},
    )
    wide = {name: frame.to_frame(symbol) for name, frame in frames.items()}
    for frame in wide.values():
        frame.columns.name = "symbol"
    return Bars(**wide, bar_size=raw.bar_size, contracts={symbol: known})


def spread(symbol: str, weights: pd.Series[float], contracts: Contracts) -> pd.DataFrame:
    """The weights of a continuous future, by the contract that the next session trades."""
    names = contracts.bars.symbols
    chosen = {name: weights.where(contracts.later == name, 0.0) for name in names}
    return pd.DataFrame(chosen, weights.index)


def real_bars(bars: Bars) -> Bars:
    """The bars of what can be ordered: contracts in the place of the series made of them."""
    if not bars.contracts:
        return bars
    parts: dict[str, list[Any]] = {name: [] for name in FIELDS}
    for symbol in bars.symbols:
        known = bars.contracts.get(symbol)
        for name in FIELDS:
            source = getattr(known.bars if known else bars, name)
            parts[name].append(source if known else source[[symbol]])
    return Bars(**{n: pd.concat(p, axis=1) for n, p in parts.items()}, bar_size=bars.bar_size)


def real_weights(weights: pd.DataFrame, bars: Bars) -> pd.DataFrame:
    """The weights by what can be ordered."""
    if not bars.contracts:
        return weights
    columns = [
        spread(s, weights[s], bars.contracts[s]) if s in bars.contracts else weights[[s]]
        for s in map(str, weights.columns)
    ]
    return pd.concat(columns, axis=1)


def beside(parts: Sequence[Bars]) -> Bars:
    """Bars of several symbols in one, over all their rows; NaN where one has no bar."""
    if len(parts) == 1:
        return parts[0]
    frames = {n: pd.concat([getattr(p, n) for p in parts], axis=1).sort_index() for n in FIELDS}
    index = frames["close"].index
    contracts = {
        s: known.map(lambda frame: frame.reindex(index))
        for part in parts
        for s, known in part.contracts.items()
    }
    for known in contracts.values():  # what a row without a bar trades, it traded before
        known.front.ffill(inplace=True)
        known.later.ffill(inplace=True)
    return Bars(**frames, bar_size=parts[0].bar_size, contracts=contracts)


def _leave_by(one: Instrument) -> date:
    """The last day on which it can be held without trouble."""
    if one.expires is None:
        raise BarsError(f"The last trading day of {one.symbol} is not known.")
    return min(one.expires, one.first_notice or one.expires)


def _first_row(raw: Bars, chain: Sequence[Instrument]) -> int:
    """Where the series begins: with the first row that has a contract which is not due yet."""
    days = np.array([day.date() for day in sessions_of(raw.index, chain[0].calendar)])
    traded = raw.volume[[one.symbol for one in chain]].to_numpy(dtype=float) > 0
    due = np.column_stack([days > _leave_by(one) for one in chain])
    return int(np.argmax((traded & ~due).any(axis=1)))


def _fronts(
    symbol: str, raw: Bars, chain: Sequence[Instrument], rule: RollRule
) -> tuple[list[str], list[str]]:
    """Row by row the contract traded, and that of the session after it."""
    times = timetable(chain[0].calendar).sessions
    days = [day.date() for day in sessions_of(raw.index, chain[0].calendar)]
    last = [bisect_left(times, _leave_by(one)) - rule.sessions for one in chain]
    """The last session, by number, that trades each contract."""
    volume = raw.volume[[one.symbol for one in chain]].fillna(0.0).to_numpy(dtype=float)
    first = bisect_left(times, days[0])
    # The first row is nobody's decision: it begins with what its own session would lead to.
    at = _after(chain, int(np.argmax(volume[0] > 0)), first, last, volume[0], rule)
    front, later = [], []
    for row in range(len(days)):
        front.append(chain[at].symbol)
        following = bisect_left(times, days[row]) + 1
        at = _after(chain, at, following, last, volume[row], rule)
        if following - 1 > last[at] + rule.sessions:
            raise BarsError(
                f"{symbol}: no contract after {chain[at].symbol} has bars on {days[row]}; load "
                "more of them: hydra bars update."
            )
        later.append(chain[at].symbol)
    return front, later


def _after(
    chain: Sequence[Instrument],
    at: int,
    session: int,
    last: Sequence[int],
    traded: np.ndarray,
    rule: RollRule,
) -> int:
    """The contract for a session, by what the one before it traded."""
    while at + 1 < len(chain) and traded[at + 1] > 0:
        due = session > last[at]
        if not due and not (rule.by == "volume" and traded[at + 1] > traded[at]):
            break
        at += 1
    return at


def _rolls(symbol: str, raw: Bars, calendar: str, path: Sequence[str]) -> list[Roll]:
    """Each change of contract along the rows and the session after them."""
    times = timetable(calendar).sessions
    days = [day.date() for day in sessions_of(raw.index, calendar)]
    days.append(times[min(bisect_left(times, days[-1]) + 1, len(times) - 1)])
    closes = raw.close
    rolls = []
    for row in range(1, len(path)):
        old, new = path[row - 1], path[row]
        if old != new:
            pair = closes[[old, new]].iloc[max(row - SEARCH_ROWS, 0) : row].dropna()
            if pair.empty:
                raise BarsError(
                    f"{symbol}: {old} and {new} have no close of one session before {days[row]}, "
                    "so they cannot be joined."
                )
            rolls.append(Roll(days[row], old, new, *map(float, pair.iloc[-1])))
    return rolls


def _joined(
    raw: Bars, front: Sequence[str], rolls: Sequence[Roll], adjust: str
) -> Mapping[str, pd.Series[float]]:
    """The fields of the front contracts; prices as if they had always been the newest one's."""
    rows = np.arange(len(front))
    columns = raw.close.columns.get_indexer(pd.Index(front))
    changes = [row for row in rows[1:] if front[row] != front[row - 1]]
    factor, shift = np.ones(len(front)), np.zeros(len(front))
    for row, roll in zip(changes, rolls, strict=False):  # one for the session to come is not in it
        factor[:row] *= roll.new_price / roll.old_price
        shift[:row] += roll.gap
    fields = {}
    for name in FIELDS:
        values = getattr(raw, name).to_numpy(dtype=float)[rows, columns]
        if name != "volume":
            values = values * factor if adjust == "ratio" else values + shift
        fields[name] = pd.Series(values, raw.index)
    return fields
