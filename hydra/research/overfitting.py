"""How likely a Sharpe ratio is luck: deflation by what was tried, overfitting, and an interval.

Sharpe ratios here are of single bars (mean over deviation of the bars' returns), not of a year;
`rows` is the number of returns. Pure functions of figures.

* David Bailey and Marcos López de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15
  (2012): the probabilistic Sharpe ratio.
* The same, "The deflated Sharpe ratio: correcting for selection bias, backtest overfitting and
  non-normality", Journal of Portfolio Management 40 (2014).
* David Bailey, Jonathan Borwein, Marcos López de Prado and Qiji Jim Zhu, "The probability of
  backtest overfitting", Journal of Computational Finance 20 (2017): combinatorially symmetric
  cross-validation.
* Dimitris Politis and Joseph Romano, "The stationary bootstrap", Journal of the American
  Statistical Association 89 (1994).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from hydra.errors import BadParameter

EULER = 0.5772156649015329
NORMAL = NormalDist()
CELLS = 4_000_000
"""Figures that one step of the cross-validation holds at a time."""


def probabilistic_sharpe_ratio(
    sharpe: float, benchmark: float, rows: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """The probability that the true Sharpe ratio is above `benchmark`; NaN where none can be told.

    Bailey and López de Prado (2012), equation 11. `kurtosis` is 3 for a normal distribution.
    """
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if not (rows > 1 and spread > 0):
        return float("nan")
    return NORMAL.cdf((sharpe - benchmark) * (rows - 1) ** 0.5 / spread**0.5)


def minimum_track_record(
    sharpe: float,
    benchmark: float = 0.0,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    confidence: float = 0.95,
) -> float:
    """How many returns are needed to trust that the Sharpe ratio is above `benchmark`.

    Bailey and López de Prado (2012), equation 13; infinite when the ratio is not above it.
    """
    if not sharpe > benchmark:
        return float("inf")
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    return 1.0 + spread * (NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """The best Sharpe ratio to be expected of so many trials that are all worth nothing.

    `variance` is that of the trials' Sharpe ratios. Bailey and López de Prado (2014), equation 1;
    0 for a single trial.
    """
    if trials < 1 or not variance >= 0:
        raise BadParameter(
            f"A best Sharpe ratio needs 1 trial or more and a variance of 0 or more; given "
            f"{trials} and {variance}."
        )
    if trials == 1:
        return 0.0
    first = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = NORMAL.inv_cdf(1.0 - 1.0 / (trials * np.e))
    return float(variance**0.5 * ((1.0 - EULER) * first + EULER * second))


def deflated_sharpe_ratio(
    sharpe: float,
    rows: int,
    trials: int,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """The probability that a Sharpe ratio is real, after so many trials (equation 2 of 2014)."""
    benchmark = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, benchmark, rows, skew, kurtosis)


class Overfitting(NamedTuple):
    """What cross-validation says of choosing the best set.

    `probability` that the set which is best in one half of the time is below the median in the
    other; `loss` that it loses money there; `degradation` the slope of its Sharpe ratio there on
    that in the first half.
    """

    probability: float
    loss: float
    degradation: float
    divisions: int


def probability_of_overfitting(sums: np.ndarray, rows: np.ndarray) -> Overfitting:
    """Combinatorially symmetric cross-validation over all halves of the stretches of time.

    `sums` has the sum of returns and of their squares by set, stretch (an even number of them),
    `rows` the number of returns in each stretch: a Sharpe ratio of any union of stretches follows
    from them, so no matrix of returns is needed. Raises `BadParameter` below 2 sets or stretches.
    """
    sets, stretches = sums.shape[0], sums.shape[1]
    if sets < 2 or stretches < 2 or stretches % 2:
        raise BadParameter(
            f"Cross-validation needs 2 sets or more and an even number of stretches; given {sets} "
            f"and {stretches}."
        )
    halves = np.array(list(combinations(range(stretches), stretches // 2)))
    chosen = np.zeros((len(halves), stretches))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    logits, inside, outside = [], [], []
    for part in _parts(chosen, sets):
        within, beyond = _sharpes(part, sums, rows), _sharpes(1.0 - part, sums, rows)
        best = np.argmax(np.nan_to_num(within, nan=-np.inf), axis=1)
        line = np.arange(len(part))
        found = beyond[line, best]
        below = (beyond < found[:, None]).sum(axis=1) + (beyond == found[:, None]).sum(axis=1) / 2
        share = np.clip((below + 0.5) / (sets + 1.0), 1e-12, 1 - 1e-12)
        logits.append(np.log(share / (1.0 - share)))
        inside.append(within[line, best])
        outside.append(found)
    logit, first, second = map(np.concatenate, (logits, inside, outside))
    known = np.isfinite(first) & np.isfinite(second)
    varies = known.sum() > 1 and np.ptp(first[known]) > 0
    slope = float(np.polyfit(first[known], second[known], 1)[0]) if varies else float("nan")
    return Overfitting(float((logit <= 0).mean()), float((second < 0).mean()), slope, len(logit))


def _parts(chosen: np.ndarray, sets: int) -> Iterator[np.ndarray]:
    step = max(CELLS // sets, 1)
    for start in range(0, len(chosen), step):
        yield chosen[start : start + step]


def _sharpes(chosen: np.ndarray, sums: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sharpe ratio by division, set; NaN without variation."""
    count = (chosen @ rows)[:, None]
    mean = chosen @ sums[:, :, 0].T / count
    variance = (chosen @ sums[:, :, 1].T - count * mean**2) / (count - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, mean / np.sqrt(variance), np.nan)


