"""Compile what a first backtest would wait for: vectorbt's kernels, and matplotlib's fonts."""

import asyncio
from datetime import date
from pathlib import Path

import matplotlib.font_manager  # noqa: F401 — importing it writes the list of fonts

from hydra import plugins
from hydra.data.sample import Sample
from hydra.execution.cost_file import cost_model
from hydra.research import backtest

bars = asyncio.run(Sample().bars(["AAPL", "IBM"], start=date(2012, 1, 3), end=date(2013, 3, 1)))
strategy = plugins.configure("strategies", "sma_cross", {})
sizing = plugins.configure("sizing", "equal_weight", {})
portfolio = backtest(strategy, bars, sizing, cost_model(Path("none"))).portfolio
portfolio.total_return()
portfolio.sharpe_ratio(year_freq="252D")
portfolio.value()
portfolio.max_drawdown()
