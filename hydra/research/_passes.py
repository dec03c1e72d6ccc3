"""The work of a sweep in parts: tables of features, chunks of sets, processes, a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.research import _kernels as kernels
from hydra.sizing._base import Sizing
from hydra.strategies._base import Feature, checked_signals

CHUNK = 1 << 15
"""Sets of a compiled strategy that are done between two looks at the keyboard."""
PLAIN_CHUNK = 8


@dataclass(frozen=True, eq=False)
class Account:
    """What the pass over the bars needs, but for signals: prices by bar and instrument, terms.

    `distances` are each instrument's distance of a fill from its price as a fraction, `strength`
    its impact by bar (no rows: none).
    """

    symbols: tuple[str, ...]
    opens: np.ndarray
    closes: np.ndarray
    terms: np.ndarray
    distances: np.ndarray
    strength: np.ndarray
    blocks: np.ndarray
    each: bool

    @property
    def books(self) -> int:
        """How many accounts a set keeps: one, or one an instrument."""
        return len(self.symbols) if self.each else 1

    @property
    def rows(self) -> int:
        """Bars."""
        return len(self.closes)


def account_of(
    bars: Bars,
    terms: np.ndarray,
    distances: np.ndarray,
    strength: np.ndarray,
    each: bool,
    blocks: int,
) -> Account:
    """The account over `bars`; raises `BadParameter` for bars without two rows a stretch."""
    if len(bars) < 2:
        raise BadParameter(f"A sweep needs at least 2 bars; given {len(bars)}.")
    bounds = np.linspace(0, len(bars), min(blocks, len(bars)) + 1).round().astype(np.int64)
    opens = np.ascontiguousarray(bars.open.to_numpy(dtype=float))
    closes = np.ascontiguousarray(bars.close.to_numpy(dtype=float))
    return Account(tuple(bars.symbols), opens, closes, terms, distances, strength, bounds, each)


@dataclass(frozen=True, eq=False)
class Pass:
    """A part that is done: which sets, on which instrument (empty: all together), and how."""

    sets: np.ndarray
    symbol: str
    figures: np.ndarray
    sums: np.ndarray


class Work(Protocol):
    """A sweep's work."""

    total: int

    def parts(self, client: Any, processes: int | None) -> Iterator[Pass]:
        """Do it, part by part."""


def passes_of(
    strategy: type[Any], sets: Sequence[Any], bars: Bars, account: Account, sizing: Sizing
) -> Work:
    """Compiled where strategy and sizing can be, else by their own pandas."""
    scaled = account.each or hasattr(sizing, "scale")
    if hasattr(strategy, "signal_at") and scaled:
        scale = None if account.each else _scale(sizing, bars)
        return Compiled(strategy, sets, account, scale)
    return Plain(sets, bars, account, None if account.each else sizing)


def _scale(sizing: Any, bars: Bars) -> np.ndarray:
    return np.ascontiguousarray(sizing.scale(bars).to_numpy(dtype=float))


class Compiled:
    """Sets of a strategy that numba compiles."""

    def __init__(
        self, strategy: type[Any], sets: Sequence[Any], account: Account, scale: np.ndarray | None
    ) -> None:
        """Which features there are, and where each set finds its own."""
        self.strategy, self.account = strategy, account
        self.scale = np.zeros((0, 0)) if scale is None else scale
        self.total = len(sets) * account.books
        places: dict[Feature, int] = {}
        names = [f.name for f in fields(strategy)]
        first = sets[0].features
        self.keys = np.empty((len(sets), len(first)), dtype=np.int64)
        self.values = np.empty((len(sets), len(names)))
        for i, one in enumerate(sets):
            for k, feature in enumerate(one.features):
                self.keys[i, k] = places.setdefault(feature, len(places))
            self.values[i] = [_figure(getattr(one, name)) for name in names]
        self.features = tuple(places)

    def parts(self, client: Any, processes: int | None) -> Iterator[Pass]:
        """Chunks on this machine's cores, or on the cluster's."""
        if client is not None:
            yield from _on_cluster(client, compiled_part, self, self._jobs())
            return
        for job in self._jobs():
            yield compiled_part(self, job)

    def _jobs(self) -> Iterator[tuple[int, int, int]]:
        """(instrument, first set, end); one instrument after the other, so that one's tables are
        enough."""
        for book in range(self.account.books):
            for start in range(0, len(self.keys), CHUNK):
                yield book, start, min(start + CHUNK, len(self.keys))

    def tables(self, symbol: int) -> np.ndarray:
        """The features of one instrument, a row each; made once while it is worked on."""
        if getattr(self, "_made", (None,))[0] != symbol:
            self._made = symbol, feature_table(self.account.closes[:, symbol], self.features)
        return self._made[1]

    def __getstate__(self) -> dict[str, Any]:
        """Tables are made where they are needed, not sent."""
        return {name: value for name, value in vars(self).items() if name != "_made"}


