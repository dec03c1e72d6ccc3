"""Events → state: the one answer to "what do we hold", a pure function of the journal.

The state keeps what is open (holdings, working orders, halt) and running sums; it does not grow
with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillCorrected,
    FillRecorded,
    Halted,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderSubmitted,
    Reconciled,
    Recorded,
    Resumed,
    SessionStarted,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Fill, OrderRequest

ZERO = Decimal(0)


@dataclass(frozen=True)
class Holding:
    """What one strategy holds of one instrument; costs in the instrument's currency.

    `average_cost` is the price paid a unit, commissions apart; `realised` the profit (loss < 0)
    of what was closed, commissions apart.
    """

    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    realised: Decimal = ZERO

    def after(self, fill: Fill) -> Holding:
        """The holding once the fill is in: average cost method, through zero as two steps."""
        quantity = self.quantity + fill.quantity
        if not fill.quantity:
            return self
        if self.quantity * fill.quantity >= 0:
            cost = self.quantity * self.average_cost + fill.quantity * fill.price
            return replace(self, quantity=quantity, average_cost=cost / quantity)
        closed = min(abs(fill.quantity), abs(self.quantity))
        side = 1 if self.quantity > 0 else -1
        gain = side * closed * (fill.price - self.average_cost) * fill.multiplier
        flipped = self.quantity * quantity < 0
        average = fill.price if flipped else (self.average_cost if quantity else ZERO)
        return Holding(quantity, average, self.realised + gain)


@dataclass(frozen=True)
class WorkingOrder:
    """An admitted order that has not ended; `filled` has the request's sign."""

    request: OrderRequest
    admitted_at: datetime
    status: str = "admitted"
    filled: Decimal = ZERO
    client_id: int = 0
    order_id: int = 0
    perm_id: int = 0

    @property
    def remaining(self) -> Decimal:
        """Signed quantity that is still to be filled."""
        return self.request.quantity - self.filled


@dataclass(frozen=True)
class State:
    """All that the journal says is so, as of event `seq`."""

    seq: int = 0
    account: str = ""
    currency: str = ""
    cash: Decimal | None = None
    holdings: Mapping[tuple[str, str], Holding] = field(default_factory=dict)
    """By (strategy, symbol)."""
    external: Mapping[str, Decimal] = field(default_factory=dict)
    """What the account holds that no strategy of ours owns, signed, by symbol."""
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    working: Mapping[str, WorkingOrder] = field(default_factory=dict)
    uncharged: frozenset[str] = frozenset()
    """Executions whose commission was not reported yet."""
    early_charges: Mapping[str, Decimal] = field(default_factory=dict)
    """Commissions that came before their executions."""
    commissions: Decimal = ZERO
    halted: str | None = None
    """Why trading is halted; None when it is not."""
    mark: NavMarked | None = None
    marked_at: datetime | None = None
    peak_nav: Decimal = ZERO
    sessions: Mapping[str, date] = field(default_factory=dict)
    """The last session each strategy started."""

    def quantity(self, symbol: str, strategy: str | None = None) -> Decimal:
        """Signed quantity of one strategy, or of the whole account (external included)."""
        if strategy is not None:
            return self.holdings.get((strategy, symbol), Holding()).quantity
        own = sum((h.quantity for (_, s), h in self.holdings.items() if s == symbol), ZERO)
        return own + self.external.get(symbol, ZERO)

    @property
    def positions(self) -> dict[str, Decimal]:
        """Signed quantities of the whole account by symbol, flat ones left out."""
        symbols = {symbol for _, symbol in self.holdings} | set(self.external)
        held = {symbol: self.quantity(symbol) for symbol in sorted(symbols)}
        return {symbol: quantity for symbol, quantity in held.items() if quantity}


def fold(records: Iterable[Recorded], state: State | None = None) -> State:
    """The state after `records`, which follow `state` (or begin the journal)."""
    draft = _Draft.of(state or State())
    for record in records:
        step = STEPS.get(type(record.event))
        if step:
            step(draft, record.event, record.time)
        draft.seq = record.seq
    return draft.state()


def strategy_of(order_ref: str) -> str:
    """The strategy that an order reference belongs to."""
    return order_ref.partition(":")[0]


