"""Parents with their children, and one-cancels-all groups: what one order does to the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

from hydra.gateway.hedges import hedge_size
from hydra.gateway.order_lifecycle import OrderLifecycle
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import OrderReports
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder

BY_TRADER = "Cancelled by Trader"
EXPIRED = "Expired"
_BY_GROUP = "Cancelled by OCA"


class OrderFamilies:
    """Lets what happens to an order have its effect on its children and on its group.

    `set_free` is called with each child that its parent holds no longer.
    """

    def __init__(
        self,
        venue: Venue,
        registry: OrderRegistry,
        reports: OrderReports,
        set_free: Callable[[WorkingOrder], None],
    ) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports
        self._lifecycle = OrderLifecycle(venue, registry, reports)
        self._set_free = set_free

    def join(self, order: WorkingOrder) -> None:
        """Children of one parent cancel and reduce each other, as the gateway groups them."""
        parent = self._registry.parent_of(order)
        if parent is None:
            return
        order.awaits_parent = not parent.is_done
        if order.terms.hedgeType:
            if parent.is_done:
                self._size_hedge(order, parent)
            return
        if not order.terms.ocaGroup:
            group = str(parent.perm_id)
            order.terms = replace(order.terms, ocaGroup=group, ocaType=3)

    def end(self, order: WorkingOrder, reason: str) -> None:
        """An order ends without (further) trades, and its family follows."""
        self._lifecycle.cancel(order, reason)
        self.settle_children(order)
        if reason != EXPIRED:
            self._end_all(self._registry.group_of(order), _BY_GROUP)

    def settle_children(self, parent: WorkingOrder) -> None:
        """A filled parent sets its children free, a cancelled one takes them with it."""
        for child in self._registry.awaiting_children(parent):
            if child.is_done or not child.awaits_parent:
                continue
            if not parent.filled:
                self.end(child, "Cancelled with its parent")
                continue
            child.awaits_parent = False
            if child.terms.hedgeType:
                self._size_hedge(child, parent)
            elif parent.remaining:
                self._reduce(child, child.remaining - parent.filled)
            child.seen = self._venue.seconds
            if not child.is_done:
                self._set_free(child)

    def _size_hedge(self, child: WorkingOrder, parent: WorkingOrder) -> None:
        size = hedge_size(child, parent, self._venue.mark(child.instrument))
        child.terms = replace(child.terms, totalQuantity=size)
        if not size:
            self.end(child, "Nothing to hedge")

    def settle_group(self, order: WorkingOrder, quantity: Decimal) -> None:
        """Type 1 cancels the others at the first fill, types 2 and 3 reduce them by each."""
        others = self._registry.group_of(order)
        if order.is_done or order.terms.ocaType in {0, 1}:
            self._end_all(others, _BY_GROUP)
            return
        before = order.remaining + quantity
        is_by_share = self._venue.variant("oca_reduction") == "proportionately"
        for other in others:
            share = other.remaining * quantity / before
            # Rounded so that not more than the share stays: what IB does is unknown.
            cut = share.to_integral_value(ROUND_CEILING) if is_by_share else quantity
            self._reduce(other, cut)

    def _end_all(self, orders: list[WorkingOrder], reason: str) -> None:
        for order in orders:
            if not order.is_done:
                self.end(order, reason)

    def _reduce(self, order: WorkingOrder, quantity: Decimal) -> None:
        """Take `quantity` off what an order still wants; nothing left ends it."""
        if quantity <= 0:
            return
        if quantity >= order.remaining:
            self.end(order, _BY_GROUP)
            return
        size = order.terms.totalQuantity - quantity
        order.terms = replace(order.terms, totalQuantity=size)
        self._reports.order(order)
