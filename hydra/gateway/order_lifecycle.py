"""The statuses of an order from its acceptance to its end, each told to its owner."""

from __future__ import annotations

from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import OrderReports
from hydra.gateway.times import from_epoch, moment_text
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder

_CANCELLED = "Order Canceled - reason:"
REMAINDER = "Cancelled as an immediate order"
FILL_OR_KILL = (
    "The time-in-force FOK is invalid for this combination of exchange and security type"
)
NO_ICEBERG = "The destination does not take orders with a display size."
FAR_CURRENCY = "The limit is too far from the market."
NOT_TAKEN = frozenset({FILL_OR_KILL, NO_ICEBERG, FAR_CURRENCY})  # the latter two's words are ours


class OrderLifecycle:
    """Changes statuses, and says so in the order in which the gateway does."""

    def __init__(self, venue: Venue, registry: OrderRegistry, reports: OrderReports) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports

    def move(self, order: WorkingOrder, status: str, *, is_short: bool = False) -> None:
        """Give an order a status; Filled ends it. `is_short` tells no openOrder with it."""
        order.status = status
        if status == "Filled":
            order.completed_at = self._stamp()
            order.completed_status = f"Filled Size: {order.filled.normalize():f}"
            self._registry.stop(order)
        if is_short:
            self._reports.status(order)
        else:
            self._reports.order(order)

    def acknowledge(self, order: WorkingOrder, *, is_working: bool) -> None:
        """The first that is said of an order; `is_working`: it goes to the market at once."""
        is_submitted = is_working and self._venue.variant("accepted_order") == "submitted"
        has_limit = order.order_type not in {"STP", "TRAIL"}
        if not has_limit and order.stop and self._venue.variant("new_stop_limit") == "other_limit":
            # Recorded: 13.16 for a stop at 13.13; what it is worked out from is unknown.
            self._reports.order(order, lmtPrice=order.stop + 3 * order.instrument.tick)
        self.move(order, "Submitted" if is_submitted else "PreSubmitted")

    def submit(self, order: WorkingOrder) -> None:
        """An order that was accepted is at the exchange."""
        if order.status == "PreSubmitted":
            self.move(order, "Submitted")

    def reject(self, order: WorkingOrder, reason: str) -> None:
        """The exchange or the account does not take an order: Inactive, mostly with 201."""
        order.status, order.completed_status = "Inactive", reason
        order.completed_at = self._stamp()
        self._reports.order(order)
        if reason in NOT_TAKEN and self._venue.variant("fok_rejection") == "without_error":
            return
        self._reports.error(order, 201, f"Order rejected - reason:{reason}")
        self._reports.order(order)

    def cancel(self, order: WorkingOrder, reason: str) -> None:
        """An order ends without (further) trades: 3 Cancelled, then 202."""
        order.status, order.completed_status = "Cancelled", reason or "Cancelled"
        order.completed_at = self._stamp()
        self._registry.stop(order)
        self._reports.status(order)
        is_remainder = (
            reason == REMAINDER and self._venue.variant("ioc_remainder") == "without_202"
        )
        if not is_remainder:
            self._reports.error(order, 202, _CANCELLED)
        if order.cancelled_by is not None:
            # Recorded: the status names the client that cancelled, and 202 has the order's number.
            self._reports.status_to(order.cancelled_by, order)
            self._venue.refuse(order.cancelled_by, order.terms.orderId, 202, _CANCELLED)

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
