"""Plots of a backtest and of what trading cost, in plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from hydra.research.result import BacktestResult

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Colours that stay apart for the colour-blind (Okabe and Ito, 2008)."""


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


def costs_by(totals: pd.DataFrame, by: str, said: str = "") -> Any:
    """Delay on the left, spread and impact stacked on the right with what was predicted of them.

    `totals` are those of `PostTrade.totals`; `said` is a sentence in place of an empty figure.
    """
    from plotly import graph_objects
    from plotly.subplots import make_subplots

    if said:
        return _sentence(said)
    titles = ("delay: decision to arrival", "spread and impact: arrival to fill")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    keys = _keys(totals)
    for part, column, colour in (("delay", 1, BLUE), ("spread", 2, GREEN), ("impact", 2, ORANGE)):
        bars = graph_objects.Bar(x=keys, y=totals[f"{part}_bps"], name=part, marker_color=colour)
        figure.add_trace(bars, row=1, col=column)
    marker = {"symbol": "line-ew-open", "size": 28, "color": "black", "line": {"width": 3}}
    guess = totals["predicted_bps"]
    points = graph_objects.Scatter(
        x=keys, y=guess, name="predicted", mode="markers", marker=marker
    )
    figure.add_trace(points, row=1, col=2)
    figure.update_xaxes(type="category")
    figure.update_yaxes(title_text="bps, paying up > 0", col=1)
    figure.update_layout(barmode="relative", bargap=0.4, height=380, title=f"Costs by {by}")
    return figure


def predicted_against_actual(orders: pd.DataFrame, models: list[str], said: str = "") -> Any:
    """One point an order and model over the line where both are the same; bps of the mid."""
    from plotly import graph_objects

    if said:
        return _sentence(said)
    figure = graph_objects.Figure()
    ends = [orders[["actual", *models]].min().min(), orders[["actual", *models]].max().max()]
    line = {"color": "grey", "dash": "dot"}
    figure.add_scatter(x=ends, y=ends, mode="lines", name="as predicted", line=line)
    for model, colour in zip(models, (BLUE, ORANGE), strict=False):
        texts = [f"{o.symbol} {o.quantity:+,.0f}, {o.time:%Y-%m-%d}" for o in orders.itertuples()]
        figure.add_scatter(
            x=orders[model], y=orders["actual"], text=texts, mode="markers", name=model,
            marker={"color": colour, "size": 9, "opacity": 0.8},
        )  # fmt: skip
    figure.update_xaxes(title_text="predicted, bps")
    figure.update_yaxes(title_text="actual, bps")
    title = "Spread and impact of each order, predicted and actual"
    return figure.update_layout(title=title, height=460)


def _sentence(said: str) -> Any:
    """A figure that shows nothing and says why."""
    from plotly import graph_objects

    axis = {"visible": False}
    layout = {"title": said, "height": 120, "xaxis": axis, "yaxis": axis, "plot_bgcolor": "white"}
    return graph_objects.Figure(layout=layout)


def _keys(totals: pd.DataFrame) -> list[str]:
    """The groups' names; the currency beside them where there are several."""
    several = totals["currency"].nunique() > 1
    currencies = totals["currency"]
    return [
        f"{key} {currency}" if several else str(key)
        for key, currency in zip(totals.index, currencies, strict=True)
    ]
