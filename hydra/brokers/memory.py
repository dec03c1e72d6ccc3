"""A broker inside the process that fills at the quotes it is given; for tests and examples."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillRecorded,
    OrderAcknowledged,
    OrderEnded,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest, OrderType
from hydra.domain.quotes import Quote
from hydra.errors import (
    BadParameter,
    BrokerError,
    GatewayUnreachable,
    UnknownInstrument,
    unknown,
)
from hydra.execution.broker import Account, HeldOrder, Swept
from hydra.risk._base import Margin

ZERO = Decimal(0)
AT_CLOSE = frozenset({OrderType.MARKET_ON_CLOSE, OrderType.LIMIT_ON_CLOSE})


@dataclass
class Memory:
    """Fills whole, at once, at the price of its symbol; a limit it does not reach is held.

    `prices` may be changed at any time by whoever drives it; `now` is the market's time (aware).
    `commission` is charged for each order, in `currency`.
    """

    prices: dict[str, Decimal]
    now: datetime
    code: str = "DU0000001"
    currency: str = "USD"
    cash: Decimal = Decimal(1_000_000)
    commission: Decimal = Decimal(1)
    port: int = 0
    held: dict[str, Decimal] = field(default_factory=dict)
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    connected: bool = False
    resting: dict[str, Order] = field(default_factory=dict)
    done: list[tuple[Fill, Commission | None]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def connect(self) -> None:
        """Always succeeds."""
        self.connected = True

    async def disconnect(self) -> None:
        """Resting orders stay."""
        self.connected = False

    async def time(self) -> datetime:
        """`now`."""
        return self.now

    async def ping(self) -> None:
        """It always answers."""

    async def account(self) -> Account:
        """Its own books at its own prices."""
        value = sum((q * self.prices[s] for s, q in self.held.items()), ZERO)
        return Account(
            self.code,
            self.port,
            self.currency,
            self.cash,
            self.cash + value,
            {s: q for s, q in self.held.items() if q},
            dict(self.prices),
        )

    async def qualify(self, symbols: Sequence[str]) -> dict[str, Instrument]:
        """Plain stocks; raises `UnknownInstrument` for a symbol without a price."""
        for symbol in symbols:
            if symbol not in self.prices:
                raise UnknownInstrument(unknown("instrument", symbol, self.prices))
        return {symbol: Instrument(symbol) for symbol in symbols}

    async def quotes(
        self, instruments: Sequence[Instrument], short: Collection[str] = ()
    ) -> dict[str, Quote]:
        """The price as bid, ask and last, of this moment."""
        found: Mapping[str, Decimal] = {i.symbol: self.prices[i.symbol] for i in instruments}
        return {s: Quote(s, price, price, price, self.now) for s, price in found.items()}

    async def what_if(self, request: OrderRequest) -> Margin | None:
        """It asks for no margin, so it tells none."""
        return None

    async def executions(self) -> list[tuple[Fill, Commission | None]]:
        """Every fill it ever made."""
        return list(self.done)

    async def held_orders(self) -> list[HeldOrder]:
        """The orders that rest."""
        return [HeldOrder(ref, "Submitted", 1, 0, 1) for ref in self.resting]

    async def ended_orders(self) -> list[HeldOrder]:
        """Those that were cancelled; what filled is told by its executions."""
        return [HeldOrder(ref, "Cancelled", 1, 0, 1) for ref in self.cancelled]

    async def submit(self, order: Order) -> tuple[int, int]:
        """Acknowledge, then fill or rest; takes an `Order` and nothing else."""
        (ids,) = await self.submit_attached([order])
        return ids

    async def submit_attached(self, orders: Sequence[Order]) -> list[tuple[int, int]]:
        """All of them at once; what has a parent waits for the parent's fill."""
        ids = [self._hold(order) for order in orders]
        self.match()
        return ids

    def _hold(self, order: Order) -> tuple[int, int]:
        if not self.connected:
            raise GatewayUnreachable("The broker in memory is not connected.")
        if not isinstance(order, Order):
            raise BadParameter(f"Only an Order that the gate admitted is sent, not {order!r}.")
        number = len(self.done) + len(self.resting) + 1
        self.events.put_nowait(OrderAcknowledged(order.order_ref, number, "Submitted"))
        self.resting[order.order_ref] = order
        return 0, number

    async def modify(self, order: Order) -> None:
        """Change an order that rests; raises `BrokerError` when it does not."""
        if order.order_ref not in self.resting:
            raise BrokerError(f"{order.order_ref} does not rest here, so it is not changed.")
        self.resting[order.order_ref] = order
        self.match()

    async def cancel(self, ref: str) -> None:
        """End a resting order; a done one stays done."""
        if self.resting.pop(ref, None):
            self.cancelled.append(ref)
            self.events.put_nowait(OrderEnded(ref, "cancelled", "asked for"))

    async def cancel_all(self, is_ours: Callable[[str], bool], everything: bool = False) -> Swept:
        """End everything that rests and is ours; it holds no orders of others."""
        if not self.connected:
            raise GatewayUnreachable("The broker in memory is not connected.")
        ours = [ref for ref in self.resting if everything or is_ours(ref)]
        for ref in ours:
            await self.cancel(ref)
        return Swept(tuple(ours))

    def match(self) -> None:
        """Fill what the present prices reach, entries before what is attached to them."""
        for order in list(self.resting.values()):
            if order.order_ref in self.resting and self._reaches(order):
                del self.resting[order.order_ref]
                self._fill(order)
                self._take_back(order)

    def close_auction(self) -> None:
        """Fill what waits for the close."""
        for order in list(self.resting.values()):
            if order.request.order_type in AT_CLOSE and self._within_limit(order.request):
                del self.resting[order.order_ref]
                self._fill(order)

    def _take_back(self, filled: Order) -> None:
        """A fill ends the others of its group."""
        group = filled.request.oca_group
        for ref, order in list(self.resting.items()):
            if group and order.request.oca_group == group:
                del self.resting[ref]
                self.cancelled.append(ref)
                self.events.put_nowait(OrderEnded(ref, "cancelled", "a fill in its group"))

    def _reaches(self, order: Order) -> bool:
        request = order.request
        if request.order_type in AT_CLOSE or request.parent in self.resting:
            return False
        return self._within_limit(request) and self._is_triggered(request)

    def _within_limit(self, request: OrderRequest) -> bool:
        if request.limit_price is None:
            return True
        distance = request.limit_price - self.prices[request.instrument.symbol]
        return distance * request.quantity >= 0

    def _is_triggered(self, request: OrderRequest) -> bool:
        if request.stop_price is None:
            return True
        distance = self.prices[request.instrument.symbol] - request.stop_price
        return distance * request.quantity >= 0

    def _fill(self, order: Order) -> None:
        request = order.request
        symbol = request.instrument.symbol
        fill = Fill(
            f"memory.{len(self.done) + 1}.01",
            order.order_ref,
            symbol,
            request.quantity,
            self.prices[symbol],
            self.now,
        )
        commission = Commission(fill.exec_id, self.commission, self.currency)
        self.held[symbol] = self.held.get(symbol, ZERO) + fill.quantity
        self.cash += fill.cash - commission.amount
        self.done.append((fill, commission))
        self.events.put_nowait(FillRecorded(fill))
        self.events.put_nowait(CommissionRecorded(commission))
