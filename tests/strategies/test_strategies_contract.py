"""Every strategy that is found keeps the protocol: shape, range, no memory, and no look-ahead."""

import asyncio
from dataclasses import FrozenInstanceError, dataclass, fields
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
from hydra.strategies._base import checked_signals

NAMES = list(plugins.find("strategies"))
SHORTER = {"fast_bars": 5, "slow_bars": 20, "momentum_bars": 30, "formation_bars": 30}
LISTING = 2004  # GOOG is listed in August, so that its first bars lie inside the sample


@cache
def sample() -> Bars:
    """Two years with a listing in the middle and one symbol (FB) that is not listed at all."""
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    return asyncio.run(
        Sample().bars(symbols, start=date(LISTING, 1, 2), end=date(LISTING + 1, 12, 30))
    )


@cache
def made(name: str):
    """The strategy with windows short enough to say something on few bars."""
    cls = plugins.load("strategies", name)
    known = {f.name for f in fields(cls)}
    return cls(**{key: value for key, value in SHORTER.items() if key in known})


@dataclass(frozen=True)
class Cheat:
    """Long today when tomorrow rises: what the look-ahead test is there to catch."""

    lookback_bars: int = 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        return (bars.close.shift(-1) > bars.close).astype(float)


def assert_no_look_ahead(strategy, bars: Bars, row: int) -> None:
    known = strategy.signals(bars.first(row + 1)).iloc[-1]
    pd.testing.assert_series_equal(known, strategy.signals(bars).iloc[row], check_exact=True)


each = pytest.mark.parametrize("name", NAMES)


def test_the_four_shipped_strategies_are_found():
    assert {"mean_reversion", "sma_cross", "ts_momentum", "xs_momentum"} <= set(NAMES)


@each
def test_signals_have_the_shape_of_the_closes_and_lie_from_minus_one_to_one(name):
    signals = checked_signals(made(name), sample())
    assert (signals.dtypes == np.float64).all()
    assert signals.abs().to_numpy().max() > 0, "it should say something on two years"


@each
def test_the_shipped_parameters_say_something_on_the_whole_history(name):
    bars = asyncio.run(Sample().bars(["AAPL", "FB", "GOOG", "IBM", "MSFT"]))
    strategy = plugins.configure("strategies", name, {})
    assert checked_signals(strategy, bars).abs().to_numpy().sum() > 100


@each
def test_a_symbol_has_no_signal_before_it_is_listed(name):
    signals, listed = made(name).signals(sample()), sample().close.notna()
    assert (signals.where(~listed, 0.0) == 0.0).all(axis=None)
    assert (signals["FB"] == 0.0).all()
    assert signals["GOOG"].abs().sum() > 0


@each
def test_the_same_bars_give_the_same_signals_and_are_left_untouched(name):
    bars, before = sample(), sample().copy()
    first = made(name).signals(bars)
    pd.testing.assert_frame_equal(first, made(name).signals(before), check_exact=True)
    for field in ("open", "high", "low", "close", "volume"):
        pd.testing.assert_frame_equal(getattr(bars, field), getattr(before, field))
    first.iloc[:] = 9.0
    pd.testing.assert_frame_equal(bars.close, before.close)


@each
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_signal_knows_nothing_of_later_bars(name, data):
    assert_no_look_ahead(made(name), sample(), data.draw(st.integers(0, len(sample()) - 1)))


@each
def test_a_signal_knows_nothing_of_later_bars_around_a_listing(name):
    listing = int(np.argmax(sample().close["GOOG"].notna()))
    for row in range(listing - 2, listing + 36):
        assert_no_look_ahead(made(name), sample(), row)


def test_a_strategy_that_looks_ahead_is_caught():
    rises = (sample().close.shift(-1) > sample().close).any(axis=1)
    with pytest.raises(AssertionError):
        assert_no_look_ahead(Cheat(), sample(), int(np.argmax(rises)))


@each
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_lookback_bars_are_enough_for_an_exact_last_row(name, data):
    strategy = made(name)
    bars = sample().first(data.draw(st.integers(1, len(sample()))))
    short = strategy.signals(bars.last(strategy.lookback_bars))
    long = strategy.signals(bars)
    pd.testing.assert_series_equal(short.iloc[-1], long.iloc[-1], check_exact=True)


@each
def test_lookback_bars_are_not_more_than_are_needed(name):
    strategy = made(name)
    fewer = [
        checked_signals(strategy, sample().first(row).last(strategy.lookback_bars - 1)).iloc[-1]
        for row in range(300, 320)
    ]
    exact = strategy.signals(sample()).iloc[299:319]
    assert not np.array_equal(np.array(fewer), exact.to_numpy())


@each
def test_no_bars_and_flat_prices_give_no_signal(name):
    strategy = made(name)
    assert checked_signals(strategy, sample().first(0)).empty
    flat = sample().select(["AAPL", "IBM"]).map(lambda frame: frame * 0.0 + 0.1)
    if name != "xs_momentum":  # a rank among equals still has a first and a last
        assert (checked_signals(strategy, flat) == 0.0).all(axis=None)


@each
def test_parameters_cannot_be_changed_after_the_fact(name):
    with pytest.raises(FrozenInstanceError):
        setattr(made(name), fields(made(name))[0].name, 3)


@dataclass(frozen=True)
class Odd:
    """A user's strategy with one mistake."""

    mistake: str

    def signals(self, bars: Bars):
        signals = bars.close * 0.0
        return {
            "type": signals.to_numpy(),
            "rows": signals.iloc[1:],
            "nan": signals,  # FB is not listed, so its column is NaN
            "range": signals.fillna(1.5),
        }[self.mistake]


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("type", r"gave a ndarray"),
        ("rows", r"other rows or columns"),
        ("nan", r"is nan for FB at 2004-01-02 21:00:00\+00:00"),
        ("range", r"is 1\.5 for FB"),
    ],
)
def test_signals_that_break_the_protocol_are_refused_with_symbol_and_row(mistake, sentence):
    with pytest.raises(BadParameter, match=sentence):
        checked_signals(Odd(mistake), sample())
