"""The statuses of an order from its acceptance to its end, each told to its owner."""

from __future__ import annotations

from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import OrderReports
from hydra.gateway.times import from_epoch, moment_text
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder


class OrderLifecycle:
    """Changes statuses, and says so in the order in which the gateway does."""

    def __init__(self, venue: Venue, registry: OrderRegistry, reports: OrderReports) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports

    def move(self, order: WorkingOrder, status: str) -> None:
        """Give an order a status; Filled ends it."""
        order.status = status
        if status == "Filled":
            order.completed_at = self._stamp()
            order.completed_status = f"Filled Size: {order.filled.normalize():f}"
            self._registry.stop(order)
        self._reports.order(order)

    def submit(self, order: WorkingOrder) -> None:
        """An order that was accepted is at the exchange."""
        if order.status == "PreSubmitted":
            self.move(order, "Submitted")

    def reject(self, order: WorkingOrder, reason: str) -> None:
        """The exchange or the account does not take an order: Inactive, 201, Inactive."""
        order.status, order.completed_status = "Inactive", reason
        order.completed_at = self._stamp()
        self._reports.order(order)
        self._reports.error(order, 201, f"Order rejected - reason:{reason}")
        self._reports.order(order)

    def cancel(self, order: WorkingOrder, reason: str) -> None:
        """An order ends without (further) trades: 3 Cancelled, then 202."""
        order.status, order.completed_status = "Cancelled", reason or "Cancelled"
        order.completed_at = self._stamp()
        self._registry.stop(order)
        self._reports.status(order)
        self._reports.error(order, 202, "Order Canceled - reason:")

    def warn_closed(self, order: WorkingOrder) -> None:
        """399: the order waits until its market opens."""
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

    def _stamp(self) -> str:
        return moment_text(self._venue.now, "US/Eastern", 178)
