"""Events → state: the one answer to "what do we hold", a pure function of the journal.

The state keeps what is open (holdings, working orders, halt) and running sums; it does not grow
with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self

from hydra.domain import lifecycle
from hydra.domain.conduct import KEPT, Behaviour, Counts, Executed, Trip, family
from hydra.domain.cost_basis import averaged
from hydra.domain.events import (
    BreakerTripped,
    CancelRequested,
    CashMoved,
    CommissionRecorded,
    ConnectionChanged,
    ContestedPosition,
    EpochBegun,
    Event,
    ExternalFillRecorded,
    FillCorrected,
    FillRecorded,
    FutureSettled,
    Halted,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderFound,
    OrderModified,
    OrderQuoted,
    OrderRefused,
    OrderRetried,
    OrderSubmitted,
    OrderUnsent,
    PositionAdopted,
    RatesTold,
    Reconciled,
    Recorded,
    Resumed,
    SessionStarted,
    SplitApplied,
    StrategySwitched,
)
from hydra.domain.instruments import ONE, Instrument, currencies_of
from hydra.domain.lifecycle import OrderState, Told
from hydra.domain.orders import Commission, Fill, OrderRequest
from hydra.domain.traffic import Intent, Moment, Sent, remember

ZERO = Decimal(0)
CENT = Decimal("0.01")
STALE_CHECKS = frozenset({"stale_price", "delayed_data"})
"""Checks whose refusals say that prices were old."""


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
        if not fill.quantity:
            return self
        cost, gain = averaged(self.quantity, self.average_cost, fill.quantity, fill.price)
        gained = self.realised + gain * fill.multiplier
        return Holding(self.quantity + fill.quantity, cost, gained)


@dataclass(frozen=True)
class WorkingOrder:
    """An admitted order that has not ended; `filled` has the request's sign.

    `status` is the broker's own word for it, `unsent` how often it provably never left, `found`
    how often it was at work after it had been taken for ended.
    """

    request: OrderRequest
    admitted_at: datetime
    state: OrderState = OrderState.PENDING
    status: str = ""
    filled: Decimal = ZERO
    client_id: int = 0
    order_id: int = 0
    perm_id: int = 0
    changes: int = 0
    unsent: int = 0
    found: int = 0
    reported_end: str = ""
    """How it ended, where the broker has told of an end and not yet of all executions."""
    reported_filled: Decimal = ZERO
    """How many units had filled at that end, unsigned."""

    @property
    def remaining(self) -> Decimal:
        """Signed quantity that is still to be filled."""
        return self.request.quantity - self.filled

    @property
    def unreported(self) -> Decimal:
        """Signed quantity that may have filled without an execution that was heard."""
        if not self.reported_end:
            return self.remaining
        return self.reported_filled.copy_sign(self.request.quantity) - self.filled

    @property
    def may_be_sent(self) -> bool:
        """Whether it is known that no byte of it left, so that sending it cannot double it."""
        return self.state is OrderState.PENDING and self.unsent > 0


@dataclass(frozen=True)
class State:
    """All that the journal says is so, as of event `seq`."""

    seq: int = 0
    account: str = ""
    currency: str = ""
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    """Cash by currency, each in its own money; empty until a broker has told it."""
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """What one unit of each other currency was last worth in the account's."""
    futures: Mapping[str, Holding] = field(default_factory=dict)
    """What the whole account holds of each future, whoever owns it, and what it paid: by these
    the broker realises their profits. The realised part is left out."""
    holdings: Mapping[tuple[str, str], Holding] = field(default_factory=dict)
    """By (strategy, symbol)."""
    external: Mapping[str, Decimal] = field(default_factory=dict)
    """What the account holds that no strategy of ours owns, signed, by symbol."""
    traded_elsewhere: Mapping[str, Decimal] = field(default_factory=dict)
    """What was traded since the last comparison by hand or by other programs, signed."""
    contested: Mapping[str, ContestedPosition] = field(default_factory=dict)
    """Positions that changed in the account without an execution of ours, by symbol."""
    covered: Mapping[str, str] = field(default_factory=dict)
    """Orders of ours whose untold fills are in a position that a person adopted; their symbols."""
    average_costs: Mapping[str, Decimal] = field(default_factory=dict)
    """What was paid a unit of all that the account holds, as the broker last told it."""
    con_ids: Mapping[str, int] = field(default_factory=dict)
    """IB's contract numbers of the same."""
    reconciled_at: datetime | None = None
    """The market's time at the last comparison."""
    cash_told_at: datetime | None = None
    """The market's time at the last comparison in which the broker's cash did not lag."""
    cash_told_seq: int = 0
    transfers: Decimal = ZERO
    """All that came (> 0) or went as transfers, in the account's currency."""
    pending_cash: Decimal = ZERO
    """Cash that moved while positions were contested, in the account's currency."""
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    working: Mapping[str, WorkingOrder] = field(default_factory=dict)
    unknown: Mapping[str, WorkingOrder] = field(default_factory=dict)
    """Orders of which the broker tells nothing; it may still turn out what became of them."""
    elsewhere: tuple[str, ...] = ()
    """Working orders of the account that are not ours, one sentence each."""
    uncharged: Mapping[str, str] = field(default_factory=dict)
    """Executions whose commission was not reported yet, and whose they are."""
    included: Mapping[str, str] = field(default_factory=dict)
    """The same, where the broker's cash, as last compared, has the commission in it already."""
    early_charges: Mapping[str, Commission] = field(default_factory=dict)
    """Commissions that came before their executions."""
    charges: Mapping[str, Decimal] = field(default_factory=dict)
    """Commissions by strategy, in the account's currency at the rate of then; a cost is > 0."""
    halted: str | None = None
    """Why trading is halted; None when it is not."""
    switched_off: Mapping[str, str] = field(default_factory=dict)
    """Strategies that may open nothing, and why."""
    mark: NavMarked | None = None
    marked_at: datetime | None = None
    peak_nav: Decimal = ZERO
    sessions: Mapping[str, date] = field(default_factory=dict)
    """The last session each strategy started."""
    sent: Sent = field(default_factory=Sent)
    """How many orders and changes left of late, by the market's clock."""
    intents: Mapping[Intent, Moment] = field(default_factory=dict)
    """The newest wishes, oldest first; a thousand at most."""
    told_at: datetime | None = None
    """The market's time at the last event that a gateway was asked for."""
    session: date | None = None
    """The latest session that any strategy started."""
    opening_nav: Decimal | None = None
    """The first NAV marked in it."""
    behaviour: Mapping[str, Behaviour] = field(default_factory=dict)
    """How each strategy's trading has gone of late."""
    counted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """What `Counts` says of the session, by strategy and name of the figure."""
    arrivals: Mapping[str, Decimal] = field(default_factory=dict)
    """The mid when an open order left, by its reference."""
    losses: tuple[tuple[int, datetime], ...] = ()
    """The last losses of the connection: sequence number and time."""
    connected: bool = True
    """Whether the last word was that the way to the exchange is open."""
    trips: Mapping[tuple[str, str], Trip] = field(default_factory=dict)
    """Each breaker's last trip, by its name and strategy (empty for the account)."""
    unwanted: Mapping[str, str] = field(default_factory=dict)
    """Working orders that somebody wants to end, and who."""

    @property
    def cash(self) -> Decimal | None:
        """All cash in the account's currency; None while it, or the rate of a balance, is not
        known."""
        if not self.balances:
            return None
        worth = [(amount, self.rate(name)) for name, amount in self.balances.items() if amount]
        if any(rate is None for _, rate in worth):
            return None
        return sum((amount * rate for amount, rate in worth if rate is not None), ZERO)

    def rate(self, currency: str) -> Decimal | None:
        """What one unit of a currency was last worth in the account's; None when nobody told."""
        return ONE if currency in ("", self.currency) else self.rates.get(currency)

    def quantity(self, symbol: str, strategy: str | None = None) -> Decimal:
        """Signed quantity of one strategy, or of the whole account (external included).

        Of a contested position the account has what the broker tells.
        """
        if strategy is not None:
            return self.holdings.get((strategy, symbol), Holding()).quantity
        known = self.contested.get(symbol)
        return known.told if known else self.expected(symbol)

    def expected(self, symbol: str) -> Decimal:
        """Signed quantity that the account holds by our fills and what was there besides them."""
        return self.owned(symbol) + self.external.get(symbol, ZERO)

    def owned(self, symbol: str) -> Decimal:
        """Signed quantity of all our strategies together."""
        return sum((h.quantity for (_, s), h in self.holdings.items() if s == symbol), ZERO)

    @property
    def is_backed(self) -> bool:
        """Whether the account holds all that our books say, however much more."""
        return all(known.backed for known in self.contested.values())

    @property
    def unbacked(self) -> frozenset[str]:
        """Strategies whose books the account does not back: they open nothing."""
        missing = {symbol for symbol, known in self.contested.items() if not known.backed}
        return frozenset(
            w for (w, s), held in self.holdings.items() if s in missing and held.quantity
        )

    def order(self, ref: str) -> WorkingOrder | None:
        """An order that has not ended, or that nobody knows of; None for any other."""
        return self.working.get(ref) or self.unknown.get(ref)

    @property
    def commissions(self) -> Decimal:
        """All commissions so far, in the account's currency; a cost is positive."""
        return sum(self.charges.values(), ZERO)

    @property
    def positions(self) -> dict[str, Decimal]:
        """Signed quantities of the whole account by symbol, flat ones left out."""
        symbols = {symbol for _, symbol in self.holdings} | {*self.external, *self.contested}
        held = {symbol: self.quantity(symbol) for symbol in sorted(symbols)}
        return {symbol: quantity for symbol, quantity in held.items() if quantity}


