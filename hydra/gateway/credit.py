"""What an order would take of its account: margin, commission, and whether it can be afforded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hydra.gateway.account import (
    ZERO,
    Account,
    cents,
    commission,
    initial_margin,
    maintenance_margin,
)
from hydra.gateway.orders import OpenOrder, PlaceOrder, open_order
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import LIMITED, WorkingOrder

WHAT_IF_PERM_ID = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """By what an order would change an account's margins, and what it costs; base currency."""

    initial: Decimal
    maintenance: Decimal
    fee: Decimal


class Credit:
    """Reckons orders against accounts at the prices of now."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def charge(self, account: Account, one: Instrument, terms: PlaceOrder) -> Charge:
        """What `terms` would change, were they filled at their limit or at the market."""
        price = self._price(one, terms)
        rate = self._venue.rate(one.currency)
        held = account.held(one.conId).quantity
        after = held + terms.totalQuantity * (1 if terms.action == "BUY" else -1)
        initial = initial_margin(one, after, price) - initial_margin(one, held, price)
        kept = maintenance_margin(one, after, price) - maintenance_margin(one, held, price)
        fee = commission(one, terms.totalQuantity, price)
        return Charge(cents(initial * rate), cents(kept * rate), cents(fee * rate))

    def shortfall(self, order: WorkingOrder) -> str | None:
        """The gateway's reason for an order that the account cannot afford; None if it can."""
        account = self._venue.accounts[order.account]
        charge = self.charge(account, order.instrument, order.terms)
        now = self._venue.valuation(account)
        if charge.initial <= 0 or now.available - charge.initial - charge.fee >= 0:
            return None
        return (
            "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH "
            f"LOAN VALUE [{now.net_liquidation - charge.fee} {account.base}] MUST EXCEED THE "
            f"INITIAL MARGIN [{now.initial_margin + charge.initial} {account.base}]"
        )

    def cushion(self, code: str) -> float:
        """Excess liquidity over net liquidation, in percent."""
        now = self._venue.valuation(self._venue.accounts[code])
        return float(now.excess / now.net_liquidation * 100) if now.net_liquidation else 0.0

    def what_if(self, client_id: int, one: Instrument, terms: PlaceOrder) -> OpenOrder:
        """The answer to a what-if: all nine margins, of which no client bears one missing."""
        account = self._venue.accounts[terms.account or self._venue.account.code]
        charge = self.charge(account, one, terms)
        now = self._venue.valuation(account)
        fee = commission(one, terms.totalQuantity, self._price(one, terms))
        return open_order(
            replace(terms, contract=one.contract(terms.contract.exchange)),
            clientId=client_id,
            permId=WHAT_IF_PERM_ID,
            status="PreSubmitted",
            initMarginBefore=str(now.initial_margin),
            maintMarginBefore=str(now.maintenance_margin),
            equityWithLoanBefore=str(now.net_liquidation),
            initMarginChange=str(charge.initial),
            maintMarginChange=str(charge.maintenance),
            equityWithLoanChange=str(-charge.fee),
            initMarginAfter=str(now.initial_margin + charge.initial),
            maintMarginAfter=str(now.maintenance_margin + charge.maintenance),
            equityWithLoanAfter=str(now.net_liquidation - charge.fee),
            commission=fee,
            minCommission=fee,
            maxCommission=fee,
            commissionCurrency=one.currency,
        )

    def shares_lacking(self, order: WorkingOrder) -> Decimal:
        """How many shares would have to be borrowed and are not there; 0 if none."""
        one = order.instrument
        lendable = self._venue.lendable_shares(one)
        if lendable is None or order.sign > 0:
            return ZERO
        held = max(self._venue.accounts[order.account].held(one.conId).quantity, ZERO)
        borrowed = max(-self._venue.accounts[order.account].held(one.conId).quantity, ZERO)
        return max(order.remaining - held - (lendable - borrowed), ZERO)

    def _price(self, one: Instrument, terms: PlaceOrder) -> Decimal:
        limit = terms.lmtPrice if terms.orderType in LIMITED else None
        return limit or self._venue.mark(one)
