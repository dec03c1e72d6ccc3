"""A backtest on one page that needs no network, and the figures behind its charts."""

import numpy as np
import pytest

from hydra.research import backtest
from hydra.research._tear_sheet import exposure, monthly_returns, rolling_sharpe, turnover
from hydra.sizing.equal_weight import EqualWeight
from hydra.strategies.ts_momentum import TsMomentum
from tests.research.test_sweep import walk


@pytest.fixture(scope="module")
def result():
    return backtest(TsMomentum(20), walk(rows=300), EqualWeight(), gate=None)


def test_months_multiply_to_the_whole(result):
    months = monthly_returns(result.equity, result.cash)
    whole = np.prod(1.0 + months.to_numpy()[np.isfinite(months.to_numpy())]) - 1.0
    assert whole == pytest.approx(result.statistics["total_return"])
    assert list(months.columns) == list(range(1, 13))


def test_exposure_is_within_what_the_sizing_allows_and_turnover_is_what_was_traded(result):
    held = exposure(result)
    assert held["gross"].max() < 1.15  # drift between close and open, and costs
    assert (held["net"].abs() <= held["gross"] + 1e-12).all()
    traded = (turnover(result) * result.equity).sum()
    assert traded == pytest.approx(result.statistics["traded"])


def test_the_rolling_ratio_of_all_bars_is_the_whole_ratio(result):
    rolling = rolling_sharpe(result, len(result.equity))
    assert rolling.iloc[-1] == pytest.approx(result.statistics["sharpe_ratio"])
    assert rolling.iloc[:-1].isna().all()


def test_the_page_holds_every_figure_and_fetches_nothing(result, tmp_path):
    result.write_html(tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text()
    for title in result.figures():
        assert f"<h2>{title}</h2>" in page
    assert page.count("Plotly.newPlot") == len(result.figures())
    assert "deflated sharpe" in page
    assert 'src="http' not in page
