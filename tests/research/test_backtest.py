"""A backtest decides at the close, trades at the next open, and every cent can be followed."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra import plugins
from hydra.costs.model import CostModel
from hydra.data.sample import Sample
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter
from hydra.research import backtest as gated_backtest
from hydra.sizing.equal_weight import EqualWeight
from hydra.sizing.vol_target import VolTarget

backtest = partial(gated_backtest, gate=None)  # the gate has tests of its own: test_gated.py

FREE = CostModel("none", 0.0)


@dataclass(frozen=True, eq=False)
class Said:
    """A strategy whose signals are written down, by row."""

    rows: tuple[tuple[float, ...], ...]
    lookback_bars: int = 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        return pd.DataFrame(
            self.rows, index=bars.index, columns=bars.close.columns, dtype=float
        ).where(bars.close.notna(), 0.0)


def said(*column: float) -> Said:
    return Said(tuple((signal,) for signal in column))


def bars_of(opens: dict[str, list[float]], closes: dict[str, list[float]]) -> Bars:
    index = pd.bdate_range("2013-01-02", periods=len(next(iter(closes.values()))), tz="UTC")
    index = index + pd.Timedelta(hours=21)
    close = pd.DataFrame(closes, index=index, dtype=float)
    opened = pd.DataFrame(opens, index=index, dtype=float)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Bars(opened, high, low, close, close * 0.0 + 1e6)


@cache
def sample() -> Bars:
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    return asyncio.run(Sample().bars(symbols, start=date(2003, 1, 2), end=date(2005, 12, 30)))


THREE_DAYS = bars_of({"A": [10, 10, 12]}, {"A": [10, 11, 12]})


def test_three_days_reckoned_by_hand():
    result = backtest(said(1, 1, 0), THREE_DAYS, EqualWeight(), CostModel("fixed", 10.0), 1000.0)
    # close 1: 1000 / 10 = 100 shares. Open 2: buy at 10 × 1.001, commission at least 1.00
    # close 2: -2 + 100 × 11 = 1098; 1098 / 11 = 99.8, so 99. Open 3: sell 1 at 12 × 0.999,
    # commission at most 1 % of 11.988
    assert result.orders[["quantity", "price", "commission"]].to_numpy().tolist() == [
        pytest.approx([100, 10.01, 1.0]),
        pytest.approx([-1, 11.988, 0.11988]),
    ]
    last = 1000 - 1001 - 1 + 11.988 - 0.11988 + 99 * 12
    assert result.equity.tolist() == pytest.approx([1000, 1098, last], rel=1e-12)
    assert result.quantities["A"].tolist() == [0, 100, 99]
    assert result.orders["spread_cost"].tolist() == pytest.approx([1.0, 0.012])
    assert result.orders["slippage"].tolist() == pytest.approx([1.0, -0.988])
    assert result.drawdown.tolist() == [0, 0, 0]
    assert result.orders["order_ref"].tolist()[0].endswith(":20130103:A:0")


def test_a_short_position_gains_when_the_price_falls():
    bars = bars_of({"A": [10, 10, 9]}, {"A": [10, 9, 8]})
    result = backtest(said(-1, -1, 0), bars, EqualWeight(), FREE, 1000.0)
    assert result.quantities["A"].tolist() == [0, -100, -122]
    assert result.equity.tolist() == [1000, 1100, 1222]


def test_the_same_target_quantity_trades_nothing():
    bars = bars_of({"A": [10, 10, 10.7, 9.3]}, {"A": [10, 10.37, 11.13, 10.03]})
    free = backtest(said(1, 1, 1, 1), bars, EqualWeight(), FREE, 1000.0)
    assert free.orders["time"].tolist() == [bars.index[1]]
    silent = backtest(said(0, 0, 0, 0), bars, EqualWeight(), cash=1000.0)
    assert silent.orders.empty
    assert silent.equity.tolist() == [1000.0] * 4
    assert np.isnan(silent.statistics["sharpe_ratio"])


def test_the_last_close_decides_nothing_that_could_still_trade():
    before = backtest(said(0, 0, 0), THREE_DAYS, EqualWeight(), cash=1000.0)
    after = backtest(said(0, 0, 1), THREE_DAYS, EqualWeight(), cash=1000.0)
    assert before.orders.empty
    assert after.orders.empty


def test_a_symbol_trades_from_its_listing_on():
    bars = bars_of(
        {"A": [10] * 4, "B": [np.nan, 20, 20, 20]}, {"A": [10] * 4, "B": [np.nan, 20, 20, 20]}
    )
    result = backtest(Said(((1, 1),) * 4), bars, EqualWeight(), FREE, 1000.0)
    assert result.quantities["A"].tolist() == [0, 100, 50, 50]
    assert result.quantities["B"].tolist() == [0, 0, 25, 25]


def test_what_has_no_bar_any_more_is_kept_at_its_last_close():
    prices = {"A": [10, 10, 12, np.nan, np.nan], "B": [10] * 5}
    bars = bars_of(prices, prices)
    result = backtest(Said(((1, 0),) * 5), bars, EqualWeight(gross=2.0), FREE, 1000.0)
    assert result.quantities["A"].tolist() == [0, 100, 100, 100, 100]
    assert result.equity.tolist() == [1000, 1000, 1200, 1200, 1200]


def test_with_nothing_left_everything_is_closed():
    bars = bars_of({"A": [10, 10, 4, 4]}, {"A": [10, 4, 4, 4]})
    result = backtest(said(1, 1, 1, 1), bars, EqualWeight(gross=2.0, max_weight=2.0), FREE, 1000.0)
    assert result.quantities["A"].tolist() == [0, 200, 0, 0]
    assert result.equity.iloc[-1] == -200.0
    assert result.statistics["annual_return"] == -1.0


def test_lots_and_multipliers_are_those_of_the_instrument():
    future = Instrument("A", "FUT", multiplier=Decimal(5), lot_size=Decimal(2))
    bars = bars_of({"A": [10, 11, 11]}, {"A": [10, 12, 13]})
    result = backtest(said(1, 1, 1), bars, EqualWeight(), FREE, 1000.0, {"A": future})
    # 1000 / 50 = 20, bought for 1100; worth 1100 at the close, 1100 / 60 = 18.3, whole lots: 18
    assert result.quantities["A"].tolist() == [0, 20, 18]
    assert result.equity.tolist() == [1000, 1100, 1180]


@pytest.mark.parametrize("cash", [0.0, -1.0, float("nan"), float("inf")])
def test_a_backtest_without_cash_is_refused(cash):
    with pytest.raises(BadParameter, match="cash above 0"):
        backtest(said(1, 1, 1), THREE_DAYS, EqualWeight(), cash=cash)


def test_a_backtest_of_one_bar_or_of_bad_signals_is_refused():
    with pytest.raises(BadParameter, match="at least 2 bars"):
        backtest(said(1), THREE_DAYS.first(1), EqualWeight())
    with pytest.raises(BadParameter, match=r"Said\.signals is 2\.0 for A at 2013-01-03"):
        backtest(said(1, 2, 1), THREE_DAYS, EqualWeight())


signals_of_two = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=4, max_size=12
).map(tuple)


@settings(max_examples=40, deadline=None)
@given(rows=signals_of_two, seed=st.integers(0, 2**32 - 1), gross=st.floats(0.1, 3))
def test_equity_is_cash_less_what_was_spent_and_charged_plus_what_is_held(rows, seed, gross):
    moves = np.random.default_rng(seed).normal(0, 0.03, (2, len(rows), 2))
    paths = np.round(np.exp(moves.cumsum(axis=1)) * [30.0, 200.0], 4)
    bars = bars_of(*({"A": path[:, 0], "B": path[:, 1]} for path in paths))
    result = backtest(Said(rows), bars, EqualWeight(gross=gross), cash=50_000.0)
    orders = result.orders.set_index("time")
    paid = (orders["quantity"] * orders["price"] + orders["commission"]).groupby(level=0).sum()
    cash = 50_000.0 - paid.reindex(bars.index, fill_value=0.0).cumsum()
    value = (result.quantities * bars.close).sum(axis=1)
    np.testing.assert_allclose(result.equity, cash + value, rtol=1e-9)
    assert (result.quantities % 1 == 0).all(axis=None)
    assert (orders["spread_cost"] > 0).all()


@pytest.mark.parametrize("name", list(plugins.find("strategies")))
def test_a_later_price_never_changes_an_earlier_figure(name):
    strategy, cut = plugins.configure("strategies", name, {}), 420
    whole = backtest(strategy, sample(), VolTarget())
    part = backtest(strategy, sample().first(cut), VolTarget())
    pd.testing.assert_series_equal(part.equity, whole.equity.iloc[:cut], check_exact=True)
    assert part.trades == whole.trades[: len(part.trades)]


def test_costs_lower_the_result_by_what_they_were():
    strategy = plugins.configure("strategies", "ts_momentum", {})
    free = backtest(strategy, sample(), EqualWeight(), FREE).statistics
    dear = backtest(strategy, sample(), EqualWeight(), CostModel("fixed", 5.0)).statistics
    assert free["commission_paid"] == free["spread_paid"] == 0.0
    lost = free["final_equity"] - dear["final_equity"]
    assert lost == pytest.approx(dear["commission_paid"] + dear["spread_paid"], rel=0.5)


def test_the_result_is_plain_values_for_json_and_draws_two_curves():
    result = backtest(said(0, 0, 0), THREE_DAYS, EqualWeight(), cash=1000.0)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["statistics"]["orders"] == 0
    result = backtest(said(1, 1, 0), THREE_DAYS, EqualWeight(), cash=1000.0)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["orders"][0]["symbol"] == "A"
    assert plain["equity"]["value"] == result.equity.tolist()
    assert [list(curve.y) for curve in result.figure().data] == [
        result.equity.tolist(),
        result.drawdown.tolist(),
    ]


def test_bars_of_another_size_are_annualised_by_how_many_came_in_a_year():
    hourly = replace(sample(), bar_size="1 hour")  # as if: some 252 rows a year all the same
    strategy = plugins.configure("strategies", "ts_momentum", {})
    daily, other = (backtest(strategy, b, EqualWeight()).statistics for b in (sample(), hourly))
    assert other["sharpe_ratio"] == pytest.approx(daily["sharpe_ratio"], rel=0.01)
    assert other["sharpe_ratio"] != daily["sharpe_ratio"]


def test_a_backtest_does_not_import_vectorbt():
    code = (
        "import sys, hydra.research, hydra.strategies.sma_cross, hydra.sizing.vol_target,"
        "hydra.data.sample, hydra.costs.model; sys.exit('vectorbt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
