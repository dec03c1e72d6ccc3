"""Sweep: many parameter sets of one strategy over the same bars, and what each would have done.

A strategy with `features` and `signal_at` (see `hydra.strategies._base.Swept`) is compiled: a set
is one pass over the bars, and nothing of the size bars × sets is ever stored. Any other strategy
makes its signals in pandas, set by set, in several processes; the same pass then accounts for
them. On a cluster the same call takes a Dask client. The table is the same in all three cases.

Accounts are kept in fractions of a unit and floats: `research.backtest` in whole lots and
decimals, with the risk gate, is what a set that was chosen must pass before it trades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd

from hydra.costs.commission import FEES
from hydra.costs.impact import square_root_impact_bps
from hydra.costs.liquidity import liquidity_of
from hydra.costs.model import CostModel
from hydra.costs.spread import BPS
from hydra.domain.bars import Bars
from hydra.errors import BadParameter, UnknownName, unknown
from hydra.research import _kernels as kernels
from hydra.research._passes import Account, Pass, account_of, passes_of, returns_of_set
from hydra.research._sweep_file import SweepFile, read_sweep
from hydra.research.measures import bars_a_year
from hydra.research.overfitting import (
    Interval,
    Overfitting,
    bootstrap_interval,
    deflated_sharpe_ratio,
    probability_of_overfitting,
)
from hydra.research.trials import ONE, Count, Trial, Trials, book
from hydra.sizing._base import Sizing
from hydra.sizing.equal_weight import EqualWeight

NO_SUMS = np.zeros((0, 0, 2))
BLOCKS = 16
"""Into how many stretches of time returns are summed for each set: what CSCV divides anew."""
KEPT_SETS = 50_000
"""Of larger sweeps the stretches are not kept: their memory would grow with the sets."""
FILLS = ("next_open", "close")
FIGURES = (
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "trades",
    "turnover",
    "skew",
    "kurtosis",
)


@dataclass(frozen=True)
class Terms:
    """How the sets trade.

    Together, all instruments share `cash` at the weights of `sizing`, decided at each close and
    filled at the `next_open` (or at that `close`). With `each`, every instrument is a trade of
    its own: its signal is the share of `cash` that it takes, all in at 1, and it trades when its
    signal changes; `wait` holds a signal back until it has been off once, so that the first trade
    is a cross and no state.
    """

    each: bool = False
    sizing: Sizing = field(default_factory=EqualWeight)
    costs: CostModel = field(default_factory=CostModel)
    cash: float = 1_000_000.0
    fill: str = "next_open"
    wait: bool = False

    def __post_init__(self) -> None:
        """Refuse what a pass cannot account for."""
        if self.fill not in FILLS:
            raise UnknownName(unknown("fill", self.fill, FILLS))
        if not 0 < self.cash < float("inf"):
            raise BadParameter(f"A sweep needs cash above 0; given {self.cash}.")
        if self.wait and not self.each:
            raise BadParameter("wait is for sets that trade each instrument alone: each=True.")


@dataclass(frozen=True, eq=False)
class Again:
    """What a set's returns are made of: they are not kept, and made again for the few wanted."""

    strategy: type[Any]
    bars: Bars
    account: Account
    sizing: Sizing
    trials: Trials

    def returns(self, row: Mapping[Any, Any], names: Sequence[str]) -> np.ndarray:
        """The returns of the bars of one row of the table."""
        one = self.strategy(**{name: row[name] for name in names})
        made = returns_of_set(one, self.bars, self.account, self.sizing)
        return made[:, self.account.symbols.index(row["symbol"]) if self.account.each else 0]


