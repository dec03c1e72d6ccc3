"""Plots of a backtest, in plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.research.result import BacktestResult


def equity_and_drawdown(result: BacktestResult) -> Any:
    """A `plotly.graph_objects.Figure`: net asset value, and below it the drawdown in percent."""
    from plotly import graph_objects
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3])
    curves = ((result.equity, "equity", None), (result.drawdown, "drawdown", "tozeroy"))
    for row, (curve, name, fill) in enumerate(curves, start=1):
        line = graph_objects.Scatter(x=curve.index, y=curve.to_numpy(), name=name, fill=fill)
        figure.add_trace(line, row=row, col=1)
    figure.update_yaxes(title_text="net asset value", tickformat=",.0f", row=1, col=1)
    figure.update_yaxes(title_text="drawdown", tickformat=".0%", row=2, col=1)
    title = {"text": result.strategy, "subtitle": {"text": f"costs: {result.costs}"}}
    return figure.update_layout(title=title, showlegend=False, height=520)
