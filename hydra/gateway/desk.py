"""The order desk: takes orders in, follows them to their end, and says what the gateway says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from functools import partial
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.account import ZERO, commission
from hydra.gateway.account_codes import NO_ACCOUNT
from hydra.gateway.checks import (
    ignores_outside_hours,
    refused_change,
    refused_order,
    rejected_price,
)
from hydra.gateway.conditions import Sight, first_met, is_met
from hydra.gateway.credit import Credit
from hydra.gateway.identifiers import has_identifier
from hydra.gateway.layout import Request
from hydra.gateway.matching import (
    AT_CLOSE,
    PEGS,
    Book,
    Happening,
    Kind,
    Stage,
    WorkingOrder,
    follow,
    in_ticks_of,
    next_happening,
    within_limit,
)
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.presets import refused_preset
from hydra.gateway.pricing import arm, limit_of, limit_once_triggered, pricing_changed, trips
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.reports import MAKER, TAKER, Executed, OrderReports, passes
from hydra.gateway.schedule import ends_at, slices_of, starts_at
from hydra.gateway.times import day_text, from_epoch, moment_text
from hydra.gateway.universe import Instrument
from hydra.gateway.variants import variant
from hydra.gateway.venue import Venue

Key = tuple[int, int]  # client and order number: what an order is known by
Refused = tuple[int, str] | None

_FIRST_PERM_ID = 1_000_000_000
_CLOSE_CUTOFF_S = 600  # orders for the closing auction come at least ten minutes before it
_NOT_CANCELLABLE = "OrderId {} that needs to be cancelled cannot be cancelled, state: {}."
_BEING_CANCELLED = "Cancel attempted when order is not in a cancellable state.  Order permId ={}"
_NO_SHARES = (
    "Shares for this order are not immediately available for short sale. The order will be held "
    "while we attempt to locate the shares."
)
_OUTSIDE_HOURS = (
    "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the "
    "order type and destination."
)


@dataclass
class Memory:
    """What the desk must not forget: orders, terms not yet transmitted, numbers, executions."""

    orders: dict[Key, WorkingOrder]
    held_back: dict[Key, PlaceOrder]
    highest_id: dict[int, int]
    sequence: int
    executions: list[Executed]


class OrderDesk:
    """All orders of all clients."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._book = Book(venue.market)
        self._credit = Credit(venue)
        self._reports = OrderReports(venue)
        self._sight = Sight(venue.market, venue.instrument, self._credit.cushion, self._has_traded)
        self._conditions = partial(first_met, self._sight)
        self._orders: dict[Key, WorkingOrder] = {}
        self._working: dict[Key, WorkingOrder] = {}
        self._held_back: dict[Key, PlaceOrder] = {}
        self._highest_id: dict[int, int] = {}
        self._sequence = 0
        self.executions: list[Executed] = []

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            PlaceOrder: self.place,
            ask.CancelOrder: self.cancel,
            ask.ReqGlobalCancel: self.cancel_all,
            ask.ReqIds: self.next_id,
            ask.ReqOpenOrders: self.open_orders,
            ask.ReqAllOpenOrders: self.all_open_orders,
            ask.ReqAutoOpenOrders: self.auto_open_orders,
            ask.ReqCompletedOrders: self.completed_orders,
            ask.ReqExecutions: self.report_executions,
        }

    # --- what clients ask -------------------------------------------------------------------

    def place(self, client_id: int, terms: PlaceOrder) -> None:
        """Take a new order, change a live one, or work out what one would cost."""
        known = self._orders.get((client_id, terms.orderId))
        if known is not None and not terms.whatIf:
            self._modify(known, terms)
            return
        found = [
            one
            for one in self._venue.find(terms.contract)
            if has_identifier(one, terms.secIdType, terms.secId)
        ]
        one = found[0] if len(found) == 1 and terms.contract.exchange else None
        refused = (200, NOT_FOUND) if one is None else self._refused(client_id, one, terms)
        if not terms.contract.exchange:
            refused = 321, "Error validating request.-'bN' : cause - Missing order exchange"
        if refused is not None or one is None:
            self._venue.refuse(client_id, terms.orderId, *(refused or (200, NOT_FOUND)))
        elif terms.whatIf:
            self._venue.post(client_id, self._credit.what_if(client_id, one, terms))
        else:
            self._take(client_id, one, terms)

    def cancel(self, client_id: int, request: ask.CancelOrder) -> None:
        """Cancel one of the client's own orders."""
        key = (client_id, request.orderId)
        order = self._orders.get(key)
        if order is None:
            self._held_back.pop(key, None)
            text = f"OrderId {request.orderId} that needs to be cancelled is not found."
            self._venue.refuse(client_id, request.orderId, 10147, text)
        elif order.is_done:
            text = _NOT_CANCELLABLE.format(request.orderId, order.status)
            self._venue.refuse(client_id, request.orderId, 10148, text)
        elif order.cancel_at is not None:
            self._reports.error(order, 161, _BEING_CANCELLED.format(order.perm_id))
        else:
            self._reports.status(order, "PendingCancel")
            self._cancel_soon(order)

    def cancel_all(self, client_id: int, request: ask.ReqGlobalCancel) -> None:
        """Cancel all orders of all clients."""
        for order in self.open_list:
            if not order.is_done:
                self._end(order, "Cancelled by Trader")

    def next_id(self, client_id: int, request: ask.ReqIds) -> None:
        """The next order number of this client."""
        self._venue.post(client_id, say.NextValidId(self.next_order_id(client_id)))

    def open_orders(self, client_id: int, request: ask.ReqOpenOrders) -> None:
        """The client's own open orders."""
        own = [order for order in self._working.values() if order.client_id == client_id]
        self._list(client_id, own)

    def all_open_orders(self, client_id: int, request: ask.ReqAllOpenOrders) -> None:
        """All clients' open orders."""
        self._list(client_id, self.open_list)

    def auto_open_orders(self, client_id: int, request: ask.ReqAutoOpenOrders) -> None:
        """Client 0 alone may bind orders entered by hand, of which there are none."""
        if client_id:
            text = (
                "Only API connections with clientId set to 0 can set the auto bind TWS orders "
                "property."
            )
            self._venue.refuse(client_id, -1, 327, text)

    def completed_orders(self, client_id: int, request: ask.ReqCompletedOrders) -> None:
        """Today's orders that ended."""
        today = day_text(self._venue.now)
        for order in self._orders.values():
            if order.is_done and order.completed_at.startswith(today):
                self._venue.post(client_id, self._reports.completed(order))
        self._venue.post(client_id, say.CompletedOrdersEnd())

    def report_executions(self, client_id: int, request: ask.ReqExecutions) -> None:
        """Today's executions that pass the filter; the gateway forgets them at midnight."""
        today = day_text(self._venue.now)
        for done in self.executions:
            if day_text(from_epoch(done.time)) == today and passes(done, request):
                self._reports.execution(client_id, request.reqId, done)
                self._reports.cost(client_id, done)
        self._venue.post(client_id, say.ExecutionDetailsEnd(request.reqId))

    # --- what the exchange asks -------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether no order is working, so that time can pass unobserved."""
        return not self._working

    @property
    def open_list(self) -> list[WorkingOrder]:
        """The working orders, oldest first."""
        return list(self._working.values())

    @property
    def memory(self) -> Memory:
        """Everything that outlives a restart."""
        return Memory(
            self._orders, self._held_back, self._highest_id, self._sequence, self.executions
        )

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self._orders, self._held_back = memory.orders, memory.held_back
        self._highest_id, self._sequence = memory.highest_id, memory.sequence
        self.executions = memory.executions
        self._working = {key: order for key, order in memory.orders.items() if not order.is_done}

    def next_order_id(self, client_id: int) -> int:
        """One above every order number that the client ever used."""
        return self._highest_id.get(client_id, 0) + 1

    def next_happening(self, after: int, until: int) -> Happening | None:
        """What happens first in (`after`, `until`]; at one second price and time have priority."""
        found = (
            next_happening(self._book, order, after, until, self._conditions)
            for order in self._working.values()
            if not order.sleeps
        )
        happenings = (happening for happening in found if happening is not None)
        return min(happenings, key=lambda happening: happening.rank, default=None)

    def happen(self, happening: Happening) -> None:
        """Let it happen, at the time of now."""
        happening.order.seen = happening.time
        self._happenings[happening.kind](happening)

    def follow(self, until: int) -> None:
        """Nothing more happens up to `until`: work out queues and trails."""
        for order in self._working.values():
            follow(self._venue.market, order, until)

    def locate_shares(self) -> None:
        """Release the orders whose shares have been found."""
        for order in self.open_list:
            if order.awaits_shares and not self._credit.shares_lacking(order):
                order.awaits_shares = False

    def locate(self, one: Instrument) -> None:
        """The shares for what waits in an instrument to be sold short have been found."""
        for order in self.open_list:
            if order.awaits_shares and order.instrument.conId == one.conId:
                order.awaits_shares = False
                self._move(order, order.status)
                if not self._is_held(order):
                    self._release(Happening(self._venue.seconds, Kind.RELEASE, order))

    def put_to_sleep(self, order: WorkingOrder, shown_status: str) -> None:
        """A working order takes no part in trading; its owner is told `shown_status`."""
        order.sleeps, order.shown_status = True, shown_status
        self._reports.order(order)

    def wake(self, order: WorkingOrder) -> None:
        """An order that slept works again, as one that has just come."""
        order.sleeps, order.shown_status = False, ""
        order.seen = order.followed = self._venue.seconds
        order.sequence, order.has_arrived = self._next_sequence(), False
        self._move(order, order.status)
        self._go_on(order)

    def add_foreign(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        """Put an order into the book that was not sent here; it sleeps, and nobody is told."""
        order = WorkingOrder(client_id, terms, one, self._next_perm_id(), sleeps=True)
        order.account, order.status = self._venue.account.code, "Submitted"
        order.sequence, order.stage = self._next_sequence(), Stage.LIVE
        self._highest_id[client_id] = terms.orderId
        self._orders[order.key] = self._working[order.key] = order

    def end_all_in(self, one: Instrument) -> None:
        """Cancel the orders in an instrument that is split or has expired."""
        for order in self.open_list:
            if order.instrument.conId == one.conId and not order.is_done:
                self._end(order, "Cancelled by the exchange")

    def revise(self, exec_id: str, price: Decimal | None) -> None:
        """Correct an execution's price, or take the trade back (None); the books follow.

        The exchange's rule: the revision is the last part of the execId, counted up.
        """
        index = next(i for i, done in enumerate(self.executions) if done.exec_id == exec_id)
        old = self.executions[index]
        order, account = old.order, self._venue.accounts[old.order.account]
        stem, _, revision = exec_id.rpartition(".")
        account.trade(order.instrument, -old.quantity, old.price, -old.fee)
        new = replace(old, exec_id=f"{stem}.{int(revision) + 1:02d}")
        if price is None:
            new = replace(new, quantity=ZERO, fee=ZERO, profit=None)
        else:
            account.trade(order.instrument, old.quantity, price, old.fee)
            new = replace(new, price=price)
        self.executions[index] = new
        self._reports.execution(order.client_id, -1, new)
        self._reports.cost(order.client_id, new)

    # --- taking an order --------------------------------------------------------------------

    def _refused(self, client_id: int, one: Instrument, terms: PlaceOrder) -> Refused:
        return (
            self._refused_id(client_id, terms)
            or refused_order(one, terms, self._venue.now)
            or self._refused_halted(one, terms)
            or self._refused_account(terms)
            or refused_preset(self._venue, one, terms)
            or self._refused_parent(client_id, terms)
        )

    def _refused_id(self, client_id: int, terms: PlaceOrder) -> Refused:
        is_used = terms.orderId <= self._highest_id.get(client_id, 0)
        is_held = (client_id, terms.orderId) in self._held_back
        return (103, "Duplicate order id") if is_used and not (is_held or terms.whatIf) else None

    def _refused_halted(self, one: Instrument, terms: PlaceOrder) -> Refused:
        """154 of IB's page of message codes; `halted_stock` is the gateway that takes it."""
        now, market = self._venue.seconds, self._venue.market
        is_halted = market.is_halted(one, now) and market.is_in_session(one, now, terms.outsideRth)
        if not is_halted or "halted_stock" in self._venue.real:
            return None
        return 154, "Orders cannot be transmitted for a halted security."

    def _refused_account(self, terms: PlaceOrder) -> Refused:
        if not terms.account and self._venue.others:
            return NO_ACCOUNT
        if terms.account in {"", *self._venue.accounts}:
            return None
        cause = f"The account code {terms.account} is not available to this user"
        return 321, f"Error validating request.-'bN' : cause - {cause}"

    def _refused_parent(self, client_id: int, terms: PlaceOrder) -> Refused:
        key = (client_id, terms.parentId)
        if not terms.parentId or key in self._held_back:
            return None
        parent = self._orders.get(key)
        is_gone = parent is None or (parent.is_done and not parent.filled)
        return (10006, "Missing parent order.") if is_gone else None

    def _take(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        self._highest_id[client_id] = max(self._highest_id.get(client_id, 0), terms.orderId)
        self._held_back.pop((client_id, terms.orderId), None)
        if not terms.transmit:
            self._held_back[client_id, terms.orderId] = terms
            return
        for member in [*self._family_held_back(client_id, terms), terms]:
            (own,) = self._venue.find(member.contract)
            self._enter(client_id, own, member)

    def _family_held_back(self, client_id: int, terms: PlaceOrder) -> list[PlaceOrder]:
        """A child that is transmitted takes its waiting parent and siblings with it."""
        if not terms.parentId:
            return []
        family = [
            key
            for key, other in self._held_back.items()
            if key[0] == client_id and terms.parentId in {other.orderId, other.parentId}
        ]
        return [self._held_back.pop(key) for key in sorted(family)]

    def _enter(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        now = self._venue.seconds
        order = WorkingOrder(
            client_id,
            terms,
            one,
            self._next_perm_id(),
            account=terms.account or self._venue.account.code,
            sequence=self._next_sequence(),
            followed=now,
            seen=now,
            executions_before=len(self.executions),
        )
        self._orders[order.key] = order
        reason = self._rejection(order)
        if reason is not None:
            self._reject(order, reason)
            return
        self._working[order.key] = order
        self._join_family(order)
        self._set_times(order)
        self._set_prices(order)
        self._accept(order)

    def _next_perm_id(self) -> int:
        return _FIRST_PERM_ID + self._venue.seed % 1000 * 1_000_000 + len(self._orders) + 1

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _rejection(self, order: WorkingOrder) -> str | None:
        """The exchange's or the account's reason against an order that is well written."""
        one, terms = order.instrument, order.terms
        if not one.tradable:
            return "The contract is not available for trading."
        if one.shortable == 0 and self._credit.shares_lacking(order):
            return "The contract is not available for short sale."
        if order.time_in_force == "FOK" and one.secType == "STK" and _is_smart(terms):
            return (
                "The time-in-force FOK is invalid for this combination of exchange and security "
                "type"
            )
        if order.order_type in AT_CLOSE and self._is_late_for_close(one):
            return "The order arrived after the cut-off of the closing auction."
        if self._awaited_parent(order) is not None:
            return None  # its margin depends on what the parent will have traded
        return rejected_price(terms, self._venue.mark(one)) or self._credit.shortfall(order)

    def _is_late_for_close(self, one: Instrument) -> bool:
        end = self._venue.market.session_end(one, self._venue.seconds)
        return end is None or self._venue.seconds > end - _CLOSE_CUTOFF_S

    def _awaited_parent(self, order: WorkingOrder) -> WorkingOrder | None:
        parent = self._orders.get((order.client_id, order.terms.parentId))
        return None if parent is None or parent.is_done else parent

    def _join_family(self, order: WorkingOrder) -> None:
        """Children of one parent cancel and reduce each other, as the gateway groups them."""
        parent = self._orders.get((order.client_id, order.terms.parentId))
        if parent is None:
            return
        order.awaits_parent = not parent.is_done
        if not order.terms.ocaGroup:
            group = str(parent.perm_id)
            order.terms = replace(order.terms, ocaGroup=group, ocaType=3)

    def _set_times(self, order: WorkingOrder) -> None:
        now, latency = self._venue.seconds, self._venue.latency_s
        order.release_at = starts_at(order, now + latency if latency else 0)
        order.expires_at = ends_at(order, self._venue.market, now)
        order.awaits_shares = self._credit.shares_lacking(order) > 0

    def _set_prices(self, order: WorkingOrder) -> None:
        order.limit = limit_of(order)
        arm(order, self._venue.market, self._venue.seconds)

    def _accept(self, order: WorkingOrder) -> None:
        is_ignored = ignores_outside_hours(order.terms)
        if is_ignored:
            order.terms = replace(order.terms, outsideRth=False)
        is_halted = self._waits_for_halt(order)
        if not self._is_open(order) and not is_halted:
            self._warn_closed(order)
        if is_ignored:
            self._reports.error(order, 2109, _OUTSIDE_HOURS)
        if order.awaits_shares:
            self._reports.error(order, 404, f"Order Message:\n{_NO_SHARES}")
        if not self._is_held(order):
            order.stage = order_stage(order)
        self._move(order, "PreSubmitted")
        if is_halted and order.stage is Stage.LIVE:
            self._submit(order)  # it works at the exchange, which does not trade
        self._go_on(order)

    def _is_held(self, order: WorkingOrder) -> bool:
        if order.awaits_parent or order.awaits_shares or order.release_at > self._venue.seconds:
            return True
        has_conditions = order.terms.conditions and not order.terms.conditionsCancelOrder
        return bool(has_conditions) and not is_met(self._sight, order, self._venue.seconds)

    def _go_on(self, order: WorkingOrder) -> None:
        """What an order does at once in an open market; in a closed one it waits."""
        if order.stage is Stage.HELD or not self._is_open(order):
            return
        if order.stage is Stage.ARMED:
            price = trips(order, self._venue.market, self._venue.seconds)
            if price is not None:
                self._trigger(Happening(self._venue.seconds, Kind.TRIGGER, order, ZERO, price))
            return
        self._submit(order)
        if order.terms.algoStrategy and not order.slices:
            order.slices = slices_of(order, self._venue.market, self._venue.seconds)
        if not order.is_auction and not order.slices:
            self._arrive(order)

    def _modify(self, order: WorkingOrder, terms: PlaceOrder) -> None:
        # Whether presets meet a change is unknown; a larger order passing them would be worse.
        refused = refused_change(order, terms) or refused_preset(
            self._venue, order.instrument, terms
        )
        if refused is not None:
            self._reports.error(order, *refused)
            return
        old = order.terms
        order.terms = replace(
            terms,
            contract=old.contract,
            parentId=old.parentId,
            ocaGroup=terms.ocaGroup or old.ocaGroup,
            ocaType=terms.ocaType or old.ocaType,
        )
        self._set_times(order)
        if pricing_changed(old, terms):
            # A new price or a larger size goes to the end of the queue.
            order.sequence = self._next_sequence()
            order.seen = order.followed = self._venue.seconds
            order.has_arrived = False
            self._set_prices(order)
        self._move(order, order.status)
        if not order.has_arrived:
            self._go_on(order)

    def _reject(self, order: WorkingOrder, reason: str) -> None:
        order.status, order.completed_status = "Inactive", reason
        order.completed_at = self._stamp()
        self._reports.order(order)
        self._reports.error(order, 201, f"Order rejected - reason:{reason}")
        self._reports.order(order)

    # --- what happens to an order -----------------------------------------------------------

    @property
    def _happenings(self) -> Mapping[Kind, Callable[[Happening], None]]:
        return {
            Kind.CANCEL: lambda what: self._end(what.order, "Cancelled by Trader"),
            Kind.RELEASE: self._release,
            Kind.TRIGGER: self._trigger,
            Kind.ARRIVE: lambda what: self._arrive(what.order),
            Kind.FILL: self._fill_resting,
            Kind.SLICE: self._slice,
            Kind.AUCTION: self._auction,
            Kind.EXPIRE: lambda what: self._end(what.order, "Expired"),
        }

    def _release(self, what: Happening) -> None:
        order = what.order
        order.stage, order.release_at = order_stage(order), 0
        order.followed = self._venue.seconds
        arm(order, self._venue.market, self._venue.seconds)
        if order.stage is Stage.ARMED:
            self._move(order, "PreSubmitted")
        self._go_on(order)

    def _trigger(self, what: Happening) -> None:
        order = what.order
        order.stop = what.price * order.instrument.tick
        order.limit = limit_once_triggered(order)
        order.stage = Stage.LIVE
        self._arrive(order)

    def _arrive(self, order: WorkingOrder) -> None:
        """Meet the book: take what its limit allows, then queue, wait or go."""
        now = self._venue.seconds
        order.has_arrived = True
        order.seen = order.followed = now
        self._submit(order)
        if order.order_type not in PEGS:
            self._cross_own(order)
            self._take_from_book(order, order.remaining)
        if order.is_done:
            return
        if order.time_in_force in {"IOC", "FOK"}:
            self._reports.status(order, "PendingCancel")
            self._end(order, "")
        elif order.limit is not None:
            order.queue_ahead = self._queue_before(order, order.limit)
        elif order.order_type not in PEGS:
            order.has_arrived = False  # the book was empty: try again with the next step

    def _queue_before(self, order: WorkingOrder, limit: Decimal) -> int:
        """What trades before the order at its price: the book's queue, and our older orders."""
        price, is_bid = in_ticks_of(order, limit), order.sign > 0
        now = self._venue.seconds
        queue = self._venue.market.queue(order.instrument, now, price, is_bid)
        older = (
            other.queue_ahead + int(other.remaining)
            for other in self._resting(order.instrument, order.sign)
            if other.limit == limit and other.sequence < order.sequence
        )
        return max([queue, *older])

    def _take_from_book(self, order: WorkingOrder, wanted: Decimal) -> None:
        now = self._venue.seconds
        is_all_or_none = order.terms.allOrNone or order.time_in_force == "FOK"
        if is_all_or_none and self._book.offered(order, now) < order.remaining:
            return
        for price, size in self._book.walk(order, now, min(wanted, order.remaining)):
            self._fill(order, Decimal(size), price * order.instrument.tick, TAKER)

    def _cross_own(self, taker: WorkingOrder) -> None:
        """Orders of ours inside the book come first: another account's trade, one's own go.

        An account never trades with itself: the older order is cancelled.
        """
        best = next(
            (
                price
                for price, _ in self._book.offers(
                    taker.instrument, self._venue.seconds, taker.sign > 0
                )
            ),
            None,
        )
        for order in sorted(
            self._resting(taker.instrument, -taker.sign), key=lambda order: order.rank
        ):
            price = in_ticks_of(order, order.limit or ZERO)
            is_better = best is None or taker.sign * price < taker.sign * best
            if taker.is_done or not is_better or not within_limit(taker, price):
                break
            if order.account == taker.account:
                self._end(order, "Cancelled to prevent a trade with oneself")
                continue
            size = min(order.remaining, taker.remaining)
            self._fill(order, size, price * order.instrument.tick, MAKER)
            self._fill(taker, size, price * order.instrument.tick, TAKER)

    def _resting(self, one: Instrument, sign: int) -> list[WorkingOrder]:
        """The orders of one side that wait in the book at a price of their own."""
        return [
            order
            for order in self._working.values()
            if order.instrument.conId == one.conId
            and order.sign == sign
            and order.stage is Stage.LIVE
            and not order.sleeps
            and order.has_arrived
            and order.limit is not None
            and order.order_type not in PEGS
        ]

    def _fill_resting(self, what: Happening) -> None:
        order = what.order
        order.queue_ahead = 0
        order.followed = what.time
        self._book.trade(order.instrument, what.time, int(what.quantity))
        self._fill(order, what.quantity, what.price * order.instrument.tick, MAKER)

    def _slice(self, what: Happening) -> None:
        order = what.order
        self._submit(order)
        target = max((goal for time, goal in order.slices if time <= what.time), default=ZERO)
        if target > order.filled:
            self._take_from_book(order, target - order.filled)

    def _auction(self, what: Happening) -> None:
        order = what.order
        self._submit(order)
        price = self._venue.market.auction_price(order.instrument, what.time)
        if price is None or not within_limit(order, price):
            self._end(order, "")
            return
        self._fill(order, order.remaining, price * order.instrument.tick, TAKER)

    def _submit(self, order: WorkingOrder) -> None:
        if order.status == "PreSubmitted":
            self._move(order, "Submitted")

    def _cancel_soon(self, order: WorkingOrder) -> None:
        if self._venue.latency_s:
            order.status = "PendingCancel"
            order.cancel_at = self._venue.seconds + self._venue.latency_s
        else:
            self._end(order, "Cancelled by Trader")

    def _end(self, order: WorkingOrder, reason: str) -> None:
        """An order ends without (further) trades: 3 Cancelled, 202, and its family follows."""
        order.status, order.completed_status = "Cancelled", reason or "Cancelled"
        order.completed_at = self._stamp()
        self._working.pop(order.key, None)
        self._reports.status(order)
        self._reports.error(order, 202, "Order Canceled - reason:")
        self._settle_children(order)
        if reason != "Expired":
            self._end_all(self._group(order), "Cancelled by OCA")

    def _move(self, order: WorkingOrder, status: str) -> None:
        order.status = status
        if status == "Filled":
            order.completed_at = self._stamp()
            order.completed_status = f"Filled Size: {order.filled.normalize():f}"
            self._working.pop(order.key, None)
        self._reports.order(order)

    # --- trades -----------------------------------------------------------------------------

    def _fill(
        self, order: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: int
    ) -> None:
        """Book a trade and tell its owner: 11, then 5 and 3, then 5, 3 and 59."""
        done = self._booked(order, quantity, price, liquidity)
        self._reports.execution(order.client_id, -1, done)
        status = order.status if order.status == "PendingCancel" else "Submitted"
        self._move(order, status if order.remaining else "Filled")
        self._reports.order(order, commission=order.fees)
        self._reports.cost(order.client_id, done)
        self._settle_group(order, quantity)
        if order.is_done:
            self._settle_children(order)

    def _booked(
        self, order: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: int
    ) -> Executed:
        order.filled += quantity
        order.value += quantity * price
        order.last_price = price
        # IB's minimum and maximum hold for the whole order, so a fill costs what it adds.
        total = commission(order.instrument, order.filled, order.average_price)
        fee = total - order.fees
        order.fees = total
        signed = quantity * order.sign
        account = self._venue.accounts[order.account]
        profit = account.trade(order.instrument, signed, price, fee)
        done = Executed(
            self._exec_id(),
            order,
            self._venue.seconds,
            signed,
            price,
            order.filled,
            order.average_price,
            fee,
            profit,
            liquidity,
        )
        self.executions.append(done)
        return done

    def _exec_id(self) -> str:
        number = len(self.executions) + 1
        return f"{self._venue.seed & 0xFFFFFFFF:08x}.{self._venue.seconds:08x}.{number:06x}.01"

    # --- families ---------------------------------------------------------------------------

    def _settle_children(self, parent: WorkingOrder) -> None:
        """A filled parent sets its children free, a cancelled one takes them with it."""
        for child in [order for order in self._working.values() if order.awaits_parent]:
            is_child = child.awaits_parent and child.client_id == parent.client_id
            if child.is_done or not is_child or child.terms.parentId != parent.terms.orderId:
                continue
            if not parent.filled:
                self._end(child, "Cancelled with its parent")
                continue
            child.awaits_parent = False
            if parent.remaining:
                self._reduce(child, child.remaining - parent.filled)
            child.seen = self._venue.seconds
            if not child.is_done and not self._is_held(child):
                self._release(Happening(self._venue.seconds, Kind.RELEASE, child))

    def _group(self, order: WorkingOrder) -> list[WorkingOrder]:
        """The other working orders of an order's one-cancels-all group."""
        group = order.terms.ocaGroup
        return (
            []
            if not group
            else [
                other
                for other in self.open_list
                if other is not order
                and other.terms.ocaGroup == group
                and other.account == order.account
            ]
        )

    def _settle_group(self, order: WorkingOrder, quantity: Decimal) -> None:
        """Type 1 cancels the others at the first fill, types 2 and 3 reduce them by each."""
        others = self._group(order)
        if order.is_done or order.terms.ocaType in {0, 1}:
            self._end_all(others, "Cancelled by OCA")
            return
        before = order.remaining + quantity
        is_by_share = variant(self._venue.seed, "oca_reduction") == "proportionately"
        for other in others:
            share = other.remaining * quantity / before
            # Rounded so that not more than the share stays: what IB does is unknown.
            cut = share.to_integral_value(ROUND_CEILING) if is_by_share else quantity
            self._reduce(other, cut)

    def _end_all(self, orders: list[WorkingOrder], reason: str) -> None:
        for order in orders:
            if not order.is_done:
                self._end(order, reason)

    def _reduce(self, order: WorkingOrder, quantity: Decimal) -> None:
        """Take `quantity` off what an order still wants; nothing left ends it."""
        if quantity <= 0:
            return
        if quantity >= order.remaining:
            self._end(order, "Cancelled by OCA")
            return
        size = order.terms.totalQuantity - quantity
        order.terms = replace(order.terms, totalQuantity=size)
        self._reports.order(order)

    # --- small matters ----------------------------------------------------------------------

    def _list(self, client_id: int, orders: list[WorkingOrder]) -> None:
        for order in orders:
            self._reports.order_to(client_id, order)
        self._venue.post(client_id, say.OpenOrderEnd())

    def _has_traded(self, sec_type: str, symbol: str, after: int) -> bool:
        return any(
            (done.order.instrument.secType, done.order.instrument.symbol) == (sec_type, symbol)
            for done in self.executions[after:]
        )

    def _warn_closed(self, order: WorkingOrder) -> None:
        opening = self._venue.market.next_open(order.instrument, self._venue.seconds)
        when = "further notice"
        if opening is not None:
            version = self._venue.versions.get(order.client_id, 0)
            when = moment_text(from_epoch(opening), order.instrument.zone, version)
        terms, one = order.terms, order.instrument
        text = (
            f"Order Message:\n{terms.action} {terms.totalQuantity.normalize():f} {one.symbol} "
            f"{one.primary}.{one.trading_class or one.symbol}\nWarning: your order will not be "
            f"placed at the exchange until {when}"
        )
        self._reports.error(order, 399, text)

    def _waits_for_halt(self, order: WorkingOrder) -> bool:
        """Whether the market is open and a halt alone keeps the order from trading."""
        now, market = self._venue.seconds, self._venue.market
        is_halted = market.is_halted(order.instrument, now)
        if "halted_stock" not in self._venue.real or not is_halted:
            return False
        return market.is_in_session(order.instrument, now, order.works_outside)

    def _is_open(self, order: WorkingOrder) -> bool:
        now = self._venue.seconds
        return self._venue.market.is_open(order.instrument, now, order.works_outside)

    def _stamp(self) -> str:
        return moment_text(self._venue.now, "US/Eastern", 178)


def order_stage(order: WorkingOrder) -> Stage:
    """Where an order stands that nothing holds."""
    return Stage.ARMED if order.needs_trigger else Stage.LIVE


def _is_smart(terms: PlaceOrder) -> bool:
    return terms.contract.exchange in {"", "SMART"}
