"""The same orders inside vectorbt come to the same equity and the same figures."""

import asyncio
from datetime import date
from decimal import Decimal
from functools import cache, partial

import numpy as np
import pytest

from hydra import plugins
from hydra.costs.model import CostModel
from hydra.data.sample import Sample
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.research import backtest as gated_backtest
from hydra.sizing.equal_weight import EqualWeight
from hydra.sizing.vol_target import VolTarget

backtest = partial(gated_backtest, gate=None)  # the gate has tests of its own: test_gated.py


@cache
def sample() -> Bars:
    """Four years with a crash, and with FB's listing near their end."""
    symbols = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    return asyncio.run(Sample().bars(symbols, start=date(2008, 6, 2)))


SIZINGS = [EqualWeight(), EqualWeight(gross=1.8, max_weight=0.7), VolTarget(max_gross=2.0)]


@pytest.mark.parametrize("name", list(plugins.find("strategies")))
@pytest.mark.parametrize("sizing", SIZINGS, ids=["equal", "leveraged", "vol_target"])
def test_equity_is_vectorbts_value_with_costs_shorts_and_borrowed_cash(name, sizing):
    strategy = plugins.configure("strategies", name, {})
    result = backtest(strategy, sample(), sizing, CostModel("fixed", 2.0))
    assert len(result.orders) > 100
    np.testing.assert_allclose(result.portfolio.value(), result.equity, rtol=1e-9)
    assert len(result.portfolio.orders.records) == len(result.orders)


def test_statistics_are_vectorbts_by_the_same_year():
    strategy = plugins.configure("strategies", "ts_momentum", {})
    result = backtest(strategy, sample(), EqualWeight())
    figures, portfolio = result.statistics, result.portfolio
    year = {"year_freq": "252D"}
    assert figures["total_return"] == pytest.approx(portfolio.total_return(), rel=1e-9)
    assert figures["sharpe_ratio"] == pytest.approx(portfolio.sharpe_ratio(**year), rel=1e-9)
    assert figures["max_drawdown"] == pytest.approx(portfolio.max_drawdown(), rel=1e-9)
    for ours, theirs in (
        ("annual_return", "annualized_return"),
        ("annual_volatility", "annualized_volatility"),
    ):
        expected = getattr(portfolio, theirs)(**year)
        assert figures[ours] == pytest.approx(expected, rel=1e-9)
    assert figures["commission_paid"] == pytest.approx(portfolio.orders.fees.sum(), rel=1e-9)
    spell = portfolio.drawdowns.max_duration() / np.timedelta64(1, "D")
    assert figures["longest_drawdown_bars"] == pytest.approx(spell, abs=1)


def test_multipliers_reach_vectorbt_as_units():
    spx = asyncio.run(Sample().bars(["SPX"]))
    future = Instrument("SPX", "FUT", multiplier=Decimal(5))
    strategy = plugins.configure("strategies", "ts_momentum", {})
    result = backtest(strategy, spx, EqualWeight(), instruments={"SPX": future})
    assert len(result.orders) > 10
    np.testing.assert_allclose(result.portfolio.value(), result.equity, rtol=1e-9)
