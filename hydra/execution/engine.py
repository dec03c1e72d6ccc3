"""The order engine: reconcile, then trade; journal, then send; fills from executions only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from hydra.clock import MarketClock
from hydra.domain.events import (
    CommissionRecorded,
    ConnectionChanged,
    Event,
    ExternalFillRecorded,
    FillCorrected,
    FillRecorded,
    FutureSettled,
    Halted,
    NavMarked,
    OrderAdmitted,
    OrderEnded,
    OrderModified,
    OrderQuoted,
    OrderRefused,
    OrderRetried,
    OrderSubmitted,
    OrderUnsent,
    RatesTold,
    Recorded,
    Warned,
)
from hydra.domain.instruments import Instrument
from hydra.domain.lifecycle import OrderState
from hydra.domain.orders import Commission, Fill, Objection, Order, OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio
from hydra.domain.quotes import Quote
from hydra.errors import (
    BadParameter,
    BrokerError,
    GatewayUnreachable,
    JournalError,
    NotReconciled,
    UnknownInstrument,
)
from hydra.execution.broker import Account, Broker, HeldOrder
from hydra.execution.divergence import (
    MONEY,
    VALUE_TOLERANCE,
    cash_lags,
    cash_moved,
    contradiction,
    is_outlier,
    split_of,
    unexplained,
    unexplained_value,
    with_marks,
)
from hydra.execution.futures_cash import FuturesCash
from hydra.execution.moment import context_of, sold_short
from hydra.execution.reconcile import (
    LIFE,
    cash_of_cycle,
    compare,
    found_again,
    recover_fills,
    recover_orders,
    settled_cash,
    settled_futures,
)
from hydra.execution.watch import FREE, Watch
from hydra.journal.fold import Folding, State, WorkingOrder, same_money
from hydra.journal.held import valued
from hydra.journal.journal import Journal
from hydra.risk._base import Context, Margin, exit_of
from hydra.risk._gate import RiskGate

T = TypeVar("T")
ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
RATE_AGE = timedelta(minutes=15)
"""A rate of exchange that was told longer ago is asked for again before an order is judged."""
CHUNK = 16
"""Orders that are admitted in one durable write, and then sent."""
LOOK_S = 0.5
"""How long a wait goes on before the journal is asked whether another program has halted."""
COMPARISONS = 3
"""How often books are compared that differ while fills still come in."""
LOOKS = 3
"""How often the account is asked for until its figures are of one moment."""
LOOK_PAUSE_S = 0.2
QUOTES_S = 0.5
"""How long who stops losses waits for prices."""
ASK_S = 1.0
"""How long who stops losses waits for the books."""
CLOCK_S = 1.0
"""How long who stops losses waits for the gateway's time."""
LATEST_EVENTS = 1_000
"""Among so many events the fills are looked for that the account's cash may lag behind."""
NOT_READY = (
    "The gateway says that its account values are not ready (AccountReady is false: IB's servers "
    "reset), so nothing is compared with them."
)
LIVE = frozenset({OrderState.ACKNOWLEDGED, OrderState.PARTLY_FILLED})
"""States in which the broker is known to hold an order, so that it can be changed."""
OUTAGES = frozenset({1100, 2110})
"""Codes by which a gateway says that it has lost its own way to the exchange."""


SUSPECT = (
    FillRecorded,
    FillCorrected,
    OrderEnded,
    OrderRefused,
    OrderQuoted,
    FutureSettled,
    NavMarked,
    ConnectionChanged,
)
"""Events after which the breakers are read."""


@dataclass(frozen=True)
class Traded:
    """What became of a basket of requests; `repeated` are references that were traded before."""

    orders: tuple[Order, ...]
    refusals: tuple[Refusal, ...]
    repeated: tuple[str, ...]

    def and_then(self, later: Traded) -> Traded:
        """Both together, this one first."""
        return Traded(
            (*self.orders, *later.orders),
            (*self.refusals, *later.refusals),
            (*self.repeated, *later.repeated),
        )


