"""The rows that a dashboard shows, followed event by event; its size stays bounded.

Everything is kept ready: an event changes the rows that it is about, and no other. What falls out
of a bounded table is in the journal still.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hydra.costs.liquidity import Liquidity
from hydra.costs.model import CostModel
from hydra.domain.events import (
    BreakerTripped,
    CancelRequested,
    CommissionRecorded,
    EpochBegun,
    FillCorrected,
    FillRecorded,
    Halted,
    NavMarked,
    OrderAdmitted,
    OrderQuoted,
    OrderRefused,
    OrderRetried,
    PositionAdopted,
    Recorded,
    Resumed,
    RunRequested,
    StrategySwitched,
    TargetSet,
)
from hydra.domain.instruments import Instrument
from hydra.journal.cost_rows import COST_KINDS, cost_rows
from hydra.journal.fold import Folding, State, strategy_of
from hydra.journal.held import marks_of
from hydra.journal.run_rows import RUN_KINDS
from hydra.journal.told import by_whom, told
from hydra.journal.views import OrderTable, Row, refusal_rows

ZERO = Decimal(0)
KEPT = 10_000
"""So many orders are kept, and the fills of as many."""
REFUSALS_KEPT = 1_000
LOG_KEPT = 5_000
RUNS_KEPT = 500
DAYS_KEPT = 260
"""So many sessions are kept: a year."""
POINTS = 600
"""A line has fewer points than this; when it is full, every second one goes."""
SPARK_POINTS = 60

DEED_KINDS = (
    Halted,
    Resumed,
    StrategySwitched,
    CancelRequested,
    RunRequested,
    BreakerTripped,
    PositionAdopted,
    EpochBegun,
)


@dataclass
class Trace:
    """A line of a bounded number of points; `thinned` counts how often every second one went.

    x are seconds since 1970 (UTC). The newest point is always there.
    """

    most: int = POINTS
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    thinned: int = 0
    _taken: int = 0
    _loose: bool = False
    """Whether the last point only stands until the next one comes."""

    def add(self, x: float, y: float) -> None:
        """Append a point; x does not fall."""
        if self._loose:
            self.x.pop()
            self.y.pop()
        self.x.append(x)
        self.y.append(y)
        self._loose = self._taken % (1 << self.thinned) != 0
        self._taken += 1
        if len(self.x) >= self.most:
            self._thin()

    def _thin(self) -> None:
        """Keep every second point; one that comes next follows the newer, wider grid."""
        self.x, self.y = self.x[::2] + self.x[-1:], self.y[::2] + self.y[-1:]
        self.thinned += 1
        self._loose = True

    def at(self, x: float) -> float | None:
        """The last y at or before x."""
        place = bisect_left(self.x, x + 1e-9)
        return self.y[place - 1] if place else None


@dataclass
class CostTable:
    """The rows of `cost_rows` by execution; only what an event is about is reckoned again.

    Of more than `kept` orders the oldest go, with their fills.
    """

    model: CostModel = field(default_factory=CostModel)
    liquidity: Liquidity | None = None
    kept: int = KEPT
    _orders: dict[str, list[Recorded]] = field(default_factory=dict)
    _refs: dict[str, str] = field(default_factory=dict)
    """Whose an execution is."""
    _early: dict[str, Recorded] = field(default_factory=dict)
    """Charges that came before their executions."""
    _of: dict[str, list[str]] = field(default_factory=dict)
    _dirty: dict[str, None] = field(default_factory=dict)
    _rows: dict[str, Row] = field(default_factory=dict)

    def take(self, record: Recorded) -> None:
        """Take in the next event."""
        event = record.event
        if isinstance(event, CommissionRecorded):
            self._charge(event.commission.exec_id, record)
        elif isinstance(event, OrderAdmitted):
            self._forget()
            self._orders[event.order.order_ref] = [record]
        elif isinstance(event, OrderQuoted | OrderRetried):
            if event.ref in self._orders:
                self._note(event.ref, record)
        elif isinstance(event, FillRecorded):
            self._fill(event.fill.exec_id, event.fill.order_ref, record)
        elif isinstance(event, FillCorrected):
            self._fill(event.new.exec_id, event.new.order_ref, record)

    def rows(self) -> Mapping[str, Row]:
        """All rows by execution, in the order their orders first filled."""
        for ref in self._dirty:
            self._reckon(ref)
        self._dirty.clear()
        return self._rows

    def _fill(self, exec_id: str, ref: str, record: Recorded) -> None:
        self._note(ref, record)
        self._refs[exec_id] = ref
        if early := self._early.pop(exec_id, None):
            self._note(ref, early)

    def _charge(self, exec_id: str, record: Recorded) -> None:
        if exec_id in self._refs:
            self._note(self._refs[exec_id], record)
        else:
            self._early[exec_id] = record
            if len(self._early) > LOG_KEPT:
                del self._early[next(iter(self._early))]

    def _note(self, ref: str, record: Recorded) -> None:
        self._orders.setdefault(ref, []).append(record)
        self._dirty[ref] = None

    def _reckon(self, ref: str) -> None:
        rows = {r["exec_id"]: r for r in cost_rows(self._orders[ref], self.model, self.liquidity)}
        for exec_id in self._of.get(ref, ()):
            if exec_id not in rows:
                self._rows.pop(exec_id, None)
        for exec_id, row in rows.items():
            if self._rows.get(exec_id) != row:
                self._rows[exec_id] = row
        if rows:
            self._of[ref] = list(rows)

    def _forget(self) -> None:
        if len(self._orders) < self.kept:
            return
        ref = next(iter(self._orders))
        del self._orders[ref]
        self._dirty.pop(ref, None)
        for exec_id in self._of.pop(ref, ()):
            self._rows.pop(exec_id, None)
            self._refs.pop(exec_id, None)


@dataclass
class Day:
    """A session's gain: `base` is the value at the end of the one before, of the first session
    that at its first mark; `deepest` the fall from the peak since then, a fraction ≤ 0."""

    base: float
    nav: float
    peak: float
    deepest: float = 0.0
    fills: int = 0

    @property
    def change(self) -> float:
        """What was gained, in the account's currency."""
        return self.nav - self.base