def fold(records: Iterable[Recorded], state: State | None = None) -> State:
    """The state after `records`, which follow `state` (or begin the journal)."""
    folding = Folding.of(state or State())
    for record in records:
        folding.take(record)
    return folding.state()


def counts_of(counted: Mapping[tuple[str, str], int], strategy: str) -> Counts:
    """The session's counts of one strategy, or of all together (empty name)."""
    sums = dict.fromkeys(("sent", "rejected", "judged", "stale"), 0)
    for (whose, figure), number in counted.items():
        if strategy in ("", whose):
            sums[figure] += number
    return Counts(**sums)


def strategy_of(order_ref: str) -> str:
    """The strategy that an order reference belongs to."""
    return order_ref.partition(":")[0]


@dataclass
class Folding:
    """A state in the making, for those who take in one event after another and look seldom."""

    seq: int
    account: str
    currency: str
    balances: dict[str, Decimal]
    rates: dict[str, Decimal]
    futures: dict[str, Holding]
    holdings: dict[tuple[str, str], Holding]
    external: dict[str, Decimal]
    traded_elsewhere: dict[str, Decimal]
    contested: dict[str, ContestedPosition]
    covered: dict[str, str]
    average_costs: dict[str, Decimal]
    con_ids: dict[str, int]
    reconciled_at: datetime | None
    cash_told_at: datetime | None
    cash_told_seq: int
    transfers: Decimal
    pending_cash: Decimal
    instruments: dict[str, Instrument]
    working: dict[str, WorkingOrder]
    unknown: dict[str, WorkingOrder]
    elsewhere: tuple[str, ...]
    uncharged: dict[str, str]
    included: dict[str, str]
    early_charges: dict[str, Commission]
    charges: dict[str, Decimal]
    halted: str | None
    switched_off: dict[str, str]
    mark: NavMarked | None
    marked_at: datetime | None
    peak_nav: Decimal
    sessions: dict[str, date]
    sent: Sent
    intents: dict[Intent, Moment]
    told_at: datetime | None
    session: date | None
    opening_nav: Decimal | None
    behaviour: dict[str, Behaviour]
    counted: dict[tuple[str, str], int]
    arrivals: dict[str, Decimal]
    losses: tuple[tuple[int, datetime], ...]
    connected: bool
    trips: dict[tuple[str, str], Trip]
    unwanted: dict[str, str]

    @classmethod
    def of(cls, state: State) -> Self:
        """A copy that may be changed."""
        values = {f.name: getattr(state, f.name) for f in fields(cls)}
        copies: dict[str, Any] = {
            n: dict(v) if isinstance(v, Mapping) else v for n, v in values.items()
        }
        return cls(**copies)

    def take(self, record: Recorded) -> None:
        """Take in the next event."""
        self.seq = record.seq
        step = STEPS.get(type(record.event))
        if step:
            step(self, record.event, record.time)

    def state(self) -> State:
        """The state as it is now; it stays as it is when more is taken in."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        copies: dict[str, Any] = {
            n: dict(v) if isinstance(v, dict) else v for n, v in values.items()
        }
        return State(**copies)

    def pay(self, currency: str, amount: Decimal) -> None:
        """Cash in (> 0) or out, once the account's cash is known."""
        if self.balances:
            self.balances[currency] = self.balances.get(currency, ZERO) + amount

    def rate(self, currency: str) -> Decimal:
        """What one unit of a currency is worth in the account's: told before any order in it."""
        return ONE if currency in ("", self.currency) else self.rates.get(currency, ONE)

    def fill(self, fill: Fill) -> Decimal | None:
        """Add a fill to its strategy's holding and to its order; returns what it realised in the
        account's currency, None when it closed nothing."""
        key = (strategy_of(fill.order_ref), fill.symbol)
        before = self.holdings.get(key, FLAT)
        self.holdings[key] = after = before.after(fill)
        self.settle(fill)
        self._measure(fill)
        if order := self.order(fill.order_ref):
            filled = order.filled + fill.quantity
            self.tell(fill.order_ref, _report_of_fill(order, abs(filled)), filled=filled)
        gain = (after.realised - before.realised) * self.rate(fill.currency)
        return gain if before.quantity * fill.quantity < 0 else None

    def settle(self, fill: Fill) -> None:
        """Pay for a fill as the broker does: a pair in both of its currencies, a future nothing
        but the profit that the account realises by it."""
        self.pay(fill.currency, fill.cash)
        if fill.sec_type == "CASH":
            bought, _ = currencies_of(fill.sec_type, fill.symbol, fill.currency)
            self.pay(bought, fill.quantity)
        elif fill.sec_type == "FUT":
            after = self.futures.get(fill.symbol, FLAT).after(fill)
            self.pay(fill.currency, after.realised)
            self.futures[fill.symbol] = replace(after, realised=ZERO)

    def _measure(self, fill: Fill) -> None:
        """Count a fill towards its order's cost, where the market at its arrival is known."""
        ref, strategy = fill.order_ref, strategy_of(fill.order_ref)
        known = self.behaviour[strategy].measured(ref) if strategy in self.behaviour else None
        mid = known.mid if known else self.arrivals.get(ref)
        if mid is not None:
            value = fill.quantity * fill.price
            new = Executed(ref, self.seq, fill.symbol, mid, fill.quantity, value)
            self.behaviour[strategy] = self.behaves(strategy).executing(new)

    def shift(self, worth: Decimal) -> None:
        """Move every NAV that is compared with by cash or units that came (> 0) or went by no
        trade: they are no profit and no loss."""
        self.transfers += worth
        self.peak_nav = max(self.peak_nav + worth, ZERO)
        if self.opening_nav is not None:
            self.opening_nav += worth
        if self.mark is not None:
            self.mark = replace(self.mark, nav=self.mark.nav + worth)
        for key, trip in self.trips.items():
            nav = None if trip.nav is None else trip.nav + worth
            self.trips[key] = replace(trip, nav=nav, peak_nav=max(trip.peak_nav + worth, ZERO))

    def shift_pending(self) -> None:
        """Judge what moved while positions were contested: all of it counts as transferred."""
        if self.pending_cash:
            self.shift(self.pending_cash)
            self.pending_cash = ZERO

    def behaves(self, strategy: str) -> Behaviour:
        """How a strategy's trading has gone so far."""
        return self.behaviour.get(strategy, BLANK)

    def count(self, ref: str, figure: str) -> None:
        """Count something that happened to an order."""
        key = (strategy_of(ref), figure)
        self.counted[key] = self.counted.get(key, 0) + 1

    def charge(self, strategy: str, amount: Decimal, currency: str) -> None:
        """Count a commission (a refund is below 0) for its strategy."""
        worth = amount * self.rate(currency)
        self.charges[strategy] = self.charges.get(strategy, ZERO) + worth

    def order(self, ref: str) -> WorkingOrder | None:
        """An order that has not ended, or that nobody knows of."""
        return self.working.get(ref) or self.unknown.get(ref)

    def tell(self, ref: str, told: Told, **changes: Any) -> None:
        """Move an order on as the table says; one that has ended stays as it ended."""
        order = self.order(ref)
        if order is None:
            return
        state = lifecycle.after(order.state, told)
        place, other = self.working, self.unknown
        if state not in lifecycle.OPEN:
            place, other = other, place
        other.pop(ref, None)
        if state in lifecycle.ENDED:
            place.pop(ref, None)
            self.arrivals.pop(ref, None)
            self.unwanted.pop(ref, None)
        else:
            place[ref] = replace(order, state=state, **changes)