class OrderEngine:
    """Works requests at one broker and writes all of it into one journal."""

    def __init__(
        self, broker: Broker, journal: Journal, gate: RiskGate, watch: Watch | None = None
    ) -> None:
        """Nothing is connected or read yet; `start` does that."""
        self.broker = broker
        self.journal = journal
        self.gate = gate
        self.watch = watch or Watch({})
        self.clock = MarketClock()
        self.account: Account | None = None
        self._folding = Folding.of(State())
        self._copy: State | None = None
        self._alone = False
        """Whether all is read and nobody else can write: so it is within a durable write."""
        self._lost: ConnectionChanged | None = None
        self._ours: set[str] = set()
        self._heard: set[tuple[str, bool]] = set()
        """Executions that were journalled, or are not ours, and whether with their charge."""
        self._early: dict[str, CommissionRecorded] = {}
        self._suspected = False
        self._last_warning = ""
        self._futures_cash = FuturesCash()
        self._stopping: asyncio.Task[None] | None = None
        self._taken_back: set[str] = set()
        """What was asked to end because trading is halted."""
        self._asked_for: set[str] = set()
        """What was asked to end because somebody wants so."""
        self._seen: dict[str, Decimal] = {}
        """Last prices by symbol: what was bought since the account was told has no mark in it."""
        self._rates_at: dict[str, datetime] = {}
        """When the rate of each currency was told, by the market's clock."""
        self.daily_volume: dict[str, Decimal] = {}
        """The mean of a day's volume by symbol, as the last bars that were decided on tell it."""

    @property
    def state(self) -> State:
        """The journal's state, with every event that any process has written by now."""
        folding = self._so_far()
        if self._copy is None or self._copy.seq != folding.seq:
            self._copy = folding.state()
        return self._copy

    def _so_far(self) -> Folding:
        """The same, to look at one thing in it."""
        if not self._alone:
            for record in self.journal.read(after=self._folding.seq):
                self._folding.take(record)
            self._alone = self.journal.is_writing
        return self._folding

    def works(self, ref: str) -> bool:
        """Whether an order may still trade, by the journal."""
        return ref in self._so_far().working

    @property
    def halted(self) -> str | None:
        """Why trading is halted; None when it is not."""
        return self._so_far().halted

    async def start(self) -> Account:
        """Connect and reconcile; nothing trades before this has returned."""
        if self.clock.at is not None:
            self.drain()  # the last words of an earlier connection say nothing of this one
        await self.broker.connect()
        self._lost = None
        self._suspected = True  # whatever a program before this one did not come to judge
        account = await self.reconcile()
        self._taken_back.clear()
        await self.obey_halt()
        return account

    @property
    def lost(self) -> str:
        """How the way to the exchange was lost; empty while it is open."""
        return f"{self._lost.text} ({self._lost.code})" if self._lost else ""

    def waits_for_exchange(self) -> bool:
        """Whether the gateway is there and has lost its own way on: it will tell when it is back,
        and a new connection to it would not help."""
        return self._lost is not None and self._lost.code in OUTAGES

    async def reconcile(self, strict: bool = True) -> Account:
        """Fold in what the broker knows and we do not; journal every difference that remains.

        Raises `NotReconciled` while the way to the exchange is lost, and while the account's own
        figures are not ready or contradict each other. Not `strict`, for who stops losses, it
        takes the account as it is told, asks nothing that may stay unanswered, and waits for no
        clock.
        """
        self.account = None
        await self._set_clock(strict)
        # Books before executions: what fills in between is in both, never in neither.
        known = self.journal.last_seq()
        held = await self._told(self.broker.held_orders(), "the open orders", strict)
        ended = await self.broker.ended_orders() if strict else []
        executions = await self._told(self.broker.executions(), "the executions", strict) or []
        self.drain()
        if self._lost:
            raise NotReconciled(f"Nothing can be compared, so nothing is sent: {self.lost}")
        self._record_missed(executions)
        if held is not None:
            self._recover_orders(held, ended, known)
        account = await self._compared(held or [], strict)
        self._rated(account.rates)
        self.account = account
        return account

    def _recover_orders(
        self, held: Sequence[HeldOrder], ended: Sequence[HeldOrder], known: int
    ) -> None:
        """Journal what the books say of our orders; `known` is the last event before they were
        asked."""
        with self._together():
            for event in recover_orders(self.state, held, ended):
                self.record(event)
            for order in self._given_up(held, ended):
                if again := found_again(self.journal.read(kinds=LIFE), order, known):
                    self.record(again)

    async def _told(self, call: Awaitable[list[T]], what: str, strict: bool) -> list[T] | None:
        """What the broker tells; who stops losses goes on without (None), after `ASK_S`."""
        try:
            async with asyncio.timeout(None if strict else ASK_S):
                return await call
        except (TimeoutError, GatewayUnreachable):
            if strict:
                raise
            self.record(Warned(0, f"The gateway did not tell {what}; positions are closed now."))
            return None

    async def _set_clock(self, strict: bool = True) -> None:
        """Take the market's time over. Who stops losses waits for it a second at most: then the
        last one stands, or the machine's."""
        try:
            async with asyncio.timeout(None if strict else CLOCK_S):
                self.clock.set(await self.broker.time())
        except (TimeoutError, GatewayUnreachable):
            if strict:
                raise
            if self.clock.at is None:
                self.clock.set(datetime.now(UTC))
            self.record(Warned(0, f"The gateway did not tell the time; it is {self.clock.now()}."))

    def _given_up(
        self, held: Sequence[HeldOrder], ended: Sequence[HeldOrder]
    ) -> Iterator[HeldOrder]:
        """Orders of ours that the broker's book holds and the journal has as ended."""
        over = {order.ref for order in ended}
        for order in held:
            is_known = order.ref in over or self._so_far().order(order.ref) is not None
            # An Inactive one that an error has ended is what the gateway calls a rejected order.
            is_rejected = order.status == "Inactive" and self._was_rejected(order.ref)
            if self._is_ours(order.ref) and not is_known and not is_rejected:
                yield order

    def _was_rejected(self, ref: str) -> bool:
        return any(key == f"end {ref} rejected" for key in self.journal.keys(f"end {ref} "))

    async def _compared(self, held: Sequence[HeldOrder], strict: bool) -> Account:
        """The comparison, journalled; made again while a difference may be a fill that came
        meanwhile, and once more before a position counts as contested."""
        for look in range(COMPARISONS):
            account, lags, problem = await self._look_at_account(strict)
            if problem and strict:
                raise NotReconciled(problem)
            for event in list(settled_futures(self.state, account, self.clock.now().date())):
                self.record(event)
            contested = unexplained(self.state, account)
            differs = contested or compare(self.state, account).differences
            if not differs or not strict:
                break
            if not (
                self._record_missed(await self.broker.executions()) or (contested and not look)
            ):
                break
            if contested:
                await asyncio.sleep(LOOK_PAUSE_S)
        with self._together():
            # A look that contradicts itself says nothing of the cash: ours holds.
            self._conclude(account, held, lags or bool(problem))
        return account

    def _conclude(self, account: Account, held: Sequence[HeldOrder], lags: bool) -> None:
        """Journal what the account says and our fills do not, each by its name."""
        for symbol in unexplained(self.state, account):
            if split := split_of(self.state, account, symbol):
                self.record(split)
        state = self.state
        contested = unexplained(state, account)
        told = settled_cash(state, account) or {account.currency: account.cash}
        if not lags and (moved := cash_moved(state, told, account.rates, bool(contested))):
            self.record(moved)
        elsewhere = [order for order in held if not self._is_ours(order.ref)]
        self.record(compare(self.state, account, elsewhere, contested, lags))

    async def _look_at_account(self, strict: bool) -> tuple[Account, bool, str]:
        """The account, whether its cash lags behind fills, and why its figures are not of one
        moment (empty when they are), after some looks."""
        for look in range(LOOKS if strict else 1):
            if look:
                await asyncio.sleep(LOOK_PAUSE_S)
            told = await self.broker.account()
            self.drain()
            last = self.state.mark
            account, unmarked = with_marks(told, last.marks if last else {})
            if not strict:  # who stops losses needs no right price, only some
                account, more = with_marks(account, _any_prices(account, self.state))
                unmarked += more
            lags = self._cash_lags(account)
            problem = NOT_READY if not account.is_ready else ""
            problem = problem or ("" if lags else contradiction(account))
            if not problem and not unmarked:
                return account, lags, ""
        if unmarked:
            names = ", ".join(unmarked)
            self._warn_once(f"The gateway tells no price of {names}; its last mark counts.")
        return account, lags, problem

    def _warn_once(self, text: str) -> None:
        """Journal a sentence, unless it was the last one."""
        if text != self._last_warning:
            self._last_warning = text
            self.record(Warned(0, text))

    def _cash_lags(self, account: Account) -> bool:
        """Whether the account's cash is the journal's of some moments ago."""
        state = self.state
        told = settled_cash(state, account) or {account.currency: account.cash}
        if (
            not state.balances
            or state.contested
            or all(
                same_money(state.balances.get(c, ZERO), told.get(c, ZERO))
                for c in {*state.balances, *told}
            )
        ):
            return False
        by_cycle = cash_of_cycle(account) if account.costs else told
        if self._futures_cash.lags(account, state.balances, (told, by_cycle), self.clock.now()):
            return True
        after = max(state.seq - LATEST_EVENTS, state.cash_told_seq)
        late = self.journal.read(after=after, kinds=MONEY)
        if not self._fits(account):
            return False
        now = self.clock.now()
        return cash_lags(late, state, told, now) or cash_lags(late, state, by_cycle, now)

    def _fits(self, account: Account) -> bool:
        """Whether our own cash and the account's positions make up about the net liquidation
        value, which is of before a few fills: they exchange cash for units of the same worth."""
        try:
            nav = self.portfolio(account, {**self.state.rates, **account.rates}).nav
        except BrokerError:
            return False
        return abs(nav - account.net_liquidation) <= VALUE_TOLERANCE * abs(account.net_liquidation)

    def _record_missed(self, executions: Sequence[tuple[Fill, Commission | None]]) -> bool:
        """Journal what executions tell; True when any of it was news.

        What this engine has heard before it does not look up again: a client tells of all
        executions since it logged on, each time.
        """
        fresh = [pair for pair in executions if _exec_key(pair) not in self._heard]
        with self._together():
            news = [self.record(event) for event in recover_fills(fresh)]
            news += [self._record_external(fill) for fill, _ in fresh]
        self._heard.update(map(_exec_key, fresh))
        return any(news)

    def _record_external(self, fill: Fill) -> bool:
        """An execution of the account that is not ours; what the last comparison told of is in the
        external units already."""
        since = self._so_far().reconciled_at
        is_known = since is not None and fill.time < since
        seen = any(True for _ in self.journal.keys(f"external fill {fill.revision[0]}."))
        if self._is_ours(fill.order_ref) or is_known or (fill.revision[1] > 1 and seen):
            return False
        return self.record(ExternalFillRecorded(fill))

    async def trade(self, requests: Sequence[OrderRequest]) -> Traded:
        """Send what the gate admits, in the order given; a reference that was judged before, in
        this run or any other, is not judged again unless it provably never left.

        Raises `NotReconciled` before `start`, and `GatewayUnreachable` when the connection goes
        meanwhile: what had not left by then may be sent by the next call.
        """
        self._reconciled()
        fresh = [r for r in requests if self.may_trade(r.order_ref)]
        sent = {r.order_ref for r in fresh}
        done = Traded((), (), tuple(r.order_ref for r in requests if r.order_ref not in sent))
        if not fresh:
            return done
        stops_losses = all(r.flatten for r in fresh)
        instruments = [r.instrument for r in fresh]
        if stops_losses:
            quotes = await self._quotes_at_hand(instruments)
        else:
            quotes = await self._quotes(instruments, sold_short(fresh, self.state))
        await self._set_clock(not stops_losses)
        for start in range(0, len(fresh), CHUNK):
            chunk = fresh[start : start + CHUNK]
            margins = {} if stops_losses else await self._margins(chunk, quotes)
            judged = self._judge(chunk, quotes, margins)
            await self._send(judged.orders)
            done = done.and_then(judged)
            await asyncio.sleep(0)  # lets in what the broker has said meanwhile
        return done

    async def trade_attached(self, requests: Sequence[OrderRequest]) -> Traded:
        """Send an order (the first) with those attached to it: all of them or none.

        The gate judges the attached as if the first had filled; one refusal refuses all.
        """
        self._reconciled()
        if not all(self.may_trade(r.order_ref) for r in requests):
            return Traded((), (), tuple(r.order_ref for r in requests))
        short = sold_short(requests, self.state)
        quotes = await self._quotes([r.instrument for r in requests], short)
        await self._set_clock()
        self.drain()
        done = self._judge_attached(requests, quotes)
        try:
            ids = await self.broker.submit_attached(done.orders) if done.orders else []
        except (Exception, asyncio.CancelledError) as problem:
            self._note_sent((), done.orders, f"{problem}" or type(problem).__name__)
            raise
        sent = zip(done.orders, ids, strict=True)
        self._note_sent([OrderSubmitted(o.order_ref, *i) for o, i in sent], (), "")
        return done

    def _judge_attached(
        self, requests: Sequence[OrderRequest], quotes: dict[str, Quote]
    ) -> Traded:
        account = self._reconciled()
        with self._together():
            before = self._expected(account, quotes)
            after = before.after(requests[0])
            contexts = [self._context(after if r.parent else before, quotes) for r in requests]
            verdicts = list(map(self._review, requests, contexts))
            objections = tuple(o for v in verdicts if isinstance(v, Refusal) for o in v.objections)
            if objections:
                refusals = tuple(_attached(v, objections) for v in verdicts)
                for refusal in refusals:
                    self._refuse(refusal)
                return Traded((), refusals, ())
            orders = tuple(v for v in verdicts if isinstance(v, Order))
            for order, context in zip(orders, contexts, strict=True):
                self._admit(order, quotes[order.request.instrument.symbol])
                self._warn(order, context)
        return Traded(orders, (), ())

    async def modify(
        self,
        ref: str,
        *,
        limit_price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order | Refusal:
        """Give a working order another limit or quantity (signed, the filled part in it).

        Journalled before it leaves. Raises `NotReconciled` while journal and broker may differ,
        and `BrokerError` when the order is not known to be held or the broker turns the change
        down: then its books are asked, and what they hold is what the journal says.
        """
        self._reconciled()
        instrument = self._live(ref).request.instrument
        quotes = await self._quotes([instrument])
        await self._set_clock()
        self.drain()
        account, known = self._reconciled(), self._live(ref)
        request = _changed(known, limit_price, quantity)
        with self._together():
            portfolio = self._expected(account, quotes, without=known)
            verdict = self._review(request, self._context(portfolio, quotes))
            if isinstance(verdict, Refusal):
                self.record(Warned(0, f"The change of {verdict}"))
                return verdict
            if not self.record(OrderModified(verdict, known.changes + 1)):
                raise BrokerError(f"{ref} is being changed by another process; left alone.")
        try:
            await self.broker.modify(verdict)
        except BrokerError as problem:
            await self._believe_broker(verdict, known, problem)
            raise
        return verdict

    async def _believe_broker(
        self, wanted: Order, before: WorkingOrder, problem: BrokerError
    ) -> None:
        """After a change that was turned down: the terms in the broker's book are the order's."""
        ref = wanted.order_ref
        if isinstance(problem, GatewayUnreachable):
            self.account = None  # nothing more is sent before the books were compared
            return
        held = {o.ref: o for o in await self.broker.held_orders()}
        if ref in held and _is_as_before(held[ref], before.request):
            old = replace(wanted, request=before.request)
            self.record(OrderModified(old, before.changes + 2))
        elif ref not in held:
            await self.reconcile()

    def _live(self, ref: str) -> WorkingOrder:
        known = self._so_far().working.get(ref)
        if known is None or known.state not in LIVE:
            state = known.state if known else "not working"
            raise BrokerError(f"{ref} is {state}; only an order that the broker holds is changed.")
        return known

    async def cancel(self, ref: str) -> None:
        """Ask the broker to end a working order; its end is journalled when the broker says so.

        An order that never left ends at once.
        """
        known = self._so_far().working.get(ref)
        if known and known.may_be_sent:
            self.record(OrderEnded(ref, "cancelled", "it had not left"))
        else:
            await self.broker.cancel(ref)

    async def obey_halt(self) -> None:
        """Take back what works while trading is halted, each order once; flattening goes on."""
        if self.halted is None:
            self._taken_back.clear()
            return
        working = self._so_far().working.items()
        refs = [r for r, o in working if not (o.request.flatten or o.may_be_sent)]
        for ref in refs:
            if ref not in self._taken_back:
                self._taken_back.add(ref)
                try:
                    await self.cancel(ref)
                except BrokerError as problem:
                    self.record(Warned(0, f"Halted, and {ref} may still work: {problem}"))

    async def obey_wishes(self) -> None:
        """Take back the working orders that somebody asked to end, each once: IB lets only the
        connection that placed an order cancel it, and that may be this one. Whoever asked waits,
        and tells when nobody could."""
        if not self._so_far().unwanted:
            self._asked_for.clear()
            return
        for ref in self.state.unwanted.keys() - self._asked_for:
            self._asked_for.add(ref)
            with suppress(BrokerError):
                await self.cancel(ref)

    async def settle(self, timeout_s: float) -> tuple[str, ...]:
        """Journal what the broker tells until every order has ended and every fill is charged, or
        the time is up; returns the references that are still working or unknown.

        What is open when the time is up is asked for once more: a message may have been lost. An
        order of today that nobody knows of is waited for too: tomorrow the broker would tell no
        more of its executions.
        Raises `NotReconciled` when the connection goes meanwhile: see `Supervisor`.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self.awaits_news():
            await self.obey_halt()
            await self.obey_wishes()
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(min(max(left, 0), LOOK_S)):
                    event = await self.broker.events.get()
            except TimeoutError:
                if left > LOOK_S:
                    continue
                await self.reconcile()
                break
            with self._together():
                self.record(event)
                self.drain()
            self._reconciled()
        return (*self.state.working, *self._unknown_today())

    async def mark(self, account: Account | None = None) -> NavMarked:
        """Value the journal's cash and positions at the broker's marks and journal the result; the
        account is asked for unless it was just told.

        A NAV that is far from the last one is looked at twice. What a second look does not
        confirm, or the account's own figures contradict, is said and not journalled, so that no
        breaker acts on it.
        """
        problem = ""
        if account is None:
            account, _, problem = await self._look_at_account(strict=True)
            await self._set_clock()
        if not problem and set(unexplained(self.state, account)) != set(self.state.contested):
            account = await self.reconcile()  # a split, say: what is held must be known first
        event, last = self._valued(account), self.state.mark
        if not problem and is_outlier(event.nav, last.nav if last else None):
            await asyncio.sleep(LOOK_PAUSE_S)
            account, _, problem = await self._look_at_account(strict=True)
            event, first = self._valued(account), event
            if is_outlier(event.nav, first.nav):
                problem = f"Two looks at the account say {first.nav:,.2f} and {event.nav:,.2f}."
        if problem:
            self._warn_once(f"The account's value is not believed: {problem}")
            return event
        return self.mark_at(account)

    def mark_at(self, account: Account) -> NavMarked:
        """The same at the marks that an account was just told with.

        Units and cash that came while positions are contested count for nothing. While the account
        lacks what our books hold the value is told and not journalled: it is no result of trading.
        """
        event = self._valued(account)
        if self.state.is_backed:
            self.record(event)
        return event

    def _valued(self, account: Account) -> NavMarked:
        self._rated(account.rates)
        state = self.state
        worth = self.portfolio(account, {**state.rates, **account.rates})
        known = state.balances
        nav, cash = worth.nav, worth.cash if known else account.cash
        if state.contested and state.is_backed:
            nav -= state.pending_cash + unexplained_value(state, account)
        if account.rates or state.futures:  # money at a rate has more places than a cent has
            nav, cash = _cents(nav), _cents(cash)
        return NavMarked(
            nav, cash, account.net_liquidation, dict(account.marks), dict(account.rates)
        )

    def portfolio(self, account: Account, rates: Mapping[str, Decimal] | None = None) -> Portfolio:
        """The whole account by the journal, at the broker's marks and `rates`, the last that were
        told unless they are given.

        Raises `BrokerError` when there is no mark of a position, or no rate of its currency.
        """
        state = self.state
        if not state.balances:
            state = replace(state, balances={account.currency: account.cash})
        rates = {**(rates or {**account.rates, **state.rates}), account.currency: ONE}
        held = {symbol: _mark(account, symbol) for symbol in state.positions}
        owned = {name for name, amount in state.balances.items() if amount}
        for name in owned | {c for s in held for c in _currencies(state, s)}:
            if name not in rates:
                raise BrokerError(
                    f"The gateway tells no rate of exchange from {name} to {account.currency}, "
                    "so the account cannot be valued."
                )
        return valued(state, held, rates)

    def record(self, event: Event) -> bool:
        """Append an event at the market's time; False when it is known already or not ours.

        What a breaker makes of it is in the same durable write.
        """
        if not self.watch.breakers or not isinstance(event, SUSPECT):
            return self._record(event)
        with self._together():
            fresh = self._record(event)
            self._suspected |= fresh
        return fresh

    def _record(self, event: Event) -> bool:
        if isinstance(event, FillRecorded):
            return self._record_fill(self._as_ordered(event.fill))
        if isinstance(event, CommissionRecorded) and not self._may_charge(event):
            return False
        if isinstance(event, ConnectionChanged):
            self._lost = None if event.up else event
            self.account = None
        if isinstance(event, OrderEnded):
            order = self._so_far().order(event.ref)
            if order is None:
                return False
            event = replace(event, again=order.found)
        makes_ours = isinstance(event, OrderAdmitted | OrderRefused)
        if event.order_ref and not makes_ours and not self._is_ours(event.order_ref):
            return False
        return self._append(event)

    def _append(self, event: Event) -> bool:
        now = self.clock.now()
        seq = self.journal.append(event, now)
        if seq is not None and seq == self._folding.seq + 1:  # nobody else wrote in between
            self._folding.take(Recorded(seq, now, now, event))
        return seq is not None

    def _as_ordered(self, fill: Fill) -> Fill:
        """The fill under the name and in the money of the instrument that was ordered: a broker's
        report does not say that a price is in pence, and names a contract in its own way."""
        if not self._is_ours(fill.order_ref):
            return fill
        known = self._so_far().order(fill.order_ref)
        found = None if known else self.journal.find(f"order {fill.order_ref}")
        request = known.request if known else None
        if isinstance(found, OrderAdmitted):
            request = found.order.request
        if request is None:
            return fill
        one = request.instrument
        return replace(
            fill,
            symbol=one.symbol,
            currency=one.currency,
            multiplier=one.multiplier,
            sec_type=one.sec_type,
        )

    def _record_fill(self, fill: Fill) -> bool:
        """A first revision is a fill; a later one replaces what was recorded of the execution."""
        if not self._is_ours(fill.order_ref) or self._newest(fill) >= fill.revision[1]:
            return False
        event: Event = FillRecorded(fill)
        if number := self._newest(fill):
            old = self._filled(fill.at_revision(number))
            charge = self.journal.find(f"commission {old.exec_id}")
            refund = charge.commission if isinstance(charge, CommissionRecorded) else None
            event = FillCorrected(
                old,
                fill,
                refund.amount if refund else ZERO,
                refund.currency if refund else "",
            )
        known = self._so_far().order(fill.order_ref)
        was_open, again = known is not None, known.found if known else 0
        fresh = self._append(event)
        if charged := self._early.pop(fill.exec_id, None):
            self._append(charged)
        if was_open and not self._may_end(fill.order_ref):
            self._append(OrderEnded(fill.order_ref, "filled", "", again))
        return fresh

    def _newest(self, fill: Fill) -> int:
        """The highest revision of an execution that the journal has; 0 for none.

        The first ones may never have been told, so they are not counted up from 1.
        """
        stem, number = fill.revision
        if stem == fill.exec_id:  # an id without revisions
            return number if self.journal.has(f"fill {stem}") else 0
        last_parts = (key.rpartition(".")[2] for key in self.journal.keys(f"fill {stem}."))
        return max((int(last) for last in last_parts if last.isdigit()), default=0)

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
        """What is ours stays ours, so only the others are looked up again."""
        if ref and ref not in self._ours and self.journal.has(f"order {ref}"):
            self._ours.add(ref)
        return ref in self._ours

    def _may_end(self, ref: str) -> bool:
        return self._so_far().order(ref) is not None

    def drain(self) -> None:
        """Journal everything that the broker has told so far, durable in one write."""
        if self.broker.events.empty():
            return
        with self._together():
            while not self.broker.events.empty():
                self.record(self.broker.events.get_nowait())

    @contextmanager
    def _together(self) -> Iterator[None]:
        """One durable write; when it fails, nothing of it is believed."""
        try:
            with self.journal.together():
                yield
                self._read_breakers()
                self._alone = False
        except BaseException:
            self._suspected = True
            self._folding, self._copy, self.account = Folding.of(State()), None, None
            self._alone = False
            self._ours.clear()
            self._heard.clear()
            raise

    def _read_breakers(self) -> None:
        """Journal what trips now; a halt takes working orders back as soon as this is durable."""
        if not (self._suspected and self.watch.breakers):
            return
        self._suspected = False
        for event in self.watch.trips(self._so_far(), self.clock.now()):
            if self._append(event) and event.action == "halt" and self.halted is None:
                self._append(Halted(event.sentence, f"breaker {event.breaker}"))
                self._stopping = asyncio.ensure_future(self.obey_halt())

    async def at_rest(self) -> None:
        """Wait until what a breaker's halt takes back has been asked for."""
        if self._stopping:
            await self._stopping

    def _review(self, request: OrderRequest, context: Context) -> Order | Refusal:
        """The gate's verdict under what the breakers leave to the request."""
        left = self.watch.restraint(self._so_far(), request, context.now)
        if left != FREE:
            context = replace(context, reduce_only=left.reduce_only, no_entries=left.no_entries)
        return self.gate.review(request, context)

    def _verdicts(self, request: OrderRequest, context: Context) -> Iterator[Order | Refusal]:
        """The verdict; after a refusal to turn a position over also the exit from it.

        Of an algorithm's child there is none: what it holds by then its floor knows.
        """
        verdict = self._review(request, context)
        yield verdict
        is_whole = isinstance(verdict, Refusal) and not request.child
        less = exit_of(request, context) if is_whole else None
        if less and isinstance(part := self._review(less, context), Order):
            yield part

    async def _margins(
        self, requests: Sequence[OrderRequest], quotes: dict[str, Quote]
    ) -> dict[str, Margin]:
        """The broker's what-if by reference, asked where the gate wants it; a broker that does
        not answer one is not asked for the rest."""
        portfolio = self._expected(self._reconciled(), quotes)
        for request in requests:
            portfolio = portfolio.after(request)
        told: dict[str, Margin] = {}
        if self.gate.asks_margin(portfolio):
            for request in requests:
                margin = await self.broker.what_if(request)
                if margin is None:
                    break
                told[request.order_ref] = margin
        return told

    def _judge(
        self,
        requests: Sequence[OrderRequest],
        quotes: dict[str, Quote],
        margins: Mapping[str, Margin] | None = None,
    ) -> Traded:
        """The gate's verdict on each request, on the portfolio with all before it filled; durable.

        In one write with what it was judged on: what another process admits comes before or after.
        """
        orders: list[Order] = []
        refusals: list[Refusal] = []
        repeated: list[str] = []
        self.drain()
        account = self._reconciled()
        with self._together():
            context = self._context(self._expected(account, quotes), quotes)
            context = replace(context, margins=margins or {})
            for request in requests:
                for verdict in self._verdicts(request, context):
                    if isinstance(verdict, Refusal):
                        self._refuse(verdict)
                        refusals.append(verdict)
                    elif self._admit(verdict, quotes[request.instrument.symbol]):
                        self._warn(verdict, context)
                        context = context.after(verdict.request)
                        orders.append(verdict)
                    else:
                        repeated.append(verdict.order_ref)
        return Traded(tuple(orders), tuple(refusals), tuple(repeated))

    def _admit(self, order: Order, quote: Quote) -> bool:
        """Journal that the order may leave; False when another run has done so meanwhile."""
        ref = order.order_ref
        known = self._so_far().working.get(ref)
        if known and known.may_be_sent:
            return self.record(OrderRetried(ref, known.unsent))
        if not self.record(OrderAdmitted(order)):
            return False
        self.record(OrderQuoted(ref, quote.bid, quote.ask, quote.last, quote.delayed))
        return True

    def _warn(self, order: Order, context: Context) -> None:
        """Journal what the checks have to say of an order that they admitted."""
        for text in self.gate.warnings(order.request, context):
            self.record(Warned(0, text))

    def _refuse(self, refusal: Refusal) -> None:
        """Journal a refusal; an order that had been admitted and never left ends by it."""
        self.record(OrderRefused(refusal))
        self.record(OrderEnded(refusal.request.order_ref, "rejected", str(refusal)))

    async def _send(self, orders: Sequence[Order]) -> None:
        """Send admitted orders; those that stay when the connection goes are known not to have
        left, and a later run may send them."""
        sent: list[OrderSubmitted] = []
        try:
            for order in orders:
                if self.halted and not order.request.flatten:
                    break
                sent.append(OrderSubmitted(order.order_ref, *await self.broker.submit(order)))
        except (Exception, asyncio.CancelledError) as problem:
            self._note_sent(sent, orders[len(sent) :], f"{problem}" or type(problem).__name__)
            raise
        self._note_sent(sent, (), "")
        self._end_unsent(orders[len(sent) :])

    def _end_unsent(self, orders: Sequence[Order]) -> None:
        """Orders that were admitted and then met a halt stay here for good: a run after it decides
        anew."""
        if not orders:
            return
        reason = f"trading was halted before it left: {self.halted}"
        with self._together():
            self._note_sent((), orders, reason)
            for order in orders:
                self.record(OrderEnded(order.order_ref, "cancelled", reason))

    def _note_sent(self, sent: Sequence[Event], left: Sequence[Order], reason: str) -> None:
        with self._together():
            for event in sent:
                self.record(event)
            for order in left:
                known = self._so_far().order(order.order_ref)
                if known:
                    self.record(OrderUnsent(order.order_ref, known.unsent + 1, reason))

    def may_trade(self, ref: str) -> bool:
        """Whether no run has judged that reference, or it was admitted and provably never left."""
        known = self._so_far().working.get(ref)
        if known:
            return known.may_be_sent
        return not self._is_ours(ref) and not self.journal.has(f"refused {ref}")

    def _reconciled(self) -> Account:
        if self.account is None:
            why = self.lost or "they were not compared since the connection was made"
            raise NotReconciled(
                f"Journal and broker may disagree ({why}), so nothing is sent; "
                "call `start` or `reconcile` first."
            )
        return self.account

    async def _quotes(
        self, instruments: Sequence[Instrument], short: Collection[str] = ()
    ) -> dict[str, Quote]:
        """Quotes, and rates of their currencies; see `Broker.quotes`."""
        quotes = await self.broker.quotes(instruments, short)
        self._seen.update({s: q.last for s, q in quotes.items() if q.last is not None})
        await self.learn_rates(instruments)
        return quotes

    async def _quotes_at_hand(self, instruments: Sequence[Instrument]) -> dict[str, Quote]:
        """The same for who stops losses: it waits `QUOTES_S` at most, and goes on without."""
        try:
            async with asyncio.timeout(QUOTES_S):
                return await self.broker.quotes(instruments)
        except (TimeoutError, BrokerError) as problem:
            why = f"{problem}" or "none came in time"
            self.record(Warned(0, f"Positions are closed without a look at prices: {why}."))
            return {i.symbol: Quote(i.symbol, None, None, None, None) for i in instruments}

    def _rated(self, rates: Mapping[str, Decimal]) -> None:
        self._rates_at.update(dict.fromkeys(rates, self.clock.now()))

    async def learn_rates(self, instruments: Iterable[Instrument]) -> None:
        """Ask for the pair of each other currency whose rate was not told of late: a ledger has
        only those that the account holds. What no pair tells stays unknown, and the gate refuses
        orders in it."""
        base, now = self._reconciled().currency, self.clock.now()
        currencies = {c for one in instruments for c in one.currencies}
        old = {
            name
            for name in currencies - {base}
            if name not in self._rates_at or now - self._rates_at[name] > RATE_AGE
        }
        if not old:
            return
        told: dict[str, Decimal] = {}
        for name in sorted(old):
            if found := await self._pair_rate(name, base):
                told[name], self._rates_at[name] = found
        if told:
            self.record(RatesTold(told))

    def rates_of(self, instruments: Iterable[Instrument]) -> dict[str, Decimal]:
        """What one unit of each instrument's currency is worth in the account's, by symbol.

        Raises `BrokerError` where that is not known: `learn_rates` asks for it.
        """
        account = self._reconciled()
        known = {**account.rates, **self._so_far().rates, account.currency: ONE}
        rates = {}
        for one in instruments:
            if one.currency not in known:
                raise BrokerError(
                    f"{one.symbol} trades in {one.currency} and the gateway quotes no pair "
                    f"{one.currency}.{account.currency}, so nothing is decided on it."
                )
            rates[one.symbol] = known[one.currency]
        return rates

    async def _pair_rate(self, currency: str, base: str) -> tuple[Decimal, datetime] | None:
        """What one unit is worth by the middle of its pair, whichever way round that is listed,
        and the time of that quote; None where there is none."""
        for symbol in (f"{currency}.{base}", f"{base}.{currency}"):
            try:
                pair = (await self.broker.qualify([symbol]))[symbol]
            except UnknownInstrument:
                continue
            quote = (await self.broker.quotes([pair]))[symbol]
            if quote.last and quote.time:
                rate = quote.last if symbol.startswith(currency) else ONE / quote.last
                return rate, quote.time
        return None

    def _expected(
        self, account: Account, quotes: dict[str, Quote], without: WorkingOrder | None = None
    ) -> Portfolio:
        """The portfolio once all working orders have filled; as if `without` had never been.

        Exits that wait for their entry do not count: what they would close counts as held.
        """
        marks = {s: q.last for s, q in quotes.items() if q.last is not None}
        marks = {**self._seen, **account.marks, **marks}
        portfolio = self.portfolio(_with_marks(account, marks))
        skipped = without.request.order_ref if without else ""
        trades = [(without.request, -without.filled)] if without and without.filled else []
        for ref, order in self._so_far().working.items():
            counts = not order.may_be_sent and order.remaining and not order.request.parent
            if counts and ref != skipped:
                trades.append((order.request, order.remaining))
        return portfolio.after_all(trades)

    def _context(self, portfolio: Portfolio, quotes: dict[str, Quote]) -> Context:
        known = context_of(self.state, self._reconciled(), self.clock.now(), portfolio, quotes)
        return replace(
            known,
            connected=self._lost is None,
            reconciled=self.account is not None,
            daily_volume=self.daily_volume,
            rates_at=self._rates_at,
        )

    def awaits_news(self) -> bool:
        """Whether something is to be waited for: exits wait for their prices, perhaps all day."""
        state = self._so_far()
        awaited = (o for o in state.working.values() if not o.may_be_sent)
        works = any(not o.request.parent for o in awaited)
        return works or bool(state.uncharged) or bool(self._unknown_today())

    def _unknown_today(self) -> tuple[str, ...]:
        """Orders of the market's day that nobody knows of."""
        day = self.clock.now().date()
        unknown = self._so_far().unknown.items()
        return tuple(ref for ref, order in unknown if order.admitted_at.date() == day)


def _any_prices(account: Account, state: State) -> dict[str, Decimal]:
    """Some price of all that is held: what was paid for it, else 1."""
    paid = {s: h.average_cost for (_, s), h in state.holdings.items() if h.average_cost > 0}
    return {s: paid.get(s) or account.average_costs.get(s) or ONE for s in account.positions}


def _exec_key(pair: tuple[Fill, Commission | None]) -> tuple[str, bool]:
    """An execution, and whether it was told with its charge."""
    return pair[0].exec_id, pair[1] is not None


def _changed(
    known: WorkingOrder, limit_price: Decimal | None, quantity: Decimal | None
) -> OrderRequest:
    """The order's request with other terms; a quantity must exceed what has filled."""
    request = known.request
    if quantity is not None and not (
        quantity * request.quantity > 0 and abs(quantity) > abs(known.filled)
    ):
        raise BadParameter(
            f"{request.order_ref}: quantity {quantity} is not a change of {request.quantity} of "
            f"which {known.filled} has filled; give more than that, on the same side."
        )
    return replace(
        request,
        quantity=request.quantity if quantity is None else quantity,
        limit_price=request.limit_price if limit_price is None else limit_price,
    )


def _is_as_before(held: HeldOrder, request: OrderRequest) -> bool:
    """Whether the book holds the old terms; a broker that does not tell them held on to them."""
    size = held.quantity or request.quantity
    return (size, held.price or request.limit_price) == (request.quantity, request.limit_price)


def _attached(verdict: Order | Refusal, objections: tuple[Objection, ...]) -> Refusal:
    """A refusal of what stands or falls with something that was refused."""
    return verdict if isinstance(verdict, Refusal) else Refusal(verdict.request, objections)


def _currencies(state: State, symbol: str) -> tuple[str, ...]:
    one = state.instruments.get(symbol)
    return one.currencies if one else ()


def _cents(money: Decimal) -> Decimal:
    return money.quantize(CENT, ROUND_HALF_UP)


def _with_marks(account: Account, marks: dict[str, Decimal]) -> Account:
    return replace(account, marks={**account.marks, **marks})


def _mark(account: Account, symbol: str) -> Decimal:
    if symbol not in account.marks:
        raise BrokerError(f"The gateway gives no price for {symbol}, so it cannot be valued.")
    return account.marks[symbol]
