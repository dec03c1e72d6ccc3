"""What an order algorithm is, and the desk that it works at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter, BrokerError


@dataclass(frozen=True)
class Touch:
    """Both sides of the book, as the exchange quotes prices."""

    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        """Half-way."""
        return (self.bid + self.ask) / 2

    def near(self, quantity: Decimal) -> Decimal:
        """The side that an order of that sign rests on."""
        return self.bid if quantity > 0 else self.ask

    def far(self, quantity: Decimal) -> Decimal:
        """The side that an order of that sign trades against at once."""
        return self.ask if quantity > 0 else self.bid


class Desk(Protocol):
    """Where one request is worked. Times are the market's, aware UTC; waits are by that time.

    Whatever ends the algorithm, the desk takes back each child that still works, and waits for the
    broker's word. It ends the algorithm itself when the gate refuses a child or trading is halted.
    """

    opens: datetime
    closes: datetime
    """The request's session, half days as they are."""

    @property
    def now(self) -> datetime:
        """The market's time."""

    @property
    def unplaced(self) -> Decimal:
        """What of the request is neither filled nor working nor in doubt; has its sign."""

    @property
    def daily_volume(self) -> Decimal | None:
        """Mean volume a session of the instrument, in its units; None where nobody knows it."""

    async def touch(self) -> Touch:
        """The book now; raises `BrokerError` when a side is missing."""

    async def place(self, child: OrderRequest) -> str:
        """Send a child; returns its reference. Raises `BadParameter` beyond `unplaced`."""

    async def place_bracket(
        self, entry: OrderRequest, exits: Sequence[OrderRequest]
    ) -> tuple[str, ...]:
        """Send an entry with its exits, all or none; the exits take each other back."""

    async def modify(self, ref: str, limit_price: Decimal) -> bool:
        """Give a child another limit; False when it had ended or the broker would not."""

    async def ended(self, ref: str, until: datetime | None = None) -> bool:
        """Wait until the child has ended; False when the time came first."""

    async def until(self, moment: datetime) -> None:
        """Wait for a moment of the market's time."""

    def note(self, sentence: str) -> None:
        """Tell people, in the journal, what the algorithm could not do."""


class Algo(Protocol):
    """One way to work an order: a frozen dataclass of its parameters, in a file of its own."""

    async def work(self, request: OrderRequest, desk: Desk) -> None:
        """Work the request to its end. Children are the request with other terms."""


class CannotWork(BrokerError):
    """The algorithm can not work this request now, and says why; nothing else is tried."""


def check_positive(name: str, value: float) -> None:
    """Raises `BadParameter` for a parameter that is not above 0."""
    if not value > 0:
        raise BadParameter(f"{name} is {value}; it must be more than 0.")


def check_fraction(name: str, value: float) -> None:
    """Raises `BadParameter` for a parameter outside (0, 1)."""
    if not 0 < value < 1:
        raise BadParameter(f"{name} is {value}; it is a fraction in (0, 1), so 10 % is 0.10.")


def check_one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raises `BadParameter` for a word that is not one of those allowed."""
    if value not in allowed:
        raise BadParameter(f"{name} is {value!r}; it is one of {', '.join(allowed)}.")
