"""Interactive Brokers through ib_async: a real gateway or the simulated one, it cannot tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ib_async
from ib_async import IB, CommissionReport, OrderState, PortfolioItem, TagValue, Trade
from ib_async import Order as WireOrder

from hydra.brokers._account import account_of, values_of
from hydra.brokers._charges import EarlierCharges, commission_of
from hydra.config import Gateway
from hydra.domain.events import (
    CommissionRecorded,
    ConnectionChanged,
    Event,
    FillRecorded,
    OrderAcknowledged,
    OrderEnded,
    Warned,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.domain.quotes import Quote
from hydra.errors import BadParameter, BrokerError, ClientIdInUse, GatewayUnreachable
from hydra.execution.broker import Account, HeldOrder, Swept
from hydra.ib import codes, contracts
from hydra.ib.calls import bounded
from hydra.ib.chains import chain
from hydra.ib.connection import connect, connect_as, log_off, quiet_library
from hydra.ib.contracts import decimal, described, symbol_of, to_contract
from hydra.ib.gateway_clock import clock_of
from hydra.ib.products import PRODUCTS, Product, continuous_root, product_named
from hydra.ib.quotes import QuoteFeed, price_or_none
from hydra.risk._base import Margin

LOOK_AGAIN_S = 0.05
"""First pause between two looks at the book while orders end; each next one is twice as long."""
LONGEST_LOOK_S = 0.8
PATIENCE_S = (0.1, 0.2, 0.4, 0.8)
"""Pauses after which a client id that is in use is asked for again to end an order of its own."""
HASTE_S = (0.1, 0.2, 0.4)
"""The same for a halt: a living program of ours has taken its orders back by then."""
ENDED_S = 3.0
"""How long the gateway is waited for to tell of completed orders."""
BELIEVED_S = 10.0
"""How long an id that stayed in use over all pauses is not waited for again."""
CANCEL_WITH_BLOCK = 1
"""IB's ocaType by which a fill takes the rest of its group back, never two at a time."""
NOT_OPEN = "it was to be cancelled, and is not among the gateway's open orders"
UNSET = Decimal("1e300")
"""IB writes the largest float where it has no figure."""


