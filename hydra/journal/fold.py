"""Events → state: the one answer to "what do we hold", a pure function of the journal.

The state keeps what is open (holdings, working orders, halt) and running sums; it does not grow
with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

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
    current = state or State()
    for record in records:
        step = STEPS.get(type(record.event))
        if step:
            current = step(current, record.event, record.time)
        current = replace(current, seq=record.seq)
    return current


def strategy_of(order_ref: str) -> str:
    """The strategy that an order reference belongs to."""
    return order_ref.partition(":")[0]


def _started(state: State, event: SessionStarted, time: datetime) -> State:
    return replace(
        state,
        account=event.account,
        sessions={**state.sessions, event.strategy: event.session},
    )


def _reconciled(state: State, event: Reconciled, time: datetime) -> State:
    own = dict.fromkeys(event.positions, ZERO)
    for (_, symbol), holding in state.holdings.items():
        own[symbol] = own.get(symbol, ZERO) + holding.quantity
    external = {s: event.positions.get(s, ZERO) - quantity for s, quantity in own.items()}
    return replace(
        state,
        account=event.account,
        currency=event.currency,
        cash=event.cash,
        external={s: quantity for s, quantity in external.items() if quantity},
        uncharged=frozenset(),  # the broker's cash holds all charges up to now
        early_charges={},
    )


def _admitted(state: State, event: OrderAdmitted, time: datetime) -> State:
    request = event.order.request
    instrument = request.instrument
    return replace(
        state,
        instruments={**state.instruments, instrument.symbol: instrument},
        working={**state.working, request.order_ref: WorkingOrder(request, time)},
    )


def _submitted(state: State, event: OrderSubmitted, time: datetime) -> State:
    return _with_order(
        state,
        event.ref,
        status="submitted",
        client_id=event.client_id,
        order_id=event.order_id,
    )


def _acknowledged(state: State, event: OrderAcknowledged, time: datetime) -> State:
    return _with_order(state, event.ref, status=event.status, perm_id=event.perm_id)


def _ended(state: State, event: OrderEnded, time: datetime) -> State:
    return replace(state, working={ref: o for ref, o in state.working.items() if ref != event.ref})


def _filled(state: State, event: FillRecorded, time: datetime) -> State:
    fill = event.fill
    key = (strategy_of(fill.order_ref), fill.symbol)
    charge = state.early_charges.get(fill.exec_id)
    state = replace(
        state,
        cash=None if state.cash is None else state.cash + fill.cash - (charge or ZERO),
        holdings={**state.holdings, key: state.holdings.get(key, Holding()).after(fill)},
        uncharged=state.uncharged if charge is not None else state.uncharged | {fill.exec_id},
        early_charges={k: v for k, v in state.early_charges.items() if k != fill.exec_id},
    )
    order = state.working.get(fill.order_ref)
    return (
        _with_order(state, fill.order_ref, filled=order.filled + fill.quantity) if order else state
    )


def _corrected(state: State, event: FillCorrected, time: datetime) -> State:
    """The old fill is traded back at its own price and the new one takes its place.

    Quantity and cash are exact; how much of the profit counts as realised can differ from what it
    had been if the correction had come first.
    """
    old, new = event.old, event.new
    key = (strategy_of(new.order_ref), new.symbol)
    back = replace(old, quantity=-old.quantity)
    holding = state.holdings.get(key, Holding()).after(back).after(new)
    state = replace(
        state,
        cash=None if state.cash is None else state.cash + back.cash + new.cash + event.refund,
        commissions=state.commissions - event.refund,
        holdings={**state.holdings, key: holding},
        uncharged=state.uncharged - {old.exec_id} | {new.exec_id},
    )
    order = state.working.get(new.order_ref)
    if order is None:
        return state
    return _with_order(state, new.order_ref, filled=order.filled - old.quantity + new.quantity)


def _charged(state: State, event: CommissionRecorded, time: datetime) -> State:
    charge = event.commission
    state = replace(state, commissions=state.commissions + charge.amount)
    if charge.exec_id not in state.uncharged:
        early = {**state.early_charges, charge.exec_id: charge.amount}
        return replace(state, early_charges=early)
    return replace(
        state,
        cash=None if state.cash is None else state.cash - charge.amount,
        uncharged=state.uncharged - {charge.exec_id},
    )


def _marked(state: State, event: NavMarked, time: datetime) -> State:
    return replace(state, mark=event, marked_at=time, peak_nav=max(state.peak_nav, event.nav))


def _halted(state: State, event: Halted, time: datetime) -> State:
    return replace(state, halted=f"{event.reason} ({event.by})")


def _resumed(state: State, event: Resumed, time: datetime) -> State:
    return replace(state, halted=None)


def _with_order(state: State, ref: str, **changes: Any) -> State:
    order = state.working.get(ref)
    if order is None:
        return state
    return replace(state, working={**state.working, ref: replace(order, **changes)})


STEPS: Mapping[type[Event], Callable[[State, Any, datetime], State]] = {
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