def _report_of_fill(order: WorkingOrder, filled: Decimal) -> Told:
    """What a fill tells of its order, of which `filled` units, unsigned, are filled with it."""
    if filled >= abs(order.request.quantity):
        return Told.WHOLE
    if not order.reported_end:
        return Told.PART
    return ENDS[order.reported_end] if filled >= order.reported_filled else Told.MISSING


FLAT = Holding()
BLANK = Behaviour()
ENDS = {
    "filled": Told.WHOLE,
    "cancelled": Told.CANCELLED,
    "rejected": Told.REJECTED,
    "unknown": Told.MISSING,
}
"""What an `OrderEnded` tells, by its outcome."""


def _started(draft: Folding, event: SessionStarted, time: datetime) -> None:
    draft.account = event.account
    draft.sessions[event.strategy] = event.session
    if draft.session is None or event.session > draft.session:
        _begin_session(draft, event.session)


def _begin_session(draft: Folding, session: date) -> None:
    draft.session, draft.opening_nav = session, None
    draft.counted.clear()
    for key, trip in draft.trips.items():
        draft.trips[key] = replace(trip, counts=Counts())


def _reconciled(draft: Folding, event: Reconciled, time: datetime) -> None:
    own = dict.fromkeys(event.positions, ZERO)
    for (_, symbol), holding in draft.holdings.items():
        own[symbol] = own.get(symbol, ZERO) + holding.quantity
    external = {s: event.positions.get(s, ZERO) - quantity for s, quantity in own.items()}
    external |= {s: draft.external.get(s, ZERO) for s in event.contested}
    draft.external = {s: quantity for s, quantity in external.items() if quantity}
    draft.contested, draft.traded_elsewhere = dict(event.contested), {}
    if not event.contested:
        draft.shift_pending()
    if not event.cash_lags:
        draft.cash_told_at, draft.cash_told_seq = time, draft.seq
    draft.average_costs, draft.con_ids = dict(event.average_costs), dict(event.con_ids)
    draft.reconciled_at = time
    draft.account, draft.currency = event.account, event.currency
    draft.balances = _balances(draft.balances, event)
    draft.rates.update(event.rates)
    draft.futures = _futures(draft.futures, event)
    for symbol, instrument in event.instruments.items():
        draft.instruments.setdefault(symbol, instrument)
    draft.elsewhere = event.elsewhere
    draft.connected, draft.told_at = True, time
    if not event.cash_lags:  # the broker's cash holds all charges up to now
        draft.included.update(draft.uncharged)
        draft.uncharged, draft.early_charges = {}, {}


