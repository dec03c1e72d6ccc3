"""What each shipped strategy says, on prices small enough to reckon in the head."""

import pandas as pd
import pytest

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.strategies.mean_reversion import MeanReversion
from hydra.strategies.sma_cross import SmaCross
from hydra.strategies.ts_momentum import TsMomentum
from hydra.strategies.xs_momentum import XsMomentum


def bars_of(**closes: list[float]) -> Bars:
    index = pd.date_range("2013-01-02 21:00", periods=len(next(iter(closes.values()))), tz="UTC")
    close = pd.DataFrame(closes, index=index, dtype=float)
    return Bars(close, close, close, close, close)


def test_sma_cross_is_long_above_and_short_below_once_the_slow_window_is_full():
    bars = bars_of(A=[1, 2, 3, 4, 1, 1, 1])
    assert SmaCross(1, 3).signals(bars)["A"].tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert SmaCross(1, 3, short=True).signals(bars)["A"].tolist() == [0, 0, 1, 1, -1, -1, 0]


def test_ts_momentum_is_the_sign_of_the_past_return():
    bars = bars_of(A=[5, 4, 6, 4, 4, 4])
    assert TsMomentum(2).signals(bars)["A"].tolist() == [0, 0, 1, 0, -1, 0]
    assert TsMomentum(2, short=False).signals(bars)["A"].tolist() == [0, 0, 1, 0, 0, 0]
    assert TsMomentum(2, skip_bars=1).signals(bars)["A"].tolist() == [0, 0, 0, 1, 0, -1]


def test_xs_momentum_buys_the_best_and_sells_the_worst_of_those_that_have_a_score():
    bars = bars_of(A=[1, 2, 2], B=[1, 3, 1], C=[1, 1, 3], D=[None, 1, 9])
    signals = XsMomentum(1, 0, fraction=0.3).signals(bars)
    assert signals.iloc[1].tolist() == [0, 1, -1, 0]  # +100 %, +200 %, 0 %, just listed
    assert signals.iloc[2].tolist() == [0, -1, 0, 1]  # 0 %, -67 %, +200 %, +800 %
    half = XsMomentum(1, 0, fraction=0.5, short=False).signals(bars)
    assert half.iloc[2].tolist() == [0, 0, 1, 1]


def test_xs_momentum_leaves_the_skipped_bars_out_and_ranks_no_single_symbol():
    bars = bars_of(A=[1, 2, 1], B=[1, 1, 9])
    assert XsMomentum(2, 1).signals(bars).iloc[2].tolist() == [1, -1]
    assert XsMomentum(2, 1).signals(bars.select(["A"])).to_numpy().sum() == 0


def test_mean_reversion_leans_against_the_stretch_and_rests_within_its_threshold():
    bars = bars_of(A=[10, 10, 13, 11, 8])
    z = (13 - 11) / 3**0.5  # of 10, 10, 13: mean 11, deviation sqrt(3)
    signals = MeanReversion(3, entry_z=1.0, full_z=2.0).signals(bars)["A"].tolist()
    assert signals == [0, 0, pytest.approx(-z / 2), 0, pytest.approx(8 / 3 / 19**0.5 * 3**0.5 / 2)]
    assert MeanReversion(3, 0.5, 1.0).signals(bars)["A"].iloc[2] == -1.0
    assert MeanReversion(3, 0.5, 1.0, short=False).signals(bars)["A"].iloc[2] == 0.0


@pytest.mark.parametrize(
    ("cls", "given", "sentence"),
    [
        (SmaCross, {"fast_bars": 0}, "fast_bars is 0; it must be 1 or more"),
        (SmaCross, {"fast_bars": 50, "slow_bars": 50}, "less than slow_bars, 50"),
        (TsMomentum, {"momentum_bars": 0}, "momentum_bars is 0"),
        (TsMomentum, {"skip_bars": -1}, "skip_bars is -1; it must be 0 or more"),
        (XsMomentum, {"formation_bars": 21}, "more than skip_bars, 21"),
        (XsMomentum, {"fraction": 0.6}, "fraction is 0.6; it must be above 0 and at most 0.5"),
        (XsMomentum, {"fraction": float("nan")}, "fraction is nan"),
        (MeanReversion, {"window_bars": 2}, "window_bars is 2; it must be 3 or more"),
        (MeanReversion, {"entry_z": 3.0}, "entry_z is 3.0 and full_z 2.0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_in_one_sentence(cls, given, sentence):
    with pytest.raises(BadParameter, match=sentence):
        cls(**given)
