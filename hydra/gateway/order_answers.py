"""What clients ask about orders and get answered: cancels, open and completed orders, numbers."""

from __future__ import annotations

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.order_families import BY_TRADER, OrderFamilies
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import OrderReports, passes
from hydra.gateway.times import day_text, from_epoch
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder

_NOT_CANCELLABLE = "OrderId {} that needs to be cancelled cannot be cancelled, state: {}."
_BEING_CANCELLED = "Cancel attempted when order is not in a cancellable state.  Order permId ={}"


class OrderAnswers:
    """Answers requests about the orders that are there."""

    def __init__(
        self,
        venue: Venue,
        registry: OrderRegistry,
        reports: OrderReports,
        families: OrderFamilies,
    ) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports
        self._families = families

    def cancel(self, client_id: int, request: ask.CancelOrder) -> None:
        """Cancel one of the client's own orders, or by the seed that of another client."""
        key = (client_id, request.orderId)
        order = self._registry.orders.get(key)
        other = self._cancellable_of_others(request.orderId)
        if order is None and key not in self._registry.held_back and other is not None:
            other.cancelled_by = client_id
            self._cancel_soon(other)
        elif order is None:
            self._registry.held_back.pop(key, None)
            text = f"OrderId {request.orderId} that needs to be cancelled is not found."
            self._venue.refuse(client_id, request.orderId, 10147, text)
        elif order.is_done:
            text = _NOT_CANCELLABLE.format(request.orderId, order.status)
            self._venue.refuse(client_id, request.orderId, 10148, text)
        elif order.cancel_at is not None:
            self._reports.error(order, 161, _BEING_CANCELLED.format(order.perm_id))
        else:
            if self._venue.variant("cancelled_order") == "pending_cancel_first":
                self._reports.status(order, "PendingCancel")
            self._cancel_soon(order)

    def cancel_all(self, client_id: int, request: ask.ReqGlobalCancel) -> None:
        """Cancel all orders of all clients."""
        for order in self._registry.open_list:
            if not order.is_done:
                self._families.end(order, BY_TRADER)

    def next_id(self, client_id: int, request: ask.ReqIds) -> None:
        """The next order number of this client."""
        self._venue.post(client_id, say.NextValidId(self._registry.next_order_id(client_id)))

    def open_orders(self, client_id: int, request: ask.ReqOpenOrders) -> None:
        """The client's own open orders."""
        working = self._registry.open_list
        self._list(client_id, [order for order in working if order.client_id == client_id])

    def all_open_orders(self, client_id: int, request: ask.ReqAllOpenOrders) -> None:
        """All clients' open orders."""
        self._list(client_id, self._registry.open_list)

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
        for order in self._registry.orders.values():
            if order.is_done and order.completed_at.startswith(today):
                self._venue.post(client_id, self._reports.completed(order))
        self._venue.post(client_id, say.CompletedOrdersEnd())

    def report_executions(self, client_id: int, request: ask.ReqExecutions) -> None:
        """Today's executions that pass the filter; the gateway forgets them at midnight."""
        today = day_text(self._venue.now)
        for done in self._registry.executions:
            if day_text(from_epoch(done.time)) == today and passes(done, request):
                self._reports.execution_to(client_id, request.reqId, done)
                if client_id in self._venue.audience(done.order.client_id):
                    self._reports.cost_to(client_id, done)
        self._venue.post(client_id, say.ExecutionDetailsEnd(request.reqId))

    def _cancel_soon(self, order: WorkingOrder) -> None:
        if self._venue.latency_s:
            order.status = "PendingCancel"
            order.cancel_at = self._venue.seconds + self._venue.latency_s
        else:
            self._families.end(order, BY_TRADER)

    def _cancellable_of_others(self, number: int) -> WorkingOrder | None:
        """The one order of this number that is not the client's own, and may be cancelled.

        What is cancelled where several clients have such an order is unknown: none here.
        """
        if self._venue.variant("cancel_of_another") == "refused":
            return None
        found = [order for order in self._registry.open_list if order.terms.orderId == number]
        is_one = len(found) == 1 and found[0].cancel_at is None
        return found[0] if is_one else None

    def _list(self, client_id: int, orders: list[WorkingOrder]) -> None:
        has_status = self._venue.variant("listed_open_orders") == "with_status"
        for order in orders:
            if has_status:
                self._reports.order_to(client_id, order)
            else:
                self._venue.post(client_id, self._reports.opened(order))
        self._venue.post(client_id, say.OpenOrderEnd())
