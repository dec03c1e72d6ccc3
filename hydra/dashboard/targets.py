"""What each strategy wants and what it holds: signal, target, actual and the drift between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Targets:
    """Signals and targets"""

    page_rows: ClassVar[int] = 12
    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("strategy", "symbol")
    columns: ClassVar[dict[str, Column]] = {
        "symbol": Column("text"),
        "strategy": Column("text"),
        "signal": Column("figure", places=2, signed=True),
        "signals": Column("spark", title="signal so far"),
        "target_weight": Column("percent", signed=True, title="weight wanted"),
        "target": Column("figure", signed=True),
        "held": Column("figure", signed=True),
        "drift": Column("figure", signed=True),
        "session": Column("text"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row for each instrument a strategy has looked at: the last session's wish beside
        what it holds now, in units; drift is held less target."""
        state = facts.state
        rows = []
        for (strategy, symbol), row in facts.ledger.targets.items():
            held = state.quantity(symbol, strategy)
            rows.append(
                {
                    **row,
                    "held": held,
                    "drift": held - row["target"],
                    "signals": list(facts.ledger.signals[strategy, symbol].y),
                }
            )
        return rows