@dataclass(frozen=True, eq=False)
class SweepResult:
    """What the sets did. `table` has a row a set (and instrument, with `each`), best first.

    Columns are the parameters, `symbol` with `each`, then figures: fractions of the first cash,
    `sharpe_ratio` a year, `max_drawdown` ≤ 0, `trades`, `turnover` as a multiple of cash, `skew`
    and `kurtosis` (3 is normal) of the bars' returns. `sums` are sums of returns and of squares by
    row of the unsorted table, stretch of time; None where they were not kept. `is_whole` is False
    for a sweep that was ended early: what is there is right, and there is more.
    """

    strategy: str
    parameters: tuple[str, ...]
    table: pd.DataFrame
    sums: np.ndarray | None
    bounds: tuple[int, ...]
    a_year: float
    terms: str
    is_whole: bool
    refused: int
    """Combinations that the strategy itself refused, such as a fast window above the slow."""
    trials: Count
    """How many sets were ever tried on such bars, this sweep's included."""
    again: Again | None = None
    """What makes the returns of a set again; None for a sweep that was opened from a file."""

    def best(self, rows: int = 10, by: str = "sharpe_ratio") -> pd.DataFrame:
        """The rows with the highest figure."""
        if by not in self.table:
            raise UnknownName(unknown("column", by, [str(c) for c in self.table.columns]))
        return self.table.nlargest(rows, by)

    @cached_property
    def overfitting(self) -> dict[str, Overfitting]:
        """The probability of backtest overfitting, by instrument with `each`, else under "".

        Empty where the stretches were not kept, or one set alone was tried.
        """
        if self.sums is None:
            return {}
        found = dict(self._overfitting(self.sums))
        if self.again is not None and found:
            worst = max(one.probability for one in found.values())
            self.again.trials.tell_overfitting(self.again.bars, self.trial, worst)
        return found

    def _overfitting(self, sums: np.ndarray) -> Iterator[tuple[str, Overfitting]]:
        rows = np.diff(np.array(self.bounds)).astype(float)
        symbols = self.table.get("symbol")
        places = {"": self.table.index} if symbols is None else dict(_places(symbols))
        for symbol, place in places.items():
            if len(place) > 1 and len(rows) % 2 == 0:
                yield symbol, probability_of_overfitting(sums[np.sort(place)], rows)

    @property
    def trial(self) -> Trial:
        """The sweep as one of those that were tried on its bars."""
        sharpes = self.table["sharpe_ratio"].to_numpy(dtype=float) / self.a_year**0.5
        what = f"{self.terms} {sorted(self.parameters)} {len(self.table)}"
        return Trial(self.strategy, what, sharpes)

    def honest(self, rows: int = 10) -> pd.DataFrame:
        """The best sets with what their Sharpe ratio is worth.

        `deflated_sharpe` is the probability that it is real after all that was tried on such
        bars, `overfitting` that of choosing the best set, `sharpe_low` and `sharpe_high` bound its
        95 % interval by the stationary bootstrap (NaN for a sweep opened from a file).
        """
        best = self.best(rows)
        worth = [self._worth(row) for row in best.to_dict("records")]
        return best.join(pd.DataFrame(worth, index=best.index, columns=list(WORTH)))

    def _worth(self, row: Mapping[Any, Any]) -> dict[str, float]:
        year = self.a_year**0.5
        low, high = Interval(np.nan, np.nan)
        if self.again is not None:
            low, high = bootstrap_interval(self.again.returns(row, self.parameters))
        found = self.overfitting.get(str(row.get("symbol", "")))
        figures = (
            deflated_sharpe_ratio(
                row["sharpe_ratio"] / year,
                self.bounds[-1],
                self.trials.sets,
                self.trials.variance,
                row["skew"],
                row["kurtosis"],
            ),
            found.probability if found else np.nan,
            low * year,
            high * year,
        )
        return dict(zip(WORTH, figures, strict=True))

    def heat_map(self, x: str, y: str, figure: str = "sharpe_ratio") -> pd.DataFrame:
        """The mean figure over all else, by two parameters: rows are `y`, columns `x`."""
        for name in (x, y, figure):
            if name not in self.table:
                raise UnknownName(unknown("column", name, [str(c) for c in self.table.columns]))
        return self.table.pivot_table(index=y, columns=x, values=figure)


