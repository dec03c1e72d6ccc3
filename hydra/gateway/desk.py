"""The order desk: takes orders in, follows them to their end, and says what the gateway says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.account import INITIAL_MARGIN, MAINTENANCE_MARGIN, ZERO, cents, commission
from hydra.gateway.layout import Request
from hydra.gateway.matching import (
    ORDER_TYPES,
    TIMES_IN_FORCE,
    Fill,
    WorkingOrder,
    fill_at_quote,
    fill_between,
)
from hydra.gateway.orders import CompletedOrder, OpenOrder, PlaceOrder, completed_order, open_order
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.times import day_text, from_epoch, moment_text, parse_moment
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue

Key = tuple[int, int]  # client and order number: what an order is known by
Refused = tuple[int, str] | None

_FIRST_PERM_ID = 1_000_000_000
_NOT_CANCELLABLE = "OrderId {} that needs to be cancelled cannot be cancelled, state: {}."


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution for the record: quantity signed (sell < 0), commission in its currency."""

    exec_id: str
    order: WorkingOrder
    time: int
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average: Decimal
    fee: Decimal
    profit: Decimal | None


class OrderDesk:
    """All orders of all clients."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._orders: dict[Key, WorkingOrder] = {}
        self._working: dict[Key, WorkingOrder] = {}
        self._held_back: dict[Key, PlaceOrder] = {}
        self._highest_id: dict[int, int] = {}
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
        found = self._venue.universe.find(terms.contract)
        one = found[0] if len(found) == 1 and terms.contract.exchange else None
        refused = (200, NOT_FOUND) if one is None else self._refused(client_id, one, terms)
        if refused is not None or one is None:
            self._venue.refuse(client_id, terms.orderId, *(refused or (200, NOT_FOUND)))
        elif terms.whatIf:
            self._what_if(client_id, one, terms)
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
        else:
            self._tell_status(replace(order, status="PendingCancel"))
            self._end(order, "Cancelled by Trader")

    def cancel_all(self, client_id: int, request: ask.ReqGlobalCancel) -> None:
        """Cancel all orders of all clients."""
        for order in list(self._working.values()):
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
        self._list(client_id, list(self._working.values()))

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
                self._venue.post(client_id, self._completed(order))
        self._venue.post(client_id, say.CompletedOrdersEnd())

    def report_executions(self, client_id: int, request: ask.ReqExecutions) -> None:
        """Today's executions that pass the filter; the gateway forgets them at midnight."""
        today = day_text(self._venue.now)
        for done in self.executions:
            if day_text(from_epoch(done.time)) == today and _passes(done, request):
                self._tell_execution(client_id, request.reqId, done)
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

    def next_order_id(self, client_id: int) -> int:
        """One above every order number that the client ever used."""
        return self._highest_id.get(client_id, 0) + 1

    def fills_between(self, after: int, until: int) -> list[Fill]:
        """What trades in (`after`, `until`], in the order of time, then of acceptance."""
        found = (
            fill_between(self._venue.market, order, after, until)
            for order in self._working.values()
        )
        fills = [fill for fill in found if fill is not None]
        return sorted(fills, key=lambda fill: (fill.time, fill.order.perm_id))

    def open_session(self) -> None:
        """Orders that waited for the open go to the exchange."""
        for order in self.open_list:
            if order.status == "PreSubmitted" and not order.why_held:
                self._move(order, "Submitted")

    def close_session(self) -> None:
        """Orders for the day end with it."""
        for order in self.open_list:
            if order.time_in_force != "GTC" and not self._is_open(order.instrument):
                self._end(order, "Expired")

    def fill(self, fill: Fill) -> None:
        """Book a trade and tell its owner: 11, then 5 and 3, then 5, 3 and 59."""
        order = fill.order
        done = self._booked(fill)
        self._tell_execution(order.client_id, -1, done, with_cost=False)
        self._move(order, "Filled" if not order.remaining else "Submitted")
        self._tell(order, commission=order.fees)
        self._venue.post(order.client_id, _cost(done))

    def revise(self, exec_id: str, price: Decimal | None) -> None:
        """Correct an execution's price, or take the trade back (None); the books follow.

        The exchange's rule: the revision is the last part of the execId, counted up.
        """
        index = next(i for i, done in enumerate(self.executions) if done.exec_id == exec_id)
        old = self.executions[index]
        order, account = old.order, self._venue.account
        stem, _, revision = exec_id.rpartition(".")
        account.trade(order.instrument, -old.quantity, old.price, -old.fee)
        new = replace(old, exec_id=f"{stem}.{int(revision) + 1:02d}")
        if price is None:
            new = replace(new, quantity=ZERO, fee=ZERO, profit=None)
        else:
            account.trade(order.instrument, old.quantity, price, old.fee)
            new = replace(new, price=price)
        self.executions[index] = new
        self._tell_execution(order.client_id, -1, new)

    # --- taking an order --------------------------------------------------------------------

    def _refused(self, client_id: int, one: Instrument, terms: PlaceOrder) -> Refused:
        checks: Iterable[Callable[[], Refused]] = (
            lambda: self._refused_id(client_id, terms),
            lambda: _refused_terms(terms),
            lambda: _refused_price(one, terms),
            lambda: self._refused_account(terms),
        )
        return next((refused for check in checks if (refused := check()) is not None), None)

    def _refused_id(self, client_id: int, terms: PlaceOrder) -> Refused:
        is_used = terms.orderId <= self._highest_id.get(client_id, 0)
        is_held = (client_id, terms.orderId) in self._held_back
        return (103, "Duplicate order id") if is_used and not (is_held or terms.whatIf) else None

    def _refused_account(self, terms: PlaceOrder) -> Refused:
        if terms.account in {"", self._venue.account.code}:
            return None
        cause = f"The account code {terms.account} is not available to this user"
        return 321, f"Error validating request.-'bN' : cause - {cause}"

    def _take(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        key = (client_id, terms.orderId)
        self._highest_id[client_id] = max(self._highest_id.get(client_id, 0), terms.orderId)
        if not terms.transmit:
            self._held_back[key] = terms
            return
        self._held_back.pop(key, None)
        perm_id = _FIRST_PERM_ID + self._venue.seed % 1000 * 1_000_000 + len(self._orders) + 1
        order = WorkingOrder(client_id, terms, one, perm_id)
        self._orders[key] = order
        if not one.tradable or self._lacks_margin(order):
            self._reject(order)
            return
        self._working[key] = order
        self._accept(order)

    def _accept(self, order: WorkingOrder) -> None:
        is_open = self._is_open(order.instrument)
        if not is_open:
            self._warn_closed(order)
        self._move(order, "PreSubmitted")
        if is_open:
            self._move(order, "Submitted")
            self._trade_now(order)

    def _trade_now(self, order: WorkingOrder) -> None:
        quote = self._venue.market.quote(order.instrument, self._venue.seconds)
        fill = fill_at_quote(order, quote, self._venue.seconds) if quote else None
        if fill is not None:
            self.fill(fill)
        elif order.time_in_force == "IOC":
            self._tell_status(replace(order, status="PendingCancel"))
            self._end(order, "")

    def _modify(self, order: WorkingOrder, terms: PlaceOrder) -> None:
        refused = _refused_change(order, terms) or _refused_price(order.instrument, terms)
        if refused is not None:
            self._venue.refuse(order.client_id, terms.orderId, *refused)
            return
        order.terms = replace(terms, contract=order.terms.contract)
        self._move(order, order.status)
        if order.status == "Submitted":
            self._trade_now(order)

    def _reject(self, order: WorkingOrder) -> None:
        reason = (
            self._margin_text(order)
            if order.instrument.tradable
            else "The contract is not available for trading."
        )
        order.status, order.completed_status = "Inactive", reason
        order.completed_at = self._stamp()
        self._tell(order)
        text = f"Order rejected - reason:{reason}"
        self._venue.refuse(order.client_id, order.terms.orderId, 201, text)
        self._tell(order)

    def _end(self, order: WorkingOrder, reason: str) -> None:
        order.status, order.completed_status = "Cancelled", reason or "Cancelled"
        order.completed_at = self._stamp()
        self._working.pop((order.client_id, order.terms.orderId), None)
        self._tell_status(order)
        self._venue.refuse(order.client_id, order.terms.orderId, 202, "Order Canceled - reason:")

    def _move(self, order: WorkingOrder, status: str) -> None:
        order.status = status
        if status == "Filled":
            order.completed_at = self._stamp()
            order.completed_status = f"Filled Size: {order.filled.normalize():f}"
            self._working.pop((order.client_id, order.terms.orderId), None)
        self._tell(order)

    def _booked(self, fill: Fill) -> Executed:
        order, price = fill.order, fill.price
        order.filled += fill.quantity
        order.value += fill.quantity * price
        order.last_price = price
        # IB's minimum and maximum hold for the whole order, so a fill costs what it adds.
        total = commission(order.instrument, order.filled, order.average_price)
        fee = total - order.fees
        order.fees = total
        signed = fill.quantity * order.sign
        profit = self._venue.account.trade(order.instrument, signed, price, fee)
        number = len(self.executions) + 1
        done = Executed(
            f"{self._venue.seed & 0xFFFFFFFF:08x}.{fill.time:08x}.{number:06x}.01",
            order,
            fill.time,
            signed,
            price,
            order.filled,
            order.average_price,
            fee,
            profit,
        )
        self.executions.append(done)
        return done

    # --- margin -----------------------------------------------------------------------------

    def _margins(self, one: Instrument, terms: PlaceOrder) -> tuple[Decimal, Decimal, Decimal]:
        """The change of initial and maintenance margin, and the commission."""
        price = self._price_of(one, terms)
        held = self._venue.account.held(one.conId).quantity
        signed = terms.totalQuantity * (1 if terms.action == "BUY" else -1)
        grown = (abs(held + signed) - abs(held)) * price
        fee = commission(one, terms.totalQuantity, price)
        return cents(grown * INITIAL_MARGIN), cents(grown * MAINTENANCE_MARGIN), fee

    def _price_of(self, one: Instrument, terms: PlaceOrder) -> Decimal:
        return (
            terms.lmtPrice
            if terms.orderType == "LMT" and terms.lmtPrice
            else (self._venue.mark(one))
        )

    def _lacks_margin(self, order: WorkingOrder) -> bool:
        if order.instrument.secType == "CASH":
            return False
        change, _, fee = self._margins(order.instrument, order.terms)
        return change > 0 and self._venue.valuation().available - change - fee < 0

    def _margin_text(self, order: WorkingOrder) -> str:
        change, _, fee = self._margins(order.instrument, order.terms)
        now = self._venue.valuation()
        equity = now.net_liquidation - fee
        return (
            "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH "
            f"LOAN VALUE [{equity} {self._venue.account.base}] MUST EXCEED THE INITIAL MARGIN "
            f"[{now.initial_margin + change} {self._venue.account.base}]"
        )

    def _what_if(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        initial, maintenance, fee = self._margins(one, terms)
        now = self._venue.valuation()
        equity = now.net_liquidation
        answer = open_order(
            replace(terms, contract=one.contract(terms.contract.exchange)),
            clientId=client_id,
            permId=_FIRST_PERM_ID,
            status="PreSubmitted",
            initMarginBefore=str(now.initial_margin),
            maintMarginBefore=str(now.maintenance_margin),
            equityWithLoanBefore=str(equity),
            initMarginChange=str(initial),
            maintMarginChange=str(maintenance),
            equityWithLoanChange=str(-fee),
            initMarginAfter=str(now.initial_margin + initial),
            maintMarginAfter=str(now.maintenance_margin + maintenance),
            equityWithLoanAfter=str(equity - fee),
            commission=fee,
            minCommission=fee,
            maxCommission=fee,
            commissionCurrency=one.currency,
        )
        self._venue.post(client_id, answer)

    # --- telling ----------------------------------------------------------------------------

    def _tell(self, order: WorkingOrder, **known: object) -> None:
        self._venue.post(order.client_id, self._opened(order, **known))
        self._tell_status(order)

    def _tell_status(self, order: WorkingOrder) -> None:
        self._venue.post(order.client_id, _status(order))

    def _tell_execution(
        self, client_id: int, request_id: int, done: Executed, with_cost: bool = True
    ) -> None:
        version = self._venue.versions.get(client_id, 0)
        account = self._venue.account.code
        self._venue.post(client_id, _execution(request_id, done, account, version))
        if with_cost:
            self._venue.post(client_id, _cost(done))

    def _list(self, client_id: int, orders: list[WorkingOrder]) -> None:
        for order in orders:
            self._venue.post(client_id, self._opened(order))
            self._venue.post(client_id, _status(order))
        self._venue.post(client_id, say.OpenOrderEnd())

    def _opened(self, order: WorkingOrder, **known: object) -> OpenOrder:
        return open_order(self._echo(order), **_identity(order), status=order.status, **known)

    def _completed(self, order: WorkingOrder) -> CompletedOrder:
        return completed_order(
            self._echo(order),
            permId=order.perm_id,
            status=order.status,
            filledQuantity=order.filled,
            completedTime=order.completed_at,
            completedStatus=order.completed_status,
        )

    def _echo(self, order: WorkingOrder) -> PlaceOrder:
        """The terms as the gateway repeats them: its own contract, account and defaults."""
        terms = order.terms
        contract = order.instrument.contract(terms.contract.exchange)
        return replace(
            terms,
            contract=replace(contract, right="?"),
            account=terms.account or self._venue.account.code,
            tif=order.time_in_force,
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
        self._venue.refuse(order.client_id, terms.orderId, 399, text)

    def _is_open(self, one: Instrument) -> bool:
        return self._venue.market.is_open(one, self._venue.seconds)

    def _stamp(self) -> str:
        return moment_text(self._venue.now, "US/Eastern", 178)


def _identity(order: WorkingOrder) -> dict[str, Any]:
    return {"clientId": order.client_id, "permId": order.perm_id}


def _status(order: WorkingOrder) -> say.OrderStatus:
    return say.OrderStatus(
        order.terms.orderId,
        order.status,
        order.filled,
        order.remaining,
        order.average_price,
        order.perm_id,
        order.terms.parentId,
        order.last_price,
        order.client_id,
        order.why_held,
    )


def _execution(
    request_id: int, done: Executed, account: str, version: int
) -> say.ExecutionDetails:
    order = done.order
    return say.ExecutionDetails(
        reqId=request_id,
        orderId=order.terms.orderId,
        contract=order.instrument.held(),
        execId=done.exec_id,
        time=moment_text(from_epoch(done.time), order.instrument.zone, version),
        account=account,
        exchange=order.instrument.primary,
        side="BOT" if done.quantity > 0 else "SLD",
        shares=abs(done.quantity),
        price=done.price,
        permId=order.perm_id,
        clientId=order.client_id,
        liquidation=0,
        cumQty=done.cumulative,
        avgPrice=done.average,
        orderRef=order.terms.orderRef,
        lastLiquidity=2,
    )


def _cost(done: Executed) -> say.CommissionReport:
    return say.CommissionReport(
        done.exec_id, done.fee, done.order.instrument.currency, done.profit
    )


def _passes(done: Executed, wanted: ask.ReqExecutions) -> bool:
    one = done.order.instrument
    side = {"BUY": "BOT", "BOT": "BOT", "SELL": "SLD", "SLD": "SLD"}.get(wanted.side, "")
    pairs = (
        (wanted.clientId, done.order.client_id),
        (wanted.symbol, one.symbol),
        (wanted.secType, one.secType),
        (wanted.exchange, one.primary),
        (side, "BOT" if done.quantity > 0 else "SLD"),
    )
    return all(not ask_for or ask_for == own for ask_for, own in pairs) and _is_since(
        done.time, wanted.time
    )


def _is_since(seconds: int, text: str) -> bool:
    try:
        return not text or parse_moment(text.replace("  ", " ")) <= from_epoch(seconds)
    except ValueError:
        return True


def _refused_terms(terms: PlaceOrder) -> Refused:
    quantity = terms.totalQuantity
    if quantity <= ZERO or not quantity.is_finite():
        return 434, "The order size cannot be zero."
    if quantity != quantity.to_integral_value():
        return 10243, "Fractional-sized order cannot be placed via API."
    if terms.action not in {"BUY", "SELL", "SSHORT"}:
        cause = f"Order side {terms.action!r} is not one of BUY, SELL, SSHORT"
        return 321, f"Error validating request.-'bN' : cause - {cause}"
    if terms.orderType not in ORDER_TYPES:
        return 387, "Unsupported order type for this exchange and security type."
    if terms.tif and terms.tif not in TIMES_IN_FORCE:
        return 10052, f"Invalid time in force:{terms.tif}"
    return None


def _refused_price(one: Instrument, terms: PlaceOrder) -> Refused:
    if terms.orderType != "LMT":
        return None
    price = terms.lmtPrice
    if price is None or not price.is_finite() or price <= 0 or price % one.tick:
        return 110, (
            "The price does not conform to the minimum price variation for this contract."
        )
    return None


def _refused_change(order: WorkingOrder, terms: PlaceOrder) -> Refused:
    if order.is_done:
        return 104, "Cannot modify a filled order."
    if terms.action != order.terms.action or terms.totalQuantity <= order.filled:
        return 105, "Order being modified does not match original order"
    if terms.orderType != order.terms.orderType:
        return 329, "Order modify failed. Cannot change to the new order type."
    if (terms.tif or "DAY") != order.time_in_force:
        return 462, f"Cannot change to the new Time in Force:{terms.tif}"
    return None
