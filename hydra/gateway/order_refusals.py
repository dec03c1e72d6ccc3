"""Why an order is not taken: refused by a code, or rejected by the exchange or the account."""

from __future__ import annotations

from hydra.gateway.account_codes import NO_ACCOUNT
from hydra.gateway.cash_quantity import refused_cash_quantity, sized_by_amount
from hydra.gateway.checks import is_far_currency, refused_order, rejected_price
from hydra.gateway.credit import Credit
from hydra.gateway.hedges import refused_for_parent
from hydra.gateway.order_lifecycle import FAR_CURRENCY, FILL_OR_KILL, NO_ICEBERG
from hydra.gateway.order_registry import OrderRegistry
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.presets import refused_preset
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import AT_CLOSE, WorkingOrder

Refused = tuple[int, str] | None

_CLOSE_CUTOFF_S = 600  # orders for the closing auction come at least ten minutes before it


class OrderRefusals:
    """Looks at a new order before it is taken."""

    def __init__(self, venue: Venue, registry: OrderRegistry, credit: Credit) -> None:
        self._venue = venue
        self._registry = registry
        self._credit = credit

    def refused(self, client_id: int, one: Instrument, terms: PlaceOrder) -> Refused:
        """Code and text for terms that are not taken; None for an order."""
        refused = self._refused_id(client_id, terms) or refused_cash_quantity(one, terms)
        if refused is not None:
            return refused
        terms = sized_by_amount(self._venue, one, terms)
        return (
            refused_order(one, terms, self._venue.now)
            or self._refused_halted(one, terms)
            or self._refused_account(terms)
            or refused_preset(self._venue, one, terms)
            or self._refused_parent(client_id, terms)
            or self._refused_hedge(client_id, one, terms)
        )

    def rejection(self, order: WorkingOrder) -> str | None:
        """The exchange's or the account's reason against an order that is well written."""
        one, terms = order.instrument, order.terms
        if not one.tradable:
            return "The contract is not available for trading."
        if one.shortable == 0 and self._credit.shares_lacking(order):
            return "The contract is not available for short sale."
        if order.time_in_force == "FOK" and one.secType == "STK" and _is_smart(terms):
            return FILL_OR_KILL
        if self._is_untaken_iceberg(order):
            return NO_ICEBERG
        if order.order_type in AT_CLOSE and self._is_late_for_close(one):
            return "The order arrived after the cut-off of the closing auction."
        parent = self._registry.parent_of(order)
        if parent is not None and not parent.is_done:
            return None  # its margin depends on what the parent will have traded
        mark = self._venue.mark(one)
        if is_far_currency(one, terms, mark):
            return FAR_CURRENCY
        return rejected_price(terms, mark) or self._credit.shortfall(order)

    def _is_untaken_iceberg(self, order: WorkingOrder) -> bool:
        is_iceberg = order.terms.displaySize and order.instrument.secType == "STK"
        return bool(is_iceberg) and self._venue.variant("iceberg") == "inactive"

    def _refused_id(self, client_id: int, terms: PlaceOrder) -> Refused:
        is_used = terms.orderId < self._registry.next_order_id(client_id)
        is_held = (client_id, terms.orderId) in self._registry.held_back
        return (103, "Duplicate order id") if is_used and not (is_held or terms.whatIf) else None

    def _refused_halted(self, one: Instrument, terms: PlaceOrder) -> Refused:
        """154, or not: the variant `halted_order`."""
        now, market = self._venue.seconds, self._venue.market
        is_halted = market.is_halted(one, now) and market.is_in_session(one, now, terms.outsideRth)
        if not is_halted or self._venue.variant("halted_order") == "held":
            return None
        return 154, "Orders cannot be transmitted for a halted security."

    def _refused_account(self, terms: PlaceOrder) -> Refused:
        if not terms.account and self._venue.others:
            return NO_ACCOUNT
        if terms.account in {"", *self._venue.accounts}:
            return None
        cause = f"The account code {terms.account} is not available to this user"
        return 321, f"Error validating request.-'bN' : cause - {cause}"

    def _refused_parent(self, client_id: int, terms: PlaceOrder) -> Refused:
        key = (client_id, terms.parentId)
        if not terms.parentId or key in self._registry.held_back:
            return None
        parent = self._registry.orders.get(key)
        is_gone = parent is None or (parent.is_done and not parent.filled)
        return (10006, "Missing parent order.") if is_gone else None

    def _refused_hedge(self, client_id: int, one: Instrument, terms: PlaceOrder) -> Refused:
        if not terms.hedgeType:
            return None
        key = (client_id, terms.parentId)
        held_back, parent = self._registry.held_back.get(key), self._registry.orders.get(key)
        if held_back is not None:
            return refused_for_parent(one, terms, self._venue.find(held_back.contract)[0])
        return None if parent is None else refused_for_parent(one, terms, parent.instrument)

    def _is_late_for_close(self, one: Instrument) -> bool:
        end = self._venue.market.session_end(one, self._venue.seconds)
        return end is None or self._venue.seconds > end - _CLOSE_CUTOFF_S


def _is_smart(terms: PlaceOrder) -> bool:
    return terms.contract.exchange in {"", "SMART"}
