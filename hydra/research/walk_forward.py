"""Walk-forward: choose on the past, trade what follows, and stitch what followed together.

Bailey, Borwein, López de Prado and Zhu (2017) tell why the choice itself has to be tested; purge
and embargo are those of Marcos López de Prado, "Advances in Financial Machine Learning" (2018),
chapter 7: bars between training and test that belong to neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.research import measures
from hydra.research._passes import returns_of_set
from hydra.research.overfitting import (
    bootstrap_interval,
    probabilistic_sharpe_ratio,
    shape_of,
    sharpes_of,
)
from hydra.research.sweep import Terms, account_under, sweep
from hydra.research.trials import Trials, book

LEAST = 3
"""Bars without which nothing can be trained."""


@dataclass(frozen=True)
class Schedule:
    """How time is divided, in bars.

    Training is the last `train_bars` before a test, or with `anchored` all from the first bar on;
    tests of `test_bars` follow one another. `purge_bars` are left out between training and test,
    `embargo_bars` between a test and what a later training may use of what came after it.
    """

    train_bars: int = 504
    test_bars: int = 126
    purge_bars: int = 0
    embargo_bars: int = 0
    anchored: bool = False

    def __post_init__(self) -> None:
        """Refuse stretches of no length."""
        for name, least in (
            ("train_bars", LEAST), ("test_bars", 1), ("purge_bars", 0), ("embargo_bars", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise BadParameter(f"{name} is {getattr(self, name)}; it must be {least} or more.")

    def folds(self, rows: int) -> list[tuple[np.ndarray, range]]:
        """Training rows and test rows of each fold; raises `BadParameter` when there is none."""
        made = list(self._folds(rows))
        if not made:
            raise BadParameter(
                f"{rows} bars are too few to train on {self.train_bars}, purge {self.purge_bars} "
                "and test; give more bars or shorter stretches."
            )
        shortest = min(len(train) for train, _ in made)
        if shortest < LEAST:
            raise BadParameter(
                f"embargo_bars of {self.embargo_bars} after tests of {self.test_bars} leave "
                f"{shortest} bars to train on; at least {LEAST} are needed."
            )
        return made

    def _folds(self, rows: int) -> Iterator[tuple[np.ndarray, range]]:
        first = self.train_bars + self.purge_bars
        for start in range(first, rows, self.test_bars):
            end = start - self.purge_bars
            begin = 0 if self.anchored else end - self.train_bars
            train = np.arange(begin, end)
            for earlier in range(first, start, self.test_bars):
                after = earlier + self.test_bars
                train = train[~((train >= after) & (train < after + self.embargo_bars))]
            yield train, range(start, min(start + self.test_bars, rows))


@dataclass(frozen=True, eq=False)
class WalkForward:
    """`folds` has a row a test: its bounds, what was chosen, and its Sharpe ratio in training
    (`sharpe_before`) and in the test.

    `returns` are the stitched returns of the tests, by the bars' ends; one column an instrument
    with `each`, else one called `portfolio`. Sharpe ratios are a year's.
    """

    folds: pd.DataFrame
    returns: pd.DataFrame
    a_year: float
    trials: int

    @cached_property
    def equity(self) -> pd.DataFrame:
        """The stitched curve of 1 invested before the first test."""
        return (1.0 + self.returns).cumprod()

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Figures of the stitched returns, one column each of `returns`."""
        return pd.DataFrame({name: self._figures(column) for name, column in self.returns.items()})

    def _figures(self, returns: pd.Series[Any]) -> dict[str, float]:
        equity = (1.0 + returns).cumprod()
        values, year = returns.to_numpy(dtype=float), self.a_year**0.5
        low, high = bootstrap_interval(values)
        sharpe = float(sharpes_of(values[None, :])[0])
        return {
            "total_return": measures.total_return(equity, 1.0),
            "sharpe_ratio": sharpe * year,
            "sharpe_low": low * year,
            "sharpe_high": high * year,
            "probability_above_0": probabilistic_sharpe_ratio(
                sharpe, 0.0, len(values), *shape_of(values)
            ),
            "max_drawdown": float(measures.drawdown_of(equity, 1.0).min()),
            "degradation": float(
                np.mean(self.folds["sharpe_after"] - self.folds["sharpe_before"])
            ),
        }