def compiled_part(work: Compiled, job: tuple[int, int, int]) -> Pass:
    """One chunk of sets."""
    book, start, end = job
    account, signal = work.account, kernels.compiled(work.strategy.signal_at)
    keys, values = work.keys[start:end], work.values[start:end]
    done = _room(np.arange(start, end), account)
    if account.each:
        kernels.sets_alone(
            signal, work.tables(book), keys, values, *_prices(account, book),
            *_terms(account, book), account.blocks, done.figures, done.sums,
        )  # fmt: skip
        return replace(done, symbol=account.symbols[book])
    tables = np.stack([work.tables(one).copy() for one in range(len(account.symbols))])
    kernels.sets_together(
        signal, tables, keys, values, account.opens, account.closes, work.scale, account.terms,
        account.distances, account.strength, account.blocks, done.figures, done.sums,
    )  # fmt: skip
    return done


class Plain:
    """Sets of any strategy: pandas makes the signals, the same pass accounts for them."""

    def __init__(
        self, sets: Sequence[Any], bars: Bars, account: Account, sizing: Sizing | None
    ) -> None:
        """`sizing` is None where each instrument trades alone."""
        self.sets, self.bars, self.account, self.sizing = sets, bars, account, sizing
        self.total = len(sets) * account.books

    def parts(self, client: Any, processes: int | None) -> Iterator[Pass]:
        """Chunks in processes, or on the cluster; a few sets are done here."""
        jobs = [
            (start, min(start + PLAIN_CHUNK, len(self.sets)))
            for start in range(0, len(self.sets), PLAIN_CHUNK)
        ]
        if client is not None:
            for done in _on_cluster(client, plain_part, self, jobs):
                yield from done
        elif processes == 1 or len(jobs) < 4:
            for job in jobs:
                yield from plain_part(self, job)
        else:
            yield from self._in_processes(jobs, processes)

    def _in_processes(
        self, jobs: Sequence[tuple[int, int]], processes: int | None
    ) -> Iterator[Pass]:
        from joblib import Parallel, delayed

        several = Parallel(n_jobs=processes or -1, return_as="generator_unordered")
        for done in several(delayed(plain_part)(self.part(job), (0, job[1] - job[0]), job[0])
                            for job in jobs):  # fmt: skip
            yield from done

    def part(self, job: tuple[int, int]) -> Plain:
        """The same work with those sets alone, for sending."""
        return Plain(self.sets[job[0] : job[1]], self.bars, self.account, self.sizing)


def plain_part(work: Plain, job: tuple[int, int], first: int = 0) -> list[Pass]:
    """Some sets; `first` is the number of the work's first set."""
    sets = range(*job)
    return _whole([_plain(work, work.sets[i], first + i) for i in sets], work.account)


def _plain(work: Plain, strategy: Any, number: int) -> list[Pass]:
    signals, account = checked_signals(strategy, work.bars), work.account
    keys, values = np.zeros(1, dtype=np.int64), np.zeros(0)
    path = np.zeros(0)
    if account.each:
        return [
            _alone(account, book, column, number)
            for book, column in enumerate(signals.to_numpy().T)
        ]
    assert work.sizing is not None  # passes_of gives one where instruments trade together
    weights = work.sizing.weights(signals, work.bars).to_numpy(dtype=float)
    done = _room(np.array([number]), account)
    kernels.together(
        kernels.given, np.ascontiguousarray(weights.T[:, None, :]), keys, values, account.opens,
        account.closes, np.ones_like(account.closes), _uncapped(account.terms),
        account.distances, account.strength, account.blocks, done.figures[0], done.sums[0], path,
    )  # fmt: skip
    return [done]


def _alone(account: Account, book: int, signals: np.ndarray, number: int) -> Pass:
    done = _room(np.array([number]), account)
    kernels.alone(
        kernels.given, np.ascontiguousarray(signals[None, :]), np.zeros(1, dtype=np.int64),
        np.zeros(0), *_prices(account, book), *_terms(account, book), account.blocks,
        done.figures[0], done.sums[0], np.zeros(0),
    )  # fmt: skip
    return replace(done, symbol=account.symbols[book])


def _whole(done: Sequence[list[Pass]], account: Account) -> list[Pass]:
    """Passes of single sets, put together by instrument."""
    return [
        Pass(
            np.concatenate([one[book].sets for one in done]),
            done[0][book].symbol,
            np.concatenate([one[book].figures for one in done]),
            np.concatenate([one[book].sums for one in done]),
        )
        for book in range(account.books)
    ]


