"""What happened, in the past tense: the journal's records and what a broker tells us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest, Refusal


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    @property
    def once(self) -> str | None:
        """A key that the journal accepts only once, so that a repetition changes nothing."""
        return None

    @property
    def order_ref(self) -> str | None:
        """The order that the event belongs to."""
        return None


@dataclass(frozen=True)
class SessionStarted(Event):
    """A paper session of one strategy began its cycle."""

    strategy: str
    session: date
    account: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class ContestedPosition:
    """A position of ours that changed in the account without an execution; signed units.

    `told` is what the account holds, `expected` what the journal does, external units included.
    `backed` says that the account still holds at least our strategies' units, on their side.
    """

    told: Decimal
    expected: Decimal
    backed: bool
    reason: str


@dataclass(frozen=True)
class Reconciled(Event):
    """Journal and broker were compared; afterwards the broker's cash and positions hold.

    `positions` are the broker's signed quantities by symbol; `differences` one sentence each;
    `elsewhere` the account's working orders that are not ours, which are left alone. `cash` is all
    of it in `currency`, as the broker tells it; `balances` the same by currency, each in its own
    money and without what open futures have gained, and `rates` what one unit of each is worth in
    `currency` (both empty where only one currency was known of).
    `costs` are average prices paid of the futures held, and `instruments` describe positions that
    no order of ours names. `average_costs` and `con_ids` are the broker's of all that is held, by
    symbol. `contested` are positions of which the broker's word does not hold before a person, or
    a later comparison, has settled them. Where `cash_lags` the broker's cash is that of before
    some of our fills, and `balances` are ours.
    """

    account: str
    cash: Decimal
    currency: str
    positions: Mapping[str, Decimal]
    differences: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    average_costs: Mapping[str, Decimal] = field(default_factory=dict)
    con_ids: Mapping[str, int] = field(default_factory=dict)
    contested: Mapping[str, ContestedPosition] = field(default_factory=dict)
    cash_lags: bool = False


@dataclass(frozen=True)
class RatesTold(Event):
    """What one unit of each currency is worth in the account's, as its pair is quoted."""

    rates: Mapping[str, Decimal]


@dataclass(frozen=True)
class TargetSet(Event):
    """What a strategy wants to hold of one instrument, and what it held then."""

    strategy: str
    session: date
    symbol: str
    signal: float
    weight: float
    target: Decimal
    held: Decimal
    price: Decimal


@dataclass(frozen=True)
class Decided(Event):
    """All that a strategy wants to trade in one session; taken once and never taken back.

    A run that dies half-way is followed by one that finds this decision and completes it, instead
    of deciding anew on a portfolio that the first half has changed.
    """

    strategy: str
    session: date
    requests: tuple[OrderRequest, ...]

    @property
    def once(self) -> str:
        """One decision for each strategy and session."""
        return decision_key(self.strategy, self.session)


def decision_key(strategy: str, session: date) -> str:
    """The key under which the journal holds a session's decision."""
    return f"decision {strategy} {session:%Y%m%d}"


@dataclass(frozen=True)
class OrderRefused(Event):
    """The gate refused a request; it is not asked again for the same reference."""

    refusal: Refusal

    @property
    def once(self) -> str:
        """A refusal is final for its reference."""
        return f"refused {self.refusal.request.order_ref}"

    @property
    def order_ref(self) -> str:
        """The refused request's."""
        return self.refusal.request.order_ref


@dataclass(frozen=True)
class OrderAdmitted(Event):
    """The gate admitted an order; written before a byte of it leaves."""

    order: Order

    @property
    def once(self) -> str:
        """One admission for each order reference, for ever: a rerun cannot trade twice."""
        return f"order {self.order.order_ref}"

    @property
    def order_ref(self) -> str:
        """The admitted order's."""
        return self.order.order_ref


@dataclass(frozen=True)
class OrderQuoted(Event):
    """The market when an order left: what its arrival price and its cost are measured from.

    Prices are None where the broker had none; `delayed` when they are not of this moment.
    """

    ref: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    delayed: bool = False

    @property
    def once(self) -> str:
        """An order leaves once."""
        return f"quoted {self.ref}"

    @property
    def order_ref(self) -> str:
        """The order that left."""
        return self.ref


@dataclass(frozen=True)
class OrderModified(Event):
    """The gate admitted another price or quantity for a working order; written before it leaves.

    The broker's word decides what becomes of it: an order that fills meanwhile fills as it was.
    """

    order: Order
    number: int
    """Which change of the order it is, from 1 on."""

    @property
    def once(self) -> str:
        """Each change once."""
        return f"modify {self.order.order_ref} {self.number}"

    @property
    def order_ref(self) -> str:
        """The changed order's."""
        return self.order.order_ref


@dataclass(frozen=True)
class OrderFound(Event):
    """The broker holds an order that the journal had given up: it works after all.

    One that the journal had taken for ended comes back as it was: with its terms, when they were
    admitted, its signed fills, the number of its changes, and how often that has happened to it.
    """

    ref: str
    perm_id: int
    status: str
    request: OrderRequest | None = None
    admitted_at: datetime | None = None
    filled: Decimal = Decimal(0)
    changes: int = 0
    times: int = 0

    @property
    def order_ref(self) -> str:
        """The found order's."""
        return self.ref


