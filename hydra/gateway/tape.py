"""Recorded trades, replayed as they were: a tape takes the place of the modelled path.

A tape is CSV text with the header ``symbol,time,price,size``: one row a trade, times in ISO 8601
with their offset from UTC and ascending for each symbol. Where a bar has trades on the tape, its
open, high, low, close and volume, its path and what trades in each step come from them; the rest
of the history stays as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from hydra.gateway.errors import SettingsError
from hydra.gateway.market import STEP_S, Floats, Path, Series, Ticks, half_spreads
from hydra.gateway.times import from_epoch
from hydra.gateway.universe import Universe

HEADER = ["symbol", "time", "price", "size"]


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """One instrument's trades in time order: epoch seconds, prices, sizes."""

    times: Ticks
    prices: Floats
    sizes: Ticks

    def between(self, start: int, end: int) -> Tape:
        """The trades in [`start`, `end`]."""
        first = int(np.searchsorted(self.times, start, side="left"))
        last = int(np.searchsorted(self.times, end, side="right"))
        span = slice(first, last)
        return Tape(self.times[span], self.prices[span], self.sizes[span])

    def bars(self, series: Series) -> Series:
        """The series with every bar that has trades here made of them."""
        columns = {
            name: np.array(getattr(series, name))
            for name in ("open", "high", "low", "close", "volume")
        }
        ends = np.searchsorted(series.start, self.times, side="right") - 1
        outside = self.times > series.end[np.maximum(ends, 0)]
        if outside.any() or (ends < 0).any():
            first = self.times[outside | (ends < 0)][0]
            raise SettingsError(
                f"the tape has a trade outside trading hours: {from_epoch(int(first))}"
            )
        for index in np.unique(ends):
            part = self.between(int(series.start[index]), int(series.end[index]))
            if len(part.times):
                figures = (part.prices[0], part.prices.max(), part.prices.min(), part.prices[-1])
                for name, figure in zip(columns, (*figures, part.sizes.sum()), strict=True):
                    columns[name][index] = figure
        return replace(series, **columns)

    def path(self, modelled: Path, tick: float) -> Path | None:
        """The bar's path by its trades, with the modelled book around it; None without trades."""
        part = self.between(modelled.start, modelled.end)
        if not len(part.times):
            return None
        grid = modelled.start + STEP_S * np.arange(len(modelled.ticks))
        seen = np.searchsorted(part.times, grid, side="right")
        prices = part.prices[np.maximum(seen - 1, 0)]
        ticks = np.asarray(np.rint(prices / tick), dtype=np.int64)
        traded = np.concatenate([[0], np.cumsum(part.sizes)])[seen].astype(np.int64)
        return replace(
            modelled, ticks=ticks, traded=traded, volume=np.diff(traded), half=half_spreads(ticks)
        )


def parse_tapes(text: str, universe: Universe) -> Mapping[int, Tape]:
    """Tapes by conId; SettingsError names the line that is wrong."""
    rows = csv.reader(io.StringIO(text))
    if next(rows, None) != HEADER:
        raise SettingsError(f"a tape's first line is {','.join(HEADER)}")
    listed = {one.symbol: one.conId for one in universe.instruments}
    trades: dict[int, list[tuple[float, float, int]]] = {}
    for number, row in enumerate(rows, start=2):
        con_id, trade = _trade(number, row, listed)
        so_far = trades.setdefault(con_id, [])
        if so_far and trade[0] < so_far[-1][0]:
            raise SettingsError(f"line {number} of the tape is earlier than the trade before it")
        so_far.append(trade)
    return {con_id: _tape(found) for con_id, found in trades.items()}


def _trade(
    number: int, row: list[str], listed: Mapping[str, int]
) -> tuple[int, tuple[float, float, int]]:
    try:
        symbol, time, price, size = row
        moment = datetime.fromisoformat(time)
        trade = (moment.timestamp(), float(price), int(size))
    except ValueError as reason:
        raise SettingsError(f"line {number} of the tape cannot be read: {reason}") from None
    if moment.tzinfo is None:
        raise SettingsError(f"line {number} of the tape: {time} has no offset from UTC")
    if symbol not in listed:
        raise SettingsError(f"line {number} of the tape: {symbol} is not listed")
    if not (0 < trade[1] < float("inf") and trade[2] > 0):
        raise SettingsError(f"line {number} of the tape: price and size must be above 0")
    return listed[symbol], trade


def _tape(trades: list[tuple[float, float, int]]) -> Tape:
    times, prices, sizes = (np.array(column) for column in zip(*trades, strict=True))
    # A trade counts from the end of the second that it fell in: none is seen too early.
    whole: Any = np.ceil(times).astype(np.int64)
    return Tape(whole, prices.astype(np.float64), sizes.astype(np.int64))
