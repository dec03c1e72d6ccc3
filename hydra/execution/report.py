"""What a paper session did, as a table and two plots; pure over the session's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hydra.costs.slippage import slippage_bps
from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillRecorded,
    NavMarked,
    OrderRefused,
    Reconciled,
    Recorded,
    TargetSet,
    Warned,
)
from hydra.execution.barchart import BarChart, values_of
from hydra.execution.targets import tracking_error
from hydra.journal.fold import State

if TYPE_CHECKING:
    import pandas as pd  # takes a third of a second to load; a halt does without

ZERO = Decimal(0)
FARMS = frozenset({2104, 2106, 2107, 2108, 2119, 2158})
"""Codes that tell that a data farm is well, or sleeps: no warnings."""


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
    tracking_error: float = 0.0
    """How far the targets in whole lots, within the session's limits, are from the weights wanted:
    root of the summed squared differences, a fraction of NAV."""
    warnings: tuple[str, ...] = ()
    """What a person should know: orders that wait for shares to borrow (404) or for a halt's end,
    prices that are delayed, and whatever else was told; each once."""

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
            "Warnings": "; ".join(self.warnings) or "none",
            "Differences found when reconciling": str(len(self.differences)),
            "Tracking error of whole lots and limits": f"{self.tracking_error:.4%}",
        }
        import pandas as pd

        return pd.DataFrame({"": rows})

    def plot_weights(self) -> BarChart:
        """Target weights beside what is held, by symbol, as fractions of NAV."""
        series = {"target": values_of(self.table["target weight"])}
        series["held"] = values_of(self.table["weight"])
        return BarChart("Weights", "fraction of NAV", list(self.table.index), series)

    def plot_slippage(self) -> BarChart:
        """Slippage of this session's fills against the decision price, in bps; paying up > 0."""
        costs = values_of(self.table["slippage bps"])
        unit = "bps, paying up > 0" if any(c is not None for c in costs) else "nothing traded"
        return BarChart(
            "Slippage against the decision close", unit, list(self.table.index), {"": costs}
        )

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
            "warnings": list(self.warnings),
            "tracking_error": self.tracking_error,
        }


def make_report(
    records: Sequence[Recorded], state: State, strategy: str, mark: NavMarked
) -> SessionReport:
    """The report over a session's records and the state after them."""
    import pandas as pd

    events = [record.event for record in records]
    targets = [e for e in events if isinstance(e, TargetSet) and e.strategy == strategy]
    fills = [e.fill for e in events if isinstance(e, FillRecorded)]
    charges = {
        e.commission.exec_id: e.commission.amount * (state.rate(e.commission.currency) or 1)
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
        _tracking_error(
            targets, state, next((e for e in events if isinstance(e, NavMarked)), mark)
        ),
        _warnings(events),
    )


def _warnings(events: Sequence[Event]) -> tuple[str, ...]:
    """Each sentence once, with its code where it has one."""
    told = (e for e in events if isinstance(e, Warned) and e.code not in FARMS)
    return tuple(dict.fromkeys(f"{e.text} ({e.code})" if e.code else e.text for e in told))


def _tracking_error(targets: Sequence[TargetSet], state: State, opening: NavMarked) -> float:
    """Against the NAV that the session began with, which its targets were made of."""
    if not opening.nav > 0:
        return 0.0
    return tracking_error(
        {t.symbol: t.weight for t in targets},
        {t.symbol: t.target for t in targets},
        {t.symbol: float(_unit(t, state) / opening.nav) for t in targets},
    )


def _unit(target: TargetSet, state: State) -> Decimal:
    """The money of one unit; what was never ordered counts as a share."""
    return _worth(state, target.symbol, Decimal(1), target.price)


def _worth(state: State, symbol: str, quantity: Decimal, price: Decimal) -> Decimal:
    """In the account's currency; one whose rate was never told counts as it is."""
    one = state.instruments.get(symbol)
    if one is None:
        return quantity * price
    rate = state.rate(one.currency)
    return one.notional(quantity, price) * (Decimal(1) if rate is None else rate)


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
        None
        if average is None
        else round(float(slippage_bps(float(filled), float(average), float(target.price))), 2),
        sum((charges.get(f.exec_id, ZERO) for f in mine), ZERO),
        held,
        round(float(_worth(state, target.symbol, held, price) / mark.nav), 4)
        if mark.nav > 0
        else 0.0,
    ]