@dataclass
class _Draft:
    """A state in the making: copied once for a whole fold, not once for each event."""

    seq: int
    account: str
    currency: str
    cash: Decimal | None
    holdings: dict[tuple[str, str], Holding]
    external: dict[str, Decimal]
    instruments: dict[str, Instrument]
    working: dict[str, WorkingOrder]
    uncharged: set[str]
    early_charges: dict[str, Decimal]
    commissions: Decimal
    halted: str | None
    mark: NavMarked | None
    marked_at: datetime | None
    peak_nav: Decimal
    sessions: dict[str, date]

    @classmethod
    def of(cls, state: State) -> Self:
        """A copy that may be changed."""
        values = {f.name: getattr(state, f.name) for f in fields(cls)}
        copies = {n: dict(v) for n, v in values.items() if isinstance(v, Mapping)}
        return cls(**{**values, **copies, "uncharged": set(state.uncharged)})

    def state(self) -> State:
        """The state, once nothing is added any more."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return State(**{**values, "uncharged": frozenset(self.uncharged)})

    def pay(self, amount: Decimal) -> None:
        """Cash in (> 0) or out, once the account's cash is known."""
        if self.cash is not None:
            self.cash += amount

    def fill(self, fill: Fill) -> None:
        """Add a fill to its strategy's holding and to its order."""
        key = (strategy_of(fill.order_ref), fill.symbol)
        self.holdings[key] = self.holdings.get(key, Holding()).after(fill)
        self.pay(fill.cash)
        if order := self.working.get(fill.order_ref):
            self.change(fill.order_ref, filled=order.filled + fill.quantity)

    def change(self, ref: str, **changes: Any) -> None:
        """Change a working order; one that is not working any more stays as it ended."""
        if ref in self.working:
            self.working[ref] = replace(self.working[ref], **changes)


def _started(draft: _Draft, event: SessionStarted, time: datetime) -> None:
    draft.account = event.account
    draft.sessions[event.strategy] = event.session


def _reconciled(draft: _Draft, event: Reconciled, time: datetime) -> None:
    own = dict.fromkeys(event.positions, ZERO)
    for (_, symbol), holding in draft.holdings.items():
        own[symbol] = own.get(symbol, ZERO) + holding.quantity
    external = {s: event.positions.get(s, ZERO) - quantity for s, quantity in own.items()}
    draft.external = {s: quantity for s, quantity in external.items() if quantity}
    draft.account, draft.currency, draft.cash = event.account, event.currency, event.cash
    draft.uncharged = set()  # the broker's cash holds all charges up to now
    draft.early_charges = {}


def _admitted(draft: _Draft, event: OrderAdmitted, time: datetime) -> None:
    request = event.order.request
    draft.instruments[request.instrument.symbol] = request.instrument
    draft.working[request.order_ref] = WorkingOrder(request, time)


def _submitted(draft: _Draft, event: OrderSubmitted, time: datetime) -> None:
    ids = {"client_id": event.client_id, "order_id": event.order_id}
    draft.change(event.ref, status="submitted", **ids)


def _acknowledged(draft: _Draft, event: OrderAcknowledged, time: datetime) -> None:
    draft.change(event.ref, status=event.status, perm_id=event.perm_id)


def _ended(draft: _Draft, event: OrderEnded, time: datetime) -> None:
    draft.working.pop(event.ref, None)


def _filled(draft: _Draft, event: FillRecorded, time: datetime) -> None:
    draft.fill(event.fill)
    charge = draft.early_charges.pop(event.fill.exec_id, None)
    if charge is None:
        draft.uncharged.add(event.fill.exec_id)
    else:
        draft.pay(-charge)


def _corrected(draft: _Draft, event: FillCorrected, time: datetime) -> None:
    """The old fill is traded back at its own price and the new one takes its place.

    Quantity and cash are exact; how much of the profit counts as realised can differ from what it
    had been if the correction had come first.
    """
    draft.fill(replace(event.old, quantity=-event.old.quantity))
    draft.fill(event.new)
    draft.pay(event.refund)
    draft.commissions -= event.refund
    draft.uncharged.discard(event.old.exec_id)
    draft.uncharged.add(event.new.exec_id)


def _charged(draft: _Draft, event: CommissionRecorded, time: datetime) -> None:
    charge = event.commission
    draft.commissions += charge.amount
    if charge.exec_id in draft.uncharged:
        draft.uncharged.remove(charge.exec_id)
        draft.pay(-charge.amount)
    else:
        draft.early_charges[charge.exec_id] = charge.amount


def _marked(draft: _Draft, event: NavMarked, time: datetime) -> None:
    draft.mark, draft.marked_at = event, time
    draft.peak_nav = max(draft.peak_nav, event.nav)


def _halted(draft: _Draft, event: Halted, time: datetime) -> None:
    draft.halted = f"{event.reason} ({event.by})"


def _resumed(draft: _Draft, event: Resumed, time: datetime) -> None:
    draft.halted = None


STEPS: Mapping[type[Event], Callable[[_Draft, Any, datetime], None]] = {
    SessionStarted: _started,
    Reconciled: _reconciled,
    OrderAdmitted: _admitted,
    OrderSubmitted: _submitted,
    OrderAcknowledged: _acknowledged,
    OrderEnded: _ended,
    FillRecorded: _filled,
    FillCorrected: _corrected,
    CommissionRecorded: _charged,
    NavMarked: _marked,
    Halted: _halted,
    Resumed: _resumed,
}
"""What each kind of event does to the state; kinds that are not here change nothing."""
