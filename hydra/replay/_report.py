"""The replay's report: two curves, the bridge between them, and every trade side by side."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from hydra.replay.bridge import NAMES
from hydra.research._figures import BLUE, ORANGE

if TYPE_CHECKING:
    from hydra.replay.run import Replay

MEANING = {
    "sizing": "targets differ: the session sizes at the open, in the account that it has",
    "refusal": "an order that one of the two gates refused",
    "unfilled": "admitted, and not filled",
    "delay": "from the open to the market at arrival",
    "spread": "crossing the quote, less what the cost model took",
    "impact": "beyond the quote, less what the cost model took",
    "unquoted": "fills without a known market at arrival",
    "commission": "charged, less what the schedule said",
    "roll": "leaving a future's contract for the next, less what the backtest took for it",
    "currency": "rates of the ledger instead of the bars', and what is owed in foreign money",
    "tick": "positions valued on the exchange's tick",
    "unexplained": "left over",
}
"""What each part is, in a few words."""
SHOWN_TRADES = 2_000


def curves_and_parts(replay: Replay) -> Any:
    """A plotly figure: both net asset values, and each part of their difference, added up."""
    from plotly import graph_objects
    from plotly.subplots import make_subplots

    sessions = replay.bridge.sessions
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.08,
        subplot_titles=("net asset value", "replay less backtest, by part, added up"),
    )  # fmt: skip
    for name, colour, dash in (("replay", ORANGE, "solid"), ("backtest", BLUE, "dash")):
        line = {"color": colour, "dash": dash}
        figure.add_trace(
            graph_objects.Scatter(
                x=sessions.index, y=sessions[name].astype(float), name=name, line=line
            ),
            row=1, col=1,
        )  # fmt: skip
    for name in NAMES:
        summed = sessions[name].astype(float).cumsum()
        if summed.abs().max() > 0:
            figure.add_trace(
                graph_objects.Scatter(x=sessions.index, y=summed, name=name), row=2, col=1
            )
    figure.update_yaxes(tickformat=",.0f")
    return figure.update_layout(height=720, title=replay.plan.name, hovermode="x unified")


def parts_table(replay: Replay) -> pd.DataFrame:
    """The bridge in one table: each part, what it is, what it made in money and bps of NAV."""
    totals, opening = replay.bridge.totals, float(replay.bridge.opening_nav)
    rows = [
        {
            "part": name,
            "what it is": MEANING[name],
            "money": float(totals[name]),
            "bps of first NAV": float(totals[name]) / opening * 1e4,
        }
        for name in (*NAMES, "unexplained")
    ]
    return pd.DataFrame(rows)


def page(replay: Replay) -> str:
    """One HTML file, whole without a network."""
    bridge = replay.bridge
    sessions, last = bridge.sessions, bridge.sessions.iloc[-1]
    chart = replay.figure().to_html(full_html=False, include_plotlyjs=True)
    title = f"Replay of {replay.plan.name}, {sessions.index[0]} to {sessions.index[-1]}"
    said = (
        f"{len(sessions)} sessions. The replay ended at {last['replay']:,.2f} and the backtest at "
        f"{last['backtest']:,.2f}; the difference is {bridge.difference:+,.2f}, of which "
        f"{bridge.unexplained:,.2f} is the most that any session leaves unexplained."
    )
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(said)}</p>",
        chart,
        "<h2>The bridge</h2>",
        _table(parts_table(replay), 2),
        "<h2>By session</h2>",
        _table(_floats(sessions.reset_index()), 2),
        "<h2>Trades</h2>",
        _table(_floats(bridge.trades.head(SHOWN_TRADES)), 4),
    ]
    return PAGE.format(title=escape(title), body="\n".join(parts))


def _floats(frame: pd.DataFrame) -> pd.DataFrame:
    texts = {"session", "symbol"}
    figures = [str(name) for name in frame.columns if name not in texts]
    return frame.astype(dict.fromkeys(figures, float))


def _table(frame: pd.DataFrame, places: int) -> str:
    text: str = frame.to_html(
        index=False, float_format=lambda value: f"{value:,.{places}f}", na_rep="–", border=0
    )
    return text


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px;
  padding: 0 1rem; color: #1a1a1a; background: #fff; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; display: block;
  overflow-x: auto; max-height: 30rem; }}
th, td {{ padding: 2px 12px 2px 0; text-align: right; white-space: nowrap; }}
th {{ border-bottom: 1px solid #888; position: sticky; top: 0; background: #fff; }}
th:first-child, td:first-child, td:nth-child(2) {{ text-align: left; }}
</style></head><body>
{body}
</body></html>
"""
