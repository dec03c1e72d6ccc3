"""The seeded market: daily bars without end, where no history is shipped and after it ends.

Each session's return is a share of a common factor, a part of its own with a volatility that
wanders (the logarithm reverts to its mean), and now and then a jump. The common factor is the
shipped S&P 500's return while there is one, so that modelled instruments move with the real ones;
after it the factor is drawn too. All random numbers are drawn by (seed, instrument, year): years
to come change none that are past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from hydra.gateway.clock import FIRST_YEAR
from hydra.gateway.hours import ALWAYS_OPEN, Session, sessions_of
from hydra.gateway.market import Floats, Series, Ticks
from hydra.gateway.universe import Action, Instrument, Model

YEAR_SESSIONS = 252
ROLL_DAYS = 8  # before its expiry, half of a month's holders have left it
FACTOR_KEY = 1  # no instrument has this number
FACTOR_VOLATILITY = 0.16  # a year
JUMP_CHANCE = 0.008  # a session
JUMP_SIZE = 3.5  # standard deviations
_MEMORY = 120  # sessions for which a shock to the volatility is felt
_WANDER = 0.25  # standard deviation of the logarithm of the volatility
_PERSISTENCE = 0.97

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Draws:
    """Standard normal and uniform random numbers, one row a session."""

    normal: Floats  # return, volatility, gap, high, low, volume, jump
    uniform: Floats

    @cached_property
    def volatility(self) -> Floats:
        """The factor by which each session's volatility exceeds its mean."""
        kernel = _PERSISTENCE ** np.arange(_MEMORY)
        kernel *= _WANDER / np.sqrt((kernel**2).sum())
        wandering = np.convolve(self.normal[:, 1], kernel)[: len(self.normal)]
        return np.asarray(np.exp(wandering - _WANDER**2), dtype=np.float64)

    @cached_property
    def jumps(self) -> Floats:
        """Jumps in standard deviations, almost always 0."""
        sizes = JUMP_SIZE * self.normal[:, 6]
        return np.asarray(np.where(self.uniform < JUMP_CHANCE, sizes, 0.0), dtype=np.float64)


def draws(seed: int, key: int, counts: list[int]) -> Draws:
    """Random numbers of `key` for years from the first on, which have `counts` sessions."""
    rows = []
    for year, count in enumerate(counts, FIRST_YEAR):
        random = np.random.default_rng([seed, key, year])
        rows.append((random.standard_normal((count, 7)), random.random(count)))
    return Draws(np.concatenate([n for n, _ in rows]), np.concatenate([u for _, u in rows]))


class ModelledMarket:
    """Daily bars of any instrument that has a model, up to a year that moves on.

    With `is_always_open` their sessions are of a day, one after the other, on all days.
    """

    def __init__(
        self,
        seed: int,
        factor: Series | None,
        actions: tuple[Action, ...],
        is_always_open: bool = False,
    ) -> None:
        self._is_always_open = is_always_open
        self._seed = seed
        self._shipped_factor = factor
        self._actions = actions
        self._factors: dict[int, tuple[Ticks, Floats]] = {}

    def series(self, one: Instrument, shipped: Series | None, last_year: int) -> Series | None:
        """The bars of `one` to the end of `last_year`, its shipped ones where there are any."""
        if one.model is None:
            return shipped
        final = last_year
        if one.expiry is not None:  # its price is anchored where that of its product is
            final = min(last_year, max(one.expiry.year, one.model.on.year))
        if shipped is None:
            return self._bars(one, one.model, None, final)
        # All of the shipped bars, whatever year it is: they are what the others are anchored to.
        final = max(final, (_EPOCH + timedelta(days=int(shipped.session[-1]))).year)
        end = (date(last_year, 12, 31) - _EPOCH).days
        return _joined(one, shipped, self._bars(one, one.model, shipped, final), end)

    def _bars(
        self, one: Instrument, model: Model, shipped: Series | None, last_year: int
    ) -> Series:
        market = ALWAYS_OPEN if self._is_always_open else one.hours
        years = [sessions_of(market, year) for year in range(FIRST_YEAR, last_year + 1)]
        sessions = [session for year in years for session in year]
        drawn = draws(self._seed, model.key, [len(year) for year in years])
        days = np.array([(session.day - _EPOCH).days for session in sessions], dtype=np.int64)
        returns = self._returns(model, drawn, days, last_year)
        closes = np.exp(np.cumsum(returns))
        closes *= _anchored(model, shipped, days, closes)
        closes *= _carried(one, model, days)
        self._adjust(one, model, days, closes)
        return _bars(one, model, drawn, sessions, closes)

    def _returns(self, model: Model, drawn: Draws, days: Ticks, last_year: int) -> Floats:
        """Logarithmic returns from each session to the next."""
        common = self._common(days, last_year)
        own = max(model.volatility**2 - (model.beta * FACTOR_VOLATILITY) ** 2, 0.0)
        shocks = drawn.normal[:, 0] * drawn.volatility + drawn.jumps
        drift = (model.drift - model.volatility**2 / 2) / YEAR_SESSIONS
        total: Floats = drift + model.beta * common + np.sqrt(own / YEAR_SESSIONS) * shocks
        return total

    def _common(self, days: Ticks, last_year: int) -> Floats:
        """The common factor on `days`; on days without it nothing is in common."""
        known, values = self._factor(last_year)
        at = np.clip(np.searchsorted(known, days), 0, len(known) - 1)
        return np.where(known[at] == days, values[at], 0.0)

    def _factor(self, last_year: int) -> tuple[Ticks, Floats]:
        if last_year not in self._factors:
            self._factors[last_year] = self._drawn_factor(last_year)
        return self._factors[last_year]

    def _drawn_factor(self, last_year: int) -> tuple[Ticks, Floats]:
        years = [sessions_of("NYSE", year) for year in range(FIRST_YEAR, last_year + 1)]
        days = np.array([(s.day - _EPOCH).days for year in years for s in year], dtype=np.int64)
        drawn = draws(self._seed, FACTOR_KEY, [len(year) for year in years])
        size = FACTOR_VOLATILITY / np.sqrt(YEAR_SESSIONS)
        values = size * (drawn.normal[:, 0] * drawn.volatility + drawn.jumps)
        shipped = self._shipped_factor
        if shipped is not None:
            real = np.diff(np.log(shipped.close))
            _, ours, theirs = np.intersect1d(days, shipped.session[1:], return_indices=True)
            values[ours] = real[theirs]
        return days, values

    def _adjust(self, one: Instrument, model: Model, days: Ticks, closes: Floats) -> None:
        """Let prices fall with each split and dividend that comes after the model's own day."""
        for action in self._actions:
            at = int(np.searchsorted(days, (action.day - _EPOCH).days))
            if action.con_id != one.conId or action.day <= model.on or not 0 < at < len(days):
                continue
            closes[at:] *= 1 - float(action.amount) / closes[at - 1]
            closes[at:] /= float(action.ratio)