@dataclass
class Equity:
    """The account's value over time, and how far it fell."""

    nav: Trace = field(default_factory=Trace)
    today: Trace = field(default_factory=Trace)
    fall: Trace = field(default_factory=Trace)
    """Distance from the peak, a fraction ≤ 0."""
    today_market: Trace = field(default_factory=Trace)
    """How much the marked instruments have moved on average since the session's first mark."""
    session: date | None = None
    days: dict[date, Day] = field(default_factory=dict)
    """The newest sessions that were marked, oldest first."""
    deepest: float = 0.0
    deepest_today: float = 0.0
    _peak: float = 0.0
    _peak_today: float = 0.0
    _transferred: float = 0.0
    """What came or went since the last mark, and is no gain."""
    _opening: Mapping[str, Decimal] = field(default_factory=dict)

    def take(self, event: NavMarked, time: datetime, session: date | None) -> None:
        """Take in a mark; `session` is the one that trading is in."""
        x, nav = time.timestamp(), float(event.nav)
        if session != self.session:
            self.session, self._peak_today, self.deepest_today = session, 0.0, 0.0
            self.today, self.today_market, self._opening = Trace(), Trace(), event.marks
        self._peak, self._peak_today = max(self._peak, nav), max(self._peak_today, nav)
        fall = nav / self._peak - 1 if self._peak > 0 else 0.0
        fall_today = nav / self._peak_today - 1 if self._peak_today > 0 else 0.0
        self.deepest = min(self.deepest, fall)
        self.deepest_today = min(self.deepest_today, fall_today)
        if session:
            self._settle(session, nav)
        self.nav.add(x, nav)
        self.today.add(x, nav)
        self.fall.add(x, fall)
        self._opening = self._opening or event.marks
        self.today_market.add(x, _moved(self._opening, event.marks))

    def transfer(self, amount: float) -> None:
        """Cash or units came (> 0) or went by no trade: the next mark's gain is without them."""
        self._transferred += amount
        self._peak, self._peak_today = self._peak + amount, self._peak_today + amount

    def begin_anew(self) -> None:
        """The next mark is the first of new books."""
        self._peak = self._peak_today = self._transferred = 0.0
        self.days.clear()

    def fill(self) -> None:
        """Count a fill to the session that was marked last."""
        if self.session in self.days:
            self.days[self.session].fills += 1

    def _settle(self, session: date, nav: float) -> None:
        if session not in self.days:
            base = self.nav.y[-1] + self._transferred if self.days else nav
            self.days[session] = Day(base, nav, base)
            self._transferred = 0.0
            if len(self.days) > DAYS_KEPT:
                del self.days[next(iter(self.days))]
        day = self.days[session]
        day.base, day.peak = day.base + self._transferred, day.peak + self._transferred
        self._transferred = 0.0
        day.nav, day.peak = nav, max(day.peak, nav)
        day.deepest = min(day.deepest, nav / day.peak - 1 if day.peak > 0 else 0.0)


def _moved(first: Mapping[str, Decimal], now: Mapping[str, Decimal]) -> float:
    """The mean return of what has a price at both times; 0 without any."""
    both = [float(now[s] / first[s]) - 1 for s in first if first[s] and s in now]
    return sum(both) / len(both) if both else 0.0


