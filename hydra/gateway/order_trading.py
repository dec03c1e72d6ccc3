"""Orders against the book: what they take, where they queue, and what is told of each fill."""

from __future__ import annotations

from decimal import Decimal

from hydra.gateway.account import ZERO
from hydra.gateway.displayed_book import Book
from hydra.gateway.matching import Happening
from hydra.gateway.order_families import OrderFamilies
from hydra.gateway.order_lifecycle import OrderLifecycle
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.reports import MAKER, TAKER, Executed, OrderReports
from hydra.gateway.scale import begin_next_component
from hydra.gateway.trade_booking import TradeBooking
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder, in_ticks_of, within_limit


class OrderTrading:
    """Lets orders trade at the time of now."""

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
        self.book = Book(venue.market)
        self._lifecycle = OrderLifecycle(venue, registry, reports)
        self._booking = TradeBooking(venue, registry, reports)

    def queue(self, order: WorkingOrder) -> None:
        """Join the end of the queue at the order's limit, an iceberg with its next tip."""
        if order.terms.displaySize:
            order.tip = min(Decimal(order.terms.displaySize), order.at_work)
        order.queue_ahead = self._queue_before(order, order.limit or ZERO)

    def best_offer(self, order: WorkingOrder) -> Decimal | None:
        best = self.book.best(order, self._venue.seconds)
        return None if best is None else best * order.instrument.tick

    def _queue_before(self, order: WorkingOrder, limit: Decimal) -> int:
        """What trades before the order at its price: the book's queue, and our older orders."""
        price, is_bid = in_ticks_of(order, limit), order.sign > 0
        now = self._venue.seconds
        queue = self._venue.market.queue(order.instrument, now, price, is_bid)
        older = (
            other.queue_ahead + int(other.displayed)
            for other in self._registry.resting(order.instrument, order.sign)
            if other.limit == limit and other.sequence < order.sequence
        )
        return max([queue, *older])

    def take(self, order: WorkingOrder) -> None:
        """Take what there is within its reach, a scale order component after component."""
        while True:
            self._cross_own(order)
            self._take_from_book(order, order.at_work)
            if not begin_next_component(order, self._venue.seed):
                return

    def _take_from_book(self, order: WorkingOrder, wanted: Decimal) -> None:
        now = self._venue.seconds
        if order.is_done or self.book.offered(order, now) < order.minimum:
            return
        for price, size in self.book.walk(order, now, min(wanted, order.at_work)):
            self._fill(order, Decimal(size), price * order.instrument.tick, TAKER)

    def _cross_own(self, taker: WorkingOrder) -> None:
        """Orders of ours inside the book come first: another account's trade, one's own go.

        An account never trades with itself: the older order is cancelled.
        """
        best = self.book.best(taker, self._venue.seconds)
        passed_over: set[int] = set()
        while taker.at_work and (order := self._best_resting(taker, passed_over)):
            price = in_ticks_of(order, order.limit or ZERO)
            is_better = best is None or taker.sign * price < taker.sign * best
            if not is_better or not within_limit(taker, price):
                return
            if order.account == taker.account:
                self._families.end(order, "Cancelled to prevent a trade with oneself")
                continue
            size = min(order.displayed, taker.at_work)
            if size <= 0 or size < max(order.minimum, taker.minimum):
                passed_over.add(order.perm_id)
                continue
            self._fill(order, size, price * order.instrument.tick, MAKER)
            self._fill(taker, size, price * order.instrument.tick, TAKER)
            self._show_next(order)

    def _best_resting(self, taker: WorkingOrder, passed_over: set[int]) -> WorkingOrder | None:
        """The order of ours on the other side that trades first."""
        resting = self._registry.resting(taker.instrument, -taker.sign)
        eligible = (order for order in resting if order.perm_id not in passed_over)
        return min(eligible, key=lambda order: order.rank, default=None)

    def fill_resting(self, what: Happening) -> None:
        order = what.order
        order.queue_ahead = 0
        order.followed = what.time
        self.book.trade(order.instrument, what.time, int(what.quantity))
        self._fill(order, what.quantity, what.price * order.instrument.tick, MAKER)
        self._show_next(order)

    def _show_next(self, order: WorkingOrder) -> None:
        """What follows when all that an order showed has traded: it is at the end of the queue."""
        if order.is_done:
            return
        if begin_next_component(order, self._venue.seed):
            order.sequence = self._registry.next_sequence()
            self.take(order)
            if not order.is_done:
                self.queue(order)
        elif order.tip == ZERO:
            order.sequence = self._registry.next_sequence()
            self.queue(order)

    def slice(self, what: Happening) -> None:
        order = what.order
        self._lifecycle.submit(order)
        target = max((goal for time, goal in order.slices if time <= what.time), default=ZERO)
        if target > order.filled:
            self._take_from_book(order, target - order.filled)

    def auction(self, what: Happening) -> None:
        order = what.order
        self._lifecycle.submit(order)
        price = self._venue.market.auction_price(order.instrument, what.time)
        if price is None or not within_limit(order, price):
            self._families.end(order, "")
            return
        self._fill(order, order.remaining, price * order.instrument.tick, TAKER)

    def _fill(
        self, order: WorkingOrder, quantity: Decimal, price: Decimal, liquidity: int
    ) -> None:
        """Book a trade, tell its owner, and let it have its effect on the order's family."""
        done = self._booking.book(order, quantity, price, liquidity)
        self._tell_fill(order, done)
        self._families.settle_group(order, quantity)
        if order.is_done:
            self._families.settle_children(order)

    def _tell_fill(self, order: WorkingOrder, done: Executed) -> None:
        status = order.status if order.status == "PendingCancel" else "Submitted"
        status = status if order.remaining else "Filled"
        how = self._venue.variant("execution_order")
        if how == "status_then_execution":
            self._lifecycle.move(order, status)
            self._reports.execution(done)
        else:
            self._reports.execution(done)
            self._lifecycle.move(order, status, is_short=how == "execution_then_status")
        if how == "execution_then_orders":
            self._reports.order(order, commission=order.fees)
        self._reports.cost(done)
