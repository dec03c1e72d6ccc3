"""What the gateway says of orders: open orders, their status, executions and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.layout import changed
from hydra.gateway.orders import CompletedOrder, OpenOrder, PlaceOrder, completed_order, open_order
from hydra.gateway.times import from_epoch, moment_text, parse_moment
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import TRAILS, WorkingOrder

TAKER, MAKER = 2, 1  # the protocol's lastLiquidity: removed or added liquidity


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
    liquidity: int = TAKER


@dataclass(frozen=True, slots=True)
class Told:
    """The openOrder that was told last, and of what."""

    order: WorkingOrder
    terms: PlaceOrder
    stop: Decimal | None
    opened: OpenOrder

    def holds(self, order: WorkingOrder) -> bool:
        """Whether it still says what `order` is; terms are replaced, never changed."""
        return self.order is order and self.terms is order.terms and self.stop == order.stop


class OrderReports:
    """Posts what is to be said of orders to the client that owns or asks for them."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._told: Told | None = None

    def order(self, order: WorkingOrder, **known: object) -> None:
        """The order and its status, to its owner."""
        self.order_to(order.client_id, order, **known)

    def order_to(self, client_id: int, order: WorkingOrder, **known: object) -> None:
        """The order and its status, to a client."""
        self._venue.post(client_id, self.opened(order, **known))
        self._venue.post(client_id, _status(order, order.told_status))

    def status(self, order: WorkingOrder, status: str = "") -> None:
        """The status alone; `status` instead of its own."""
        self._venue.post(order.client_id, _status(order, status or order.told_status))

    def error(self, order: WorkingOrder, code: int, text: str) -> None:
        """An error about the order, to its owner."""
        self._venue.refuse(order.client_id, order.terms.orderId, code, text)

    def execution(self, client_id: int, request_id: int, done: Executed) -> None:
        """One execution; request -1 for a live one."""
        version = self._venue.versions.get(client_id, 0)
        self._venue.post(client_id, _execution(request_id, done, version))

    def cost(self, client_id: int, done: Executed) -> None:
        """What an execution cost and brought."""
        report = say.CommissionReport(
            done.exec_id, done.fee, done.order.instrument.currency, done.profit
        )
        self._venue.post(client_id, report)

    def opened(self, order: WorkingOrder, **known: object) -> OpenOrder:
        """The openOrder of an order; several in a row differ by status and `known` alone."""
        told = self._told
        if told is None or not told.holds(order):
            identity = {"clientId": order.client_id, "permId": order.perm_id}
            opened = open_order(order.terms, **_repeated(order) | identity)
            told = self._told = Told(order, order.terms, order.stop, opened)
        return changed(told.opened, status=order.told_status, **known)

    def completed(self, order: WorkingOrder) -> CompletedOrder:
        """The completedOrder of an order that ended."""
        return completed_order(
            order.terms,
            **_repeated(order),
            permId=order.perm_id,
            status=order.status,
            filledQuantity=order.filled,
            completedTime=order.completed_at,
            completedStatus=order.completed_status,
        )


def _repeated(order: WorkingOrder) -> dict[str, Any]:
    """What the gateway repeats in its own words: contract, account and defaults."""
    contract = order.instrument.contract(order.terms.contract.exchange)
    known: dict[str, Any] = {
        "contract": replace(contract, right=contract.right or "?"),
        "account": order.account,
        "tif": order.time_in_force,
    }
    if order.order_type in TRAILS and order.stop is not None:
        known["trailStopPrice"] = known["trailStopPriceRepeated"] = order.stop
    return known


def _status(order: WorkingOrder, status: str) -> say.OrderStatus:
    return say.OrderStatus(
        order.terms.orderId,
        status,
        order.filled,
        order.remaining,
        order.average_price,
        order.perm_id,
        order.terms.parentId,
        order.last_price,
        order.client_id,
        order.why_held,
    )


def _execution(request_id: int, done: Executed, version: int) -> say.ExecutionDetails:
    order = done.order
    return say.ExecutionDetails(
        reqId=request_id,
        orderId=order.terms.orderId,
        contract=order.instrument.held(),
        execId=done.exec_id,
        time=moment_text(from_epoch(done.time), order.instrument.zone, version),
        account=order.account,
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
        lastLiquidity=done.liquidity,
    )


def passes(done: Executed, wanted: ask.ReqExecutions) -> bool:
    """Whether an execution is among those that a client asks for."""
    one = done.order.instrument
    side = {"BUY": "BOT", "BOT": "BOT", "SELL": "SLD", "SLD": "SLD"}.get(wanted.side, "")
    pairs = (
        (wanted.clientId, done.order.client_id),
        (wanted.account, done.order.account),
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
