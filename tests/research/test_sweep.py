"""A sweep's figures are those of a backtest, of vectorbt, and of the strategy's own pandas."""

import signal
import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import plugins
from hydra.costs.commission import FEES
from hydra.costs.model import CostModel
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter, UnknownName
from hydra.research import _kernels as kernels
from hydra.research import backtest
from hydra.research._passes import feature_table
from hydra.research.sweep import Terms, open_sweep, sweep, terms_array
from hydra.research.trials import Trials
from hydra.sizing.equal_weight import EqualWeight
from hydra.sizing.inverse_vol import InverseVol
from hydra.sizing.vol_target import VolTarget
from hydra.strategies.mean_reversion import MeanReversion
from hydra.strategies.sma_cross import SmaCross
from hydra.strategies.ts_momentum import TsMomentum

FREE = CostModel("none", 0.0)
TEN = CostModel("none", 10.0)
COSTS = [
    FREE,
    TEN,
    CostModel("fixed", 2.0),
    CostModel("tiered", 2.0),
    CostModel("currency", 0.5, half_spreads_bps={"S1": 7.0}),
    CostModel("tiered", 1.0, impact_coefficient=1.0),
]
ROWS = 400
SWEPT = [name for name in plugins.find("strategies")
         if hasattr(plugins.load("strategies", name), "signal_at")]  # fmt: skip