def _balances(known: Mapping[str, Decimal], event: Reconciled) -> dict[str, Decimal]:
    """The broker's figures hold, but for one that is ours rounded to the cent."""
    if not event.balances:
        return {event.currency: event.cash}
    return {
        currency: known[currency]
        if currency in known and same_money(known[currency], told)
        else told
        for currency, told in event.balances.items()
    }


def _futures(known: Mapping[str, Holding], event: Reconciled) -> dict[str, Holding]:
    """What we know of the account's futures where the quantity agrees, else the broker's word."""
    told = {s: Holding(event.positions[s], cost) for s, cost in event.costs.items()}
    return {
        symbol: known[symbol]
        if symbol in known and known[symbol].quantity == holding.quantity
        else holding
        for symbol, holding in told.items()
    }


def same_money(ours: Decimal, told: Decimal) -> bool:
    """Whether a broker, who tells whole cents, tells of the same amount."""
    return abs(ours - told) < CENT


def _rated(draft: Folding, event: RatesTold, time: datetime) -> None:
    draft.rates.update(event.rates)


def _admitted(draft: Folding, event: OrderAdmitted, time: datetime) -> None:
    request = event.order.request
    draft.instruments[request.instrument.symbol] = request.instrument
    draft.working[request.order_ref] = WorkingOrder(request, time)
    draft.sent = draft.sent.after(request, time, draft.rate(request.instrument.currency))
    remember(draft.intents, request, time)
    draft.count(request.order_ref, "judged")


