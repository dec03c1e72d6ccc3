"""The sessions of the past, traded through a simulated gateway over TCP as fast as it goes.

Everything is the paper session's own: the connection, the comparison of the books before each
session, the strategy call, the sizing, the risk gate, the journal, the order engine. What differs
is the clock, which goes from open to close to open, and that one connection serves all sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from hydra.brokers.ib import IbBroker
from hydra.clock import Sessions
from hydra.config import Gateway
from hydra.domain.bars import Bars
from hydra.domain.events import NavMarked
from hydra.errors import BadParameter
from hydra.execution.engine import OrderEngine
from hydra.execution.session import PaperSession, Plan
from hydra.execution.watch import Watch
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.runner.simulator import Simulator, simulated_gateway

UNTHROTTLED = 0
"""ib_async holds itself to 45 messages a second, as IB wants it; our own gateway does not mind."""
SETTLE_S = 20.0
NEW_YORK = "XNYS"
"""Whose opens and closes the simulated gateway steps to by name."""


@dataclass(frozen=True, eq=False)
class History:
    """Bars that a session may know: those that had ended before it opened; `pairs` are the
    currency pairs', which have sessions of their own."""

    bars: Bars
    before: Callable[[], date]
    pairs: Bars | None = None
    _chosen: dict[tuple[str, ...], Bars] = field(default_factory=dict)

    async def last_bars(self, symbols: Sequence[str], rows: int) -> Bars:
        """The last `rows` completed sessions of the symbols."""
        known = self._chosen.get(tuple(symbols))
        if known is None:
            paired = self.pairs is not None and set(symbols) <= set(self.pairs.symbols)
            whole = self.pairs if self.pairs is not None and paired else self.bars
            known = self._chosen[tuple(symbols)] = whole.select(symbols)
        midnight = datetime.combine(self.before(), time(), UTC)
        end = int(known.index.searchsorted(midnight, side="right"))
        return known.rows(max(end - rows, 0), end)


@dataclass(frozen=True)
class Replayed:
    """What the replay left: the journal's file, the sessions, and the books of the gateway."""

    journal: Path
    sessions: tuple[date, ...]
    closing: tuple[NavMarked, ...]
    """The account at each session's close."""
    opening_nav: Decimal


async def replay_sessions(  # noqa: PLR0913 - what is traded, when, under what, and where to
    plan: Plan,
    bars: Bars,
    sessions: Sequence[date],
    gate: RiskGate,
    watch: Watch,
    folder: Path,
    progress: Callable[[date], None] = lambda session: None,
    seed: int = 0,
    pairs: Bars | None = None,
) -> Replayed:
    """Trade `sessions` of history in a fresh account of a fresh gateway.

    `folder` takes the journal; it must hold none yet, and is not waited for: should the machine
    fail, the replay is made again. Raises what a paper session raises, and
    `BadParameter` for a journal that is there already.
    """
    path = folder / "journal.db"
    if path.exists():
        raise BadParameter(f"{path} is there already; a replay begins with an empty journal.")
    # Years pass in minutes: nobody waits for answers, or for the turn of a message.
    arguments = ["--start", f"{sessions[0]}", "--speed", "0", "--fast", "--no-pacing"]
    arguments += ["--seed", f"{seed}"]
    with simulated_gateway(arguments) as gateway, Journal.open(path, durable=False) as journal:
        broker = IbBroker(Gateway(host=gateway.host, port=gateway.port))
        current = sessions[0]
        source = History(bars, lambda: current, pairs)
        engine = OrderEngine(broker, journal, gate, watch)
        try:
            account = await engine.start()
            broker.ib.client.MaxRequests = UNTHROTTLED
            opening = engine.portfolio(account).nav
            closing: list[NavMarked] = []
            for current in sessions:
                if closing:
                    await asyncio.to_thread(gateway.step, _open_of(plan.calendar, current))
                close = _close_of(plan.calendar, current)
                closing.append(await _one(plan, source, engine, broker, gateway, close))
                progress(current)
            await engine.reconcile()
            return Replayed(path, tuple(sessions), tuple(closing), opening)
        finally:
            await engine.at_rest()
            await broker.disconnect()


def _open_of(calendar: str, session: date) -> str:
    """Where the gateway's clock goes for a session's first orders."""
    if calendar == NEW_YORK:
        return "next_open"
    return (Sessions(calendar).opens(session) + timedelta(seconds=1)).isoformat()


def _close_of(calendar: str, session: date) -> str:
    """Where the gateway's clock goes for a session's closing prices: to the close of New York, or
    to that of another exchange, as close as no later session has begun."""
    if calendar == NEW_YORK:
        return "close"
    sessions = Sessions(calendar)
    close = sessions.closes(session)
    follows = sessions.opens(sessions.next(session)) <= close
    return (close + timedelta(seconds=-1 if follows else 1)).isoformat()


async def _one(
    plan: Plan,
    source: History,
    engine: OrderEngine,
    broker: IbBroker,
    gateway: Simulator,
    close: str,
) -> NavMarked:
    """One session from its open to its close."""
    paper = PaperSession(plan, engine, source)
    await paper.begin(await engine.reconcile())
    known = await paper.bars()
    await paper.trade(paper.targets(paper.signals(known), known))
    await paper.wait_for_fills()
    broker.unsubscribe()  # nobody decides on the prices until the close
    await asyncio.to_thread(gateway.step, close)
    await paper.wait_for_fills()
    closing = await engine.mark()  # the books are compared before the next session, or at the end
    broker.forget_executions()
    return closing


def sessions_between(calendar: str, first: date, last: date) -> list[date]:
    """All sessions from `first` to `last`, both included."""
    return list(_sessions(Sessions(calendar), first, last))


def _sessions(sessions: Sessions, first: date, last: date) -> Iterator[date]:
    session = first if sessions.is_session(first) else sessions.next(first)
    while session <= last:
        yield session
        session = sessions.next(session)