def sweep(  # noqa: PLR0913 - what a sweep takes are its parts, each with a default
    strategy: type[Any],
    grid: Mapping[str, Iterable[Any]],
    bars: Bars,
    terms: Terms | None = None,
    *,
    file: Path | None = None,
    client: Any = None,
    processes: int | None = None,
    progress: bool = False,
    trials: Trials | None = None,
) -> SweepResult:
    """Try every combination of `grid` (parameter → values) of a strategy on `bars`.

    Combinations that the strategy's own checks refuse are left out and counted. `file` (Parquet)
    takes the rows as they come and can be reopened by `open_sweep`; Ctrl-C keeps what is done, in
    the file and in the result. `client` is a Dask client: sets are the units of work, bars are
    sent once. `processes` are those of a strategy without a kernel, by default one a core.
    `trials` counts what was tried on these bars, by default that of the process.
    Raises `UnknownName` for a parameter that the strategy does not have, and `BadParameter` for a
    grid of which nothing is left.
    """
    terms = terms or Terms()
    sets = make_sets(strategy, grid)
    account = account_under(terms, bars, BLOCKS)
    work = passes_of(strategy, sets, bars, account, terms.sizing)
    keep = len(sets) * account.books <= KEPT_SETS
    done = _Done(account, sets, bars_a_year(bars), keep)
    with SweepFile(file) as output, _bar(progress, work) as advance:
        with suppress(KeyboardInterrupt):
            for part in work.parts(client, processes):
                done.take(part)
                if file is not None:
                    output.write(done.frame([part]))
                advance(len(part.sets))
            done.is_whole = True
        counting = trials or book()
        result = done.result(Again(strategy, bars, account, terms.sizing, counting), repr(terms))
        result = replace(result, trials=counting.count(bars, result.trial))
        output.finish(result, bars)
    return result


WORTH = ("deflated_sharpe", "overfitting", "sharpe_low", "sharpe_high")
"""What stands beside every Sharpe ratio."""


def _places(symbols: pd.Series[Any]) -> Iterator[tuple[str, pd.Index[Any]]]:
    for symbol, place in symbols.groupby(symbols.astype(str), observed=True).groups.items():
        yield str(symbol), place


def open_sweep(file: Path) -> SweepResult:
    """A sweep that was written to a file, whole or not; raises `BadParameter` for another file."""
    return SweepResult(**read_sweep(file))


@dataclass(frozen=True, eq=False)
class Sets(Sequence[Any]):
    """The combinations that the strategy takes, in the order of the grid; each is made anew when
    it is asked for, so that a million of them take no more room than their parameters."""

    strategy: type[Any]
    values: Mapping[str, Sequence[Any]]
    """By parameter, one value a combination."""
    refused: int

    def __len__(self) -> int:
        """How many there are."""
        return len(next(iter(self.values.values()), ()))

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        """One strategy, or several."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self.strategy(**{name: values[place] for name, values in self.values.items()})

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The grid's parameters, an array each."""
        return {name: np.array(values) for name, values in self.values.items()}

    def columns(self, rows: np.ndarray) -> dict[str, Any]:
        """The grid's parameters of some sets."""
        return {name: values[rows] for name, values in self.arrays.items()}


def make_sets(strategy: type[Any], grid: Mapping[str, Iterable[Any]]) -> Sets:
    """All combinations; raises when a name is unknown or nothing is left."""
    known = [f.name for f in fields(strategy)]
    for name in grid:
        if name not in known:
            raise UnknownName(unknown(f"parameter of {strategy.__name__}", name, known))
    kept: dict[str, list[Any]] = {name: [] for name in grid}
    refused, reason = 0, ""
    for values in product(*grid.values()):
        try:
            strategy(**dict(zip(grid, values, strict=True)))
        except BadParameter as problem:
            refused, reason = refused + 1, reason or str(problem)
            continue
        for column, value in zip(kept.values(), values, strict=True):
            column.append(value)
    sets = Sets(strategy, kept, refused)
    if not len(sets):
        raise BadParameter(
            f"The grid has no combination that {strategy.__name__} takes; given {refused}. "
            f"{reason}"
        )
    return sets


def terms_array(terms: Terms) -> np.ndarray:
    """The terms as `hydra.research._kernels` takes them."""
    fee = FEES[terms.costs.commission]
    (_, rate), *further = fee.tiers
    caps = getattr(terms.sizing, "max_weight", np.inf), getattr(terms.sizing, "max_gross", np.inf)
    return np.array(
        [
            (terms.costs.half_spread_bps + terms.costs.impact_bps) * BPS,
            rate,
            fee.least,
            fee.most,
            terms.cash,
            float(terms.fill == "close"),
            float(terms.wait),
            *caps,
            fee.of_value,
            *(figure for tier in further for figure in tier),
        ]
    )


