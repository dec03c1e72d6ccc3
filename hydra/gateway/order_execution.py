"""What happens to working orders: released, triggered, arrived at the book, filled, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hydra.gateway.account import ZERO
from hydra.gateway.conditions import Sight, is_met
from hydra.gateway.displayed_book import Book
from hydra.gateway.matching import Happening, Kind
from hydra.gateway.order_families import BY_TRADER, EXPIRED, OrderFamilies
from hydra.gateway.order_lifecycle import OrderLifecycle
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.pricing import arm, limit_once_triggered, trips
from hydra.gateway.reports import MAKER, TAKER, OrderReports
from hydra.gateway.schedule import slices_of
from hydra.gateway.trade_booking import TradeBooking
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import PEGS, Stage, WorkingOrder, in_ticks_of, within_limit


class OrderExecution:
    """Takes orders through their stages and lets them trade, at the time of now."""

    def __init__(
        self, venue: Venue, registry: OrderRegistry, reports: OrderReports, sight: Sight
    ) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports
        self._sight = sight
        self.book = Book(venue.market)
        self.families = OrderFamilies(venue, registry, reports, self.set_free)
        self._lifecycle = OrderLifecycle(venue, registry, reports)
        self._booking = TradeBooking(venue, registry, reports)

    @property
    def _happenings(self) -> Mapping[Kind, Callable[[Happening], None]]:
        return {
            Kind.CANCEL: lambda what: self.families.end(what.order, BY_TRADER),
            Kind.RELEASE: lambda what: self.release(what.order),
            Kind.TRIGGER: self._trigger,
            Kind.ARRIVE: lambda what: self._arrive(what.order),
            Kind.FILL: self._fill_resting,
            Kind.SLICE: self._slice,
            Kind.AUCTION: self._auction,
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
        self._lifecycle.submit(order)
        if order.terms.algoStrategy and not order.slices:
            order.slices = slices_of(order, self._venue.market, self._venue.seconds)
        if not order.is_auction and not order.slices:
            self._arrive(order)

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
        self._lifecycle.submit(order)
        if order.order_type not in PEGS:
            self._cross_own(order)
            self._take_from_book(order, order.remaining)
        if order.is_done:
            return
        if order.time_in_force in {"IOC", "FOK"}:
            self._reports.status(order, "PendingCancel")
            self.families.end(order, "")
        elif order.limit is not None:
            order.queue_ahead = self._queue_before(order, order.limit)
        elif order.order_type not in PEGS:
            order.has_arrived = False  # the book was empty: try again with the next step

    # --- trades -----------------------------------------------------------------------------

    def _queue_before(self, order: WorkingOrder, limit: Decimal) -> int:
        """What trades before the order at its price: the book's queue, and our older orders."""
        price, is_bid = in_ticks_of(order, limit), order.sign > 0
        now = self._venue.seconds
        queue = self._venue.market.queue(order.instrument, now, price, is_bid)
        older = (
            other.queue_ahead + int(other.remaining)
            for other in self._registry.resting(order.instrument, order.sign)
            if other.limit == limit and other.sequence < order.sequence
        )
        return max([queue, *older])

    def _take_from_book(self, order: WorkingOrder, wanted: Decimal) -> None:
        now = self._venue.seconds
        is_all_or_none = order.terms.allOrNone or order.time_in_force == "FOK"
        if is_all_or_none and self.book.offered(order, now) < order.remaining:
            return
        for price, size in self.book.walk(order, now, min(wanted, order.remaining)):
            self._fill(order, Decimal(size), price * order.instrument.tick, TAKER)

    def _cross_own(self, taker: WorkingOrder) -> None:
        """Orders of ours inside the book come first: another account's trade, one's own go.

        An account never trades with itself: the older order is cancelled.
        """
        offers = self.book.offers(taker.instrument, self._venue.seconds, taker.sign > 0)
        best = next((price for price, _ in offers), None)
        resting = self._registry.resting(taker.instrument, -taker.sign)
        for order in sorted(resting, key=lambda order: order.rank):
            price = in_ticks_of(order, order.limit or ZERO)
            is_better = best is None or taker.sign * price < taker.sign * best
            if taker.is_done or not is_better or not within_limit(taker, price):
                break
            if order.account == taker.account:
                self.families.end(order, "Cancelled to prevent a trade with oneself")
                continue
            size = min(order.remaining, taker.remaining)
            self._fill(order, size, price * order.instrument.tick, MAKER)
            self._fill(taker, size, price * order.instrument.tick, TAKER)

    def _fill_resting(self, what: Happening) -> None:
        order = what.order
        order.queue_ahead = 0
        order.followed = what.time
        self.book.trade(order.instrument, what.time, int(what.quantity))
        self._fill(order, what.quantity, what.price * order.instrument.tick, MAKER)

    def _slice(self, what: Happening) -> None:
        order = what.order
        self._lifecycle.submit(order)
        target = max((goal for time, goal in order.slices if time <= what.time), default=ZERO)
        if target > order.filled:
            self._take_from_book(order, target - order.filled)

    def _auction(self, what: Happening) -> None:
        order = what.order
        self._lifecycle.submit(order)
        price = self._venue.market.auction_price(order.instrument, what.time)
        if price is None or not within_limit(order, price):
            self.families.end(order, "")
            return
        self._fill(order, order.remaining, price * order.instrument.tick, TAKER)

    def _fill(
        self, order: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: int
    ) -> None:
        """Book a trade and tell its owner: 11, then 5 and 3, then 5, 3 and 59."""
        done = self._booking.book(order, quantity, price, liquidity)
        self._reports.execution(order.client_id, -1, done)
        status = order.status if order.status == "PendingCancel" else "Submitted"
        self._lifecycle.move(order, status if order.remaining else "Filled")
        self._reports.order(order, commission=order.fees)
        self._reports.cost(order.client_id, done)
        self.families.settle_group(order, quantity)
        if order.is_done:
            self.families.settle_children(order)


def order_stage(order: WorkingOrder) -> Stage:
    """Where an order stands that nothing holds."""
    return Stage.ARMED if order.needs_trigger else Stage.LIVE