def stationary_bootstrap(
    rows: int, resamples: int, mean_block: float, seed: int = 0
) -> np.ndarray:
    """Row numbers of `resamples` samples of the same length, in blocks of random length.

    A block begins at a random row, goes on round the end to the first row, and ends after each row
    with probability 1 / `mean_block`: Politis and Romano (1994), section 2.
    """
    if rows < 1 or resamples < 1 or not mean_block >= 1:
        raise BadParameter(
            f"A bootstrap needs rows and resamples of 1 or more and blocks of 1 or more; given "
            f"{rows}, {resamples}, {mean_block}."
        )
    draw = np.random.default_rng(seed)
    begins = draw.random((resamples, rows)) < 1.0 / mean_block
    begins[:, 0] = True
    places = draw.integers(0, rows, (resamples, rows))
    number = np.arange(rows)
    last = np.maximum.accumulate(np.where(begins, number, 0), axis=1)
    return (np.take_along_axis(places, last, axis=1) + number - last) % rows


class Interval(NamedTuple):
    """From `low` to `high`."""

    low: float
    high: float


def bootstrap_interval(
    returns: np.ndarray,
    figure: Callable[[np.ndarray], np.ndarray] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    mean_block: float | None = None,
) -> Interval:
    """The interval of a figure's values over stationary bootstrap samples of the returns.

    `figure` takes samples in rows (by default their Sharpe ratios); the mean block is by default
    the cube root of the number of returns. NaN where the figure cannot be told.
    """
    values = np.asarray(returns, dtype=float)
    if len(values) < 2:
        return Interval(float("nan"), float("nan"))
    block = mean_block or max(len(values) ** (1.0 / 3.0), 1.0)
    samples = values[stationary_bootstrap(len(values), resamples, block)]
    figures = (figure or sharpes_of)(samples)
    known = figures[np.isfinite(figures)]
    if not len(known):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))


def sharpes_of(samples: np.ndarray) -> np.ndarray:
    """Sharpe ratio of each row, of single bars; NaN without variation."""
    spread = samples.std(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, samples.mean(axis=-1) / spread, np.nan)


def shape_of(values: np.ndarray) -> tuple[float, float]:
    """Skewness and kurtosis (3 is normal) of returns; NaN without variation."""
    off = values - values.mean()
    spread = float((off**2).mean())
    if not spread > 0:
        return float("nan"), float("nan")
    return float((off**3).mean()) / spread**1.5, float((off**4).mean()) / spread**2
