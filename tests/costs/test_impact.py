"""Impact grows with the root of an order's share of the day, by what was known of the day then."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.impact import square_root_impact_bps
from hydra.costs.liquidity import liquidity_of
from hydra.costs.model import CostModel
from hydra.data.sample import Sample
from hydra.domain.bars import Bars
from hydra.errors import BadParameter

sizes = st.floats(1.0, 1e7)


def bars_of(closes: list[float], volumes: list[float]) -> Bars:
    index = pd.bdate_range("2013-01-02", periods=len(closes), tz="UTC") + pd.Timedelta(hours=21)
    close, volume = (pd.DataFrame({"A": v}, index, dtype=float) for v in (closes, volumes))
    return Bars(close, close, close, close, volume)


def test_one_percent_of_the_day_at_two_percent_volatility_costs_twenty_bps():
    # 1 × 200 bps × √(10,000 / 1,000,000) = 200 × 0.1
    assert square_root_impact_bps(10_000, 200.0, 1e6, 1.0) == pytest.approx(20.0)
    assert square_root_impact_bps([-40_000, 0], 200.0, 1e6, 0.5).tolist() == [20.0, 0.0]


@given(quantity=sizes, volume=sizes, volatility=st.floats(1, 1000))
def test_four_times_the_size_costs_twice_as_much_bought_or_sold(quantity, volume, volatility):
    one = square_root_impact_bps(quantity, volatility, volume, 0.7)
    assert square_root_impact_bps(-4 * quantity, volatility, volume, 0.7) == pytest.approx(2 * one)


def test_where_nothing_is_traded_no_impact_is_made_up():
    impact = square_root_impact_bps(10, [100.0, np.nan, 100.0], [0.0, 1e6, np.nan], 1.0)
    assert np.isnan(impact).all()


def test_volatility_and_volume_are_those_of_the_window_reckoned_by_hand():
    up = float(np.exp(0.02))
    liquidity = liquidity_of(bars_of([100, 100 * up, 100, 100], [10, 20, 60, 30]), window_bars=2)
    # log returns 2 %, -2 %, 0: over two bars √((4 + 4) / 2) = 2 % and √(4 / 2) = 1.414 %
    assert liquidity.volatility_bps["A"].tolist() == pytest.approx(
        [np.nan, 200.0, 200.0, 200.0 / np.sqrt(2)], nan_ok=True
    )
    assert liquidity.daily_volume["A"].tolist() == [10.0, 15.0, 40.0, 45.0]


def test_what_is_known_at_a_moment_comes_from_the_last_bar_that_had_ended():
    bars = bars_of([100, 101, 102, 103], [10, 20, 30, 40])
    liquidity = liquidity_of(bars, window_bars=2)
    assert liquidity.at("A", bars.index[0].to_pydatetime()) is None  # no return yet
    before_close = datetime(2013, 1, 4, 20, 59, tzinfo=UTC)
    assert liquidity.at("A", before_close) == liquidity.at_row("A", 1)
    assert liquidity.at("A", bars.index[2].to_pydatetime()) == liquidity.at_row("A", 2)
    assert liquidity.at("A", datetime(2012, 1, 1, tzinfo=UTC)) is None
    assert liquidity.at("B", before_close) is None


def test_a_symbol_that_trades_no_more_keeps_its_last_figures():
    liquidity = liquidity_of(bars_of([100, 101, np.nan, np.nan], [10, 20, np.nan, np.nan]), 2)
    assert liquidity.at_row("A", 3) == liquidity.at_row("A", 1)


def test_no_row_knows_a_later_bar_and_none_depends_on_how_much_came_before():
    bars = asyncio.run(Sample().bars(["AAPL", "FB", "IBM"]))
    whole, early = liquidity_of(bars), liquidity_of(bars.first(2_000))
    late = liquidity_of(bars.last(100))
    for frame in ("volatility_bps", "daily_volume"):
        part = getattr(whole, frame)
        pd.testing.assert_frame_equal(part.iloc[:2_000], getattr(early, frame), check_exact=True)
        pd.testing.assert_frame_equal(
            part.iloc[-79:], getattr(late, frame).iloc[-79:], check_exact=True
        )


def test_liquidity_of_other_than_daily_bars_is_refused():
    bars = bars_of([100, 101], [10, 20])
    with pytest.raises(BadParameter, match="1 hour"):
        liquidity_of(replace(bars, bar_size="1 hour"))
    with pytest.raises(BadParameter, match="over 1"):
        liquidity_of(bars, window_bars=1)


def test_a_model_adds_the_instruments_own_spread_and_the_impact_of_the_size():
    model = CostModel("none", 1.0, 2.0, impact_coefficient=1.0, half_spreads_bps={"A": 4.0})
    assert model.distance_bps([10_000, -10_000], "A", 200.0, 1e6).tolist() == [26.0, 26.0]
    assert model.distance_bps(10_000, "B", 200.0, 1e6) == pytest.approx(23.0)
    assert model.fill_price([10_000, -10_000], 100.0, "A", 200.0, 1e6).tolist() == pytest.approx(
        [100.26, 99.74]
    )


def test_a_model_without_impact_needs_no_volume_and_one_with_it_never_guesses_one():
    assert CostModel(half_spread_bps=3.0).fill_price([1, -1, 0], 100.0).tolist() == pytest.approx(
        [100.03, 99.97, 100.0]
    )
    assert np.isnan(CostModel(impact_coefficient=1.0).fill_price(100, 50.0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"impact_coefficient": -0.1}, "impact_coefficient is -0.1"),
        ({"impact_coefficient": float("nan")}, "impact_coefficient is nan"),
        ({"half_spreads_bps": {"IBM": -1.0}}, "half_spreads_bps of IBM is -1.0"),
    ],
)
def test_a_model_refuses_figures_that_no_market_has(given, words):
    with pytest.raises(BadParameter, match=words):
        CostModel(**given)


def test_a_model_says_where_its_figures_come_from():
    assert str(CostModel()) == "default"
    assert str(CostModel(source="calibrated 2013-01-18, 25 fills")) == (
        "calibrated 2013-01-18, 25 fills"
    )
    assert "half spread 3 bps" in str(CostModel("tiered", 3.0))
    assert CostModel(source="x") == CostModel()
