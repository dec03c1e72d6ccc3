"""The halt: one event that stops every process, then every working order taken back.

It needs nobody else: its own connection, no kernel, no runner. A halt that cannot reach the
gateway is journalled all the same, and one that cannot write the journal takes the orders back all
the same; what could not be done is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from hydra.clock import Sessions, WallClock
from hydra.domain.events import Halted
from hydra.domain.orders import OrderRequest
from hydra.errors import BrokerError, HydraError, JournalError
from hydra.execution.broker import Account, Broker, Swept
from hydra.execution.engine import OrderEngine, Traded
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate

ZERO = Decimal(0)
WRITE_S = 0.3
"""How long the cancel waits for the journal: a program that was stopped may hold its lock."""
FLATTEN_STEP = 9_000
"""Steps from here on belong to orders that flatten."""


@dataclass(frozen=True)
class HaltOrder:
    """What is to happen: why, by whom; `flatten` closes our positions, `everything` cancels the
    orders of others too; `settle_s` is how long flattening waits for its fills."""

    reason: str
    by: str
    flatten: bool = False
    everything: bool = False
    calendar: str = "XNYS"
    settle_s: float = 30.0


@dataclass(frozen=True)
class HaltOutcome:
    """What the halt has done. `problems` are what it could not do, one sentence each; `swept` is
    None when the gateway was not reached, `flattened` when nothing was to be flattened; `notes`
    are what was not possible and, by the journal, not needed."""

    reason: str
    journalled: bool
    swept: Swept | None = None
    flattened: Traded | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all that was asked for has been done."""
        refused = self.flattened.refusals if self.flattened else ()
        left = self.swept.left if self.swept else ()
        return not (self.problems or refused or left)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell people, one sentence each."""
        first = (f"Trading is halted: {self.reason}.",) if self.journalled else ()
        notes = [f"{note} By the journal there is none." for note in self.notes]
        done = (*swept_sentences(self.swept), *_flattened(self.flattened))
        return (*first, *done, *notes, *self.problems)


async def halt(path: Path, broker: Broker, gate: RiskGate, order: HaltOrder) -> HaltOutcome:
    """Journal the halt, take every working order of ours back, and flatten when asked to.

    The event goes first, so that no process judges another order; but the cancel waits no longer
    than `WRITE_S` for it. Raises nothing that a person can mend: see `HaltOutcome.problems`.
    """
    writing = asyncio.create_task(asyncio.to_thread(_write, path, Halted(order.reason, order.by)))
    await asyncio.wait([writing], timeout=WRITE_S)
    problems: list[str] = []
    swept, traded, unreached = None, None, ""
    try:
        await broker.connect()
        swept = await _sweep(path, broker, order.everything)
    except BrokerError as problem:
        unreached = f"Working orders could not be cancelled: {problem}"
    journalled = await _written(writing, problems)
    if unreached and (order.flatten or _may_work(path)):
        problems.append(unreached)
    try:
        if swept is not None and journalled:
            traded = await _settle(path, broker, gate, order, problems)
    except HydraError as problem:
        what = "flattened" if order.flatten else "compared with the journal"
        problems.append(f"The positions could not be {what}: {problem}")
    finally:
        await broker.disconnect()
    notes = (unreached,) if unreached and unreached not in problems else ()
    return HaltOutcome(order.reason, journalled, swept, traded, tuple(problems), notes)


def _write(path: Path, event: Halted) -> None:
    with Journal.open(path) as journal:
        journal.append(event, WallClock().now())


async def _written(writing: asyncio.Task[None], problems: list[str]) -> bool:
    try:
        await writing
    except JournalError as problem:
        problems.append(f"The halt is NOT in the journal, so a program may trade on: {problem}")
        return False
    return True


async def _sweep(path: Path, broker: Broker, everything: bool) -> Swept:
    """Which orders are ours is read beside whoever writes: readers wait for no lock."""
    try:
        journal = Journal.read_only(path)
    except JournalError:  # there is none, or it is no journal: nothing is known to be ours
        return await broker.cancel_all(lambda ref: False, everything)
    with journal:
        return await broker.cancel_all(lambda ref: journal.has(f"order {ref}"), everything)


def _may_work(path: Path) -> bool:
    """Whether, by the journal, an order of ours may be in the broker's book."""
    try:
        with Journal.read_only(path) as journal:
            state = fold(journal.read())
    except JournalError:
        return True
    return bool(state.working or state.unknown)


