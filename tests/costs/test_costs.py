"""Costs agree with the broker's own examples and have the sign that they say they have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.commission import (
    SCHEDULES,
    commission_currency,
    commission_fixed,
    commission_tiered,
    schedule,
)
from hydra.costs.model import CostModel
from hydra.costs.slippage import slippage, slippage_bps
from hydra.costs.spread import fill_price
from hydra.errors import BadParameter, UnknownName

quantities = st.integers(-(10**6), 10**6).filter(bool)
prices = st.floats(0.01, 1e5)


@pytest.mark.parametrize(
    ("shares", "price", "amount"), [(100, 25, 1.0), (1000, 25, 5.0), (1000, 0.25, 2.5)]
)
def test_fixed_commission_is_that_of_the_examples_on_the_brokers_page(shares, price, amount):
    assert commission_fixed(shares, price) == pytest.approx(amount)
    assert commission_fixed(-shares, price) == pytest.approx(amount)


def test_the_maximum_of_one_percent_comes_before_the_minimum():
    assert commission_fixed(10, 2.0) == pytest.approx(0.2)
    assert commission_tiered(10, 2.0) == pytest.approx(0.2)


def test_tiered_and_currency_commission_have_their_own_rates_and_minimums():
    assert commission_tiered(np.array([50, 1000]), 100.0) == pytest.approx([0.35, 3.5])
    assert commission_currency([20_000, -1_000_000], 1.25) == pytest.approx([2.0, 25.0])


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_an_array_costs_what_its_orders_cost_one_by_one_and_nothing_costs_nothing(name):
    shares, price = np.array([0, 1, -150, 40_000]), np.array([5.0, 30.0, 0.3, 12.0])
    one_by_one = [float(schedule(name)(*order)) for order in zip(shares, price, strict=True)]
    assert schedule(name)(shares, price).tolist() == one_by_one
    assert one_by_one[0] == 0.0


@given(quantity=quantities, price=prices)
def test_a_commission_is_never_negative_and_at_most_one_percent(quantity, price):
    for charge in (commission_fixed, commission_tiered):
        assert 0 < charge(quantity, price) <= abs(quantity) * price * 0.01 * (1 + 1e-12)


@given(quantity=quantities, price=prices, half=st.floats(0, 500))
def test_crossing_the_spread_never_pays(quantity, price, half):
    filled = fill_price(quantity, price, half)
    assert slippage(quantity, filled, price) >= 0
    assert slippage_bps(quantity, filled, price) == pytest.approx(half, abs=1e-6)


def test_a_buy_fills_above_the_mid_and_a_sell_below():
    assert fill_price([10, -10, 0], 100.0, 5.0).tolist() == pytest.approx([100.05, 99.95, 100.0])


def test_slippage_is_positive_for_paying_up_and_negative_for_a_better_price():
    assert slippage([10, 10, -10, -10], [101, 99, 99, 101], 100).tolist() == [10, -10, 10, -10]
    assert slippage_bps(-500, 99.5, 100.0) == pytest.approx(50.0)


def test_a_cost_model_adds_spread_and_impact_and_names_its_schedule():
    model = CostModel("tiered", half_spread_bps=2.0, impact_bps=3.0)
    assert model.fill_price(1, 100.0) == pytest.approx(100.05)
    assert model.commission_of(1000, 100.0) == pytest.approx(3.5)
    free = CostModel("none", 0.0)
    assert (free.fill_price(-7, 30.0), free.commission_of(-7, 30.0)) == (30.0, 0.0)


def test_a_cost_model_refuses_what_it_cannot_reckon_with():
    with pytest.raises(UnknownName, match="did you mean 'fixed'"):
        CostModel("fix")
    with pytest.raises(BadParameter, match="half_spread_bps is -1"):
        CostModel(half_spread_bps=-1)
    with pytest.raises(BadParameter, match="impact_bps is nan"):
        CostModel(impact_bps=float("nan"))


def test_tiered_commission_is_that_of_the_brokers_own_example_of_a_months_volume():
    # 1,050 + 5,400 + 25,500 + 10,000 for 30,000,000 shares, as IB's comparison page has it
    assert commission_tiered(-30_000_000, 5.0) == pytest.approx(41_950.0)
    assert commission_tiered(200_000, 5.0) == pytest.approx(700.0)


def test_tiers_count_what_was_traded_in_the_month_before():
    # 100,000 at the first rate and 100,000 at the second; then all at the third
    assert commission_tiered(200_000, 5.0, 200_000) == pytest.approx(350.0 + 200.0)
    assert commission_tiered([1000, 100], 50.0, 5_000_000).tolist() == [1.5, 0.35]


@given(sizes=st.lists(st.integers(1_000, 10**7), min_size=1, max_size=6))
def test_a_months_orders_cost_the_same_in_one_piece_or_in_several(sizes):
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    whole = commission_tiered(sum(sizes), 50.0)
    assert commission_tiered(sizes, 50.0, before).sum() == pytest.approx(float(whole))