def _refused(draft: Folding, event: OrderRefused, time: datetime) -> None:
    draft.count(event.order_ref, "judged")
    if any(objection.check in STALE_CHECKS for objection in event.refusal.objections):
        draft.count(event.order_ref, "stale")


def _quoted(draft: Folding, event: OrderQuoted, time: datetime) -> None:
    # One that left on delayed prices was allowed to (`delayed_data`): it is not stale.
    if not event.delayed and event.bid is not None and event.ask is not None:
        draft.arrivals[event.ref] = (event.bid + event.ask) / 2


def _submitted(draft: Folding, event: OrderSubmitted, time: datetime) -> None:
    draft.tell(event.ref, Told.SENT, client_id=event.client_id, order_id=event.order_id)
    draft.count(event.ref, "sent")


def _unsent(draft: Folding, event: OrderUnsent, time: datetime) -> None:
    draft.tell(event.ref, Told.NOT_SENT, unsent=event.number)


def _retried(draft: Folding, event: OrderRetried, time: datetime) -> None:
    """From here on it may have left again; its quote is of the try that never left."""
    draft.arrivals.pop(event.ref, None)
    draft.tell(event.ref, Told.SENT)


def _modified(draft: Folding, event: OrderModified, time: datetime) -> None:
    if order := draft.working.get(event.order.order_ref):
        request = event.order.request
        draft.working[request.order_ref] = replace(order, request=request, changes=event.number)
        draft.sent = draft.sent.after_change(time)


