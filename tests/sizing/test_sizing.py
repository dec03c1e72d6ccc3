"""Every sizing that is found keeps the protocol, and each does what its name says."""

import asyncio
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra import plugins
from hydra.data.sample import Sample
from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.sizing.equal_weight import EqualWeight
from hydra.sizing.inverse_vol import InverseVol
from hydra.sizing.kelly import Kelly
from hydra.sizing.risk_parity import RiskParity, risk_budgeted
from hydra.sizing.vol_target import VolTarget
from hydra.strategies.ts_momentum import TsMomentum

NAMES = list(plugins.find("sizing"))
each = pytest.mark.parametrize("name", NAMES)


@cache
def sample() -> Bars:
    """A year and a half in which GOOG is listed; FB is not."""
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    return asyncio.run(Sample().bars(symbols, start=date(2004, 1, 2), end=date(2005, 6, 30)))


@cache
def signals() -> pd.DataFrame:
    return TsMomentum(20).signals(sample())


@cache
def made(name: str):
    return plugins.configure("sizing", name, {})


def test_the_shipped_sizings_are_found():
    shipped = {"equal_weight", "vol_target", "inverse_vol", "kelly", "risk_parity"}
    assert shipped <= set(NAMES)


@each
def test_weights_have_the_signals_shape_and_sign_and_are_never_nan(name):
    weights = made(name).weights(signals(), sample())
    assert weights.index.equals(signals().index)
    assert weights.columns.equals(signals().columns)
    assert (weights.dtypes == np.float64).all()
    assert np.isfinite(weights.to_numpy()).all()
    assert (weights * signals() >= 0).all(axis=None)
    assert (weights[signals() == 0].fillna(0.0) == 0).all(axis=None)
    assert weights.abs().to_numpy().max() > 0


@each
def test_a_symbol_that_is_not_listed_has_no_weight_whatever_its_signal(name):
    loud = signals() * 0.0 + 1.0
    weights = made(name).weights(loud, sample())
    assert (weights.where(sample().close.isna(), 0.0) == 0.0).all(axis=None)
    assert weights["GOOG"].iloc[-1] > 0


@each
def test_the_same_input_gives_the_same_weights_and_is_left_untouched(name):
    given_signals, given_bars = signals().copy(), sample().copy()
    first = made(name).weights(given_signals, given_bars)
    pd.testing.assert_frame_equal(first, made(name).weights(signals(), sample()), check_exact=True)
    pd.testing.assert_frame_equal(given_signals, signals(), check_exact=True)
    pd.testing.assert_frame_equal(given_bars.close, sample().close, check_exact=True)


@each
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_weight_knows_nothing_of_later_bars_nor_of_older_than_its_lookback(name, data):
    sizing, rows = made(name), data.draw(st.integers(1, len(sample())))
    whole = sizing.weights(signals(), sample()).iloc[rows - 1]
    known, said = sample().first(rows), signals().iloc[:rows]
    until = sizing.weights(said, known).iloc[-1]
    pd.testing.assert_series_equal(until, whole, check_exact=True)
    few = sizing.lookback_bars
    short = sizing.weights(said.tail(few), known.last(few)).iloc[-1]
    pd.testing.assert_series_equal(short, whole, check_exact=True)


@each
def test_no_bars_give_no_weights(name):
    assert made(name).weights(signals().iloc[:0], sample().first(0)).empty


def test_equal_weight_shares_its_gross_over_the_symbols_that_have_a_price():
    weights = EqualWeight(gross=1.2).weights(signals() * 0.0 + 1.0, sample())
    assert weights.iloc[0].tolist() == pytest.approx([0.4, 0, 0, 0.4, 0.4])
    assert weights.iloc[-1].tolist() == pytest.approx([0.3, 0, 0.3, 0.3, 0.3])


def test_equal_weight_keeps_the_share_of_a_silent_symbol_in_cash_and_caps_the_largest():
    said = signals() * 0.0
    said["IBM"], said["AAPL"] = -0.5, 1.0
    weights = EqualWeight(max_weight=0.2).weights(said, sample())
    assert weights.iloc[-1].tolist() == pytest.approx([0.2, 0, 0, -0.125, 0])


def test_vol_target_would_have_had_its_volatility_over_the_window():
    sizing = VolTarget(annual_vol=0.08, window_bars=60, max_weight=9.0, max_gross=9.0)
    weights = sizing.weights(signals(), sample()).iloc[-1]
    returns = sample().close.pct_change(fill_method=None).tail(60)
    assert (returns * weights).sum(axis=1).std() * 252**0.5 == pytest.approx(0.08)


def test_vol_target_gives_a_calm_symbol_more_than_a_wild_one():
    weights = VolTarget(max_weight=9.0).weights(signals() * 0.0 + 1.0, sample()).iloc[-1]
    vol = sample().close.pct_change(fill_method=None).tail(60).std()
    held = vol[weights > 0].index
    assert (weights * vol)[held].to_numpy() == pytest.approx((weights * vol)["IBM"])


