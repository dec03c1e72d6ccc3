"""Prices at any moment: bars of history unfolded into seeded paths, with a book and a volume.

Each bar becomes a path on a five-second grid in whole ticks: it starts at the bar's open, touches
its high and its low in an order drawn by the seed, and ends at its close. A path is made when
somebody looks at it; the same seed, instrument and bar give the same path always.

Around each step of a path stands a modelled book: a spread, and on each side one level a tick,
of which the best shows the displayed size and those behind it ever more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from hydra.gateway.quote import NEVER, SPREAD_BPS, BarQuotes, Quote
from hydra.gateway.quote import STEP_S as STEP_S  # they are those of all paths
from hydra.gateway.quote import half_spread as half_spread
from hydra.gateway.splits import Splits
from hydra.gateway.universe import Instrument

BEFORE_S, AFTER_S = 19_800, 14_400  # extended hours of US stocks: from 4:00, until 20:00 New York
EXTENDED_STEP_S = 60
_KEPT_PATHS = 64
_KEPT_QUOTES = 128  # those of a hundred market data lines at once, each with its path, and some
_LONGEST_S = 82_800  # of a session with a pause before it, but for currencies

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

    def before(self, seconds: int | None) -> Series:
        """The bars that have started before `seconds`; all of them for None."""
        if seconds is None or not len(self) or int(self.start[-1]) < seconds:
            return self
        kept = slice(0, bisect_left(self.start, seconds))
        return Series(**{one.name: getattr(self, one.name)[kept] for one in fields(self)})

    def at(self, seconds: int) -> int:
        """The index of the last bar that has started at `seconds`; -1 before the first."""
        return bisect_right(self.start, seconds) - 1


@dataclass(frozen=True, slots=True)
class Touch:
    """When the quote's far side reached a price, and the better of the two."""

    time: int
    price: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One bar unfolded: `ticks[k]` is the last trade from `start + k * STEP_S` on.

    `sizes` are the displayed sizes, `traded` what was traded in the bar up to each step, `volume`
    what is traded in each (never nothing, or orders would wait for ever), `half` half the spread.
    """

    start: int
    end: int
    ticks: Ticks
    sizes: Ticks
    traded: Ticks
    volume: Ticks
    half: Ticks

    def step(self, seconds: int) -> int:
        """The grid point that holds at `seconds`."""
        return min(max((seconds - self.start) // STEP_S, 0), len(self.ticks) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Steps of one bar in which trading goes on: epoch seconds, prices in ticks, volumes."""

    times: Ticks
    last: Ticks
    half: Ticks
    volume: Ticks
    begins: bool  # with the bar's first step

    @property
    def bid(self) -> Ticks:
        """The best bids."""
        return self.last - self.half

    @property
    def ask(self) -> Ticks:
        """The best offers."""
        return self.last + self.half

    def after(self, seconds: int) -> Stretch:
        """The steps later than `seconds`."""
        first = int(np.searchsorted(self.times, seconds, side="right"))
        return self if first == 0 else self.part(slice(first, None))

    def part(self, chosen: slice | Any) -> Stretch:
        """The chosen steps."""
        begins = self.begins and len(self.times) > 0 and self.times[chosen][:1] == self.times[0]
        return Stretch(
            self.times[chosen],
            self.last[chosen],
            self.half[chosen],
            self.volume[chosen],
            bool(begins),
        )


def volume_shares(elapsed: Floats) -> Floats:
    """`quote.volume_share` of each element of [0, 1]."""
    centred = 2 * elapsed - 1
    return np.asarray(0.25 * (centred + 1) + 0.25 * (centred**3 + 1), dtype=np.float64)


def level_size(path: Path, step: int, level: int, is_bid: bool) -> int:
    """The displayed size `level` ticks behind the best price; deeper levels hold more."""
    count = len(path.sizes)
    at = (step if is_bid else count - 1 - step) + 7 * level
    return int(path.sizes[at % count]) * (1 + level)


class Recorded(Protocol):
    """Trades that happened, in place of the seeded paths; `hydra.gateway.tape` reads them."""

    def bars(self, series: Series) -> Series:
        """The series with every bar that has recorded trades made of them."""

    def path(self, modelled: Path, tick: float) -> Path | None:
        """The bar's path by its recorded trades; None without any."""


# The bars of an instrument to the end of a year, from its shipped ones (or None).
Extended = Callable[[Instrument, Series | None, int], Series | None]