def walk_forward(
    strategy: type[Any],
    grid: Mapping[str, Iterable[Any]],
    bars: Bars,
    schedule: Schedule | None = None,
    terms: Terms | None = None,
    *,
    trials: Trials | None = None,
) -> WalkForward:
    """Choose the best set of `grid` by its Sharpe ratio on each training, and trade its test.

    A test begins in cash with what was decided at the close before it, and the strategy sees the
    bars before the test as history. Every training is counted among the trials.
    """
    schedule, terms = schedule or Schedule(), terms or Terms()
    grid = {name: list(values) for name, values in grid.items()}
    rows, parts = [], []
    for train, test in schedule.folds(len(bars)):
        found = sweep(strategy, grid, _rows(bars, train), terms, trials=trials)
        for chosen in _chosen(found.table, terms.each):
            one = strategy(**{name: chosen[name] for name in found.parameters})
            after = _tested(one, bars, test, terms, str(chosen.get("symbol", "portfolio")))
            parts.append(after)
            rows.append(_fold(bars, train, test, chosen, found.parameters, after, found.a_year))
    frame = pd.DataFrame(rows)
    tried = (trials or book()).counted(bars, strategy.__name__)
    return WalkForward(frame, _stitched(parts), measures.bars_a_year(bars), tried.sets)


def _stitched(parts: list[pd.Series[Any]]) -> pd.DataFrame:
    """The tests one after the other, a column a book."""
    by_name: dict[str, list[pd.Series[Any]]] = {}
    for part in parts:
        by_name.setdefault(str(part.name), []).append(part)
    return pd.DataFrame({name: pd.concat(several) for name, several in by_name.items()})


def _chosen(table: pd.DataFrame, each: bool) -> list[dict[Any, Any]]:
    """The best row, or the best of each instrument; a set that never traded is the last choice."""
    ranked = table.sort_values("sharpe_ratio", ascending=False, kind="stable")
    if each:
        ranked = ranked.astype({"symbol": object}).drop_duplicates("symbol")
        return ranked.sort_values("symbol").to_dict("records")
    return ranked.head(1).to_dict("records")


def _tested(strategy: Any, bars: Bars, test: range, terms: Terms, name: str) -> pd.Series[Any]:
    """The test's returns: the strategy sees the history before, and trades the test alone."""
    warm = max(test.start - max(strategy.lookback_bars, terms.sizing.lookback_bars) - 1, 0)
    seen = _rows(bars, np.arange(warm, test.stop))
    if terms.each:
        seen = seen.select([name])
    account = account_under(replace(terms, wait=False), seen, 1)
    first = test.start - warm
    returns = returns_of_set(strategy, seen, account, terms.sizing, first)[first:, 0]
    return pd.Series(returns, bars.index[test.start : test.stop], name=name)


def _fold(  # noqa: PLR0913 - a row's parts
    bars: Bars,
    train: np.ndarray,
    test: range,
    chosen: Mapping[Any, Any],
    names: Iterable[str],
    after: pd.Series[Any],
    a_year: float,
) -> dict[str, Any]:
    symbol = {"symbol": chosen["symbol"]} if "symbol" in chosen else {}
    return {
        "train_first": bars.index[train[0]],
        "train_last": bars.index[train[-1]],
        "test_first": bars.index[test.start],
        "test_last": bars.index[test.stop - 1],
        **symbol,
        **{name: chosen[name] for name in names},
        "sharpe_before": chosen["sharpe_ratio"],
        "sharpe_after": float(sharpes_of(after.to_numpy(dtype=float)[None, :])[0]) * a_year**0.5,
        "return_after": float(np.prod(1.0 + after.to_numpy(dtype=float)) - 1.0),
    }


def _rows(bars: Bars, rows: np.ndarray) -> Bars:
    return bars.map(lambda frame: frame.iloc[rows])
