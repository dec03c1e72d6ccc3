"""What was chosen on the past trades what follows, and nothing of it was seen before."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from hydra.costs.model import CostModel
from hydra.errors import BadParameter
from hydra.research.sweep import Terms
from hydra.research.trials import Trials
from hydra.research.walk_forward import Schedule, walk_forward
from hydra.strategies.sma_cross import SmaCross
from tests.research.test_sweep import walk

GRID = {"fast_bars": [2, 5, 9], "slow_bars": [10, 20]}
FREE = Terms(costs=CostModel("none", 0.0))
EACH = Terms(each=True, costs=CostModel("none", 0.0))


@given(
    st.integers(3, 60), st.integers(1, 40), st.integers(0, 15), st.integers(0, 15), st.booleans(),
    st.integers(80, 300),
)  # fmt: skip
def test_no_test_row_is_trained_on_and_tests_follow_one_another(
    train, test, purge, embargo, anchored, rows
):
    schedule = Schedule(train, test, purge, embargo, anchored)
    if embargo >= test:  # too much of what came after a test is left out to train on
        embargo = test - 1
        schedule = Schedule(train, test, purge, embargo, anchored)
    try:
        folds = schedule.folds(rows)
    except BadParameter:
        reject()
    tested = [row for _, part in folds for row in part]
    assert tested == list(range(train + purge, rows))
    for trained, part in folds:
        assert trained.max() < part.start - purge
        assert trained.min() >= (0 if anchored else part.start - purge - train)
        assert len(trained) <= (part.start if anchored else train)


def test_the_embargo_leaves_out_what_follows_a_test():
    first, second = Schedule(20, 10, 0, 4, anchored=True).folds(40)
    assert list(first[0]) == list(range(20))
    assert list(second[0]) == list(range(30))
    third = Schedule(20, 10, 0, 4, anchored=True).folds(60)[3][0]
    assert set(range(50)) - set(third.tolist()) == {30, 31, 32, 33, 40, 41, 42, 43}


def test_the_stitched_curve_covers_each_test_once_and_in_order():
    bars = walk(rows=300)
    found = walk_forward(SmaCross, GRID, bars, Schedule(100, 40), FREE, trials=Trials())
    assert list(found.returns.index) == list(bars.index[100:])
    assert len(found.folds) == 5
    assert found.folds["train_last"].lt(found.folds["test_first"]).all()
    total = np.prod(1.0 + found.folds["return_after"]) - 1.0
    assert found.statistics.loc["total_return", "portfolio"] == pytest.approx(total)
    assert found.equity["portfolio"].iloc[-1] == pytest.approx(1.0 + total)
    assert found.trials == 5 * 6


def test_the_future_changes_no_choice_and_no_return_of_the_past():
    bars = walk(rows=300)
    changed = bars.copy()
    for frame in (changed.open, changed.high, changed.low, changed.close):
        frame.iloc[200:] *= np.linspace(1.0, 3.0, 100)[:, None]
    schedule = Schedule(100, 50)
    one = walk_forward(SmaCross, GRID, bars, schedule, FREE, trials=Trials())
    other = walk_forward(SmaCross, GRID, changed, schedule, FREE, trials=Trials())
    pd.testing.assert_frame_equal(one.returns.iloc[:100], other.returns.iloc[:100])
    pd.testing.assert_frame_equal(one.folds.iloc[:2], other.folds.iloc[:2])


@dataclass(frozen=True)
class Sided:
    """Long or short all the time."""

    side: float = 1.0
    lookback_bars = 1

    def signals(self, bars):
        return bars.close * 0 + self.side


def test_a_test_begins_with_what_was_decided_at_the_close_before_it():
    bars = walk(rows=60, columns=1)
    found = walk_forward(Sided, {"side": [1.0]}, bars, Schedule(20, 40), EACH, trials=Trials())
    close, opened = bars.close["S0"].to_numpy(), bars.open["S0"].to_numpy()
    wanted = np.append(close[20] / opened[20], close[21:] / close[20:-1]) - 1.0
    assert np.allclose(found.returns["S0"], wanted)


def test_each_instrument_alone_has_its_own_choice_and_curve():
    terms = replace(EACH, wait=True)
    found = walk_forward(SmaCross, GRID, walk(rows=200), Schedule(100, 50), terms, trials=Trials())
    assert list(found.returns.columns) == ["S0", "S1", "S2"]
    assert len(found.folds) == 2 * 3
    assert found.returns.notna().all(axis=None)


def test_time_that_is_too_short_to_divide_is_refused():
    with pytest.raises(BadParameter, match="80 bars are too few to train on 90"):
        Schedule(90, 10).folds(80)
    with pytest.raises(BadParameter, match="purge_bars is -1"):
        Schedule(purge_bars=-1)
