"""What a paper session did, as a table and two plots; pure over the session's events."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from hydra.domain.events import (
    CommissionRecorded,
    FillRecorded,
    NavMarked,
    OrderRefused,
    Reconciled,
    Recorded,
    TargetSet,
)
from hydra.journal.fold import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ZERO = Decimal(0)
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"
"""Colours that stay apart for the colour-blind (Okabe and Ito)."""


@dataclass(frozen=True)
class SessionReport:
    """A session's outcome: `table` has one row a symbol, money is in the account's currency."""

    strategy: str
    table: pd.DataFrame
    nav: Decimal
    net_liquidation: Decimal
    cash: Decimal
    fills: int
    refusals: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def summary(self) -> pd.DataFrame:
        """The session's figures, one a row."""
        rows = {
            "Net asset value by the journal": f"{self.nav:,.2f}",
            "Net liquidation value by the gateway": f"{self.net_liquidation:,.2f}",
            "Difference": f"{self.nav - self.net_liquidation:,.2f}",
            "Cash": f"{self.cash:,.2f}",
            "Fills": str(self.fills),
            "Refused orders": str(len(self.refusals)),
            "Differences found when reconciling": str(len(self.differences)),
        }
        return pd.DataFrame({"": rows})

    def plot_weights(self) -> Figure:
        """Target weights beside what is held, by symbol."""
        figure, axes = _figure("Weights", "fraction of NAV")
        places = range(len(self.table))
        axes.bar([p - 0.2 for p in places], self.table["target weight"], 0.4, color=BLUE)
        axes.bar([p + 0.2 for p in places], self.table["weight"], 0.4, color=ORANGE)
        axes.set_xticks(list(places), list(self.table.index))
        axes.legend(["target", "held"], frameon=False)
        return figure

    def plot_slippage(self) -> Figure:
        """Slippage of this session's fills against the decision price, in bps; paying up > 0."""
        figure, axes = _figure("Slippage against the decision close", "bps, paying up > 0")
        traded = self.table[self.table["filled"] != 0]
        costs = [float(cost) for cost in traded["slippage bps"]]
        axes.bar(list(traded.index), costs, 0.5, color=[ORANGE if c > 0 else BLUE for c in costs])
        if traded.empty:
            axes.text(0.5, 0.5, "nothing traded", ha="center", transform=axes.transAxes)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money as text, so that nothing is rounded."""
        return {
            "strategy": self.strategy,
            "nav": str(self.nav),
            "net_liquidation": str(self.net_liquidation),
            "cash": str(self.cash),
            "fills": self.fills,
            "refusals": list(self.refusals),
            "differences": list(self.differences),
        }


def make_report(
    records: Sequence[Recorded], state: State, strategy: str, mark: NavMarked
) -> SessionReport:
    """The report over a session's records and the state after them."""
    events = [record.event for record in records]
    targets = [e for e in events if isinstance(e, TargetSet) and e.strategy == strategy]
    fills = [e.fill for e in events if isinstance(e, FillRecorded)]
    charges = {
        e.commission.exec_id: e.commission.amount
        for e in events
        if isinstance(e, CommissionRecorded)
    }
    rows = [_row(target, fills, charges, state, mark) for target in targets]
    return SessionReport(
        strategy,
        pd.DataFrame(rows, columns=COLUMNS).set_index("symbol"),
        mark.nav,
        mark.net_liquidation,
        mark.cash,
        len(fills),
        tuple(str(e.refusal) for e in events if isinstance(e, OrderRefused)),
        tuple(d for e in events if isinstance(e, Reconciled) for d in e.differences),
    )


COLUMNS = [
    "symbol",
    "signal",
    "target weight",
    "target",
    "before",
    "filled",
    "average price",
    "decision price",
    "slippage bps",
    "commission",
    "held",
    "weight",
]


def show(figure: Figure) -> Any:
    """The figure as SVG for a notebook: sharp, small, and complete in the saved file."""
    from IPython.display import SVG

    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight")
    return SVG(buffer.getvalue())  # type: ignore[no-untyped-call]  # IPython has no types


def _row(
    target: TargetSet,
    fills: Sequence[Any],
    charges: dict[str, Decimal],
    state: State,
    mark: NavMarked,
) -> list[Any]:
    mine = [f for f in fills if f.symbol == target.symbol]
    filled = sum((f.quantity for f in mine), ZERO)
    traded = sum((f.quantity * f.price for f in mine), ZERO)
    average = traded / filled if filled else None
    held = state.quantity(target.symbol, target.strategy)
    price = mark.marks.get(target.symbol, target.price)
    return [
        target.symbol,
        round(target.signal, 4),
        round(target.weight, 4),
        target.target,
        target.held,
        filled,
        None if average is None else round(float(average), 4),
        target.price,
        None if average is None else round(_slippage_bps(filled, average, target.price), 2),
        sum((charges.get(f.exec_id, ZERO) for f in mine), ZERO),
        held,
        round(float(held * price / mark.nav), 4) if mark.nav > 0 else 0.0,
    ]


def _slippage_bps(filled: Decimal, average: Decimal, decision: Decimal) -> float:
    side = 1 if filled > 0 else -1
    return float(side * (average / decision - 1) * 10_000)


def _figure(title: str, unit: str) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure  # pyplot would keep every figure alive

    figure = Figure(figsize=(7, 2.6))
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(unit, fontsize=8)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes
