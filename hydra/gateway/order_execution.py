"""What happens to working orders: released, triggered, adjusted, arrived at the book, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hydra.gateway.account import ZERO
from hydra.gateway.conditions import Sight, is_met
from hydra.gateway.displayed_book import Book
from hydra.gateway.matching import Happening, Kind
from hydra.gateway.order_families import BY_TRADER, EXPIRED, OrderFamilies
from hydra.gateway.order_lifecycle import REMAINDER, OrderLifecycle
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.order_trading import OrderTrading
from hydra.gateway.pricing import adjusted, arm, limit_once_triggered, trips
from hydra.gateway.reports import OrderReports
from hydra.gateway.schedule import slices_of
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import PEGS, Stage, WorkingOrder

_PROTECTED = Decimal("0.03")  # how far through the market a limit is cancelled: told of 3 %


class OrderExecution:
    """Takes orders through their stages and lets them trade, at the time of now."""

    def __init__(
        self, venue: Venue, registry: OrderRegistry, reports: OrderReports, sight: Sight
    ) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports
        self._sight = sight
        self.families = OrderFamilies(venue, registry, reports, self.set_free)
        self._trading = OrderTrading(venue, registry, reports, self.families)
        self._lifecycle = OrderLifecycle(venue, registry, reports)

    @property
    def book(self) -> Book:
        """The book as the orders have left it."""
        return self._trading.book

    @property
    def _happenings(self) -> Mapping[Kind, Callable[[Happening], None]]:
        return {
            Kind.CANCEL: lambda what: self.families.end(what.order, BY_TRADER),
            Kind.RELEASE: lambda what: self.release(what.order),
            Kind.TRIGGER: self._trigger,
            Kind.ADJUST: lambda what: self._adjust(what.order),
            Kind.ARRIVE: lambda what: self._arrive(what.order),
            Kind.TAKE: lambda what: self._trading.take(what.order),
            Kind.FILL: self._trading.fill_resting,
            Kind.SLICE: self._trading.slice,
            Kind.AUCTION: self._trading.auction,
            Kind.EXPIRE: lambda what: self.families.end(what.order, EXPIRED),
        }

    def happen(self, happening: Happening) -> None:
        """Let it happen, at the time of now."""
        happening.order.seen = happening.time
        self._happenings[happening.kind](happening)

    # --- stages -----------------------------------------------------------------------------

    def is_held(self, order: WorkingOrder) -> bool:
        """Whether a parent, shares to be located, a time or conditions keep it from working."""
        if order.awaits_parent or order.awaits_shares or order.release_at > self._venue.seconds:
            return True
        has_conditions = order.terms.conditions and not order.terms.conditionsCancelOrder
        return bool(has_conditions) and not is_met(self._sight, order, self._venue.seconds)

    def is_open(self, order: WorkingOrder) -> bool:
        """Whether the order's market trades now."""
        now = self._venue.seconds
        return self._venue.market.is_open(order.instrument, now, order.works_outside)

    def set_free(self, order: WorkingOrder) -> None:
        """Release an order that something held, unless something else still does."""
        if not self.is_held(order):
            self.release(order)

    def release(self, order: WorkingOrder) -> None:
        """Nothing holds an order any more: it is armed or works."""
        order.stage, order.release_at = order_stage(order), 0
        order.followed = self._venue.seconds
        arm(order, self._venue.market, self._venue.seconds)
        if order.stage is Stage.ARMED:
            self._lifecycle.move(order, "PreSubmitted")
        self.go_on(order)

    def go_on(self, order: WorkingOrder) -> None:
        """What an order does at once in an open market; in a closed one it waits."""
        if order.stage is Stage.HELD or not self.is_open(order):
            return
        if order.stage is Stage.ARMED:
            price = trips(order, self._venue.market, self._venue.seconds)
            if price is not None:
                self._trigger(Happening(self._venue.seconds, Kind.TRIGGER, order, ZERO, price))
            return
        if order.terms.algoStrategy and not order.slices:
            order.slices = slices_of(order, self._venue.market, self._venue.seconds)
        if order.is_auction or order.slices:
            self._lifecycle.submit(order)
        elif self._is_protected(order):
            self._reports.status(order, "PendingCancel")
            self.families.end(order, REMAINDER if order.time_in_force == "IOC" else "")
        else:
            self._arrive(order, is_new=True)

    def _trigger(self, what: Happening) -> None:
        order = what.order
        order.stop = what.price * order.instrument.tick
        order.limit = limit_once_triggered(order)
        order.stage = Stage.LIVE
        self._arrive(order)

    def _adjust(self, order: WorkingOrder) -> None:
        """Change an adjustable stop into what it becomes, once."""
        order.terms = adjusted(order.terms, order.sign)
        order.followed = self._venue.seconds
        arm(order, self._venue.market, self._venue.seconds)
        self._lifecycle.move(order, order.status)
        self.go_on(order)

    def _is_protected(self, order: WorkingOrder) -> bool:
        """Whether price protection cancels a new limit that is far through the market."""
        best, limit = self._trading.best_offer(order), order.limit
        if order.order_type != "LMT" or order.instrument.secType != "STK" or not best or not limit:
            return False
        is_far = order.sign * (limit - best) >= best * _PROTECTED
        return is_far and self._venue.variant("limit_through_market") == "cancelled"

    def _arrive(self, order: WorkingOrder, *, is_new: bool = False) -> None:
        """Meet the book: take what its limit allows, then queue, wait or go.

        A new order may be told as Submitted only once it has met the book.
        """
        now = self._venue.seconds
        order.has_arrived = True
        order.seen = order.followed = now
        if not is_new or self._venue.variant("accepted_order") != "presubmitted":
            self._lifecycle.submit(order)
        if order.order_type == "MTL" and order.limit is None:
            order.limit = self._trading.best_offer(order)
        if order.order_type not in PEGS:
            self._trading.take(order)
        if order.is_done:
            return
        if order.time_in_force in {"IOC", "FOK"}:
            self._reports.status(order, "PendingCancel")
            self.families.end(order, REMAINDER)
            return
        self._lifecycle.submit(order)
        if order.limit is not None:
            self._trading.queue(order)
        elif order.order_type not in PEGS:
            order.has_arrived = False  # the book was empty: try again with the next step


def order_stage(order: WorkingOrder) -> Stage:
    """Where an order stands that nothing holds."""
    return Stage.ARMED if order.needs_trigger else Stage.LIVE
