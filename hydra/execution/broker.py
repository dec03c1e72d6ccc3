"""The Broker port: what the order engine needs of any broker, real or simulated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hydra.domain.events import Event
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.domain.quotes import Quote
from hydra.risk._base import Margin


@dataclass(frozen=True)
class Account:
    """The account as the broker sees it: code, port it was reached on, money in `currency`.

    `positions` are signed quantities and `marks` the broker's own prices, both by symbol.
    `balances` are the cash by currency, each in its own money (empty where all of it is in
    `currency`), and `rates` what one unit of each other currency is worth. What open futures have
    gained is in `cash` and `balances`, as IB has it: "cash recognized at the time of trade +
    futures PNL" (its page "Account Value Keys"). `costs` are average prices paid of the futures
    held, and `instruments` describe what is held of all but shares in `currency` whose price is
    money.
    """

    code: str
    port: int
    currency: str
    cash: Decimal
    net_liquidation: Decimal
    positions: Mapping[str, Decimal]
    marks: Mapping[str, Decimal]
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    average_costs: Mapping[str, Decimal] = field(default_factory=dict)
    """What was paid a unit of all that is held, as the broker tells it, by symbol."""
    con_ids: Mapping[str, int] = field(default_factory=dict)
    position_value: Decimal | None = None
    """What the broker says that shares and bonds held are worth, in `currency`; None where it
    cannot be told. With the cash it makes up the net liquidation value."""
    accrued: Decimal = Decimal(0)
    """Dividends and interest that are owed and not paid, in `currency`. Sources differ on whether
    the net liquidation value holds them (IB's page "Account Balances", its report guide)."""
    futures_pnl: Mapping[str, Decimal] = field(default_factory=dict)
    """What the cash of each currency holds of open futures, at the moment of that cash."""
    is_ready: bool = True
    """False while the broker says that its account values are not to be relied on."""


@dataclass(frozen=True)
class HeldOrder:
    """An order as the broker's book holds it, or as it tells of one that has ended.

    `ref` is empty for orders that are not ours; `quantity` is signed; `kind` is IB's order type.
    """

    ref: str
    status: str
    perm_id: int
    client_id: int
    order_id: int
    symbol: str = ""
    quantity: Decimal = Decimal(0)
    kind: str = ""
    price: Decimal | None = None
    filled: Decimal | None = None
    """Units that have filled, unsigned; None where the broker does not tell."""

    def __str__(self) -> str:
        """One line for people."""
        price = "" if self.price is None else f" at {self.price}"
        name = f" {self.ref}" if self.ref else ""
        return (
            f"{self.quantity:+} {self.symbol} {self.kind}{price}, {self.status} "
            f"(client {self.client_id}, permId {self.perm_id}{name})"
        )


@dataclass(frozen=True)
class Swept:
    """What became of the broker's book when all orders were to end.

    `ended` are references of ours that the book holds no more, `left` those that it still holds;
    `taken` and `spared` are orders of others: those that ended too, and those left alone.
    """

    ended: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    taken: tuple[HeldOrder, ...] = ()
    spared: tuple[HeldOrder, ...] = ()


class Broker(Protocol):
    """An order path to one account. All calls raise `BrokerError` kinds; none waits for ever."""

    events: asyncio.Queue[Event]
    """What the broker tells of its own accord: acknowledgements, fills, commissions, ends, and
    whether the way to the exchange is open. Of orders that are not ours, too."""

    async def connect(self) -> None:
        """Log on and find the account; refuses one that is not paper."""

    async def disconnect(self) -> None:
        """Log off; working orders stay at the broker."""

    async def time(self) -> datetime:
        """The market's time, aware UTC."""

    async def ping(self) -> None:
        """Return once the broker answers; raises `GatewayUnreachable` when it is silent."""

    async def account(self) -> Account:
        """Money, positions and marks, all of one moment."""

    async def qualify(self, symbols: Sequence[str]) -> dict[str, Instrument]:
        """The one contract for each symbol; raises `UnknownInstrument`."""

    async def quotes(
        self, instruments: Sequence[Instrument], short: Collection[str] = ()
    ) -> dict[str, Quote]:
        """A quote for each instrument, by symbol; of those in `short`, which are to be sold short,
        also how many shares can be borrowed, where the broker tells."""

    async def what_if(self, request: OrderRequest) -> Margin | None:
        """What margin the account would need with the request; nothing is sent to an exchange.

        None when the broker cannot tell, or does not in time: nobody waits for it for ever.
        """

    async def executions(self) -> list[tuple[Fill, Commission | None]]:
        """All executions that the broker still tells of, those of other clients too."""

    async def held_orders(self) -> list[HeldOrder]:
        """All orders in the broker's book, those of other clients too."""

    async def ended_orders(self) -> list[HeldOrder]:
        """Orders of the day that the broker's book holds no more, with how they ended."""

    async def submit(self, order: Order) -> tuple[int, int]:
        """Send an admitted order; returns (client id, order id).

        Raises only while it is certain that no byte of the order has left.
        """

    async def submit_attached(self, orders: Sequence[Order]) -> list[tuple[int, int]]:
        """Send an order and those attached to it, so that none works without the others.

        Raises only while it is certain that none of them works.
        """

    async def modify(self, order: Order) -> None:
        """Change the price or quantity of an order of ours that works; returns once that holds.

        Raises `BrokerError` when the order is not this connection's or does not work any more, and
        when the broker turns the change down: its books then say what holds.
        """

    async def cancel(self, ref: str) -> None:
        """Ask for the end of one of our orders; its end comes as an event."""

    async def cancel_all(self, is_ours: Callable[[str], bool], everything: bool = False) -> Swept:
        """End all our orders, whichever connection placed them, as fast as the broker can.

        `is_ours` tells by the reference. Orders of others are spared where ours can be ended
        without them, unless `everything`. Waits until the book holds none, within the time-out.
        """
