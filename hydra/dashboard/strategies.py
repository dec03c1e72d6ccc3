"""Each strategy: what it gained, and whether it may open positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row, strategy_rows


@dataclass(frozen=True)
class Strategies:
    """Strategies"""

    key: ClassVar[tuple[str, ...]] = ("strategy",)
    columns: ClassVar[dict[str, Column]] = {
        "strategy": Column("text"),
        "may_trade": Column("text", title=""),
        "last_session": Column("text"),
        "positions": Column("figure"),
        "realised": Column("figure", places=2, signed=True),
        "unrealised": Column("figure", places=2, signed=True),
        "commissions": Column("figure", places=2),
        "profit": Column("figure", places=2, signed=True),
        "profits": Column("spark", title="profit so far"),
        "switch": Column("act", title=""),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a strategy, as `hydra status` shows them, with its profit at each mark."""
        return [_row(facts, row) for row in strategy_rows(facts.state)]


def _row(facts: Facts, row: Row) -> Row:
    name, off = row["strategy"], facts.state.switched_off
    line = facts.ledger.profits.get(name)
    act = ["switch on", "switch_on", name] if name in off else ["switch off", "switch_off", name]
    return {
        **row,
        "may_trade": f"OFF: {off[name]}" if name in off else "on",
        "profits": list(line.y) if line else None,
        "switch": act,
    }
