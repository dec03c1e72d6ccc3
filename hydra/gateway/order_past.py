"""What is kept of orders and executions that are over, and for how long.

A real gateway tells executions and completed orders of the present day alone (IB's pages
"Executions and Commissions": since midnight, and "Retrieving Completed Orders"). This one keeps
both for `KEPT_DAYS`, so that a trade of last week can still be corrected or taken back. Of older
ones the books keep what they need: how many there were, so that no number is given twice, and
what traded last, for conditions; the control port keeps a row of each of the last `KEPT_ROWS`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hydra.gateway.reports import Executed
from hydra.gateway.times import day_text, from_epoch
from hydra.gateway.working_order import WorkingOrder

KEPT_DAYS = 7
KEPT_ROWS = 10_000

Row = dict[str, Any]


@dataclass
class Past:
    """What is left of what was forgotten: counts, the last trade by instrument, rows."""

    orders: int = 0
    executions: int = 0
    last_traded: dict[str, int] = field(default_factory=dict)
    """By security type and symbol: how many executions there had been before its last."""
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT_ROWS))

    def note_trade(self, done: Executed, before: int) -> None:
        """An execution came after `before` others."""
        one = done.order.instrument
        self.last_traded[traded_key(one.secType, one.symbol)] = before

    def has_traded(self, sec_type: str, symbol: str, after: int) -> bool:
        """Whether an instrument has traded since the `after`-th execution."""
        return self.last_traded.get(traded_key(sec_type, symbol), -1) >= after


def traded_key(sec_type: str, symbol: str) -> str:
    """An instrument as execution conditions name it."""
    return f"{sec_type} {symbol}"


def first_kept_day(now: datetime) -> str:
    """The day (`20121001`) from which orders and executions are kept at `now`."""
    return day_text(now - timedelta(days=KEPT_DAYS))


def is_over(order: WorkingOrder, first_day: str) -> bool:
    """Whether an order ended before a day."""
    return order.is_done and order.completed_at < first_day


def forgettable(executions: Iterable[Executed], first_day: str) -> list[Executed]:
    """Those before a day; they are in time order."""
    found = []
    for done in executions:
        if day_text(from_epoch(done.time)) >= first_day:
            break
        found.append(done)
    return found


def plain_number(value: Decimal) -> str:
    """A number without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def execution_row(done: Executed) -> Row:
    """An execution as the control port tells it; sells are negative."""
    order = done.order
    return {
        "exec_id": done.exec_id,
        "order_ref": order.terms.orderRef,
        "client_id": order.client_id,
        "order_id": order.terms.orderId,
        "perm_id": order.perm_id,
        "symbol": order.instrument.symbol,
        "con_id": order.instrument.conId,
        "currency": order.instrument.currency,
        "quantity": plain_number(done.quantity),
        "price": plain_number(done.price),
        "time": from_epoch(done.time).isoformat().replace("+00:00", "Z"),
        "commission": str(done.fee),
    }
