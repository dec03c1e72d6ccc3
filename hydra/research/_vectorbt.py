"""A backtest's orders inside a vectorbt portfolio; the only file that imports vectorbt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from hydra.research.result import BacktestResult


def portfolio_of(result: BacktestResult) -> Any:
    """A `vectorbt.Portfolio` with shared cash that holds exactly the result's orders.

    vectorbt turns an order away, or cuts it short, when its cash does not suffice; a margin
    account borrows instead. So the orders are first run with cash without end, and the real cash
    is put in afterwards: neither sizes nor prices depend on it.
    """
    import vectorbt

    multipliers = pd.Series(result.multipliers)
    endless = vectorbt.Portfolio.from_orders(
        close=result.bars.close.ffill(),
        size=result.by_bar("quantity") * multipliers,
        price=result.by_bar("price"),
        fixed_fees=result.by_bar("commission").fillna(0.0),
        init_cash=vectorbt.portfolio.enums.InitCashMode.Auto,
        cash_sharing=True,
        group_by=True,
        freq=_FREQUENCIES.get(result.bars.bar_size),
        raise_reject=True,
    )
    return endless.replace(init_cash=np.array([result.cash]))


_FREQUENCIES = {
    "1 day": "1D",
    "1 hour": "1h",
    "30 mins": "30min",
    "5 mins": "5min",
    "1 min": "1min",
}
