"""Luck is measured as the papers measure it: their own figures come out."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.errors import BadParameter
from hydra.research.overfitting import (
    bootstrap_interval,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe_ratio,
    probability_of_overfitting,
    stationary_bootstrap,
)

A_YEAR = 250
ROWS = 1250


def test_the_deflated_sharpe_ratio_is_that_of_the_papers_example():
    """Bailey and López de Prado (2014), "A numerical example": an annual Sharpe ratio of 2.5 over
    five years of 250 days, skewness −3, kurtosis 10, variance of the trials 1/2 a year."""
    sharpe, variance = 2.5 / A_YEAR**0.5, 0.5 / A_YEAR
    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(sharpe, ROWS, 100, variance, -3.0, 10.0) == pytest.approx(
        0.9004, abs=5e-5
    )
    assert deflated_sharpe_ratio(sharpe, ROWS, 46, variance, -3.0, 10.0) == pytest.approx(
        0.9505, abs=5e-5
    )
    assert deflated_sharpe_ratio(sharpe, ROWS, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_the_probabilistic_sharpe_ratio_is_that_of_the_papers_example():
    """Bailey and López de Prado (2012), section 3: 24 monthly returns with an annual Sharpe ratio
    of 1.59, skewness −2.448, kurtosis 10.164: 0.982 if returns were normal, 0.913 as they are."""
    monthly = 0.458
    assert probabilistic_sharpe_ratio(monthly, 0.0, 24) == pytest.approx(0.982, abs=1e-3)
    assert probabilistic_sharpe_ratio(monthly, 0.0, 24, -2.448, 10.164) == pytest.approx(
        0.913, abs=1e-3
    )


def test_the_minimum_track_record_is_where_the_probability_reaches_the_confidence():
    rows = minimum_track_record(0.1, 0.02, skew=-1.0, kurtosis=6.0, confidence=0.95)
    assert probabilistic_sharpe_ratio(0.1, 0.02, rows, -1.0, 6.0) == pytest.approx(0.95)
    assert minimum_track_record(0.1, 0.1) == float("inf")


def test_a_best_of_many_worthless_trials_is_as_high_as_the_formula_says():
    draws = np.random.default_rng(1).normal(0.0, 0.05, (4000, 200)).max(axis=1)
    assert draws.mean() == pytest.approx(expected_maximum_sharpe(200, 0.05**2), rel=0.01)


@given(st.integers(1, 10_000), st.floats(0, 0.01))
def test_more_trials_never_make_a_ratio_more_believable(trials, variance):
    less = deflated_sharpe_ratio(0.1, 500, trials, variance)
    more = deflated_sharpe_ratio(0.1, 500, trials + 1, variance)
    assert more <= less + 1e-12


def stretches_of(returns: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and sums of squares by set and stretch of returns in columns."""
    parts = np.array_split(returns, number)
    sums = np.array([[p.sum(axis=0), (p**2).sum(axis=0)] for p in parts])
    return sums.transpose(2, 0, 1), np.array([float(len(p)) for p in parts])


def by_hand(returns: np.ndarray, number: int) -> float:
    """The paper's procedure on the matrix of returns itself, step by step."""
    from itertools import combinations

    parts, below = np.array_split(returns, number), 0
    divisions = list(combinations(range(number), number // 2))
    for chosen in divisions:
        inside = np.concatenate([parts[i] for i in chosen])
        outside = np.concatenate([parts[i] for i in range(number) if i not in chosen])
        first = inside.mean(axis=0) / inside.std(axis=0, ddof=1)
        second = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        best = first.argmax()
        rank = (second < second[best]).sum() + 1
        below += rank / (returns.shape[1] + 1) <= 0.5
    return below / len(divisions)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([4, 6, 8]))
def test_overfitting_from_sums_is_that_of_the_procedure_on_the_returns(seed, number):
    returns = np.random.default_rng(seed).normal(0.0, 1.0, (97, 9))
    found = probability_of_overfitting(*stretches_of(returns, number))
    assert found.probability == pytest.approx(by_hand(returns, number))
    assert found.divisions == comb(number, number // 2)


def test_choosing_among_noise_is_overfitted_half_the_time_and_a_real_edge_hardly_ever():
    draw = np.random.default_rng(5)
    many = [
        probability_of_overfitting(*stretches_of(draw.normal(0, 1, (400, 30)), 8)).probability
        for _ in range(60)
    ]
    assert np.mean(many) == pytest.approx(0.5, abs=0.08)
    edge = draw.normal(0, 1, (400, 30))
    edge[:, 7] += 0.4
    found = probability_of_overfitting(*stretches_of(edge, 8))
    assert found.probability < 0.02
    assert found.loss < 0.02


def test_cross_validation_of_one_set_or_of_odd_stretches_is_refused():
    with pytest.raises(BadParameter, match="given 1 and 4"):
        probability_of_overfitting(np.ones((1, 4, 2)), np.ones(4))
    with pytest.raises(BadParameter, match="given 2 and 3"):
        probability_of_overfitting(np.ones((2, 3, 2)), np.ones(3))


def test_blocks_of_the_bootstrap_have_the_mean_length_that_is_asked_for():
    rows = stationary_bootstrap(1000, 200, 12.5, seed=3)
    follows = (rows[:, 1:] == (rows[:, :-1] + 1) % 1000).mean()
    assert 1.0 / (1.0 - follows) == pytest.approx(12.5, rel=0.05)
    counts = np.bincount(rows.ravel(), minlength=1000)
    assert counts.mean() == 200
    assert counts.min() > 100  # round the end, so that no row is drawn less often


@pytest.mark.parametrize("mean_block", [1.0, 5.0, 20.0])
def test_the_variance_of_the_mean_is_that_of_politis_and_romanos_lemma(mean_block):
    """Politis and Romano (1994), Lemma 1: the bootstrap variance of √n times the mean, exactly."""
    draw = np.random.default_rng(11)
    noise = draw.normal(0, 1, 300)
    values = np.array([noise[: i + 1] @ 0.6 ** np.arange(i, -1, -1) for i in range(300)])
    n, p, off = len(values), 1.0 / mean_block, values - values.mean()
    covariance = [off[: n - i] @ off[i:] / n for i in range(n)]
    exact = covariance[0] + 2 * sum(
        ((1 - i / n) * (1 - p) ** i + i / n * (1 - p) ** (n - i)) * covariance[i]
        for i in range(1, n)
    )
    means = values[stationary_bootstrap(n, 40_000, mean_block, seed=7)].mean(axis=1)
    assert n * means.var() == pytest.approx(exact, rel=0.03)
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)


def test_an_interval_holds_the_true_ratio_as_often_as_it_says():
    draw, held = np.random.default_rng(2), 0
    for _ in range(150):
        low, high = bootstrap_interval(draw.normal(0.05, 1.0, 250), level=0.9, resamples=200)
        held += low <= 0.05 <= high
    assert held / 150 == pytest.approx(0.9, abs=0.07)


def test_what_has_no_ratio_has_no_interval():
    assert np.isnan(bootstrap_interval(np.zeros(50))).all()
    assert np.isnan(bootstrap_interval(np.ones(1))).all()