def _acknowledged(draft: Folding, event: OrderAcknowledged, time: datetime) -> None:
    draft.tell(event.ref, Told.HELD, status=event.status, perm_id=event.perm_id)


def _found(draft: Folding, event: OrderFound, time: datetime) -> None:
    if event.request is not None and draft.order(event.ref) is None:
        draft.working[event.ref] = WorkingOrder(
            event.request,
            event.admitted_at or time,
            lifecycle.after(OrderState.REJECTED, Told.FOUND),
            filled=event.filled,
            changes=event.changes,
        )
    known = draft.order(event.ref)
    times = max(event.times, known.found) if known else 0
    draft.tell(
        event.ref,
        Told.FOUND,
        status=event.status,
        perm_id=event.perm_id,
        found=times,
        reported_end="",
    )


def _ended(draft: Folding, event: OrderEnded, time: datetime) -> None:
    known = draft.order(event.ref)
    if event.outcome == "rejected" and known and not known.may_be_sent:
        draft.count(event.ref, "rejected")  # by the broker: what never left was ended by us
    if event.filled is not None and known and abs(known.filled) < event.filled:
        # Until its executions are heard nobody may take it for settled.
        draft.tell(
            event.ref, Told.MISSING, reported_end=event.outcome, reported_filled=event.filled
        )
        return
    draft.tell(event.ref, ENDS[event.outcome])


def _filled(draft: Folding, event: FillRecorded, time: datetime) -> None:
    fill = event.fill
    strategy = strategy_of(fill.order_ref)
    if fill.order_ref in draft.covered:  # a person has counted it, and the broker's cash has it
        draft.included[fill.exec_id] = strategy
        return
    gain = draft.fill(fill)
    if gain is not None:
        closed = draft.behaves(strategy).closing(family(fill.order_ref), draft.seq, gain)
        draft.behaviour[strategy] = closed
    charge = draft.early_charges.pop(fill.exec_id, None)
    if charge is None:
        draft.uncharged[fill.exec_id] = strategy
    else:
        draft.pay(charge.currency, -charge.amount)
        draft.charge(strategy, charge.amount, charge.currency)


def _corrected(draft: Folding, event: FillCorrected, time: datetime) -> None:
    """The old fill is traded back at its own price and the new one takes its place.

    Quantity and cash are exact; how much of the profit counts as realised can differ from what it
    had been if the correction had come first.
    """
    strategy = strategy_of(event.new.order_ref)
    back = draft.fill(replace(event.old, quantity=-event.old.quantity))
    anew = draft.fill(event.new)
    change = (back or ZERO) + (anew or ZERO)
    if change:
        known = draft.behaves(strategy)
        draft.behaviour[strategy] = known.correcting(family(event.new.order_ref), change)
    currency = event.refund_currency or event.old.currency
    draft.pay(currency, event.refund)
    draft.charge(strategy, -event.refund, currency)
    draft.uncharged.pop(event.old.exec_id, None)
    draft.uncharged[event.new.exec_id] = strategy