async def _settle(
    path: Path, broker: Broker, gate: RiskGate, order: HaltOrder, problems: list[str]
) -> Traded | None:
    """Journal what became of the orders; then flatten, if that was asked for, and add to
    `problems` what cannot be."""
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal, gate)
        account = await engine.reconcile(strict=False)
        if not order.flatten:
            return None
        now = engine.clock.now()

        def session_of(symbol: str) -> date:
            one = engine.state.instruments.get(symbol)
            return Sessions(one.calendar if one else order.calendar).session_at(now)

        requests = list(flattening(engine.state, account, session_of, journal))
        problems += not_flattened(engine.state, account, requests)
        traded = await engine.trade(requests)
        await engine.settle(order.settle_s)
        return traded


def flattening(
    state: State, account: Account, session_of: Callable[[str], date], journal: Journal
) -> Iterator[OrderRequest]:
    """Market orders that close what our strategies hold, and never turn the account over.

    What two strategies hold against each other is left: closing either side would open a position
    of the account. An order that is repeated has the same reference, so it is sent once.
    `session_of` tells a symbol's session, which is its exchange's.
    """
    net = dict(account.positions)
    for (strategy, symbol), holding in sorted(state.holdings.items()):
        left = net.get(symbol, ZERO)
        if holding.quantity * left <= 0:
            continue
        one = state.instruments[symbol]
        size = one.round_quantity(min(abs(holding.quantity), abs(left)))
        if not size:
            continue
        quantity = -size if left > 0 else size
        net[symbol] = left + quantity
        session = session_of(symbol)
        yield OrderRequest(
            strategy,
            session,
            one,
            quantity,
            account.marks[symbol],
            step=_step(state, journal, f"{strategy}:{session:%Y%m%d}:{symbol}"),
            algo="flatten",
            flatten=True,
        )


def not_flattened(
    state: State, account: Account, requests: Sequence[OrderRequest]
) -> Iterator[str]:
    """What our books hold and no order closes, one sentence each: parts of a lot, and what the
    account does not tell of."""
    for symbol in sorted({s for (_, s), held in state.holdings.items() if held.quantity}):
        held, told = state.owned(symbol), account.positions.get(symbol, ZERO)
        closed = sum((r.quantity for r in requests if r.instrument.symbol == symbol), ZERO)
        if symbol in state.contested and not held * told > 0:
            yield (
                f"{symbol}: our books hold {held:,f} and the account tells of {told:,f}, so "
                "nothing is sent; look at the account, then `hydra adopt`."
            )
        elif left := held + closed:
            lot = state.instruments[symbol].lot_size
            if abs(left) < lot:
                yield f"{symbol}: {left:,f} are left: they are no whole lot of {lot:,f}."


def _step(state: State, journal: Journal, stem: str) -> int:
    """The step of the flattening order that still works, else the next free one."""
    step = FLATTEN_STEP
    while not state.order(ref := f"{stem}:{step}") and (
        journal.has(f"order {ref}") or journal.has(f"refused {ref}")
    ):
        step += 1
    return step


def swept_sentences(swept: Swept | None) -> Iterator[str]:
    """What became of the broker's book, one sentence each."""
    if swept is None:
        return
    yield f"{_count(swept.ended, 'working order')} cancelled."
    if swept.left:
        yield f"Still working after the time-out: {', '.join(swept.left)}."
    if swept.taken:
        yield "Cancelled with them, though not ours: " + "; ".join(map(str, swept.taken)) + "."
    if swept.spared:
        yield f"{_count(swept.spared, 'order')} of others left alone (--all takes them too)."


def _flattened(traded: Traded | None) -> Iterator[str]:
    if traded is None:
        return
    yield f"{_count(traded.orders, 'order')} sent to flatten."
    yield from (str(refusal) for refusal in traded.refusals)
    if traded.repeated:
        yield f"On their way already: {', '.join(traded.repeated)}."


def _count(what: Sequence[object], name: str) -> str:
    return f"{len(what)} {name}{'' if len(what) == 1 else 's'}"
