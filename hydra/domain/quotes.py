"""The top of an instrument's book, and its last trade, as a broker tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Quote:
    """Top of the book; None where the broker has no figure. `time` is of the last trade, UTC.

    A currency pair has no trades: its last price is the middle of its sides, and the time theirs.
    `halted` is whether the exchange has halted trading, None where nobody told; `shortable` is how
    many shares can be borrowed for a short sale, None likewise.
    """

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    time: datetime | None
    delayed: bool = False
    halted: bool | None = None
    shortable: Decimal | None = None