class IbBroker:
    """The Broker port on one ib_async connection. One event loop, one thread."""

    def __init__(
        self,
        settings: Gateway,
        products: Mapping[str, Product] = PRODUCTS,
        *,
        fractional_shares: bool = False,
    ) -> None:
        """Remember where to connect; `connect` does it. `products` are futures by their roots,
        `fractional_shares` is whether orders may be for parts of a share."""
        self.settings = settings
        self.fractional_shares = fractional_shares
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self._ib: IB | None = None
        self._account = ""
        self.products = products
        self._known: dict[int, Instrument] = {}
        """What was asked for, or is held, by IB's contract numbers."""
        self._feed = QuoteFeed(
            lambda: self.ib, lambda: self.time(), lambda: self.settings, self.events.put_nowait
        )
        self._trades: dict[str, Trade] = {}
        self._held: dict[str, str] = {}
        """What an order status message last said of each order of this connection."""
        self._changing: dict[str, asyncio.Future[None]] = {}
        self._changed: set[str] = set()
        """Orders whose change was asked for on this connection: a refusal may come late."""
        self._turned_down: dict[str, BrokerError] = {}
        """Changes that an error turned down after the gateway had told of their terms."""
        self._whole: dict[str, tuple[Fill, Commission | None]] = {}
        """Executions of which everything was told, by their ids."""
        self._charges = EarlierCharges(lambda client_id: self._log_on_as(client_id, ()))
        self._in_use: dict[int, float] = {}
        """Until when, by the loop's clock, a client id is believed to be another program's."""
        self._tells_no_ends = False
        """Whether this connection's gateway left the question for completed orders unanswered."""
        self._free = asyncio.Event()
        """Set while ib_async sends at once, and when the connection is gone."""

    @property
    def ib(self) -> IB:
        """The connected ib_async client; raises `GatewayUnreachable` when it is not connected."""
        if self._ib is None or not self._ib.isConnected():
            raise GatewayUnreachable("There is no connection to the gateway.")
        return self._ib

    async def connect(self, to_trade: bool = True) -> None:
        """Log on with a free client id of our range; refuses an account that is not paper, and a
        read-only gateway unless only data are wanted."""
        quiet_library()
        ib = await connect(self.settings, to_trade)
        for event, handler in (
            (ib.execDetailsEvent, self._on_execution),
            (ib.commissionReportEvent, self._on_commission),
            (ib.orderStatusEvent, self._on_status),
            (ib.openOrderEvent, self._on_open_order),
            (ib.errorEvent, self._on_error),
        ):
            event.connect(handler, self._on_handler_error)
        ib.disconnectedEvent += self._on_disconnect
        ib.client.throttleStart += self._free.clear
        ib.client.throttleEnd += self._free.set
        self._free.set()
        self._ib = ib
        self._account = self.settings.account or ib.managedAccounts()[0]
        self._trades.clear()
        self._held.clear()
        self._changed.clear()
        self._tells_no_ends = False
        self._feed.connected(ib)
        if self.fractional_shares:
            contracts.allow_fractions(ib)

    async def disconnect(self) -> None:
        """Log off; working orders stay at the broker."""
        if self._ib is not None:
            self._ib.disconnectedEvent -= self._on_disconnect
            log_off(self._ib)
            self._ib = None
        await asyncio.sleep(0)  # lets the transport close inside this loop

    async def time(self) -> datetime:
        """The gateway's time, aware UTC, whole seconds; see `hydra.ib.gateway_clock`."""
        now = await clock_of(self.ib, self.settings.timeout_s).now()
        _ = self.ib  # a connection that was lost meanwhile is told of here
        return now

    async def ping(self) -> None:
        """Return once the gateway answers; raises `GatewayUnreachable` when it is silent."""
        await clock_of(self.ib, self.settings.timeout_s).fresh()

    async def account(self) -> Account:
        """Money, positions and marks as one download of the account tells them.

        What an earlier download told is forgotten first: a position that was closed since then
        need not be told of, and would live on in ib_async.
        """
        items = await self._download()
        while fresh := [i.contract for i in items if i.position and not self._knows(i.contract)]:
            for contract in fresh:
                one = await described(self.ib, contract, self.settings.timeout_s, self.products)
                self._known[contract.conId] = one
            items = await self._download()  # all of one moment again
        # Nobody reads the stream of changes that would follow: each question is a new download.
        self.ib.client.reqAccountUpdates(False, self._account)  # type: ignore[no-untyped-call]
        values = values_of(self.ib.accountValues(self._account))
        held = [(self._symbol(i.contract), i) for i in items]
        return account_of(self._account, self.settings.port, values, held, self._described(held))

    def _described(self, held: Sequence[tuple[str, PortfolioItem]]) -> dict[str, Instrument]:
        """What is held of which the bare symbol does not tell everything."""
        found = {}
        for symbol, item in held:
            one = self._known.get(item.contract.conId)
            if one is None and item.contract.secType == "CASH":
                one = contracts.named(symbol)
            if one and item.position:
                found[symbol] = one
        return found

    async def _download(self) -> list[PortfolioItem]:
        wrapper = self.ib.wrapper
        wrapper.portfolio[self._account].clear()
        for key in [key for key in wrapper.accountValues if key[0] == self._account]:
            del wrapper.accountValues[key]
        await self._ask(self.ib.reqAccountUpdatesAsync(self._account), "the account")
        return self.ib.portfolio(self._account)

    def _knows(self, contract: ib_async.Contract) -> bool:
        return contracts.is_plain(contract) or contract.conId in self._known

    def _remember(self, instrument: Instrument) -> None:
        if instrument.con_id:
            self._known.setdefault(instrument.con_id, instrument)

    def _symbol(self, contract: ib_async.Contract) -> str:
        """Our name of a contract: as it was asked for, else as it can be told from itself."""
        known = self._known.get(contract.conId)
        return known.symbol if known else symbol_of(contract)

    async def qualify(self, symbols: Sequence[str]) -> dict[str, Instrument]:
        """The gateway's one contract for each symbol; raises `UnknownInstrument`."""
        timeout_s = self.settings.timeout_s
        asked = [contracts.qualify(self.ib, s, timeout_s, self.products) for s in symbols]
        found = dict(zip(symbols, await asyncio.gather(*asked), strict=True))
        for text in contracts.unanswered_rules(self.ib):
            self.events.put_nowait(Warned(0, text))
        self._known.update({one.con_id: one for one in found.values()})
        return found

    async def look_up(self, symbols: Sequence[str]) -> None:
        """Raise `UnknownInstrument` for a symbol, or a series of contracts, that the gateway does
        not know."""
        for root in filter(None, map(continuous_root, symbols)):
            product = product_named(root, self.products)
            await chain(self.ib, product, self.settings.timeout_s)
        await self.qualify([symbol for symbol in symbols if not continuous_root(symbol)])

    async def quotes(
        self, instruments: Sequence[Instrument], short: Collection[str] = ()
    ) -> dict[str, Quote]:
        """A quote of each instrument within the time-out, by symbol; `short` are symbols that are
        to be sold short. Without a price it has None: the gate refuses to trade on that."""
        for instrument in instruments:
            self._remember(instrument)
        return await self._feed.quotes(instruments, short)

    def forget_executions(self) -> None:
        """Let go of what was executed so far, once it is journalled: the gateway tells of each on
        its own day, and ib_async keeps all since the logon."""
        self.ib.wrapper.fills.clear()
        self._whole.clear()

    def unsubscribe(self) -> None:
        """End all streams of prices; `quotes` begins them again."""
        self._feed.unsubscribe()

    async def what_if(self, request: OrderRequest) -> Margin | None:
        """The gateway's what-if; None when it gives no margin, an error, or no answer in time.

        ib_async never returns from a what-if that is answered by a warning or without a margin.
        """
        try:
            told = await self.ask_what_if(request, self.settings.timeout_s)
        except BrokerError:
            return None
        initial, equity = _margin(told, "initMarginAfter"), _margin(told, "equityWithLoanAfter")
        return None if initial is None or equity is None else Margin(initial, equity)

    async def ask_what_if(self, request: OrderRequest, timeout_s: float) -> OrderState:
        """All that the gateway's what-if tells; no exchange sees the request. Raises `BrokerError`
        for a refusal and `GatewayUnreachable` without an answer."""
        order = _wire_terms(request, self._account)
        call = self.ib.whatIfOrderAsync(to_contract(request.instrument), order)
        told: OrderState = await bounded(call, timeout_s, "a what-if")
        return told

    async def executions(self) -> list[tuple[Fill, Commission | None]]:
        """All executions of the account that the gateway still tells of, of any client."""
        ib = self.ib
        await self._ask(ib.reqExecutionsAsync(), "the executions")
        fills = [fill for fill in ib.fills() if fill.execution.acctNumber == self._account]
        first, own = self.settings.client_id, ib.client.clientId
        others = [fill for fill in fills if fill.execution.clientId != own]
        ours = range(first, first + self.settings.client_ids)
        await self._charges.fetch(others, ours, self.settings.timeout_s)
        return [self._told_of(fill) for fill in fills]

    def _told_of(self, fill: ib_async.Fill) -> tuple[Fill, Commission | None]:
        """An execution as we know it; it stays as it is once its charge was told."""
        exec_id = fill.execution.execId
        if exec_id not in self._whole:
            found = self._fill(fill.contract, fill.execution), self._charges.of(fill)
            if found[1] is None:
                return found
            self._whole[exec_id] = found
        return self._whole[exec_id]

    async def held_orders(self) -> list[HeldOrder]:
        """All orders in the account's book, those of other clients and by hand too."""
        held = [t for t in await self._book() if t.order.account == self._account]
        self._trades.update({t.order.orderRef: t for t in held if t.order.orderRef})
        return [self._held_order(t) for t in held]

    async def ended_orders(self) -> list[HeldOrder]:
        """Orders of the day, sent through the API by any client, that the book holds no more.

        Some gateways never answer this (ib_insync #224, #355): then it is said, nothing is told,
        and this connection does not ask again.
        """
        if self._tells_no_ends:
            return []
        timeout_s = min(self.settings.timeout_s, ENDED_S)
        try:
            trades = await bounded(
                self.ib.reqCompletedOrdersAsync(True), timeout_s, "the completed orders"
            )
        except GatewayUnreachable as silence:
            _ = self.ib  # a connection that was lost is told of here
            self._tells_no_ends = True
            text = f"{silence} Orders that have ended unseen stay unknown."
            self.events.put_nowait(Warned(0, text))
            return []
        return [self._held_order(t) for t in trades if t.order.account == self._account]

    async def submit(self, order: Order) -> tuple[int, int]:
        """Send an admitted order; nothing else is taken. Returns (client id, order id).

        Waits while ib_async holds messages back (45 a second), so that at most this one is held.
        Raises only while it is certain that no byte of the order has left: nothing is awaited once
        it may have.
        """
        (ids,) = await self.submit_attached([order])
        return ids

    async def submit_attached(self, orders: Sequence[Order]) -> list[tuple[int, int]]:
        """Send a bracket: the gateway holds all of it back until the last part has arrived."""
        for order in orders:
            if not isinstance(order, Order):
                raise BadParameter(f"Only an Order that the gate admitted is sent, not {order!r}.")
        if not self._free.is_set():
            await self._ask(self._free.wait(), "a place among the messages of this second")
        ib = self.ib
        return [self._place(ib, order, transmit=order is orders[-1]) for order in orders]

    def _place(self, ib: IB, order: Order, *, transmit: bool) -> tuple[int, int]:
        request = order.request
        self._remember(request.instrument)
        wire = _wire_order(order, self._account)
        wire.transmit = transmit
        if request.parent:
            wire.parentId = self._parent_id(ib, request.parent)
        self._trades[request.order_ref] = trade = ib.placeOrder(
            to_contract(request.instrument), wire
        )
        return ib.client.clientId, trade.order.orderId

    def _parent_id(self, ib: IB, ref: str) -> int:
        trade = self._trades.get(ref)
        if trade is None or trade.order.clientId != ib.client.clientId:
            raise BrokerError(
                f"The order {ref} was not placed on this connection: nothing can be "
                "attached to it."
            )
        return trade.order.orderId

    async def modify(self, order: Order) -> None:
        """Send the changed terms under the order's own id, and wait for the gateway's word."""
        ref, trade = order.order_ref, self._changeable(order)
        wire = replace(_wire_order(order, self._account), **_identity(trade))
        await self._ask(self._free.wait(), "a place among the messages of this second")
        self._changeable(order)
        self._turned_down.pop(ref, None)
        self._changed.add(ref)
        answer = self._changing[ref] = asyncio.get_running_loop().create_future()
        try:
            # Not ib_async's own placeOrder: it asserts on a status that an error left behind.
            self.ib.client.placeOrder(trade.order.orderId, trade.contract, wire)  # type: ignore[no-untyped-call]
            await self._ask(answer, f"the change of {ref}")
        finally:
            del self._changing[ref]
        if problem := self._turned_down.pop(ref, None):
            raise problem

    def _changeable(self, order: Order) -> Trade:
        """The order on this connection; IB lets only the client id that placed it change it."""
        ref = order.order_ref
        trade, status = self._trades.get(ref), self._held.get(ref)
        if trade is None or trade.order.clientId != self.ib.client.clientId or not status:
            raise BrokerError(f"{ref} was not placed on this connection, so it is not changed.")
        if status not in WORKING:
            raise BrokerError(f"{ref} is {status} at the gateway, so it is not changed.")
        if ref in self._changing:
            raise BrokerError(f"{ref} is being changed already; wait for the gateway's word.")
        return trade

    async def cancel(self, ref: str) -> None:
        """Ask for the end of one of our orders; its end comes as an event.

        IB lets only the client id that placed an order cancel it, so an order from an earlier
        logon of ours is cancelled through a short logon of that same id.
        """
        trade = self._trades.get(ref)
        if trade is None:
            raise BrokerError(f"The gateway holds no order {ref}, so it cannot be cancelled.")
        if trade.order.clientId == self.ib.client.clientId:
            self.ib.cancelOrder(trade.order)
        else:
            await self._cancel_as(trade.order.clientId, trade.order)

    async def _cancel_as(self, client_id: int, order: ib_async.Order) -> None:
        ib = await self._log_on_as(client_id, PATIENCE_S)
        try:
            found = await self._ask_of(ib.reqAllOpenOrdersAsync(), "the open orders")
            mine = [t for t in found if t.order.permId == order.permId]
            for trade in mine:
                ended = asyncio.ensure_future(_end_of(trade))
                ib.cancelOrder(trade.order)
                await self._ask_of(ended, f"the end of {order.orderRef}")
        finally:
            log_off(ib)
        if mine:
            filled = max(map(_filled_quantity, mine))
            end = OrderEnded(order.orderRef, "cancelled", "asked for", filled=filled)
        else:  # it may have filled just now
            end = OrderEnded(order.orderRef, "unknown", NOT_OPEN)
        self.events.put_nowait(end)

    async def _log_on_as(self, client_id: int, pauses: Sequence[float]) -> IB:
        """A short logon under an id of ours; what is known to be in use is asked for once only."""
        now = asyncio.get_running_loop().time
        is_known = now() < self._in_use.get(client_id, 0.0)
        try:
            return await connect_as(self.settings, client_id, () if is_known else pauses)
        except ClientIdInUse:
            self._in_use[client_id] = now() + BELIEVED_S
            raise

    async def cancel_all(self, is_ours: Callable[[str], bool], everything: bool = False) -> Swept:
        """End all our orders of every client id, and wait until the book holds none of them.

        IB lets only the client id that placed an order cancel it, and that id is taken while its
        program is connected, be it stopped or hung. So: a global cancel, which needs no id and
        ends orders of others and by hand too, when the book holds none of others; else each of
        ours under its own id, and the global cancel for what cannot be ended that way and no
        program has ended meanwhile.
        """
        held = await self._book()

        def belongs(trade: Trade) -> bool:
            order = trade.order
            return order.account == self._account and is_ours(order.orderRef)

        ours, others = [t for t in held if belongs(t)], [t for t in held if not belongs(t)]
        widely = everything or (not others and bool(ours))
        if not widely and not await self._cancel_each(ours):
            widely = any(map(belongs, await self._book()))
        if widely:
            self.ib.reqGlobalCancel()  # type: ignore[no-untyped-call]
        left = await self._until_gone(held if everything else ours)
        refs = {t.order.orderRef for t in left}
        hit = tuple(self._held_order(t) for t in others)
        return Swept(
            tuple(r for t in ours if (r := t.order.orderRef) not in refs),
            tuple(r for t in ours if (r := t.order.orderRef) in refs),
            taken=hit if widely else (),
            spared=() if widely else hit,
        )

    async def _book(self) -> list[Trade]:
        """What the gateway holds, of every account; ib_async takes Inactive for an end, and an
        order that is held so may become active again."""
        trades = await self._ask(self.ib.reqAllOpenOrdersAsync(), "the open orders")
        return [t for t in trades if t.orderStatus.status not in OVER]

    async def _cancel_each(self, trades: Sequence[Trade]) -> bool:
        """Cancel each order under the id that placed it, all ids at once; False when some could
        not be asked so."""
        by_id: dict[int, list[Trade]] = {}
        for trade in trades:
            by_id.setdefault(trade.order.clientId, []).append(trade)
        asked = [self._cancel_under(client_id, some) for client_id, some in by_id.items()]
        problems = await asyncio.gather(*asked, return_exceptions=True)
        wrong = [p for p in problems if p and not isinstance(p, BrokerError)]
        if wrong:
            raise wrong[0]
        return not any(problems)

    async def _cancel_under(self, client_id: int, trades: Sequence[Trade]) -> None:
        """Ask for the end of orders that one client id placed; raises `BrokerError` when that id
        is taken."""
        if client_id == self.ib.client.clientId:
            for trade in trades:
                self.ib.cancelOrder(trade.order)
            return
        ib = await self._log_on_as(client_id, HASTE_S)
        try:
            for trade in trades:
                ib.cancelOrder(trade.order)
            # An answer shows that the gateway has read what was asked before it.
            await self._ask(ib.reqAllOpenOrdersAsync(), "the open orders")
        finally:
            log_off(ib)

    async def _until_gone(self, trades: Sequence[Trade]) -> list[Trade]:
        """Ask for the book until it holds none of these; returns those left after the time-out."""
        deadline = asyncio.get_running_loop().time() + self.settings.timeout_s
        names, pause = {_name(t) for t in trades}, LOOK_AGAIN_S
        while names:
            left = [t for t in await self._book() if _name(t) in names]
            if not left or asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_S)  # a long book is not asked for all the time
        return []

    async def _ask(self, call: Any, what: str) -> Any:
        return await self._ask_of(call, what)

    async def _ask_of(self, call: Any, what: str) -> Any:
        return await bounded(call, self.settings.timeout_s, what)

    def _on_execution(self, trade: Trade, fill: ib_async.Fill) -> None:
        if fill.execution.acctNumber == self._account and fill.execution.orderRef:
            self.events.put_nowait(FillRecorded(self._fill(fill.contract, fill.execution)))

    def _on_commission(self, trade: Trade, fill: ib_async.Fill, report: CommissionReport) -> None:
        commission = commission_of(report)
        if commission and fill.execution.orderRef:
            self.events.put_nowait(CommissionRecorded(commission))

    def _on_status(self, trade: Trade) -> None:
        """Only what an order status message said, not what ib_async made of an error."""
        ref, status = trade.order.orderRef, trade.orderStatus
        if not ref or (trade.log and trade.log[-1].errorCode):
            return
        self._held[ref] = status.status
        if status.status in ("Cancelled", "ApiCancelled"):
            self.events.put_nowait(
                OrderEnded(ref, "cancelled", _last_error(trade), filled=_filled_quantity(trade))
            )
        elif status.status == "Inactive":
            return  # the error that follows tells why, and whether it is the end
        elif status.permId:
            self.events.put_nowait(OrderAcknowledged(ref, status.permId, status.status))

    def _on_error(
        self, req_id: int, code: int, text: str, contract: ib_async.Contract | None
    ) -> None:
        """Every word of the gateway is journalled; only what is known as final ends an order."""
        if code in codes.CONNECTION:
            if code == codes.DATA_LOST:
                self._feed.forget()
            self.events.put_nowait(ConnectionChanged(codes.CONNECTION[code], code, text))
            return
        if self._feed.on_error(req_id, code, text):
            return
        trade = self._placed_here(req_id)
        if trade is None:
            about = f"{self._symbol(contract)}: " if contract else ""
            self.events.put_nowait(Warned(code, about + text))
        elif self._is_about_change(trade.order.orderRef, code, text):
            self.events.put_nowait(Warned(code, f"{trade.order.orderRef}: {text}"))
        elif codes.rejects(code):
            ref = trade.order.orderRef
            reason = f"error {code}: {text}{codes.ADVICE.get(code, '')}"
            self.events.put_nowait(
                OrderEnded(ref, "rejected", reason, filled=_filled_quantity(trade))
            )
        else:
            self.events.put_nowait(Warned(code, f"{trade.order.orderRef}: {text}"))

    def _on_handler_error(self, event: ib_async.Event, problem: Exception) -> None:
        """Journal that a message could not be read; eventkit would log it and go on."""
        text = f"A message of the gateway could not be read ({event.name()}): {problem!r}"
        self.events.put_nowait(Warned(0, text))

    def _on_open_order(self, trade: Trade) -> None:
        """The terms that the gateway holds now: a change is through, unless an error follows."""
        answer = self._changing.get(trade.order.orderRef)
        if answer and not answer.done():
            answer.set_result(None)

    def _is_about_change(self, ref: str, code: int, text: str) -> bool:
        """Whether an error turns a change down: the order that is held is not ended by it."""
        answer = self._changing.get(ref)
        works = self._held.get(ref) in WORKING or answer is not None
        is_answer = ref in self._changed and codes.rejects(code)
        if not works or not (code in codes.CHANGE_REFUSED or is_answer):
            return False
        problem = BrokerError(f"The gateway did not change {ref}: error {code}, {text}")
        if answer and not answer.done():
            answer.set_exception(problem)
        elif answer:
            self._turned_down[ref] = problem
        return True

    def _on_disconnect(self) -> None:
        self._free.set()
        self._feed.disconnected()
        for answer in self._changing.values():
            if not answer.done():
                answer.set_exception(
                    GatewayUnreachable("The connection to the gateway was lost (a change).")
                )
        text = "The connection to the gateway was lost."
        self.events.put_nowait(ConnectionChanged(False, 0, text))

    def _held_order(self, trade: Trade) -> HeldOrder:
        order, size = trade.order, decimal(trade.order.totalQuantity)
        limit = order.lmtPrice if order.orderType in ("LMT", "LOC", "STP LMT") else None
        return HeldOrder(
            order.orderRef,
            trade.orderStatus.status,
            order.permId,
            order.clientId,
            order.orderId,
            self._symbol(trade.contract),
            size if order.action == "BUY" else -size,
            order.orderType,
            None if limit is None else price_or_none(float(limit)),
            _filled_quantity(trade),
        )

    def _fill(self, contract: ib_async.Contract, execution: ib_async.Execution) -> Fill:
        side = 1 if execution.side == "BOT" else -1
        return Fill(
            exec_id=execution.execId,
            order_ref=execution.orderRef,
            symbol=self._symbol(contract),
            quantity=side * decimal(execution.shares),
            price=decimal(execution.price),
            time=execution.time.astimezone(UTC),
            currency=contract.currency,
            multiplier=decimal(contract.multiplier or 1),
            sec_type=contract.secType,
        )

    def _placed_here(self, order_id: int) -> Trade | None:
        """Our order of that id: ids are counted for each client id apart."""
        if self._ib is None or order_id < 0:
            return None
        here = self._ib.client.clientId
        trades = self._trades.values()
        mine = (t for t in trades if (t.order.clientId, t.order.orderId) == (here, order_id))
        return next(mine, None)