def _anchored(model: Model, shipped: Series | None, days: Ticks, path: Floats) -> Floats:
    """The factors that let the path go through the model's price on its day and, where bars are
    shipped, through their first close before them and their last after them."""
    on = (model.on - _EPOCH).days
    known = {on: model.price} if shipped is None or on < int(shipped.session[0]) else {}
    if shipped is not None:
        known[int(shipped.session[0])] = float(shipped.close[0])
        known[int(shipped.session[-1])] = float(shipped.close[-1])
    factors = [np.log(price / path[_place(days, day)]) for day, price in known.items()]
    # between two of them the path is bent by as much a day as takes it from one to the other
    return np.asarray(np.exp(np.interp(days, list(known), factors)), dtype=np.float64)


def _place(days: Ticks, day: int) -> int:
    return max(int(np.searchsorted(days, day, side="right")) - 1, 0)


def _carried(one: Instrument, model: Model, days: Ticks) -> Floats:
    """A future stands above its underlying by what carrying it to expiry costs."""
    if one.expiry is None:
        return np.ones(len(days))
    years = ((one.expiry - _EPOCH).days - days) / 365
    return np.asarray(np.exp(model.carry * np.maximum(years, 0)), dtype=np.float64)


def _bars(
    one: Instrument, model: Model, drawn: Draws, sessions: list[Session], closes: Floats
) -> Series:
    """Bars around the closes: a gap at the open, a high and a low beyond both ends."""
    sigma = model.volatility / np.sqrt(YEAR_SESSIONS) * drawn.volatility
    _, _, gap, high, low, volume, _ = drawn.normal.T
    before = np.concatenate([closes[:1], closes[:-1]])
    opens = before * np.exp(0.35 * np.log(closes / before) + 0.25 * sigma * gap)
    tick = float(one.tick)
    columns = {
        "open": opens,
        "high": np.maximum(opens, closes) * np.exp(0.4 * sigma * np.abs(high)),
        "low": np.minimum(opens, closes) * np.exp(-0.4 * sigma * np.abs(low)),
        "close": closes,
    }
    on_grid = {
        name: np.maximum(np.rint(values / tick), 10) * tick for name, values in columns.items()
    }
    first, last = _span(one, sessions)
    traded = model.volume * np.exp(0.3 * volume) * drawn.volatility * _interest(one, sessions)
    return Series(
        session=np.array([(s.day - _EPOCH).days for s in sessions[first:last]], dtype=np.int64),
        start=np.array([s.opens for s in sessions[first:last]], dtype=np.int64),
        end=np.array([s.closes for s in sessions[first:last]], dtype=np.int64),
        volume=traded[first:last].astype(np.int64),
        **{name: np.round(values[first:last], 10) for name, values in on_grid.items()},
    )


def _span(one: Instrument, sessions: list[Session]) -> tuple[int, int]:
    """Which sessions lie between the instrument's listing and its expiry."""
    first = next((n for n, s in enumerate(sessions) if s.day >= one.listed), len(sessions))
    if one.expiry is None:
        return first, len(sessions)
    return first, sum(s.day <= one.expiry for s in sessions)


def _interest(one: Instrument, sessions: list[Session]) -> Floats:
    """The share of a product's volume that a month has: most of it from when the month before has
    ended, until holders roll into the next one, about a week and a half before its own end."""
    if one.expiry is None or one.model is None:
        return np.ones(len(sessions))
    left = np.array([(one.expiry - session.day).days for session in sessions])
    cycle = one.model.cycle
    comes = np.exp(-np.maximum(left - cycle, 0) / (cycle / 2))
    stays = 1 / (1 + np.exp((ROLL_DAYS - np.clip(left, 0, 99)) / 1.5))
    return np.asarray(comes * stays, dtype=np.float64)


def _joined(one: Instrument, shipped: Series, modelled: Series, end: int) -> Series:
    """Shipped bars, with modelled ones after them up to the day `end`; currencies also have
    modelled ones before."""
    after = (modelled.session > shipped.session[-1]) & (modelled.session <= end)
    before = modelled.session < shipped.session[0]
    before &= one.secType == "CASH"
    parts = ((modelled, before), (shipped, slice(None)), (modelled, after))
    return Series(
        **{
            name: np.concatenate([getattr(series, name)[chosen] for series, chosen in parts])
            for name in Series.__slots__
        }
    )
