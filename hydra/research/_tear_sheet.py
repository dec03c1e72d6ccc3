"""A backtest on one page: equity, exposure, turnover, months, rolling Sharpe ratio, figures."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hydra.research import measures
from hydra.research._figures import BLUE, GREEN, ORANGE, equity_and_drawdown

if TYPE_CHECKING:
    from hydra.research.result import BacktestResult

ROLLING_BARS = 126
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHOWN_ORDERS = 500


def monthly_returns(equity: pd.Series[Any], cash: float) -> pd.DataFrame:
    """Return of each calendar month (UTC) as a fraction: rows are years, columns 1 to 12."""
    ends = equity.groupby([equity.index.year, equity.index.month]).last()  # type: ignore[attr-defined]
    returns = ends / ends.shift(1, fill_value=cash) - 1.0
    wide = returns.unstack()
    return pd.DataFrame(wide).reindex(columns=range(1, 13))


def exposure(result: BacktestResult) -> pd.DataFrame:
    """`gross` and `net` value held at each close as fractions of the net asset value."""
    marks = result.bars.close.ffill().mul(pd.Series(result.multipliers))
    values = result.quantities * marks
    return pd.DataFrame(
        {
            "gross": values.abs().sum(axis=1) / result.equity,
            "net": values.sum(axis=1) / result.equity,
        }
    )


def turnover(result: BacktestResult) -> pd.Series[Any]:
    """Money traded at each bar, buys and sells, as a fraction of the net asset value."""
    traded = result.by_bar("notional").abs().sum(axis=1)
    return (traded / result.equity).rename("turnover")


def rolling_sharpe(result: BacktestResult, bars: int = ROLLING_BARS) -> pd.Series[Any]:
    """Sharpe ratio a year of the last `bars` returns; NaN before there are so many."""
    returns = result.returns.rolling(bars)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = returns.mean() / returns.std()
    known: pd.Series[Any] = ratio.replace([np.inf, -np.inf], np.nan)
    yearly: pd.Series[Any] = known * measures.bars_a_year(result.bars) ** 0.5
    return yearly


def figures(result: BacktestResult) -> dict[str, Any]:
    """Plotly figures by title."""
    held, traded = exposure(result), turnover(result)
    sharpe = rolling_sharpe(result)
    return {
        "Equity and drawdown": equity_and_drawdown(result),
        "Exposure": _lines({"gross": held["gross"], "net": held["net"]}, ".0%"),
        "Turnover": _lines({"turnover": traded.rolling(21, min_periods=1).sum()}, ".0%"),
        f"Sharpe ratio of {ROLLING_BARS} bars": _lines({"Sharpe ratio": sharpe}, ".1f"),
        "Monthly returns": _months(monthly_returns(result.equity, result.cash)),
    }


def page(result: BacktestResult) -> str:
    """The tear sheet: one HTML file, whole without a network."""
    parts, script = [], True
    for title, figure in figures(result).items():
        chart = figure.to_html(full_html=False, include_plotlyjs=script)
        parts.append(f"<h2>{escape(title)}</h2>{chart}")
        script = False
    rows = "".join(
        f"<tr><th>{escape(str(name).replace('_', ' '))}</th><td>{value:,.4f}</td></tr>"
        for name, value in result.statistics.items()
    )
    orders = result.orders.head(SHOWN_ORDERS).to_html(
        index=False, border=0, float_format=lambda value: f"{value:,.4f}"
    )
    said = f"{result.sizing}; costs: {result.costs}; {len(result.refusals)} orders refused"
    return PAGE.format(
        title=escape(result.strategy),
        said=escape(said),
        table=rows,
        charts="\n".join(parts),
        orders=orders,
    )


def _lines(curves: dict[str, pd.Series[Any]], form: str) -> Any:
    from plotly import graph_objects

    figure = graph_objects.Figure()
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE, GREEN), strict=False):
        line = {"color": colour}
        figure.add_scatter(x=curve.index, y=curve.to_numpy(), name=name, line=line)
    figure.update_yaxes(tickformat=form)
    return figure.update_layout(height=280, margin={"t": 20, "b": 30})


def _months(table: pd.DataFrame) -> Any:
    from plotly import graph_objects

    values = table.to_numpy(dtype=float)
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    texts = [["" if v != v else f"{v:+.1%}" for v in row] for row in values]
    heat = graph_objects.Heatmap(
        z=values, x=list(MONTHS), y=[str(year) for year in table.index], text=texts,
        texttemplate="%{text}", colorscale="RdBu", zmin=-most, zmax=most, showscale=False,
    )  # fmt: skip
    height = 120 + 24 * len(table)
    return graph_objects.Figure(heat).update_layout(height=height, margin={"t": 20, "b": 30})


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px;
  padding: 0 1rem; color: #1a1a1a; background: #fff; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 2px 16px 2px 0; text-align: right; white-space: nowrap; }}
th {{ font-weight: 600; text-align: left; }}
.orders {{ display: block; max-height: 30rem; overflow: auto; }}
</style></head><body>
<h1>{title}</h1><p>{said}</p>
<table>{table}</table>
{charts}
<h2>Orders</h2><div class="orders">{orders}</div>
</body></html>
"""