WORKING = frozenset({"PreSubmitted", "Submitted"})
"""What order status messages say of an order that the gateway holds and works."""
OVER = frozenset({"Filled", "Cancelled", "ApiCancelled"})
"""What they say of one that it holds no more."""


def _wire_order(order: Order, account: str) -> WireOrder:
    """IB's order, of one that the gate admitted."""
    return _wire_terms(order.request, account)


def _wire_terms(request: OrderRequest, account: str) -> WireOrder:
    """IB's order, with every field explicit that a preset of the account could change."""
    wire = WireOrder(
        action="BUY" if request.quantity > 0 else "SELL",
        totalQuantity=float(abs(request.quantity)),
        orderType=str(request.order_type),
        account=account,
        orderRef=request.order_ref,
        tif=request.time_in_force,
        outsideRth=False,
        transmit=True,
    )
    if request.limit_price is not None:
        wire.lmtPrice = float(request.limit_price)
    if request.stop_price is not None:
        wire.auxPrice = float(request.stop_price)
    if request.oca_group:
        wire.ocaGroup, wire.ocaType = request.oca_group, CANCEL_WITH_BLOCK
    if request.broker_algo:
        wire.algoStrategy = request.broker_algo
        parameters = request.broker_algo_parameters.items()
        wire.algoParams = [TagValue(tag, value) for tag, value in parameters]
    return wire