class Ledger:
    """The state and every table, as of the last event taken in."""

    def __init__(self, model: CostModel | None = None) -> None:
        """Empty; `take` the journal's events in their order."""
        self._folding = Folding.of(State())
        self._state = State()
        self.orders = OrderTable(KEPT)
        self.costs = CostTable(model or CostModel())
        self.refusals: deque[Row] = deque(maxlen=REFUSALS_KEPT)
        self._log: deque[Row] = deque(maxlen=LOG_KEPT)
        self._untold: deque[Recorded] = deque(maxlen=LOG_KEPT)
        self.deeds: deque[Row] = deque(maxlen=REFUSALS_KEPT)
        self.runs: deque[Recorded] = deque(maxlen=RUNS_KEPT)
        self.targets: dict[tuple[str, str], Row] = {}
        self.signals: dict[tuple[str, str], Trace] = {}
        self.equity = Equity()
        self.profits: dict[str, Trace] = {}
        self.first_marked: datetime | None = None
        self.last: Recorded | None = None
        self.market_time: datetime | None = None
        """The market's time at the last event that came of trading; people's deeds have ours."""
        self.prices_delayed = False
        """Whether the last order left, or was refused, on delayed prices."""

    @classmethod
    def of(cls, records: Iterable[Recorded]) -> Ledger:
        """A ledger that has taken in all of `records`."""
        ledger = cls()
        for record in records:
            ledger.take(record)
        return ledger

    @property
    def seq(self) -> int:
        """Sequence number of the last event taken in."""
        return self._folding.seq

    @property
    def state(self) -> State:
        """The journal's state; the same object until something is taken in."""
        if self._state.seq != self._folding.seq:
            self._state = self._folding.state()
        return self._state

    @property
    def log(self) -> deque[Row]:
        """The newest events in words, oldest first; what nobody looks at is never told."""
        self._log.extend(map(_logged, self._untold))
        self._untold.clear()
        return self._log

    def take(self, record: Recorded) -> None:
        """Take in the next event."""
        event = record.event
        self._fold(record)
        self.last = record
        self.orders.take(record)
        if isinstance(event, COST_KINDS):
            self.costs.take(record)
        self._untold.append(record)
        if isinstance(event, OrderQuoted | OrderRefused):
            self._judged(event, record)
        elif isinstance(event, TargetSet):
            self._target(event, record)
        elif isinstance(event, NavMarked):
            self._mark(event, record)
        elif isinstance(event, FillRecorded):
            self.equity.fill()
        if isinstance(event, DEED_KINDS):
            self.deeds.append({**_logged(record), "by": by_whom(event)})
        elif isinstance(event, RUN_KINDS):
            self.runs.append(record)
        else:
            self.market_time = record.time

    def _fold(self, record: Recorded) -> None:
        before = self._folding.transfers
        self._folding.take(record)
        if self._folding.transfers != before:
            self.equity.transfer(float(self._folding.transfers - before))
        if isinstance(record.event, EpochBegun):
            self.equity.begin_anew()

    def _judged(self, event: OrderQuoted | OrderRefused, record: Recorded) -> None:
        if isinstance(event, OrderQuoted):
            self.prices_delayed = event.delayed
            return
        refused = event.refusal
        self.prices_delayed |= any(o.check == "delayed_data" for o in refused.objections)
        self.refusals.extend(
            {**row, "session": refused.request.session} for row in refusal_rows([record])
        )

    def _target(self, event: TargetSet, record: Recorded) -> None:
        key = (event.strategy, event.symbol)
        self.targets[key] = {
            "strategy": event.strategy,
            "symbol": event.symbol,
            "session": event.session,
            "signal": event.signal,
            "target_weight": event.weight,
            "target": event.target,
            "price": event.price,
        }
        trace = self.signals.setdefault(key, Trace(SPARK_POINTS))
        trace.add(record.time.timestamp(), event.signal)

    def _mark(self, event: NavMarked, record: Recorded) -> None:
        state = self._folding
        self.first_marked = self.first_marked or record.time
        self.equity.take(event, record.time, state.session)
        marks = marks_of(state)  # type: ignore[arg-type]
        gains: dict[str, float] = {name: -float(paid) for name, paid in state.charges.items()}
        for (strategy, symbol), held in state.holdings.items():
            one = state.instruments.get(symbol, Instrument(symbol, currency=""))
            made = held.realised
            if held.quantity and symbol in marks:
                made += one.notional(held.quantity, marks[symbol] - held.average_cost)
            worth = float(made * state.rate(one.currency))
            gains[strategy] = gains.get(strategy, 0.0) + worth
        for strategy, gain in gains.items():
            self.profits.setdefault(strategy, Trace(SPARK_POINTS)).add(
                record.time.timestamp(), gain
            )


def _logged(record: Recorded) -> Row:
    event = record.event
    return {
        "seq": record.seq,
        "time": record.time,
        "kind": type(event).__name__,
        "what": told(event),
        "strategy": strategy_of(event.order_ref or "") or getattr(event, "strategy", ""),
    }


def shown_of(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[Row]:
    """The rows with those columns alone, in that order."""
    wanted = tuple(names)
    return [{name: row[name] for name in wanted} for row in rows]