def returns_of_set(
    strategy: Any, bars: Bars, account: Account, sizing: Sizing, first: int = 0
) -> np.ndarray:
    """The returns of the bars of one set, in a column a book; it trades from row `first` on, by
    what was decided at the close before."""
    signals = checked_signals(strategy, bars)
    signals.iloc[: max(first - 1, 0)] = 0.0
    path = np.zeros((account.books, account.rows))
    keys, values, spare = np.zeros(1, dtype=np.int64), np.zeros(0), _room(np.zeros(1), account)
    if account.each:
        for book, column in enumerate(signals.to_numpy().T):
            kernels.alone(
                kernels.given, np.ascontiguousarray(column[None, :]), keys, values,
                *_prices(account, book), *_terms(account, book), account.blocks,
                spare.figures[0], spare.sums[0], path[book],
            )  # fmt: skip
        return path.T
    weights = sizing.weights(signals, bars).to_numpy(dtype=float)
    kernels.together(
        kernels.given, np.ascontiguousarray(weights.T[:, None, :]), keys, values, account.opens,
        account.closes, np.ones_like(account.closes), _uncapped(account.terms),
        account.distances, account.strength, account.blocks, spare.figures[0], spare.sums[0],
        path[0],
    )  # fmt: skip
    return path.T


def feature_table(closes: np.ndarray, features: Sequence[Feature]) -> np.ndarray:
    """One row a feature, the same figures as `hydra.windows` to the last bit."""
    prices = np.ascontiguousarray(closes)
    table = np.empty((len(features), len(prices)))
    for kind in {feature[0] for feature in features}:
        places = [i for i, feature in enumerate(features) if feature[0] == kind]
        rows = np.empty((len(places), len(prices)))
        MAKERS[kind](prices, [features[i] for i in places], rows)
        table[places] = rows
    return table


def _windows(features: Sequence[Any]) -> np.ndarray:
    return np.array([feature[1] for feature in features], dtype=np.int64)


def _make_means(prices: np.ndarray, features: Sequence[Any], rows: np.ndarray) -> None:
    kernels.trailing_means(prices, _windows(features), rows)


def _make_stds(prices: np.ndarray, features: Sequence[Any], rows: np.ndarray) -> None:
    kernels.trailing_stds(prices, _windows(features), rows)


def _make_returns(prices: np.ndarray, features: Sequence[Any], rows: np.ndarray) -> None:
    series = pd.Series(prices)
    for row, (_, bars, skip) in zip(rows, features, strict=True):
        row[:] = (series.shift(skip) / series.shift(skip + bars) - 1.0).to_numpy()


def _make_closes(prices: np.ndarray, features: Sequence[Any], rows: np.ndarray) -> None:
    rows[:] = prices


MAKERS: dict[str, Callable[[np.ndarray, Sequence[Any], np.ndarray], None]] = {
    "mean": _make_means,
    "std": _make_stds,
    "return": _make_returns,
    "close": _make_closes,
}
"""How each kind of feature is made."""


def _room(sets: np.ndarray, account: Account) -> Pass:
    stretches = len(account.blocks) - 1
    figures = np.zeros((len(sets), len(kernels.FIGURES)))
    return Pass(sets, "", figures, np.zeros((len(sets), stretches, 2)))


def _prices(account: Account, book: int) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.ascontiguousarray(account.opens[:, book]),
        np.ascontiguousarray(account.closes[:, book]),
    )


def _terms(account: Account, book: int) -> tuple[np.ndarray, np.ndarray]:
    """The terms with the instrument's own distance, and its impact."""
    terms = account.terms.copy()
    terms[kernels.AWAY] = account.distances[book]
    return terms, np.ascontiguousarray(account.strength[:, book])


def _uncapped(terms: np.ndarray) -> np.ndarray:
    """A sizing that was asked has kept to its caps."""
    free = terms.copy()
    free[[kernels.WEIGHT, kernels.GROSS]] = np.inf
    return free


def _figure(value: Any) -> float:
    """A parameter as numba sees it; what is no number it cannot look at."""
    return float(value) if isinstance(value, int | float) else float("nan")


def _on_cluster(client: Any, part: Callable[..., Any], work: Any, jobs: Any) -> Iterator[Any]:
    """Parts by a Dask client: the work is sent once, and what a lost worker held is made anew."""
    from distributed import as_completed

    sent = client.scatter(work, broadcast=True, hash=False)
    jobs = list(jobs)
    futures = client.map(part, [sent] * len(jobs), jobs, pure=False)
    for future in as_completed(futures):  # type: ignore[no-untyped-call]  # no types
        yield future.result()
        future.release()