def account_under(terms: Terms, bars: Bars, blocks: int) -> Account:
    """What a pass over `bars` needs under these terms; `blocks` are stretches of time."""
    figures, costs = terms_array(terms), (distances(terms, bars), strength(terms, bars))
    return account_of(bars, figures, *costs, terms.each, blocks)


def distances(terms: Terms, bars: Bars) -> np.ndarray:
    """By instrument, how far from its price it fills, as a fraction."""
    flat = terms.costs.impact_bps
    return np.array([(terms.costs.half_spread_of(s) + flat) * BPS for s in bars.symbols])


def strength(terms: Terms, bars: Bars) -> np.ndarray:
    """By bar and instrument, how far one unit moves its price against itself, as a fraction, by
    what was known at the bar's close; it grows with the root of the size. Without impact no rows.

    Raises `BadParameter` for bars of another size than a day.
    """
    if not terms.costs.needs_liquidity:
        return np.empty((0, len(bars.symbols)))
    known = liquidity_of(bars)
    volatility, volume = known.volatility_bps.to_numpy(), known.daily_volume.to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        one = square_root_impact_bps(1.0, volatility, volume, terms.costs.impact_coefficient)
    return np.ascontiguousarray(one * BPS)


@dataclass(eq=False)
class _Done:
    """The table in the making."""

    account: Account
    sets: Sets
    a_year: float
    keep: bool
    parts: list[Pass] = field(default_factory=list)
    is_whole: bool = False

    def take(self, part: Pass) -> None:
        """Keep a part that is done; raises `BadParameter` where a cost was not known."""
        if np.isnan(part.figures[:, kernels.TOTAL]).any():
            raise BadParameter(
                f"A set trades {part.symbol or 'something'} before a day's volatility and volume "
                "are known there, so its impact is not; begin the bars earlier, or take costs "
                "without impact (`--costs default`)."
            )
        self.parts.append(part if self.keep else replace(part, sums=NO_SUMS))

    def frame(self, parts: Sequence[Pass]) -> pd.DataFrame:
        """The rows of some parts, in their order."""
        figures = np.concatenate([part.figures for part in parts])
        spread = figures[:, kernels.DEVIATION]
        with np.errstate(divide="ignore", invalid="ignore"):
            sharpe = np.where(spread > 0, figures[:, kernels.MEAN] / spread, np.nan)
        columns: dict[str, Any] = self.sets.columns(np.concatenate([p.sets for p in parts]))
        if self.account.each:
            codes = [self.account.symbols.index(part.symbol) for part in parts]
            columns["symbol"] = pd.Categorical.from_codes(
                np.repeat(np.array(codes), [len(part.sets) for part in parts]),
                pd.Index(self.account.symbols),
            )
        return pd.DataFrame(
            {
                **columns,
                "total_return": figures[:, kernels.TOTAL],
                "sharpe_ratio": sharpe * np.sqrt(self.a_year),
                "max_drawdown": figures[:, kernels.WORST],
                "trades": figures[:, kernels.TRADES].astype(int),
                "turnover": figures[:, kernels.TURNOVER],
                "skew": figures[:, kernels.SKEW],
                "kurtosis": figures[:, kernels.KURTOSIS],
            }
        )

    def result(self, again: Again, terms: str) -> SweepResult:
        """What is there, the best first."""
        table = self.frame(self.parts) if self.parts else pd.DataFrame(columns=FIGURES)
        keeps = self.keep and self.parts
        return SweepResult(
            strategy=again.strategy.__name__,
            parameters=tuple(self.sets.values),
            table=table.sort_values("sharpe_ratio", ascending=False, kind="stable"),
            sums=np.concatenate([part.sums for part in self.parts]) if keeps else None,
            bounds=tuple(int(bound) for bound in self.account.blocks),
            a_year=self.a_year,
            terms=terms,
            is_whole=self.is_whole,
            refused=self.sets.refused,
            trials=ONE,
            again=again,
        )


class _bar:  # noqa: N801 - used as a function
    """A progress bar over sets, where one is wanted; gives the function that moves it on."""

    def __init__(self, wanted: bool, work: Any) -> None:
        self.bar: Any = None
        if wanted:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=work.total, unit="set", leave=False)

    def __enter__(self) -> Callable[[int], Any]:
        return self.bar.update if self.bar is not None else lambda sets: None

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