@dataclass(frozen=True)
class OrderSubmitted(Event):
    """The order's bytes were handed to the gateway's socket."""

    ref: str
    client_id: int
    order_id: int

    @property
    def order_ref(self) -> str:
        """The submitted order's."""
        return self.ref


@dataclass(frozen=True)
class OrderUnsent(Event):
    """The order provably never left: the connection was gone before its first byte could go.

    It stands as pending again, and the next run of its session may send it.
    """

    ref: str
    number: int
    """How often it happened to this order, from 1 on."""
    reason: str

    @property
    def once(self) -> str:
        """Each failure once."""
        return f"unsent {self.ref} {self.number}"

    @property
    def order_ref(self) -> str:
        """The order that stayed."""
        return self.ref


@dataclass(frozen=True)
class OrderRetried(Event):
    """An order that had not left is sent again; written before a byte of it leaves."""

    ref: str
    number: int
    """Which failure it makes good."""

    @property
    def once(self) -> str:
        """One new attempt for each failure, so that two runs cannot both make it."""
        return f"retry {self.ref} {self.number}"

    @property
    def order_ref(self) -> str:
        """The order that leaves after all."""
        return self.ref


@dataclass(frozen=True)
class OrderAcknowledged(Event):
    """The broker holds the order and works it."""

    ref: str
    perm_id: int
    status: str

    @property
    def once(self) -> str:
        """Gateways repeat themselves; one record a status is enough."""
        return f"ack {self.ref} {self.perm_id} {self.status}"

    @property
    def order_ref(self) -> str:
        """The acknowledged order's."""
        return self.ref


@dataclass(frozen=True)
class OrderEnded(Event):
    """The order left the broker's book: `outcome` is filled, cancelled, rejected or unknown."""

    ref: str
    outcome: str
    reason: str
    again: int = 0
    """How often the order was found at work after it had been taken for ended."""
    filled: Decimal | None = None
    """How many units had filled by then, unsigned; None where the broker does not tell."""

    @property
    def once(self) -> str | None:
        """An order ends once in each way; it can be lost sight of, and found, more than once."""
        if self.outcome == "unknown":
            return None
        return f"end {self.ref} {self.outcome}" + (f" {self.again}" if self.again else "")

    @property
    def order_ref(self) -> str:
        """The ended order's."""
        return self.ref


@dataclass(frozen=True)
class CancelRequested(Event):
    """Somebody wants a working order to end; the program that holds its connection obeys."""

    ref: str
    by: str

    @property
    def order_ref(self) -> str:
        """The order that is to end."""
        return self.ref


@dataclass(frozen=True)
class FillRecorded(Event):
    """An execution was reported; fills come from nowhere else."""

    fill: Fill

    @property
    def once(self) -> str:
        """An execution counts once, however often it is reported."""
        return f"fill {self.fill.exec_id}"

    @property
    def order_ref(self) -> str:
        """The filled order's."""
        return self.fill.order_ref


@dataclass(frozen=True)
class ExternalFillRecorded(Event):
    """An execution of the account that is not ours: by hand, or of another program."""

    fill: Fill

    @property
    def once(self) -> str:
        """An execution counts once, however often it is reported."""
        return f"external fill {self.fill.exec_id}"


@dataclass(frozen=True)
class CommissionRecorded(Event):
    """The broker charged for an execution."""

    commission: Commission

    @property
    def once(self) -> str:
        """One charge an execution."""
        return f"commission {self.commission.exec_id}"


@dataclass(frozen=True)
class FillCorrected(Event):
    """The broker replaced an execution: `new` holds instead of `old`, quantity 0 when it was bust.

    `refund` is the commission that was recorded for `old`, in `refund_currency` (that of the fill
    where it is empty); the broker charges `new` on its own.
    """

    old: Fill
    new: Fill
    refund: Decimal
    refund_currency: str = ""

    @property
    def once(self) -> str:
        """A revision counts once; the key is that of the fill that it brings."""
        return f"fill {self.new.exec_id}"

    @property
    def order_ref(self) -> str:
        """The corrected order's."""
        return self.new.order_ref


@dataclass(frozen=True)
class FutureSettled(Event):
    """A future that was held has expired and is in the account no more: settled in cash.

    A broker tells no price of it: `price` is the last mark that it told. What it paid differently
    is found when the cash is compared.
    """

    symbol: str
    price: Decimal

    @property
    def once(self) -> str:
        """A contract expires once."""
        return f"settled {self.symbol}"


@dataclass(frozen=True)
class SplitApplied(Event):
    """A split, `numerator` new units for `denominator` old ones, that the account shows.

    `quantity` is the account's signed position after it; a fraction of a unit is paid in cash.
    `con_id` is the contract's number now, 0 where it is as before. `evidence` says what agreed.
    """

    symbol: str
    numerator: int
    denominator: int
    quantity: Decimal
    con_id: int
    evidence: str