def walk(rows: int = ROWS, columns: int = 3, seed: int = 3, late: int = 0) -> Bars:
    """Random walks; with `late`, the last symbol is listed that many bars later."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2015-01-01", periods=rows, freq="D", tz="UTC", name="time")
    names = [f"S{i}" for i in range(columns)]
    steps = rng.normal(0.0003, 0.012, (rows, columns))
    close = pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), index, names)
    opened = close.shift(1).fillna(100.0) * (1 + rng.normal(0, 0.002, (rows, columns)))
    if late:
        close.iloc[:late, -1] = opened.iloc[:late, -1] = np.nan
    top, low = np.maximum(opened, close), np.minimum(opened, close)
    return Bars(opened, top, low, close, close * 0 + 1e6)


@dataclass(frozen=True)
class Plainly:
    """A moving average cross without a kernel."""

    fast_bars: int = 5
    slow_bars: int = 20
    short: bool = False

    def __post_init__(self):
        SmaCross(self.fast_bars, self.slow_bars)

    @property
    def lookback_bars(self):
        return self.slow_bars

    def signals(self, bars):
        return SmaCross(self.fast_bars, self.slow_bars, self.short).signals(bars)


@dataclass(frozen=True)
class Always:
    """Long from the first bar on."""

    size: float = 1.0
    lookback_bars = 1

    def signals(self, bars):
        return bars.close * 0 + self.size


GRID = {"fast_bars": range(2, 8), "slow_bars": range(4, 20, 3)}


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    keys = [c for c in ("fast_bars", "slow_bars", "symbol") if c in one]
    left, right = (t.astype(dict.fromkeys(keys, object)).sort_values(keys) for t in (one, other))
    pd.testing.assert_frame_equal(
        left.reset_index(drop=True), right.reset_index(drop=True), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("name", SWEPT)
def test_a_compiled_signal_is_the_strategys_own_row_by_row(name):
    bars = walk(columns=2, late=50)
    for parameters in ({}, {"short": True}, {"short": False}):
        strategy = plugins.configure("strategies", name, parameters)
        signal_at = kernels.compiled(type(strategy).signal_at)
        wanted = strategy.signals(bars).to_numpy()
        values = np.array([float(v) for v in vars(strategy).values()])
        keys = np.arange(len(strategy.features))
        for column in range(2):
            closes = bars.close.to_numpy()[:, column]
            table = feature_table(closes, strategy.features)
            made = [signal_at(table, keys, row, values) for row in range(ROWS)]
            assert np.array_equal(np.nan_to_num(made), wanted[:, column])


def test_all_strategies_that_look_at_one_instrument_alone_are_compiled():
    assert SWEPT == ["mean_reversion", "sma_cross", "ts_momentum"]


@pytest.mark.slow
def test_alone_and_all_in_the_figures_are_vectorbts_to_a_billionth():
    import vectorbt

    bars = walk(rows=600, columns=4)
    fast, slow = vectorbt.MA.run_combs(bars.close, window=np.arange(2, 14), r=2)
    theirs = vectorbt.Portfolio.from_signals(
        bars.close, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow),
        size=np.inf, fees=0.001, freq="1D",
    )  # fmt: skip
    terms = Terms(each=True, costs=TEN, fill="close", wait=True, cash=100.0)
    grid = {"fast_bars": range(2, 14), "slow_bars": range(2, 14)}
    ours = sweep(SmaCross, grid, bars, terms).table.astype({"symbol": object})
    ours = ours.set_index(["fast_bars", "slow_bars", "symbol"]).sort_index()
    wanted = {
        "total_return": theirs.total_return(),
        "sharpe_ratio": theirs.sharpe_ratio() * np.sqrt(252 / 365),
        "max_drawdown": theirs.max_drawdown(),
    }
    assert len(ours) == 66 * 4
    for name, figures in wanted.items():
        assert np.allclose(ours[name], figures.to_numpy(), rtol=1e-9, atol=1e-12), name


@pytest.mark.parametrize("sizing", [EqualWeight(), EqualWeight(2.0, 0.4), InverseVol(30)])
@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: f"{costs}")
def test_together_the_figures_are_those_of_the_backtest_in_fractions_of_a_share(sizing, costs):
    bars = walk(rows=160, late=40)
    grid = {"fast_bars": [3], "slow_bars": [5, 21], "short": [True, False]}
    table = sweep(SmaCross, grid, bars, Terms(sizing=sizing, costs=costs)).table
    parts = {s: _in_parts(s) for s in bars.symbols}
    for row in table.itertuples():
        strategy = SmaCross(row.fast_bars, row.slow_bars, row.short)
        whole = backtest(strategy, bars, sizing, costs, instruments=parts, gate=None, limits=None)
        assert row.total_return == pytest.approx(whole.statistics["total_return"], abs=1e-7)
        assert row.sharpe_ratio == pytest.approx(whole.statistics["sharpe_ratio"], abs=1e-5)
        assert row.max_drawdown == pytest.approx(whole.statistics["max_drawdown"], abs=1e-7)
        assert row.trades == whole.statistics["orders"]


def _in_parts(symbol):
    from decimal import Decimal

    return Instrument(symbol, lot_size=Decimal("0.00000001"))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("each", [True, False])
def test_a_strategy_in_plain_pandas_gives_the_same_table_as_a_compiled_one(each, processes):
    terms = Terms(each=each, costs=TEN)
    bars = walk(late=30)
    compiled = sweep(SmaCross, GRID, bars, terms)
    plain = sweep(Plainly, GRID, bars, terms, processes=processes)
    same(compiled.table, plain.table)
    assert (compiled.refused, plain.refused) == (5, 5)
    assert np.allclose(np.sort(compiled.sums, axis=0), np.sort(plain.sums, axis=0))


def test_a_sizing_that_looks_at_all_signals_is_swept_by_its_own_pandas():
    bars = walk(rows=150)
    table = sweep(TsMomentum, {"momentum_bars": [5]}, bars, Terms(sizing=VolTarget(), costs=FREE))
    parts = {s: _in_parts(s) for s in bars.symbols}
    whole = backtest(
        TsMomentum(5), bars, VolTarget(), FREE, instruments=parts, gate=None, limits=None
    )
    assert table.table["total_return"].iloc[0] == pytest.approx(
        whole.statistics["total_return"], abs=1e-7
    )


@given(
    st.sampled_from(sorted(FEES)),
    st.floats(0.01, 1e9),
    st.floats(0.01, 1e5),
)
def test_a_pass_charges_what_the_schedule_says(name, size, price):
    terms = terms_array(Terms(costs=CostModel(name)))
    assert kernels.charge(size, price, terms) == pytest.approx(float(FEES[name](size, price)))


@given(
    st.sampled_from(sorted(FEES)),
    st.floats(10.0, 1e9),
    st.floats(0.5, 1e4),
)
def test_what_cash_pays_for_leaves_nothing_and_no_debt(name, cash, price):
    terms = terms_array(Terms(costs=CostModel(name)))
    size = kernels.affordable(cash, price, terms)
    spent = size * price + kernels.charge(size, price, terms)
    assert spent <= cash * (1 + 1e-12)
    capped = FEES[name].most * size * price < FEES[name].least * 1.01
    assert capped or spent == pytest.approx(cash, rel=0.01)


def test_impact_moves_an_all_in_trade_by_the_root_of_its_size():
    bars = walk(rows=60, columns=1)
    model = CostModel("none", 0.0, impact_coefficient=2.0)
    one = sweep(SmaCross, {"fast_bars": [2], "slow_bars": [30]}, bars, Terms(each=True)).table
    dear = [
        sweep(
            SmaCross,
            {"fast_bars": [2], "slow_bars": [30]},
            bars,
            Terms(each=True, cash=cash, costs=model),
        ).table.iloc[0]
        for cash in (1e4, 4e4)
    ]
    free = sweep(
        SmaCross, {"fast_bars": [2], "slow_bars": [30]}, bars, Terms(each=True, costs=FREE)
    ).table.iloc[0]
    assert one["trades"].iloc[0] >= 2
    lost = [free["total_return"] - row["total_return"] for row in dear]
    assert lost[1] / lost[0] == pytest.approx(2.0, rel=0.01)


def test_a_purchase_is_cut_to_the_cash_there_is():
    prices = pd.DataFrame({"A": [10.0, 10.0, 10.0]}, pd.date_range("2020", periods=3, tz="UTC"))
    bars = Bars(prices, prices, prices, prices, prices)
    always = sweep(SmaCross, {"fast_bars": [1], "slow_bars": [2]}, bars, Terms(each=True))
    assert always.table["trades"].tolist() == [0]
    rising = prices + np.array([[0.0], [10.0], [20.0]])
    bars = Bars(rising, rising, rising, rising, prices)
    terms = Terms(each=True, cash=1000.0, costs=CostModel("fixed", 100.0))
    row = sweep(SmaCross, {"fast_bars": [1], "slow_bars": [2]}, bars, terms).table.iloc[0]
    paid = 30.0 * 1.01
    bought = (1000.0 - 1.0) / paid  # the schedule's minimum is more than its rate a share
    assert row["total_return"] == pytest.approx(bought * 30.0 / 1000.0 - 1.0, abs=1e-12)


@pytest.mark.parametrize("each", [True, False])
def test_a_sweep_is_a_file_that_can_be_opened_again(tmp_path, each):
    path = tmp_path / "sweeps" / "cross.parquet"
    made = sweep(SmaCross, GRID, walk(), Terms(each=each), file=path)
    found = open_sweep(path)
    same(made.table, found.table)
    assert np.array_equal(made.sums, found.sums)
    assert (found.is_whole, found.parameters, found.bounds) == (True, made.parameters, made.bounds)
    assert [p.suffix for p in path.parent.iterdir() if ".part" in p.name] == []


def test_a_file_that_is_no_sweep_is_named(tmp_path):
    walk().close.to_parquet(tmp_path / "bars.parquet")
    with pytest.raises(BadParameter, match="no sweep of HYDRA's"):
        open_sweep(tmp_path / "bars.parquet")
    with pytest.raises(BadParameter, match=r"nothing\.parquet is no sweep"):
        open_sweep(tmp_path / "nothing.parquet")


@dataclass(frozen=True)
class Interrupting(Plainly):
    """Somebody presses Ctrl-C while its twentieth set is made."""

    def signals(self, bars):
        if (self.fast_bars, self.slow_bars) == (5, 10):
            signal.raise_signal(signal.SIGINT)
        return super().signals(bars)


@pytest.fixture
def ctrl_c():
    """Ctrl-C interrupts, whatever a library has made of it."""
    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_sweep_keeps_what_is_done_and_says_that_there_is_more(tmp_path):
    path = tmp_path / "cross.parquet"
    found = sweep(Interrupting, GRID, walk(), Terms(each=True), processes=1, file=path)
    whole = sweep(Plainly, GRID, walk(), Terms(each=True), processes=1)
    assert not found.is_whole
    assert 0 < len(found.table) < len(whole.table)
    kept = open_sweep(path)
    assert not kept.is_whole
    same(kept.table, found.table)
    keys = ["fast_bars", "slow_bars", "symbol"]
    both = found.table.astype({"symbol": object}).merge(
        whole.table.astype({"symbol": object}), on=keys
    )
    assert np.allclose(both["total_return_x"], both["total_return_y"])


def test_an_error_leaves_no_file_behind(tmp_path):
    @dataclass(frozen=True)
    class Fails(Plainly):
        def signals(self, bars):
            return bars.close

    with pytest.raises(BadParameter, match="a signal lies from"):
        sweep(Fails, GRID, walk(), Terms(), processes=1, file=tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_what_a_sweep_cannot_take_is_one_sentence():
    bars = walk(rows=50)
    with pytest.raises(UnknownName, match=r"slow_barz.*slow_bars"):
        sweep(SmaCross, {"slow_barz": [3]}, bars)
    with pytest.raises(BadParameter, match="no combination that SmaCross takes; given 1"):
        sweep(SmaCross, {"fast_bars": [9], "slow_bars": [3]}, bars)
    with pytest.raises(UnknownName, match="next_open"):
        Terms(fill="next_opn")
    for each in (True, False):
        moved = Terms(each=each, costs=CostModel(impact_coefficient=1.0))
        with pytest.raises(BadParameter, match="before a day's volatility and volume are known"):
            sweep(Always, {"size": [1.0]}, bars, moved)
    with pytest.raises(BadParameter, match="wait"):
        Terms(wait=True)


def test_the_best_sets_and_a_heat_map_are_read_off_the_table():
    found = sweep(SmaCross, GRID, walk(), Terms(costs=FREE))
    best = found.best(3)
    assert best["sharpe_ratio"].is_monotonic_decreasing
    assert best["sharpe_ratio"].iloc[0] == found.table["sharpe_ratio"].max()
    drawn = found.heat_map("fast_bars", "slow_bars")
    assert drawn.loc[best["slow_bars"].iloc[0], best["fast_bars"].iloc[0]] == pytest.approx(
        best["sharpe_ratio"].iloc[0]
    )
    with pytest.raises(UnknownName, match="sharpe_ratio"):
        found.best(3, by="sharp_ratio")


def test_a_fractional_signal_trades_its_share():
    found = sweep(MeanReversion, {"window_bars": [5, 10]}, walk(), Terms(each=True, costs=FREE))
    assert found.table["trades"].min() > 20
    assert found.table["total_return"].notna().all()


def test_moments_are_those_of_the_returns_themselves():
    from scipy import stats

    bars = walk(rows=200, columns=1)
    grid = {"fast_bars": [3], "slow_bars": [9]}
    row = sweep(SmaCross, grid, bars, Terms(costs=TEN)).table.iloc[0]
    parts = {"S0": _in_parts("S0")}
    whole = backtest(
        SmaCross(3, 9), bars, EqualWeight(), TEN, instruments=parts, gate=None, limits=None
    )
    assert row["skew"] == pytest.approx(stats.skew(whole.returns), abs=1e-5)
    assert row["kurtosis"] == pytest.approx(stats.kurtosis(whole.returns, fisher=False), abs=1e-5)


def test_beside_every_ratio_stands_what_it_is_worth(tmp_path):
    trials = Trials(tmp_path / "trials.db")
    bars = walk()
    found = sweep(SmaCross, GRID, bars, Terms(costs=FREE), trials=trials)
    honest = found.honest(3)
    assert list(honest.columns[-4:]) == [
        "deflated_sharpe", "overfitting", "sharpe_low", "sharpe_high",
    ]  # fmt: skip
    assert found.trials.sets == len(found.table) == 31
    first = honest.iloc[0]
    assert 0 < first["deflated_sharpe"] < 1
    assert 0 <= first["overfitting"] <= 1
    assert first["sharpe_low"] < first["sharpe_ratio"] < first["sharpe_high"]
    assert len(found.overfitting) == 1


def test_a_ratio_is_worth_less_the_more_was_tried_on_its_bars(tmp_path):
    trials, bars = Trials(tmp_path / "trials.db"), walk()
    few = sweep(SmaCross, {"fast_bars": [3], "slow_bars": [7, 10]}, bars, trials=trials)
    sweep(SmaCross, {"fast_bars": range(2, 30), "slow_bars": range(30, 60)}, bars, trials=trials)
    again = sweep(SmaCross, {"fast_bars": [3], "slow_bars": [7, 10]}, bars, trials=trials)
    assert (few.trials.sets, again.trials.sets) == (2, 2 + 28 * 30)
    assert again.honest(1)["deflated_sharpe"].iloc[0] < few.honest(1)["deflated_sharpe"].iloc[0]
    elsewhere = sweep(SmaCross, GRID, walk(columns=1, seed=9).select(["S0"]), trials=trials)
    assert elsewhere.trials.sets > 800  # the same name at the same time is the same market


def test_each_instrument_alone_has_its_own_probability_of_overfitting():
    found = sweep(SmaCross, GRID, walk(), Terms(each=True))
    assert sorted(found.overfitting) == ["S0", "S1", "S2"]
    honest = found.honest(5)
    for row in honest.to_dict("records"):
        assert row["overfitting"] == found.overfitting[row["symbol"]].probability
