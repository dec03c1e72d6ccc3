"""placeOrder: a new order is looked at, held back or entered; a live one is changed."""

from __future__ import annotations

from dataclasses import replace

from hydra.gateway.cash_quantity import sized_by_amount
from hydra.gateway.checks import ignores_outside_hours, refused_change
from hydra.gateway.credit import Credit
from hydra.gateway.identifiers import has_identifier
from hydra.gateway.order_execution import OrderExecution, order_stage
from hydra.gateway.order_lifecycle import OrderLifecycle
from hydra.gateway.order_refusals import OrderRefusals
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.presets import refused_preset
from hydra.gateway.pricing import arm, limit_of, pricing_changed
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.reports import OrderReports
from hydra.gateway.scale import start_components
from hydra.gateway.schedule import ends_at, starts_at
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import Stage, WorkingOrder

_NO_SHARES = (
    "Shares for this order are not immediately available for short sale. The order will be held "
    "while we attempt to locate the shares."
)
_OUTSIDE_HOURS = (
    "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the "
    "order type and destination."
)


class OrderIntake:
    """Takes what clients place into the books."""

    def __init__(
        self,
        venue: Venue,
        registry: OrderRegistry,
        reports: OrderReports,
        credit: Credit,
        execution: OrderExecution,
    ) -> None:
        self._venue = venue
        self._registry = registry
        self._reports = reports
        self._credit = credit
        self._execution = execution
        self._refusals = OrderRefusals(venue, registry, credit)
        self._lifecycle = OrderLifecycle(venue, registry, reports)

    def place(self, client_id: int, terms: PlaceOrder) -> None:
        """Take a new order, change a live one, or work out what one would cost."""
        known = self._registry.orders.get((client_id, terms.orderId))
        if known is not None and not terms.whatIf:
            self._modify(known, terms)
            return
        found = [
            one
            for one in self._venue.find(terms.contract)
            if has_identifier(one, terms.secIdType, terms.secId)
        ]
        one = found[0] if len(found) == 1 and terms.contract.exchange else None
        refused = (
            (200, NOT_FOUND) if one is None else self._refusals.refused(client_id, one, terms)
        )
        if not terms.contract.exchange:
            refused = 321, "Error validating request.-'bN' : cause - Missing order exchange"
        if refused is not None or one is None:
            self._venue.refuse(client_id, terms.orderId, *(refused or (200, NOT_FOUND)))
            return
        terms = sized_by_amount(self._venue, one, terms)
        if terms.whatIf:
            self._venue.post(client_id, self._credit.what_if(client_id, one, terms))
        else:
            self._take(client_id, one, terms)

    def wake(self, order: WorkingOrder) -> None:
        """An order that slept works again, as one that has just come."""
        order.sleeps, order.shown_status = False, ""
        self._queue_anew(order)
        self._lifecycle.move(order, order.status)
        self._execution.go_on(order)

    def add_foreign(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        """Put an order into the book that was not sent here; it sleeps, and nobody is told."""
        order = WorkingOrder(client_id, terms, one, self._registry.next_perm_id(), sleeps=True)
        order.account, order.status = self._venue.account.code, "Submitted"
        order.sequence, order.stage = self._registry.next_sequence(), Stage.LIVE
        self._registry.use_order_id(client_id, terms.orderId)
        self._registry.register(order)
        self._registry.start(order)

    # --- a new order ------------------------------------------------------------------------

    def _take(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        self._registry.use_order_id(client_id, terms.orderId)
        held_back = self._registry.held_back
        held_back.pop((client_id, terms.orderId), None)
        if not terms.transmit:
            held_back[client_id, terms.orderId] = terms
            return
        for member in [*self._registry.take_held_back_family(client_id, terms), terms]:
            (own,) = self._venue.find(member.contract)
            self._enter(client_id, own, member)

    def _enter(self, client_id: int, one: Instrument, terms: PlaceOrder) -> None:
        now = self._venue.seconds
        order = WorkingOrder(
            client_id,
            terms,
            one,
            self._registry.next_perm_id(),
            account=terms.account or self._venue.account.code,
            sequence=self._registry.next_sequence(),
            followed=now,
            seen=now,
            executions_before=self._registry.execution_count,
        )
        self._registry.register(order)
        reason = self._refusals.rejection(order)
        if reason is not None:
            self._lifecycle.reject(order, reason)
            return
        self._registry.start(order)
        if order.is_scale:
            start_components(order, self._venue.seed)
        self._execution.families.join(order)
        if order.is_done:  # a hedge of next to nothing
            return
        self._set_times(order)
        self._set_prices(order)
        self._accept(order)

    def _set_times(self, order: WorkingOrder) -> None:
        now, latency = self._venue.seconds, self._venue.latency_s
        order.release_at = starts_at(order, now + latency if latency else 0)
        order.expires_at = ends_at(order, self._venue.market, now)
        order.awaits_shares = self._credit.shares_lacking(order) > 0

    def _set_prices(self, order: WorkingOrder) -> None:
        order.limit = limit_of(order)
        arm(order, self._venue.market, self._venue.seconds)

    def _accept(self, order: WorkingOrder) -> None:
        is_ignored = ignores_outside_hours(order.terms)
        if is_ignored:
            order.terms = replace(order.terms, outsideRth=False)
        is_halted = self._waits_for_halt(order)
        if not self._execution.is_open(order) and not is_halted:
            self._lifecycle.warn_closed(order)
        if is_ignored:
            self._reports.error(order, 2109, _OUTSIDE_HOURS)
        if order.awaits_shares:
            self._reports.error(order, 404, f"Order Message:\n{_NO_SHARES}")
        if not self._execution.is_held(order):
            order.stage = order_stage(order)
        is_working = order.stage is Stage.LIVE and not order.is_auction
        self._lifecycle.acknowledge(
            order, is_working=is_working and self._execution.is_open(order)
        )
        if is_halted and order.stage is Stage.LIVE:
            self._lifecycle.submit(order)  # it works at the exchange, which does not trade
        self._execution.go_on(order)

    def _waits_for_halt(self, order: WorkingOrder) -> bool:
        """Whether the market is open and a halt alone keeps the order from trading."""
        now, market = self._venue.seconds, self._venue.market
        if not market.is_halted(order.instrument, now):
            return False
        return market.is_in_session(order.instrument, now, order.works_outside)

    # --- a live order -----------------------------------------------------------------------

    def _modify(self, order: WorkingOrder, terms: PlaceOrder) -> None:
        # Whether presets meet a change is unknown; a larger order passing them would be worse.
        is_filled = order.status == "Filled"
        if is_filled and self._venue.variant("change_of_filled") == "ignored":
            return
        refused = refused_change(order, terms) or refused_preset(
            self._venue, order.instrument, terms
        )
        if refused is not None:
            self._reports.error(order, *refused)
            return
        old = order.terms
        order.terms = replace(
            terms,
            contract=old.contract,
            parentId=old.parentId,
            totalQuantity=old.totalQuantity if old.hedgeType else terms.totalQuantity,
            ocaGroup=terms.ocaGroup or old.ocaGroup,
            ocaType=terms.ocaType or old.ocaType,
        )
        self._set_times(order)
        if pricing_changed(old, terms):
            # A new price or a larger size goes to the end of the queue.
            self._queue_anew(order)
            self._set_prices(order)
        self._lifecycle.move(order, order.status)
        if not order.has_arrived:
            self._execution.go_on(order)

    def _queue_anew(self, order: WorkingOrder) -> None:
        """An order goes to the end of the queue, as one that has just come."""
        order.sequence, order.has_arrived = self._registry.next_sequence(), False
        order.tip = None
        order.seen = order.followed = self._venue.seconds