class Market:
    """All instruments' prices under one seed; `extended` goes on where history ends."""

    def __init__(
        self,
        history: Mapping[int, Series],
        seed: int,
        extended: Extended | None = None,
        tapes: Mapping[int, Recorded] | None = None,
    ) -> None:
        self._history = history
        self._tapes = tapes or {}
        self._seed = seed
        self._extended = extended
        self._last_year = 0
        self._series: dict[int, Series | None] = {}
        self._paths: OrderedDict[tuple[int, int], Path] = OrderedDict()
        self._quotes: dict[int, BarQuotes] = {}
        self.halts: dict[int, list[tuple[int, int]]] = {}
        self.splits = Splits()
        self._ends: dict[int, int] = {}  # by first conId: when what was delisted ended

    def split(self, one: Instrument, ratio: Fraction, new_con_id: int) -> None:
        """All prices of `one` are those after a split from now on, under its new number."""
        self.splits.add(one.conId, ratio, new_con_id)
        for cached in (one.conId, new_con_id):
            self._series.pop(cached, None)
        self._paths.clear()
        self._quotes.clear()
        if new_con_id != one.conId and one.conId in self.halts:
            self.halts[new_con_id] = self.halts.pop(one.conId)

    def end(self, one: Instrument, seconds: int) -> None:
        """Nothing of `one` is traded or told after `seconds`."""
        self._ends[self.splits.first(one.conId)] = seconds
        self._series.pop(one.conId, None)
        self._quotes.pop(one.conId, None)

    def _until_end(self, one: Instrument, seconds: int) -> int:
        """`seconds`, or when `one` ended if that is earlier."""
        if not self._ends:
            return seconds
        return min(seconds, self._ends.get(self.splits.first(one.conId), seconds))

    def halt(self, one: Instrument, first: int, last: int) -> None:
        """Stop trading in `one` from `first` until `last`, in epoch seconds."""
        self.halts.setdefault(one.conId, []).append((first, last))

    def forget_halts(self, seconds: int) -> None:
        """Forget the halts that were over a day before `seconds`."""
        for con_id, spans in list(self.halts.items()):
            recent = [(first, last) for first, last in spans if last > seconds - 86_400]
            self.halts[con_id] = recent
            if not recent:
                del self.halts[con_id]

    def is_halted(self, one: Instrument, seconds: int) -> bool:
        """Whether trading in `one` is halted."""
        return any(a <= seconds < b for a, b in self.halts.get(one.conId, ()))

    def reach(self, year: int) -> None:
        """Have bars up to the end of `year`: what is asked for lies before it."""
        if year > self._last_year:
            self._last_year = year
            self._series.clear()
            self._quotes.clear()

    def series(self, one: Instrument) -> Series | None:
        """The bars of `one`, shipped and modelled; None when it has none."""
        if one.conId not in self._series:
            first = self.splits.first(one.conId)
            shipped = self._history.get(first)
            series = shipped
            if self._extended is not None:
                known = one if first == one.conId else replace(one, conId=first)
                series = self._extended(known, shipped, self._last_year)
            if series is not None and first in self._tapes:
                series = self._tapes[first].bars(series)
            if series is not None:
                series = self.splits.series(one.conId, series)
                series = series.before(self._ends.get(first))
            self._series[one.conId] = series if series is not None and len(series) else None
        return self._series[one.conId]

    def quote(self, one: Instrument, seconds: int) -> Quote | None:
        """What is shown at `seconds`, the same object while it holds; None before any bar."""
        seconds = self._until_end(one, seconds)
        bar = self._quotes.get(one.conId)
        if bar is None or not bar.start <= seconds < bar.stop:
            bar = self._bar_quotes(one, seconds)
            if bar is None:
                return None
            self._quotes.pop(one.conId, None)
            if len(self._quotes) >= _KEPT_QUOTES:
                del self._quotes[next(iter(self._quotes))]
            self._quotes[one.conId] = bar
        return bar.at(seconds, self.is_halted(one, seconds) if self.halts else False)

    def _bar_quotes(self, one: Instrument, seconds: int) -> BarQuotes | None:
        """The quotes of the bar that has started last at `seconds`."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if series is None or index < 0:
            return None
        day = self._previous_close(one, series, index), int(series.volume[index])
        stop = int(series.start[index + 1]) if index + 1 < len(series) else NEVER
        return BarQuotes(self.path(one, index), one.tick, day, stop)

    def mark(self, one: Instrument, seconds: int) -> Decimal | None:
        """The last trade's price at `seconds`."""
        seconds = self._until_end(one, seconds)
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if index < 0:
            return None
        path = self.path(one, index)
        return int(path.ticks[path.step(seconds)]) * one.tick

    def is_open(self, one: Instrument, seconds: int, outside: bool = False) -> bool:
        """Whether `one` trades at `seconds`: a session is on and there is no halt.

        With `outside` the hours before and after it count too.
        """
        return self.is_in_session(one, seconds, outside) and not self.is_halted(one, seconds)

    def is_in_session(self, one: Instrument, seconds: int, outside: bool = False) -> bool:
        """Whether a bar is in the making at `seconds`, halted or not."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        is_in_bar = series is not None and index >= 0 and seconds < int(series.end[index])
        if outside and series is not None and not is_in_bar:
            spans = (self._extended_hours(series, i) for i in (index, index + 1))
            is_in_bar = any(a <= seconds < b for pair in spans for a, b in pair)
        return is_in_bar

    def _extended_hours(self, series: Series, index: int) -> tuple[tuple[int, int], ...]:
        """What is traded before and after bar `index`, in epoch seconds; () for no bar.

        Where sessions of a day follow each other without a pause there is nothing between them.
        """
        if not 0 <= index < len(series):
            return ()
        start, end = int(series.start[index]), int(series.end[index])
        if index and int(series.end[index - 1]) == start and end - start > _LONGEST_S:
            return ()
        return (start - BEFORE_S, start), (end, end + AFTER_S)

    def session_end(self, one: Instrument, seconds: int, outside: bool = False) -> int | None:
        """When the session ends that is open at `seconds`, or else the next one."""
        series = self.series(one)
        if series is None:
            return None
        later = AFTER_S if outside else 0
        index = series.at(seconds)
        if index < 0 or seconds >= int(series.end[index]) + later:
            index += 1
        if index >= len(series):
            return None
        last = int(np.searchsorted(series.session, series.session[index], side="right")) - 1
        return int(series.end[last]) + later

    def next_open(self, one: Instrument, seconds: int) -> int | None:
        """The start of the first bar after `seconds`; None when the history ends."""
        series = self.series(one)
        index = 0 if series is None else series.at(seconds) + 1
        return int(series.start[index]) if series is not None and index < len(series) else None

    def stretches(
        self, one: Instrument, after: int, until: int, outside: bool = False
    ) -> Iterator[Stretch]:
        """The steps of `one` in (`after`, `until`], bar by bar, without those in a halt.

        A bar's last grid point is the close itself, at which the closing auction alone trades.
        With `outside` the extended hours come too, in which the price stands still at the close.
        """
        series = self.series(one)
        if series is None:
            return
        more = 1 if outside else 0
        for index in range(max(series.at(after), 0), series.at(until) + 1 + more):
            for stretch in self._stretches_of(one, series, index, (after, until), outside):
                if len(stretch.times):
                    yield stretch

    def _stretches_of(
        self,
        one: Instrument,
        series: Series,
        index: int,
        span: tuple[int, int],
        outside: bool,
    ) -> Iterator[Stretch]:
        """Bar `index`'s steps in `span`, between those of its extended hours where they count."""
        before, after = (
            ((), ()) if not outside else (self._extended_hours(series, index) or ((), ()))
        )
        if before and index > 0:
            yield self._still(one, index - 1, before, span)
        if index <= series.at(span[1]):
            yield self._stretch(one, index, *span)
        if after:
            yield self._still(one, index, after, span)

    def _still(
        self, one: Instrument, index: int, hours: tuple[int, int], span: tuple[int, int]
    ) -> Stretch:
        """Extended hours: a step a minute at the last price of bar `index`, one lot in each."""
        times = np.arange(hours[0], hours[1], EXTENDED_STEP_S)
        times = times[(times > span[0]) & (times <= span[1])]
        last = np.full(len(times), self.path(one, index).ticks[-1] if len(times) else 0)
        stretch = Stretch(times, last, half_spreads(last), np.full(len(times), one.lot), False)
        for start, end in self.halts.get(one.conId, ()):
            stretch = stretch.part((stretch.times < start) | (stretch.times >= end))
        return stretch

    def moment(self, one: Instrument, seconds: int, outside: bool = False) -> Stretch | None:
        """The one step that holds at `seconds`; None when `one` does not trade."""
        series = self.series(one)
        if series is None or not self.is_open(one, seconds, outside):
            return None
        path = self.path(one, series.at(seconds))
        last = path.ticks[path.step(seconds) :][:1]
        return Stretch(np.array([seconds]), last, half_spreads(last), last * 0, False)

    def touch(
        self, one: Instrument, limit: Decimal, is_buy: bool, after: int, until: int
    ) -> Touch | None:
        """The first moment in (`after`, `until`] at which the far side stands at `limit`."""
        sign, wanted = (1, int(limit / one.tick)) if is_buy else (-1, -int(limit / one.tick))
        for stretch in self.stretches(one, after, until):
            far = sign * stretch.last + stretch.half
            hits = np.flatnonzero(far <= wanted)
            if len(hits):
                price = sign * int(min(far[hits[0]], wanted))
                return Touch(int(stretch.times[hits[0]]), price * one.tick)
        return None

    def _stretch(self, one: Instrument, index: int, after: int, until: int) -> Stretch:
        path = self.path(one, index)
        first = 0 if path.start > after else path.step(after) + 1
        stop = max(min(path.step(until) + 1, len(path.ticks) - 1), first)
        last = path.ticks[first:stop]
        times = np.arange(path.start + STEP_S * first, path.start + STEP_S * stop, STEP_S)
        span = slice(first, stop)
        stretch = Stretch(times, last, path.half[span], path.volume[span], first == 0)
        for start, end in self.halts.get(one.conId, ()):
            stretch = stretch.part((stretch.times < start) | (stretch.times >= end))
        return stretch

    def offers(self, one: Instrument, seconds: int, is_buy: bool) -> Iterator[tuple[int, int]]:
        """Price in ticks and size of each level that a buyer (or seller) meets, best first."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if index < 0:
            return
        path = self.path(one, index)
        step = path.step(seconds)
        last = int(path.ticks[step])
        price = last + half_spread(last) * (1 if is_buy else -1)
        level = 0
        while price > 0:
            yield price, level_size(path, step, level, is_bid=not is_buy)
            price += 1 if is_buy else -1
            level += 1

    def queue(self, one: Instrument, seconds: int, price: int, is_bid: bool) -> int:
        """What already waits at `price` (ticks) on one's own side of the book at `seconds`."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds)
        if index < 0:
            return 0
        path = self.path(one, index)
        step = path.step(seconds)
        last = int(path.ticks[step])
        best = last - half_spread(last) if is_bid else last + half_spread(last)
        level = best - price if is_bid else price - best
        return 0 if level < 0 else level_size(path, step, level, is_bid)

    def auction_price(self, one: Instrument, seconds: int) -> int | None:
        """The price in ticks at which the auction at a bar's start or end is held."""
        series = self.series(one)
        index = -1 if series is None else series.at(seconds - 1)
        if series is None:
            return None
        if index >= 0 and int(series.end[index]) == seconds:
            return int(self.path(one, index).ticks[-1])
        if series.at(seconds) < 0:
            return None
        return int(self.path(one, series.at(seconds)).ticks[0])

    def lasts(self, one: Instrument, times: Ticks) -> Floats:
        """The last prices at `times` (ascending epoch seconds); NaN before the first bar."""
        found = np.full(len(times), np.nan)
        series = self.series(one)
        if series is None:
            return found
        bars = np.searchsorted(series.start, times, side="right") - 1
        for index in np.unique(bars[bars >= 0]):
            path = self.path(one, int(index))
            chosen = bars == index
            steps = np.clip((times[chosen] - path.start) // STEP_S, 0, len(path.ticks) - 1)
            found[chosen] = path.ticks[steps] * float(one.tick)
        return found

    def volumes(self, one: Instrument, times: Ticks) -> Floats:
        """What was traded in the session up to `times`; NaN before the first bar."""
        found = np.full(len(times), np.nan)
        series = self.series(one)
        if series is None:
            return found
        bars = np.searchsorted(series.start, times, side="right") - 1
        for index in np.unique(bars[bars >= 0]):
            path = self.path(one, int(index))
            chosen = bars == index
            steps = np.clip((times[chosen] - path.start) // STEP_S, 0, len(path.ticks) - 1)
            found[chosen] = path.traded[steps]
        return found

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
        series = self.series(one)
        if series is None:
            raise LookupError(f"{one.symbol} has no bars")
        start, end = int(series.start[index]), int(series.end[index])
        steps = (end - start) // STEP_S
        first = self.splits.first(one.conId)
        random = np.random.default_rng([self._seed, first, start])
        bar = tuple(float(c[index]) for c in (series.open, series.high, series.low, series.close))
        ticks = in_ticks(seeded_path(random, bar, steps), bar, float(one.tick))
        sizes = random.integers(1, 20, steps + 1) * one.lot
        shares = volume_shares(np.arange(steps + 1) / steps)
        traded = (int(series.volume[index]) * shares).astype(np.int64)
        volume = np.maximum(np.diff(traded), one.lot)
        modelled = Path(start, end, ticks, sizes, traded, volume, half_spreads(ticks))
        tape = self._tapes.get(first)
        recorded = tape.path(modelled, float(one.tick)) if tape is not None else None
        if recorded is None:
            return modelled
        recorded = self.splits.path(one.conId, recorded)
        return replace(recorded, half=half_spreads(recorded.ticks))

    def _previous_close(self, one: Instrument, series: Series, index: int) -> Decimal | None:
        session = series.session[index]
        before = int(np.searchsorted(series.session, session)) - 1
        if before < 0:
            return None
        return round(float(series.close[before]) / float(one.tick)) * one.tick


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
