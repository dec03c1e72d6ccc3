"""What a strategy would have done: backtest, measures, and what they are worth."""

from hydra.research.backtest import backtest

__all__ = ["backtest"]
