"""What a backtest gives back: curves, orders, figures, and the same orders inside vectorbt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from hydra.costs.model import CostModel
from hydra.costs.slippage import slippage
from hydra.domain.bars import Bars
from hydra.domain.orders import Refusal
from hydra.research import measures
from hydra.research.overfitting import (
    bootstrap_interval,
    deflated_sharpe_ratio,
    shape_of,
    sharpes_of,
)
from hydra.research.trials import ONE, Count

COLUMNS = [
    "time", "order_ref", "symbol", "quantity", "decision_price", "open", "price", "commission",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """One backtest. `equity` is the net asset value at each close, in the base currency.

    `weights` are those decided at each row's close; `trades` are rows of `orders` with exact
    decimals; `strategy` and `sizing` are texts that name every parameter, and `str(costs)` says
    where the costs come from.
    """

    strategy: str
    sizing: str
    costs: CostModel
    bars: Bars
    weights: pd.DataFrame
    equity: pd.Series[Any]
    trades: tuple[Mapping[str, Any], ...]
    cash: float
    multipliers: Mapping[str, float]
    refusals: tuple[Refusal, ...] = ()
    """What the risk gate refused, with every objection, in the order of time."""
    trials: Count = ONE
    """How much was tried on such bars, this backtest included."""

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row an order, floats: signed quantity, prices, and what it cost.

        `time` is the end of the bar at whose open it filled. `spread_cost` is measured from that
        open, `slippage` from the close it was decided on; both are money, paying up is positive.
        """
        orders = pd.DataFrame(list(self.trades), columns=COLUMNS)
        floats = ["quantity", "decision_price", "open", "price", "commission"]
        orders[floats] = orders[floats].astype(float)
        quantity, price = orders["quantity"] * self._multiplier(orders), orders["price"]
        return orders.assign(
            notional=quantity * price,
            spread_cost=slippage(quantity, price, orders["open"]),
            slippage=slippage(quantity, price, orders["decision_price"]),
        )

    @cached_property
    def quantities(self) -> pd.DataFrame:
        """Signed quantity held at each close, by symbol."""
        return self.by_bar("quantity").fillna(0.0).cumsum()

    @cached_property
    def drawdown(self) -> pd.Series[Any]:
        """Distance of the equity below its highest value so far, as a fraction ≤ 0."""
        return measures.drawdown_of(self.equity, self.cash).rename("drawdown")

    @cached_property
    def returns(self) -> pd.Series[Any]:
        """Simple return of each bar, as a fraction."""
        return measures.returns_of(self.equity, self.cash).rename("returns")

    @cached_property
    def statistics(self) -> pd.Series[Any]:
        """The figures of `hydra.research.measures` by name; fractions, and money for costs.

        Beside the Sharpe ratio stands what it is worth: its 95 % interval by the stationary
        bootstrap, the probability that it is real after so many trials on such bars, and the
        probability of overfitting by the strategy's largest sweep there (NaN before one).
        """
        a_year, orders = measures.bars_a_year(self.bars), self.orders
        traded = float(orders["notional"].abs().sum())
        figures = {
            "total_return": measures.total_return(self.equity, self.cash),
            "annual_return": measures.annual_return(self.equity, self.cash, a_year),
            "annual_volatility": measures.annual_volatility(self.returns, a_year),
            "sharpe_ratio": measures.sharpe_ratio(self.returns, a_year),
            **self._worth(a_year),
            "max_drawdown": float(self.drawdown.min()),
            "longest_drawdown_bars": measures.longest_drawdown(self.drawdown),
            "turnover_a_year": measures.turnover(traded, self.equity, a_year),
            "orders": len(orders),
            "refused": len(self.refusals),
            "traded": traded,
            "commission_paid": float(orders["commission"].sum()),
            "spread_paid": float(orders["spread_cost"].sum()),
            "final_equity": float(self.equity.iloc[-1]),
        }
        return pd.Series(figures, name=self.strategy, dtype=float)

    def _worth(self, a_year: float) -> dict[str, float]:
        """What the Sharpe ratio is worth."""
        returns = self.returns.to_numpy(dtype=float)
        low, high = bootstrap_interval(returns)
        return {
            "sharpe_low": low * a_year**0.5,
            "sharpe_high": high * a_year**0.5,
            "deflated_sharpe": deflated_sharpe_ratio(
                float(sharpes_of(returns[None, :])[0]),
                len(returns),
                self.trials.sets,
                self.trials.variance,
                *shape_of(returns),
            ),
            "overfitting": self.trials.overfitting,
            "trials": self.trials.sets,
        }

    @cached_property
    def portfolio(self) -> Any:
        """The very same orders in a `vectorbt.Portfolio`, for its statistics and plots.

        The first use in a session takes some ten seconds: vectorbt is imported and compiled.
        """
        from hydra.research._vectorbt import portfolio_of

        return portfolio_of(self)

    def figure(self) -> Any:
        """Equity above, drawdown below, as one plotly figure."""
        from hydra.research._figures import equity_and_drawdown

        return equity_and_drawdown(self)

    def figures(self) -> dict[str, Any]:
        """Plotly figures by title: equity, exposure, turnover, rolling Sharpe ratio, months."""
        from hydra.research._tear_sheet import figures

        return figures(self)

    def write_html(self, path: Path) -> None:
        """The tear sheet as one file that needs no network."""
        from hydra.research._tear_sheet import page

        path.write_text(page(self), encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Names, figures, equity and orders as plain values that JSON can hold (NaN is None)."""
        orders = self.orders.assign(time=self.orders["time"].map(lambda time: time.isoformat()))
        return {
            "strategy": self.strategy,
            "sizing": self.sizing,
            "costs": str(self.costs),
            "statistics": {k: v if v == v else None for k, v in self.statistics.items()},
            "equity": {
                "time": [time.isoformat() for time in self.bars.index],
                "value": self.equity.tolist(),
            },
            "orders": orders.to_dict("records"),
            "refusals": [str(refusal) for refusal in self.refusals],
        }

    def by_bar(self, column: str) -> pd.DataFrame:
        """One column of `orders` by bar and symbol; NaN where nothing was traded."""
        wide = self.orders.pivot(index="time", columns="symbol", values=column)
        return wide.reindex(index=self.bars.index, columns=self.bars.close.columns)

    def _multiplier(self, orders: pd.DataFrame) -> pd.Series[float]:
        return orders["symbol"].map(self.multipliers).astype(float)
