"""The order engine: reconcile, then trade; journal, then send; fills from executions only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hydra.clock import MarketClock
from hydra.domain.events import (
    CommissionRecorded,
    ConnectionChanged,
    Event,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderAdmitted,
    OrderEnded,
    OrderRefused,
    OrderSubmitted,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Fill, Order, OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio, Position
from hydra.errors import BrokerError, JournalError, NotReconciled
from hydra.execution.broker import Account, Broker, Quote
from hydra.execution.reconcile import compare, recover
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.risk._base import Context
from hydra.risk._gate import RiskGate

ZERO = Decimal(0)


@dataclass(frozen=True)
class Traded:
    """What became of a basket of requests; `repeated` are references that were traded before."""

    orders: tuple[Order, ...]
    refusals: tuple[Refusal, ...]
    repeated: tuple[str, ...]


class OrderEngine:
    """Works requests at one broker and writes all of it into one journal."""

    def __init__(self, broker: Broker, journal: Journal, gate: RiskGate) -> None:
        """Nothing is connected or read yet; `start` does that."""
        self.broker = broker
        self.journal = journal
        self.gate = gate
        self.clock = MarketClock()
        self.account: Account | None = None
        self._state = State()
        self._lost = ""
        self._early: dict[str, CommissionRecorded] = {}

    @property
    def state(self) -> State:
        """The journal's state, with every event that any process has written by now."""
        self._state = fold(self.journal.read(after=self._state.seq), self._state)
        return self._state

    async def start(self) -> Account:
        """Connect and reconcile; nothing trades before this has returned."""
        await self.broker.connect()
        self._lost = ""
        return await self.reconcile()

    async def reconcile(self) -> Account:
        """Fold in what the broker knows and we do not; journal every difference that remains.

        Raises `NotReconciled` while the way to the exchange is lost.
        """
        self.account = None
        self.clock.set(await self.broker.time())
        held = await self.broker.held_orders()
        executions = await self.broker.executions()
        self.drain()
        if self._lost:
            raise NotReconciled(f"Nothing can be compared, so nothing is sent: {self._lost}")
        for event in recover(self.state, held, executions):
            self.record(event)
        self.end_filled()
        account = await self.broker.account()
        self.drain()
        self.record(compare(self.state, account))
        self.account = account
        return account

    async def trade(self, requests: Sequence[OrderRequest]) -> Traded:
        """Send what the gate admits, in the order given; a reference that was judged before, in
        this run or any other, is not judged again. Raises `NotReconciled` before `start`."""
        account = self._reconciled()
        fresh = [r for r in requests if not self._was_judged(r.order_ref)]
        repeated = tuple(r.order_ref for r in requests if r not in fresh)
        if not fresh:
            return Traded((), (), repeated)
        quotes = await self.broker.quotes([r.instrument for r in fresh])
        self.clock.set(await self.broker.time())
        portfolio = self._expected(account, quotes)
        orders: list[Order] = []
        refusals: list[Refusal] = []
        for request in fresh:
            self.drain()
            self._reconciled()
            verdict = self.gate.review(request, self._context(account, portfolio, quotes))
            if isinstance(verdict, Refusal):
                self.record(OrderRefused(verdict))
                refusals.append(verdict)
            elif await self._send(verdict):
                portfolio = portfolio.after(request)
                orders.append(verdict)
            else:
                repeated = (*repeated, verdict.order_ref)
        return Traded(tuple(orders), tuple(refusals), repeated)

    async def cancel(self, ref: str) -> None:
        """Ask the broker to end a working order; its end is journalled when the broker says so."""
        await self.broker.cancel(ref)

    async def settle(self, timeout_s: float) -> tuple[str, ...]:
        """Journal what the broker tells until every order has ended and every fill is charged, or
        the time is up; returns the references that are still working.

        What is open when the time is up is asked for once more: a message may have been lost.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._unsettled():
            left = deadline - asyncio.get_running_loop().time()
            try:
                self.record(await asyncio.wait_for(self.broker.events.get(), max(left, 0.0)))
            except TimeoutError:
                await self.reconcile()
                break
            self.drain()
        return tuple(self.state.working)

    async def mark(self) -> NavMarked:
        """Value the journal's cash and positions at the broker's marks and journal the result."""
        account = await self.broker.account()
        self.clock.set(await self.broker.time())
        self.drain()
        nav = self.portfolio(account).nav
        cash = self.state.cash if self.state.cash is not None else account.cash
        event = NavMarked(nav, cash, account.net_liquidation, dict(account.marks))
        self.record(event)
        return event

    def portfolio(self, account: Account) -> Portfolio:
        """The whole account by the journal, at the broker's marks."""
        state = self.state
        positions = {
            symbol: Position(
                state.instruments.get(symbol, Instrument(symbol)), quantity, _mark(account, symbol)
            )
            for symbol, quantity in state.positions.items()
        }
        return Portfolio(account.cash if state.cash is None else state.cash, positions)

    def record(self, event: Event) -> bool:
        """Append an event at the market's time; False when it is known already or not ours."""
        if isinstance(event, FillRecorded):
            return self._record_fill(event.fill)
        if isinstance(event, CommissionRecorded) and not self._may_charge(event):
            return False
        if isinstance(event, ConnectionChanged):
            self._lost = "" if event.up else f"{event.text} ({event.code})"
            self.account = None
        makes_ours = isinstance(event, OrderAdmitted | OrderRefused)
        if event.order_ref and not makes_ours and not self._is_ours(event.order_ref):
            return False
        return self._append(event)

    def _append(self, event: Event) -> bool:
        return self.journal.append(event, self.clock.now()) is not None

    def _record_fill(self, fill: Fill) -> bool:
        """A first revision is a fill; a later one replaces what was recorded of the execution."""
        if not self._is_ours(fill.order_ref) or self._newest(fill) >= fill.revision[1]:
            return False
        event: Event = FillRecorded(fill)
        if number := self._newest(fill):
            old = self._filled(fill.at_revision(number))
            charge = self.journal.find(f"commission {old.exec_id}")
            refund = charge.commission.amount if isinstance(charge, CommissionRecorded) else ZERO
            event = FillCorrected(old, fill, refund)
        fresh = self._append(event)
        if charged := self._early.pop(fill.exec_id, None):
            self._append(charged)
        self.end_filled()
        return fresh

    def _newest(self, fill: Fill) -> int:
        """The highest revision of an execution that the journal has; 0 for none."""
        number = 0
        while self.journal.has(f"fill {fill.at_revision(number + 1)}"):
            number += 1
        if not number and self.journal.has(f"fill {fill.exec_id}"):
            return fill.revision[1]
        return max(number, self._skipped(fill))

    def _skipped(self, fill: Fill) -> int:
        """A later revision that came before this one; corrections of corrections are rare."""
        later = range(fill.revision[1] + 1, fill.revision[1] + 4)
        return next((n for n in later if self.journal.has(f"fill {fill.at_revision(n)}")), 0)

    def _filled(self, exec_id: str) -> Fill:
        event = self.journal.find(f"fill {exec_id}")
        if isinstance(event, FillRecorded):
            return event.fill
        if isinstance(event, FillCorrected):
            return event.new
        raise JournalError(f"The journal has no fill {exec_id}, though it says so.")

    def _may_charge(self, event: CommissionRecorded) -> bool:
        """A charge waits for its execution, and a replaced execution is not charged any more."""
        exec_id = event.commission.exec_id
        found = self.journal.find(f"fill {exec_id}")
        if found is None:
            self._early[exec_id] = event
            return False
        return self._newest(self._filled(exec_id)) == self._filled(exec_id).revision[1]

    def _is_ours(self, ref: str) -> bool:
        return self.journal.has(f"order {ref}")

    def drain(self) -> None:
        """Journal everything that the broker has told so far."""
        while not self.broker.events.empty():
            self.record(self.broker.events.get_nowait())

    def end_filled(self) -> None:
        """Close the orders whose executions add up to their quantity."""
        for ref, order in self.state.working.items():
            if not order.remaining:
                self._append(OrderEnded(ref, "filled", ""))

    async def _send(self, order: Order) -> bool:
        """Journal, then send; False when another run admitted the same reference meanwhile."""
        if not self.record(OrderAdmitted(order)):
            return False
        try:
            client_id, order_id = await self.broker.submit(order)
        except BrokerError as problem:
            self.record(OrderEnded(order.order_ref, "rejected", str(problem)))
            raise
        self.record(OrderSubmitted(order.order_ref, client_id, order_id))
        return True

    def _was_judged(self, ref: str) -> bool:
        """Whether any run has admitted or refused that reference."""
        return self.journal.has(f"order {ref}") or self.journal.has(f"refused {ref}")

    def _reconciled(self) -> Account:
        if self.account is None:
            why = self._lost or "they were not compared since the connection was made"
            raise NotReconciled(
                f"Journal and broker may disagree ({why}), so nothing is sent; "
                "call `start` or `reconcile` first."
            )
        return self.account

    def _expected(self, account: Account, quotes: dict[str, Quote]) -> Portfolio:
        """The portfolio once all working orders have filled."""
        marks = {s: q.last for s, q in quotes.items() if q.last is not None}
        portfolio = self.portfolio(_with_marks(account, marks))
        for order in self.state.working.values():
            portfolio = portfolio.after(order.request)
        return portfolio

    def _context(
        self, account: Account, portfolio: Portfolio, quotes: dict[str, Quote]
    ) -> Context:
        return Context(
            now=self.clock.now(),
            account=account.code,
            port=account.port,
            currency=account.currency,
            portfolio=portfolio,
            quotes={s: q.last for s, q in quotes.items()},
            quoted_at={s: q.time for s, q in quotes.items()},
            halted=self.state.halted,
        )

    def _unsettled(self) -> bool:
        return bool(self.state.working or self.state.uncharged)


def _with_marks(account: Account, marks: dict[str, Decimal]) -> Account:
    return replace(account, marks={**account.marks, **marks})


def _mark(account: Account, symbol: str) -> Decimal:
    if symbol not in account.marks:
        raise BrokerError(f"The gateway gives no price for {symbol}, so it cannot be valued.")
    return account.marks[symbol]