def _charged(draft: Folding, event: CommissionRecorded, time: datetime) -> None:
    exec_id, amount = event.commission.exec_id, event.commission.amount
    currency = event.commission.currency
    if (strategy := draft.uncharged.pop(exec_id, None)) is not None:
        draft.pay(currency, -amount)
        draft.charge(strategy, amount, currency)
    elif (strategy := draft.included.pop(exec_id, None)) is not None:
        draft.charge(strategy, amount, currency)
    else:
        draft.early_charges[exec_id] = event.commission


def _expired(draft: Folding, event: FutureSettled, time: datetime) -> None:
    """Every holding of the contract is closed at that price, and the account's, which pays."""
    one = draft.instruments.get(event.symbol)
    if one is None:
        return
    draft.external.pop(event.symbol, None)
    if account := draft.futures.pop(event.symbol, None):
        move = event.price - account.average_cost
        draft.pay(one.currency, one.notional(account.quantity, move))
    for (strategy, symbol), held in list(draft.holdings.items()):
        if symbol == event.symbol and held.quantity:
            gain = one.notional(held.quantity, event.price - held.average_cost)
            draft.holdings[strategy, symbol] = Holding(realised=held.realised + gain)
            ref, worth = f"{strategy}:expired:{symbol}:0", gain * draft.rate(one.currency)
            known = draft.behaves(strategy)
            draft.behaviour[strategy] = known.closing(ref, draft.seq, worth)


def _filled_elsewhere(draft: Folding, event: ExternalFillRecorded, time: datetime) -> None:
    """What is traded by hand or by another program changes what nobody of ours owns."""
    fill = event.fill
    for units in (draft.external, draft.traded_elsewhere):
        units[fill.symbol] = units.get(fill.symbol, ZERO) + fill.quantity
    draft.settle(fill)


def _split(draft: Folding, event: SplitApplied, time: datetime) -> None:
    """Every holding has more or fewer units at another price; the largest one takes what is left
    of a unit, so that the sum is the account's."""
    ratio = Fraction(event.numerator, event.denominator)
    external = _times(draft.external.pop(event.symbol, ZERO), ratio)
    keys = [
        key for key, held in draft.holdings.items() if key[1] == event.symbol and held.quantity
    ]
    for key in keys:
        held = draft.holdings[key]
        cost = _times(held.average_cost, 1 / ratio)
        draft.holdings[key] = replace(
            held, quantity=_times(held.quantity, ratio), average_cost=cost
        )
    own = sum((draft.holdings[key].quantity for key in keys), ZERO)
    rest = event.quantity - own - external
    if keys:
        largest = max(keys, key=lambda key: abs(draft.holdings[key].quantity))
        held = draft.holdings[largest]
        draft.holdings[largest] = replace(held, quantity=held.quantity + rest)
    if external:
        draft.external[event.symbol] = external
    draft.contested.pop(event.symbol, None)
    if event.con_id and (known := draft.instruments.get(event.symbol)):
        draft.instruments[event.symbol] = replace(known, con_id=event.con_id)


def _times(number: Decimal, ratio: Fraction) -> Decimal:
    return number * ratio.numerator / ratio.denominator


def _cash_moved(draft: Folding, event: CashMoved, time: datetime) -> None:
    if event.is_pending:
        draft.pending_cash += event.worth
    elif event.is_transfer:
        draft.shift(event.worth)


def _adopted(draft: Folding, event: PositionAdopted, time: datetime) -> None:
    """Once nothing is contested any more, cash that moved meanwhile counts as a transfer, too."""
    for strategy, quantity in event.holdings.items():
        held = draft.holdings.get((strategy, event.symbol), FLAT)
        grew = abs(quantity) > abs(held.quantity) or quantity * held.quantity < 0
        cost = event.average_cost if grew else held.average_cost
        draft.holdings[strategy, event.symbol] = replace(
            held, quantity=quantity, average_cost=cost if quantity else ZERO
        )
    draft.external.pop(event.symbol, None)
    if event.external:
        draft.external[event.symbol] = event.external
    draft.contested.pop(event.symbol, None)
    for ref in event.orders:
        draft.unknown.pop(ref, None)
        draft.covered[ref] = event.symbol  # whatever it did is in the position
    draft.pending_cash += event.value
    if not draft.contested:
        draft.shift_pending()


