"""Every order and refused request, with what became of it, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class History:
    """All orders"""

    search: ClassVar[bool] = True
    key: ClassVar[tuple[str, ...]] = ("order_ref",)
    columns: ClassVar[dict[str, Column]] = {
        "time": Column("time"),
        "symbol": Column("text"),
        "quantity": Column("figure", signed=True),
        "filled": Column("figure", signed=True),
        "type": Column("text"),
        "limit_price": Column("figure", title="limit"),
        "status": Column("text"),
        "reason": Column("text"),
        "order_ref": Column("text"),
    }

    def rows(self, facts: Facts) -> Sequence[Row]:
        """As `hydra orders` shows them; of the last 10,000."""
        return list(reversed(facts.ledger.orders.rows.values()))
