"""What a check is, and all that it may know: a pure look at one request in its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hydra.domain.orders import Objection, OrderRequest
from hydra.domain.portfolio import Portfolio


@dataclass(frozen=True)
class Context:
    """The moment an order is judged in. Money is in `currency`, times are aware UTC.

    `portfolio` is what is held with all working orders and those admitted before this one filled;
    `quotes` are last prices by symbol and `quoted_at` their times, None where there is none;
    `halted` and `reduce_only` are the reasons while trading is halted, or while orders may only
    reduce; `no_entries` is the reason why this request, which would open a position, may not.
    """

    now: datetime
    account: str
    port: int
    currency: str
    portfolio: Portfolio
    quotes: Mapping[str, Decimal | None]
    quoted_at: Mapping[str, datetime | None]
    halted: str | None = None
    reduce_only: str | None = None
    no_entries: str | None = None


class Check(Protocol):
    """One objection: a frozen dataclass of its limits, in a file of its own."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Why the request must not leave, or None. Pure; judges the proposed portfolio."""


def reduces(request: OrderRequest, context: Context) -> bool:
    """Whether the request only shrinks what is held: such orders pass limits on exposure."""
    held = context.portfolio.quantity(request.instrument.symbol)
    return held * request.quantity < 0 and abs(request.quantity) <= abs(held)