def _begun_anew(draft: Folding, event: EpochBegun, time: datetime) -> None:
    told = {symbol: known.told for symbol, known in draft.contested.items()}
    for key, held in draft.holdings.items():
        symbol = key[1]
        if symbol not in told:
            draft.external[symbol] = draft.external.get(symbol, ZERO) + held.quantity
        draft.holdings[key] = Holding(realised=held.realised)
    external = {**draft.external, **told}
    draft.external = {symbol: quantity for symbol, quantity in external.items() if quantity}
    draft.contested, draft.pending_cash = {}, ZERO
    draft.covered |= {r: o.request.instrument.symbol for r, o in draft.unknown.items()}
    draft.unknown = {}
    draft.mark, draft.marked_at, draft.opening_nav = None, None, None
    draft.peak_nav = ZERO
    draft.trips.clear()


def _marked(draft: Folding, event: NavMarked, time: datetime) -> None:
    draft.mark, draft.marked_at, draft.told_at = event, time, time
    draft.rates.update(event.rates)
    draft.peak_nav = max(draft.peak_nav, event.nav)
    if draft.opening_nav is None:
        draft.opening_nav = event.nav
    for key, trip in draft.trips.items():
        draft.trips[key] = replace(trip, peak_nav=max(trip.peak_nav, event.nav))


def _connection(draft: Folding, event: ConnectionChanged, time: datetime) -> None:
    """One outage may be told in several words; it is one loss."""
    if draft.connected and not event.up:
        draft.losses = (*draft.losses, (draft.seq, time))[-KEPT:]
    draft.connected = event.up


def _tripped(draft: Folding, event: BreakerTripped, time: datetime) -> None:
    nav, draft.told_at = draft.mark.nav if draft.mark else None, time
    draft.trips[event.breaker, event.strategy] = Trip(
        event,
        draft.seq,
        nav,
        ZERO if nav is None else nav,
        counts_of(draft.counted, event.strategy),
    )


def _halted(draft: Folding, event: Halted, time: datetime) -> None:
    draft.halted = f"{event.reason} ({event.by})"


def _resumed(draft: Folding, event: Resumed, time: datetime) -> None:
    """A halt's breaker is active again; what others have tripped on cools down as before."""
    draft.halted = None
    for key, trip in draft.trips.items():
        if trip.event.action == "halt":
            draft.trips[key] = replace(trip, cleared=True)


def _unwanted(draft: Folding, event: CancelRequested, time: datetime) -> None:
    if event.ref in draft.working:
        draft.unwanted[event.ref] = event.by


def _switched(draft: Folding, event: StrategySwitched, time: datetime) -> None:
    if event.on:
        draft.switched_off.pop(event.strategy, None)
    else:
        draft.switched_off[event.strategy] = f"{event.reason} ({event.by})"


STEPS: Mapping[type[Event], Callable[[Folding, Any, datetime], None]] = {
    SessionStarted: _started,
    Reconciled: _reconciled,
    RatesTold: _rated,
    OrderAdmitted: _admitted,
    OrderRefused: _refused,
    OrderQuoted: _quoted,
    OrderSubmitted: _submitted,
    OrderUnsent: _unsent,
    OrderRetried: _retried,
    OrderModified: _modified,
    OrderFound: _found,
    OrderAcknowledged: _acknowledged,
    OrderEnded: _ended,
    CancelRequested: _unwanted,
    FillRecorded: _filled,
    FillCorrected: _corrected,
    CommissionRecorded: _charged,
    FutureSettled: _expired,
    ExternalFillRecorded: _filled_elsewhere,
    SplitApplied: _split,
    CashMoved: _cash_moved,
    PositionAdopted: _adopted,
    EpochBegun: _begun_anew,
    NavMarked: _marked,
    ConnectionChanged: _connection,
    BreakerTripped: _tripped,
    Halted: _halted,
    Resumed: _resumed,
    StrategySwitched: _switched,
}
"""What each kind of event does to the state; kinds that are not here change nothing."""
