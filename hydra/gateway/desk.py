"""The order desk: what the exchange and the operator ask of all orders together.

Its parts, each of which uses only those before it: `order_registry` (lists and numbers),
`order_lifecycle` (statuses), `order_families` (children, groups), `trade_booking` (the books),
`order_execution` (what happens to orders), `order_refusals` and `order_intake` (placeOrder),
`order_answers` (every other request).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway.conditions import Sight, first_met
from hydra.gateway.credit import Credit
from hydra.gateway.layout import Request
from hydra.gateway.matching import Happening, follow, next_happening
from hydra.gateway.order_answers import OrderAnswers
from hydra.gateway.order_execution import OrderExecution
from hydra.gateway.order_intake import OrderIntake
from hydra.gateway.order_lifecycle import OrderLifecycle
from hydra.gateway.order_past import Row, execution_row, first_kept_day
from hydra.gateway.order_registry import Memory, OrderRegistry
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.reports import Executed, OrderReports
from hydra.gateway.trade_booking import TradeBooking
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder


class OrderDesk:
    """All orders of all clients."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._credit = Credit(venue)
        self._reports = reports = OrderReports(venue)
        self._registry = registry = OrderRegistry(venue.seed)
        sight = Sight(venue.market, venue.instrument, self._credit.cushion, registry.has_traded)
        self._conditions = partial(first_met, sight)
        self._execution = OrderExecution(venue, registry, reports, sight)
        self._families = self._execution.families
        self._intake = OrderIntake(venue, registry, reports, self._credit, self._execution)
        self._answers = OrderAnswers(venue, registry, reports, self._families)
        self._lifecycle = OrderLifecycle(venue, registry, reports)
        self._booking = TradeBooking(venue, registry, reports)

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            PlaceOrder: self._intake.place,
            ask.CancelOrder: self._answers.cancel,
            ask.ReqGlobalCancel: self._answers.cancel_all,
            ask.ReqIds: self._answers.next_id,
            ask.ReqOpenOrders: self._answers.open_orders,
            ask.ReqAllOpenOrders: self._answers.all_open_orders,
            ask.ReqAutoOpenOrders: self._answers.auto_open_orders,
            ask.ReqCompletedOrders: self._answers.completed_orders,
            ask.ReqExecutions: self._answers.report_executions,
        }

    # --- what is there ----------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether no order is working, so that time can pass unobserved."""
        return not self._registry.working

    @property
    def open_list(self) -> list[WorkingOrder]:
        """The working orders, oldest first."""
        return self._registry.open_list

    @property
    def executions(self) -> list[Executed]:
        """The executions of the last days, oldest first."""
        return self._registry.executions

    @property
    def execution_count(self) -> int:
        """How many executions there have been in all."""
        return self._registry.execution_count

    @property
    def execution_rows(self) -> list[Row]:
        """All executions that are known, oldest first, as the control port tells them."""
        registry = self._registry
        return [*registry.past.rows, *map(execution_row, registry.executions)]

    @property
    def memory(self) -> Memory:
        """Everything that outlives a restart."""
        return self._registry.memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        self._registry.memory = memory

    def next_order_id(self, client_id: int) -> int:
        """One above every order number that the client ever used."""
        return self._registry.next_order_id(client_id)

    # --- as time goes by --------------------------------------------------------------------

    def next_happening(self, after: int, until: int) -> Happening | None:
        """What happens first in (`after`, `until`]; at one second price and time have priority."""
        found = (
            next_happening(self._execution.book, order, after, until, self._conditions)
            for order in self._registry.working.values()
            if not order.sleeps
        )
        happenings = (happening for happening in found if happening is not None)
        return min(happenings, key=lambda happening: happening.rank, default=None)

    def happen(self, happening: Happening) -> None:
        """Let it happen, at the time of now."""
        self._execution.happen(happening)

    def follow(self, until: int) -> None:
        """Nothing more happens up to `until`: work out queues and trails."""
        for order in self._registry.working.values():
            follow(self._venue.market, order, until)

    # --- what is done to orders from outside ------------------------------------------------

    def forget_old(self) -> None:
        """Forget the orders and executions that no real gateway would still tell of."""
        self._registry.forget_before(first_kept_day(self._venue.now))

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
                self._lifecycle.move(order, order.status)
                self._execution.set_free(order)

    def put_to_sleep(self, order: WorkingOrder, shown_status: str) -> None:
        """A working order takes no part in trading; its owner is told `shown_status`."""
        order.sleeps, order.shown_status = True, shown_status
        self._reports.order(order)

    def wake(self, order: WorkingOrder) -> None:
        """An order that slept works again, as one that has just come."""
        self._intake.wake(order)

    def add_foreign(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        """Put an order into the book that was not sent here; it sleeps, and nobody is told."""
        self._intake.add_foreign(client_id, one, terms)

    def end_all_in(self, one: Instrument) -> None:
        """Cancel the orders in an instrument that is split or has expired."""
        for order in self.open_list:
            if order.instrument.conId == one.conId and not order.is_done:
                self._families.end(order, "Cancelled by the exchange")

    def revise(self, exec_id: str, price: Decimal | None) -> None:
        """Correct an execution's price, or take the trade back (None); the books follow."""
        self._booking.revise(exec_id, price)