@dataclass(frozen=True)
class CashMoved(Event):
    """Cash that came or went by no trade of ours: by currency, signed, each in its own money.

    `worth` is all of it in the account's currency. `is_transfer` tells a deposit or withdrawal
    from income and fees: it is no profit and no loss. `is_pending` holds the judgement back while
    positions are contested, because they may be what was paid for.
    """

    amounts: Mapping[str, Decimal]
    worth: Decimal
    is_transfer: bool
    is_pending: bool = False


@dataclass(frozen=True)
class PositionAdopted(Event):
    """A person took the account's word for a contested position.

    `holdings` are each strategy's signed units from here, `external` those that none owns,
    `average_cost` what was paid a unit as the broker tells it, `value` what the position gained
    or lost by it (account's currency), which is no profit and no loss of trading. `orders` are
    orders of ours whose fills, should they be told yet, are in the position already.
    """

    symbol: str
    holdings: Mapping[str, Decimal]
    external: Decimal
    average_cost: Decimal
    value: Decimal
    reason: str
    by: str
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpochBegun(Event):
    """A person began the books anew: no strategy holds anything, whatever the account holds is
    external, and peak and opening NAV count from the next mark."""

    reason: str
    by: str


@dataclass(frozen=True)
class ConnectionChanged(Event):
    """The way to the exchange was lost (`up` false) or came back; nothing is sent in between.

    After it came back everything must be compared again: 1101 even says that data were lost.
    """

    up: bool
    code: int
    text: str


@dataclass(frozen=True)
class NavMarked(Event):
    """Net asset value by the journal, and beside it what the gateway says.

    Money is in the account's currency, at `rates` (one unit of another currency in it).
    """

    nav: Decimal
    cash: Decimal
    net_liquidation: Decimal
    marks: Mapping[str, Decimal]
    rates: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class SessionEnded(Event):
    """A paper session's cycle ended; counts are of this cycle."""

    strategy: str
    session: date
    orders: int
    refusals: int
    fills: int


@dataclass(frozen=True)
class Halted(Event):
    """Trading was halted; no order passes the gate until it is resumed."""

    reason: str
    by: str


@dataclass(frozen=True)
class Resumed(Event):
    """Trading was resumed."""

    reason: str
    by: str


@dataclass(frozen=True)
class BreakerTripped(Event):
    """A circuit breaker's figure went past its limit; what it does holds until after `until`.

    `strategy` is empty when it acts on the whole account. `session` is that of the trip, and
    `until` the last session of its cooldown, both dates of the exchange.
    """

    breaker: str
    strategy: str
    session: date
    until: date
    action: str
    figure: str
    limit: str
    sentence: str
    number: int = 1
    """Which trip in this session: it can trip again once somebody has resumed."""

    @property
    def once(self) -> str:
        """Each trip once, whichever process sees it first."""
        return f"tripped {self.breaker}:{self.strategy} {self.session:%Y%m%d} {self.number}"


@dataclass(frozen=True)
class StrategySwitched(Event):
    """A strategy was switched off, so that it opens nothing more, or on again."""

    strategy: str
    on: bool
    reason: str
    by: str


@dataclass(frozen=True)
class RunRequested(Event):
    """Somebody wants a job to run now; the runner that follows the journal answers."""

    job: str
    by: str


@dataclass(frozen=True)
class RunStarted(Event):
    """A notebook run began. `run` is its folder's name, `due` when the schedule wanted it.

    `trigger` is schedule, late, retry or request; `job` and `due` are empty for a run by hand.
    `session` is the exchange session that it belongs to, where it has one.
    """

    run: str
    job: str
    strategy: str
    notebook: str
    trigger: str
    session: date | None
    due: datetime | None
    parameters: Mapping[str, str]

    @property
    def once(self) -> str:
        """A run begins once."""
        return f"run {self.run}"


@dataclass(frozen=True)
class RunEnded(Event):
    """A notebook run ended: `outcome` is well, failed, timeout, hung, died or stopped.

    `reason` is one sentence, empty for a run that ended well.
    """

    run: str
    outcome: str
    reason: str
    seconds: float

    @property
    def once(self) -> str:
        """A run ends once, whoever notices it first."""
        return f"run ended {self.run}"


@dataclass(frozen=True)
class RunMissed(Event):
    """A run that the schedule wanted did not take place."""

    job: str
    strategy: str
    session: date | None
    due: datetime
    reason: str

    @property
    def once(self) -> str:
        """Each miss is recorded once, however often the runner starts."""
        return f"missed {self.job} {self.due.isoformat()}"


@dataclass(frozen=True)
class Warned(Event):
    """Something a person should know that changed no order; `code` is IB's where it has one."""

    code: int
    text: str


@dataclass(frozen=True)
class Recorded:
    """An event with its place in the journal and its times (aware UTC): the market's, and ours."""

    seq: int
    time: datetime
    recorded: datetime
    event: Event


KINDS: dict[str, type[Event]] = {cls.__name__: cls for cls in Event.__subclasses__()}
"""Every kind of event by its name in the journal."""