def _name(trade: Trade) -> tuple[int, int, int]:
    """What tells an order of the book from every other: a permId can come late."""
    return trade.order.permId, trade.order.clientId, trade.order.orderId


def _identity(trade: Trade) -> dict[str, Any]:
    """What of a placed order stays as it is when its terms are changed."""
    placed = trade.order
    return {
        "orderId": placed.orderId,
        "clientId": placed.clientId,
        "permId": placed.permId,
        "parentId": placed.parentId,
    }


async def _end_of(trade: Trade) -> None:
    while trade.orderStatus.status not in OVER:
        await trade.statusEvent


def _filled_quantity(trade: Trade) -> Decimal:
    """The units that have filled by the order's last status or, of a completed order, its terms.

    At least as much has filled: a status may be of a moment ago. Sources: IB's API reference,
    EWrapper.orderStatus (`filled`) and Order.filledQuantity; recorded statuses of cancelled
    orders tell it, too (ibkr-go, api_ioc_fok_aapl). A gateway that tells 0 is believed as before.
    """
    figures = (float(trade.orderStatus.filled), float(trade.order.filledQuantity))
    return decimal(max((figure for figure in figures if figure < UNSET), default=0.0))


def _last_error(trade: Trade) -> str:
    texts = [entry.message for entry in trade.log if entry.errorCode]
    return texts[-1] if texts else ""


def _margin(told: Any, name: str) -> Decimal | None:
    """A figure of a what-if; None for an empty one and for IB's 1.7976931348623157E308, unset."""
    try:
        figure = Decimal(str(getattr(told, name, "")))
    except ArithmeticError:
        return None
    return figure if figure.is_finite() and abs(figure) < UNSET else None
