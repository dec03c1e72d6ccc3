"""Prices at any moment: bars of history unfolded into seeded paths, with a spread and a volume.

Each bar becomes a path on a five-second grid in whole ticks: it starts at the bar's open, touches
its high and its low in an order drawn by the seed, and ends at its close. A path is made when
somebody looks at it; the same seed, instrument and bar give the same path always.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from hydra.gateway.universe import Instrument

STEP_S = 5
SPREAD_BPS = 1  # of the price, both sides together, and never less than two ticks
_KEPT_PATHS = 64

Ticks = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Bars in time order: `start` and `end` in epoch seconds, `session` in days since 1970."""

    session: Ticks
    start: Ticks
    end: Ticks
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Ticks

    def __len__(self) -> int:
        return len(self.start)

    def at(self, seconds: int) -> int:
        """The index of the last bar that has started at `seconds`; -1 before the first."""
        return bisect_right(self.start, seconds) - 1


@dataclass(frozen=True, slots=True)
class Quote:
    """What is shown at one moment; the session's figures up to it. Sizes in shares."""

    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int
    last: Decimal
    last_size: int
    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Decimal | None
    volume: int
    time: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Touch:
    """When and at what price (in the order's favour or at its limit) the path reached an order."""

    time: int
    price: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One bar unfolded: `ticks[k]` is the last trade from `start + k * STEP_S` on."""

    start: int
    end: int
    ticks: Ticks
    sizes: Ticks

    def step(self, seconds: int) -> int:
        """The grid point that holds at `seconds`."""
        return min(max((seconds - self.start) // STEP_S, 0), len(self.ticks) - 1)


def volume_share(elapsed: float) -> float:
    """The share of the day's volume traded when a share `elapsed` of it is over: a U shape."""
    centred = 2 * min(max(elapsed, 0.0), 1.0) - 1
    return 0.25 * (centred + 1) + 0.25 * (centred**3 + 1)