def test_vol_target_stays_within_its_limits():
    weights = VolTarget(annual_vol=5.0, max_weight=0.4, max_gross=0.9).weights(signals(), sample())
    assert weights.abs().to_numpy().max() <= 0.4
    assert weights.abs().sum(axis=1).max() == pytest.approx(0.9)


def test_vol_target_waits_for_a_whole_window_of_a_new_listing():
    weights = VolTarget(window_bars=60).weights(signals() * 0.0 + 1.0, sample())["GOOG"]
    listing = int(np.argmax(sample().close["GOOG"].notna()))
    assert (weights.iloc[: listing + 60] == 0).all()
    assert (weights.iloc[listing + 60 :] > 0).all()


@each
def test_no_weight_and_no_portfolio_is_beyond_its_cap(name):
    tight = plugins.configure("sizing", name, {"max_weight": 0.1})
    assert tight.weights(signals(), sample()).abs().to_numpy().max() <= 0.1 + 1e-15
    if hasattr(tight, "max_gross"):
        small = plugins.configure("sizing", name, {"max_gross": 0.3})
        assert small.weights(signals(), sample()).abs().sum(axis=1).max() <= 0.3 + 1e-12


def test_inverse_vol_is_in_proportion_to_one_over_volatility_and_sums_to_its_gross():
    weights = InverseVol(60, 0.8, 9.0, 9.0).weights(signals() * 0.0 + 1.0, sample()).iloc[-1]
    vol = sample().close.pct_change(fill_method=None).tail(60).std()
    held = weights[weights > 0].index
    assert (weights * vol)[held].to_numpy() == pytest.approx((weights * vol)["IBM"])
    assert weights.sum() == pytest.approx(0.8)


def test_kelly_is_mean_over_variance_in_the_signals_direction_and_nothing_against_it():
    said = signals() * 0.0 + 1.0
    weights = Kelly(0.5, 120, 99.0, 999.0).weights(said, sample()).iloc[-1]
    returns = sample().close.pct_change(fill_method=None).tail(120)
    best = 0.5 * returns.mean() / returns.var()
    for symbol in ("AAPL", "IBM", "MSFT"):
        assert weights[symbol] == pytest.approx(max(best[symbol], 0.0))
    short = Kelly(0.5, 120, 99.0, 999.0).weights(-said, sample()).iloc[-1]
    assert (weights * short == 0).all()


def test_risk_parity_gives_every_symbol_the_same_share_of_the_risk():
    said = signals() * 0.0 + 1.0
    said["IBM"] = -1.0
    weights = RiskParity(60, 1.0, 9.0, 9.0).weights(said, sample()).iloc[-1]
    held = weights[weights != 0].index
    assert len(held) == 4
    assert weights["IBM"] < 0
    covariance = sample().close.pct_change(fill_method=None).tail(60).cov().loc[held, held]
    risk = weights[held] * (covariance @ weights[held])
    assert risk.to_numpy() == pytest.approx(risk.sum() / 4, rel=1e-7)
    assert weights.abs().sum() == pytest.approx(1.0)


def test_risk_parity_of_two_symbols_is_inverse_to_their_volatility():
    covariance = np.array([[[0.04, 0.006], [0.006, 0.01]]])
    sizes = risk_budgeted(covariance, np.ones((1, 2)))[0]
    assert sizes[1] / sizes[0] == pytest.approx(2.0)


def test_risk_parity_shares_the_risk_as_the_budget_says():
    covariance = np.array([[[0.04, 0.006, 0.0], [0.006, 0.01, 0.002], [0.0, 0.002, 0.09]]])
    budget = np.array([[1.0, 2.0, 0.0]])
    sizes = risk_budgeted(covariance, budget)[0]
    risk = sizes * (covariance[0] @ sizes)
    assert risk[1] / risk[0] == pytest.approx(2.0)
    assert sizes[2] == 0


@pytest.mark.parametrize(
    ("cls", "given", "sentence"),
    [
        (EqualWeight, {"gross": 0.0}, "EqualWeight: gross is 0.0; it must be above 0"),
        (EqualWeight, {"max_weight": -1.0}, "max_weight is -1.0"),
        (VolTarget, {"annual_vol": float("nan")}, "annual_vol is nan"),
        (VolTarget, {"max_gross": 0.0}, "max_gross is 0.0"),
        (VolTarget, {"window_bars": 1}, "window_bars is 1; it must be 2 or more"),
        (InverseVol, {"gross": -1.0}, "gross is -1.0"),
        (Kelly, {"fraction": 1.1}, r"fraction is 1.1; it must be in \(0, 1\]"),
        (Kelly, {"fraction": 0.0}, "fraction is 0.0"),
        (RiskParity, {"window_bars": 1}, "window_bars is 1"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_in_one_sentence(cls, given, sentence):
    with pytest.raises(BadParameter, match=sentence):
        cls(**given)
