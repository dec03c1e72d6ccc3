"""The order engine: reconcile, then trade; journal, then send; fills from executions only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hydra.clock import MarketClock
from hydra.domain.events import (
    Event,
    FillRecorded,
    NavMarked,
    OrderAdmitted,
    OrderEnded,
    OrderRefused,
    OrderSubmitted,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Order, OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio, Position
from hydra.errors import BrokerError, NotReconciled
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

    @property
    def state(self) -> State:
        """The journal's state, with every event that any process has written by now."""
        self._state = fold(self.journal.read(after=self._state.seq), self._state)
        return self._state

    async def start(self) -> Account:
        """Connect and reconcile; nothing trades before this has returned."""
        await self.broker.connect()
        return await self.reconcile()

    async def reconcile(self) -> Account:
        """Fold in what the broker knows and we do not; journal every difference that remains."""
        self.account = None
        self.clock.set(await self.broker.time())
        held = await self.broker.held_orders()
        executions = await self.broker.executions()
        self.drain()
        for event in recover(self.state, held, executions, self.journal.has):
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

    async def settle(self, timeout_s: float) -> tuple[str, ...]:
        """Journal what the broker tells until every order has ended and every fill is charged, or
        the time is up; returns the references that are still working."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._unsettled():
            left = deadline - asyncio.get_running_loop().time()
            try:
                self.record(await asyncio.wait_for(self.broker.events.get(), max(left, 0.0)))
            except TimeoutError:
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
        """Append an event at the market's time; False when the journal had it already."""
        fresh = self.journal.append(event, self.clock.now()) is not None
        if fresh and isinstance(event, FillRecorded):
            self.end_filled()
        return fresh

    def drain(self) -> None:
        """Journal everything that the broker has told so far."""
        while not self.broker.events.empty():
            self.record(self.broker.events.get_nowait())

    def end_filled(self) -> None:
        """Close the orders whose executions add up to their quantity."""
        for ref, order in self.state.working.items():
            if not order.remaining:
                self.journal.append(OrderEnded(ref, "filled", ""), self.clock.now())

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
            raise NotReconciled(
                "The journal and the broker were not compared yet, so nothing is sent; "
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