class Market:
    """All instruments' prices under one seed."""

    def __init__(self, history: dict[int, Series], seed: int) -> None:
        self._history = history
        self._seed = seed
        self._paths: OrderedDict[tuple[int, int], Path] = OrderedDict()

    def series(self, one: Instrument) -> Series | None:
        """The history of `one`; None when it has none."""
        return self._history.get(one.conId)

    def quote(self, one: Instrument, seconds: int) -> Quote | None:
        """What is shown at `seconds`; None before the first bar."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if series is None or index < 0:
            return None
        path = self.path(one, index)
        step = path.step(seconds)
        last = int(path.ticks[step])
        half = half_spread(last)
        seen = path.ticks[: step + 1]
        return Quote(
            bid=(last - half) * one.tick,
            ask=(last + half) * one.tick,
            bid_size=int(path.sizes[step]),
            ask_size=int(path.sizes[-1 - step]),
            last=last * one.tick,
            last_size=100,
            open=int(path.ticks[0]) * one.tick,
            high=int(seen.max()) * one.tick,
            low=int(seen.min()) * one.tick,
            previous_close=self._previous_close(one, series, index),
            volume=int(series.volume[index] * volume_share(_elapsed(path, seconds))),
            time=min(max(path.start + step * STEP_S, path.start), path.end),
            is_open=seconds < path.end,
        )

    def mark(self, one: Instrument, seconds: int) -> Decimal | None:
        """The last trade's price at `seconds`."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if index < 0:
            return None
        path = self.path(one, index)
        return int(path.ticks[path.step(seconds)]) * one.tick

    def is_open(self, one: Instrument, seconds: int) -> bool:
        """Whether a bar of `one` is in the making at `seconds`."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        return series is not None and index >= 0 and seconds < int(series.end[index])

    def next_open(self, one: Instrument, seconds: int) -> int | None:
        """The start of the first bar after `seconds`; None when the history ends."""
        series = self.series(one)
        index = 0 if series is None else series.at(seconds) + 1
        return int(series.start[index]) if series is not None and index < len(series) else None

    def reach(
        self, one: Instrument, limit: Decimal, is_buy: bool, after: int, until: int
    ) -> Touch | None:
        """The first moment in (`after`, `until`] at which a resting limit order trades.

        It trades when the far side of the quote reaches it: at its limit, or better when a
        session opens beyond it.
        """
        series = self.series(one)
        if series is None:
            return None
        wanted = int(limit / one.tick)
        for index in range(max(series.at(after), 0), series.at(until) + 1):
            touch = self._reach_in(self.path(one, index), one, (wanted, is_buy), (after, until))
            if touch is not None:
                return touch
        return None

    def _reach_in(
        self, path: Path, one: Instrument, wish: tuple[int, bool], window: tuple[int, int]
    ) -> Touch | None:
        wanted, is_buy = wish
        after, until = window
        first = 0 if path.start > after else path.step(after) + 1
        # The last grid point is the close itself, after which nothing trades.
        stop = min(path.step(until) + 1, len(path.ticks) - 1)
        seen = path.ticks[first:stop]
        far = seen + half_spreads(seen) * (1 if is_buy else -1)
        hits = np.flatnonzero(far <= wanted if is_buy else far >= wanted)
        if not len(hits):
            return None
        step = first + int(hits[0])
        # At an open beyond the limit the order trades at the open's quote, else at its limit.
        price = int(far[0]) if step == 0 else wanted
        return Touch(path.start + step * STEP_S, price * one.tick)

    def path(self, one: Instrument, index: int) -> Path:
        """The path of bar `index`; made on demand, the last few are kept."""
        key = (one.conId, index)
        if key not in self._paths:
            self._paths[key] = self._unfold(one, index)
            if len(self._paths) > _KEPT_PATHS:
                self._paths.popitem(last=False)
        self._paths.move_to_end(key)
        return self._paths[key]

    def _unfold(self, one: Instrument, index: int) -> Path:
        series = self._history[one.conId]
        start, end = int(series.start[index]), int(series.end[index])
        steps = (end - start) // STEP_S
        random = np.random.default_rng([self._seed, one.conId, start])
        bar = tuple(float(c[index]) for c in (series.open, series.high, series.low, series.close))
        ticks = in_ticks(seeded_path(random, bar, steps), bar, float(one.tick))
        return Path(start, end, ticks, random.integers(1, 20, steps + 1) * 100)

    def _previous_close(self, one: Instrument, series: Series, index: int) -> Decimal | None:
        session = series.session[index]
        before = int(np.searchsorted(series.session, session)) - 1
        if before < 0:
            return None
        return round(float(series.close[before]) / float(one.tick)) * one.tick


def half_spread(last: int) -> int:
    """Half the spread in ticks around a last trade of `last` ticks."""
    return max(1, round(last * SPREAD_BPS / 20_000))


def half_spreads(last: Ticks) -> Ticks:
    """`half_spread` of each element."""
    return np.maximum(1, np.rint(last * SPREAD_BPS / 20_000)).astype(np.int64)


def seeded_path(random: np.random.Generator, bar: tuple[float, ...], steps: int) -> Floats:
    """`steps` + 1 prices from open over high and low, in drawn order, to close.

    Between these four the path is a Brownian bridge folded back into the bar's range.
    """
    first, high, low, last = bar
    early, late = np.sort(random.choice(np.arange(1, steps), 2, replace=False))
    # A bar that closes above its open has more often seen its low first.
    low_first = random.random() < (0.7 if last >= first else 0.3)
    between = (low, high) if low_first else (high, low)
    corners = np.interp(np.arange(steps + 1), [0, early, late, steps], [first, *between, last])
    noise = random.standard_normal(steps + 1).cumsum() * (high - low) / np.sqrt(steps) / 2
    anchors = [0, early, late, steps]
    bridge = noise - np.interp(np.arange(steps + 1), anchors, noise[anchors])
    width = max(high - low, 1e-12)
    folded = width - np.abs((corners + bridge - low) % (2 * width) - width)
    path = low + folded
    path[anchors] = [first, *between, last]
    return np.asarray(path, dtype=np.float64)


def in_ticks(path: Floats, bar: tuple[float, ...], tick: float) -> Ticks:
    """The path on the tick grid, inside the bar's range where a tick lies in it."""
    _, high, low, _ = bar
    floor, ceiling = np.ceil(low / tick - 1e-6), np.floor(high / tick + 1e-6)
    ticks = np.rint(path / tick)
    inside = np.clip(ticks, floor, ceiling) if floor <= ceiling else ticks
    return np.asarray(inside, dtype=np.int64)


def _elapsed(path: Path, seconds: int) -> float:
    return (seconds - path.start) / (path.end - path.start)
