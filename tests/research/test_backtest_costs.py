"""A backtest pays the impact that the cost model says, from what was known when it decided."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from hydra import plugins
from hydra.costs.liquidity import liquidity_of
from hydra.costs.model import CostModel
from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.research import backtest as gated_backtest
from hydra.sizing.equal_weight import EqualWeight
from hydra.sizing.vol_target import VolTarget
from tests.research.test_backtest import bars_of, said, sample

backtest = partial(gated_backtest, gate=None)  # the gate has tests of its own: test_gated.py

IMPACT = CostModel("none", 2.0, impact_coefficient=1.0, source="calibrated 2013-01-18, 25 fills")


def with_volume(bars: Bars, *volumes: float) -> Bars:
    frame = pd.DataFrame({"A": volumes}, bars.index, dtype=float)
    return Bars(bars.open, bars.high, bars.low, bars.close, frame)


UP = float(np.exp(0.02))
FOUR_DAYS = with_volume(
    bars_of({"A": [10, 10, 10, 10]}, {"A": [10 / UP, 10, 10, 10]}), 9_000, 11_000, 1e9, 1e9
)


def test_the_impact_of_an_order_reckoned_by_hand():
    result = backtest(said(0, 1, 1, 1), FOUR_DAYS, EqualWeight(), IMPACT, 1000.0)
    # decided at close 2: one return of 2 %, 10,000 shares a day; 100 shares are 1 % of it:
    # 2 bps + 200 bps × √0.01 = 22 bps over the open of 10
    order = result.orders.iloc[0]
    assert order["quantity"] == 100
    assert order["price"] == pytest.approx(10 * 1.0022, rel=1e-9)
    assert order["spread_cost"] == pytest.approx(100 * 10 * 0.0022)


def test_the_volume_of_the_session_that_fills_the_order_is_not_known_yet():
    dry = with_volume(FOUR_DAYS, 9_000, 11_000, 1, 1)
    fills = [
        backtest(said(0, 1, 1, 1), bars, EqualWeight(), IMPACT, 1000.0).orders["price"].iloc[0]
        for bars in (FOUR_DAYS, dry)
    ]
    assert fills[0] == fills[1]


def test_an_order_whose_impact_cannot_be_told_stops_the_backtest_and_is_named():
    with pytest.raises(BadParameter, match=r":20130103:A:0 cannot be told.*at 2013-01-02"):
        backtest(said(1, 1, 1, 1), FOUR_DAYS, EqualWeight(), IMPACT, 1000.0)
    silent = with_volume(FOUR_DAYS, 0, 0, 0, 0)
    with pytest.raises(BadParameter, match="begin the bars earlier"):
        backtest(said(0, 1, 1, 1), silent, EqualWeight(), IMPACT, 1000.0)
    free = CostModel("none", 2.0)
    assert len(backtest(said(0, 1, 1, 1), silent, EqualWeight(), free, 1000.0).orders) > 0


@pytest.mark.parametrize("name", list(plugins.find("strategies")))
def test_a_later_bar_never_changes_what_an_earlier_order_cost(name):
    strategy, cut = plugins.configure("strategies", name, {}), 420
    whole = backtest(strategy, sample(), VolTarget(), IMPACT)
    part = backtest(strategy, sample().first(cut), VolTarget(), IMPACT)
    assert part.trades == whole.trades[: len(part.trades)]
    assert part.trades


def test_orders_cost_what_the_model_says_of_all_of_them_at_once():
    strategy = plugins.configure("strategies", "ts_momentum", {})
    model = CostModel("fixed", 1.0, 0.0, 0.8, {"AAPL": 3.0})
    result = backtest(strategy, sample(), VolTarget(), model)
    liquidity = liquidity_of(sample())
    for symbol, orders in result.orders.groupby("symbol"):
        rows = sample().index.get_indexer(orders["time"]) - 1
        filled = model.fill_price(
            orders["quantity"],
            orders["open"],
            str(symbol),
            liquidity.volatility_bps[symbol].iloc[rows].to_numpy(),
            liquidity.daily_volume[symbol].iloc[rows].to_numpy(),
        )
        np.testing.assert_allclose(filled, orders["price"], rtol=1e-12)


def test_vectorbt_comes_to_the_same_equity_with_impact():
    strategy = plugins.configure("strategies", "ts_momentum", {})
    result = backtest(strategy, sample(), VolTarget(), CostModel("fixed", 1.0, 0.0, 1.2))
    np.testing.assert_allclose(result.portfolio.value(), result.equity, rtol=1e-9)


def test_the_result_says_which_costs_it_was_reckoned_with():
    result = backtest(said(0, 1, 1, 1), FOUR_DAYS, EqualWeight(), IMPACT, 1000.0)
    assert result.to_dict()["costs"] == "calibrated 2013-01-18, 25 fills"
    assert "costs: calibrated" in result.figure().layout.title.subtitle.text
    plain = backtest(said(0, 1, 1, 1), FOUR_DAYS, EqualWeight(), cash=1000.0)
    assert plain.to_dict()["costs"] == "default"
