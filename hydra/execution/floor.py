"""The floor: algorithms at work on one engine, each request at a desk of its own.

One listener journals what the broker tells and one beat keeps the market's time; every call to the
broker takes its turn, so that no comparison of the books sees an order half sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from hydra.algos._base import Algo
from hydra.clock import Sessions
from hydra.domain.events import FillCorrected, FillRecorded, Warned
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter, BrokerError, NotReconciled
from hydra.execution.desk import OrderDesk, Refused, Stopped, has_children
from hydra.execution.supervisor import Supervisor
from hydra.risk._base import EXIT_STEP

T = TypeVar("T")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Pace:
    """Wall seconds: between looks at the market's clock, until the books are asked in silence,
    that clock may stand still, the end of a child may take when the algorithm is over, and between
    valuations of the account, which the breakers judge."""

    beat_s: float = 1.0
    ask_s: float = 20.0
    stall_s: float = 60.0
    end_s: float = 10.0
    mark_s: float = 15.0

    def __post_init__(self) -> None:
        """Refuse what would never look or never wait."""
        for name in ("beat_s", "ask_s", "stall_s", "end_s", "mark_s"):
            if not getattr(self, name) > 0:
                raise BadParameter(f"{name} is {getattr(self, name)}; it must be > 0 seconds.")


@dataclass
class Floor:
    """Works requests through algorithms; `volumes` are mean volumes a session by symbol."""

    supervisor: Supervisor
    sessions: Sessions = field(default_factory=Sessions)
    volumes: Mapping[str, Decimal] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        """Nothing is listened to yet; `work` and `sweep` do that."""
        self.engine = self.supervisor.engine
        self.filled: dict[str, Decimal] = {}
        """Signed fills by order reference, of the orders worked here."""
        self._read_to = 0
        self._turn = asyncio.Lock()
        self._told = asyncio.Event()
        self._problem: BaseException | None = None
        self._moved_at = self._heard_at = self._marked_at = 0.0

    async def work(self, name: str, algo: Algo, requests: Sequence[OrderRequest]) -> None:
        """Work all requests at once, each to its end; raises the first error after all ended."""
        async with self._listening():
            await self.sweep_now({r.strategy for r in requests})
            if requests:
                await self.steady(lambda: self.engine.broker.quotes(_instruments(requests)))
            if not any(has_children(self.engine.journal, r) for r in requests):
                self._read_to = self.engine.journal.last_seq()  # no fill before now is of these
            tasks = [asyncio.create_task(self._work_one(name, algo, r)) for r in requests]
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                # Not soon again: what is left at the broker is taken back meanwhile.
                await _finish(tasks, 3 * self.pace.end_s)
        problems = [t.exception() for t in tasks if not t.cancelled()]
        first = next((problem for problem in problems if problem), None)
        if first:
            raise first

    async def sweep(self, strategy: str) -> None:
        """Take back what algorithms of a run that died have left working."""
        if self._leftovers({strategy}):
            async with self._listening():
                await self.sweep_now({strategy})

    async def sweep_now(self, strategies: set[str]) -> None:
        """The same, while listening."""
        for ref in self._leftovers(strategies):
            await self.take_back(ref)

    def _leftovers(self, strategies: set[str]) -> list[str]:
        """Children of algorithms, exits apart: those work on for their entry."""
        return [
            ref
            for ref, order in self.engine.state.working.items()
            if order.request.child
            and not order.request.parent
            and order.request.strategy in strategies
        ]

    async def take_back(self, ref: str) -> None:
        """Cancel one order and wait for the broker's word; what has filled has filled.

        Raises `BrokerError` when the word does not come within the pace's `end_s`.
        """
        try:
            async with asyncio.timeout(self.pace.end_s):
                while self.engine.works(ref):
                    await self._end(ref)
                    await self._while_working(ref)
        except TimeoutError as silence:
            raise BrokerError(
                f"The broker did not say within {self.pace.end_s:g} s that {ref} has ended."
            ) from silence

    async def _end(self, ref: str) -> None:
        try:
            await self.steady(lambda: self.engine.cancel(ref))
        except BrokerError:
            await self.steady(self.engine.reconcile)
            if self.engine.works(ref):
                raise

    async def _while_working(self, ref: str) -> None:
        while self.engine.works(ref):
            await self.news()

    async def _work_one(self, name: str, algo: Algo, request: OrderRequest) -> None:
        if self._is_judged(request):
            return
        desk = OrderDesk(self, request, name)
        try:
            async with desk:
                if desk.unplaced:
                    await algo.work(request, desk)
        except Stopped as end:
            self.note(f"{request.order_ref}: {name} was ended: {end}")
            if isinstance(end, Refused):  # no run of this session works the request any more
                await self._leave(request)

    async def _leave(self, request: OrderRequest) -> None:
        """An algorithm that may not turn a position over still leaves it, by a plain order."""
        held = self.engine.state.quantity(request.instrument.symbol, request.strategy)
        if held * request.quantity < 0 and abs(request.quantity) > abs(held):
            less = replace(request, quantity=-held, step=EXIT_STEP + request.step)
            await self.steady(lambda: self.engine.trade([less]))

    def _is_judged(self, request: OrderRequest) -> bool:
        """A refusal is final for the session, of a request as of its children."""
        has, ref = self.engine.journal.has, request.order_ref
        number = 1
        while has(f"order {ref}.{number}"):
            number += 1
        return has(f"refused {ref}") or has(f"refused {ref}.{number}")

    def note(self, sentence: str) -> None:
        """Tell people, in the journal."""
        self.engine.record(Warned(0, sentence))

    def filled_of(self, ref: str) -> Decimal:
        """What has filled of one order by the journal, signed."""
        journal = self.engine.journal
        kinds = (FillRecorded, FillCorrected)
        for record in journal.read(after=self._read_to, kinds=kinds):
            self._read_to = record.seq
            self._count(record.event)
        return self.filled.get(ref, ZERO)

    def _count(self, event: object) -> None:
        if isinstance(event, FillRecorded):
            fill = event.fill
            self.filled[fill.order_ref] = self.filled.get(fill.order_ref, ZERO) + fill.quantity
        elif isinstance(event, FillCorrected):
            ref, change = event.new.order_ref, event.new.quantity - event.old.quantity
            self.filled[ref] = self.filled.get(ref, ZERO) + change

    async def steady(self, step: Callable[[], Awaitable[T]]) -> T:
        """The step in its turn, over losses of the connection; not torn by a cancellation."""
        async with self._turn:
            try:
                return await self.supervisor.steady(lambda: _unbroken(step()))
            finally:
                self.tell()

    def tell(self) -> None:
        """Wake all who wait for news."""
        told, self._told = self._told, asyncio.Event()
        told.set()

    async def news(self) -> None:
        """Wait until something was told or the time moved on; raises what ended the listening."""
        if not self._problem:
            await self._told.wait()
        self._raise_problem()
        if _wall() - self._moved_at > self.pace.stall_s:
            raise BrokerError(
                f"The gateway's clock stands still at {self.engine.clock.now()}; an algorithm "
                "needs one that runs (`hydra gateway --speed 1`)."
            )

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        self._moved_at = self._heard_at = self._marked_at = _wall()
        self._problem = None
        tasks = [asyncio.create_task(self._guard(run)) for run in (self._listen, self._beat)]
        try:
            yield
        finally:
            await _finish(tasks, self.pace.beat_s)
        self._raise_problem()  # also when nobody waited for news any more

    def _raise_problem(self) -> None:
        if self._problem:
            raise BrokerError(f"The floor is closed: {self._problem}") from self._problem

    async def _guard(self, run: Callable[[], Awaitable[None]]) -> None:
        """Whatever ends the listening is raised to all who wait for news, and at the end."""
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except BaseException as problem:
            self._problem = problem
            self.tell()
            if not isinstance(problem, Exception):
                raise

    async def _listen(self) -> None:
        while True:
            self.engine.record(await self.engine.broker.events.get())
            self.engine.drain()
            self._heard_at = _wall()
            self.tell()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.pace.beat_s)
            await self.steady(self._look)
            if _wall() - self._marked_at > self.pace.mark_s:
                self._marked_at = _wall()
                async with self._turn:
                    await self.supervisor.mark()

    async def _look(self) -> None:
        """The market's time; after a loss the books first, and after a long silence too."""
        engine = self.engine
        if engine.account is None:
            raise NotReconciled(engine.lost or "Journal and broker were not compared.")
        if _wall() - self._heard_at > self.pace.ask_s:
            self._heard_at = _wall()
            await engine.reconcile()
        before: datetime = engine.clock.now()
        engine.clock.set(await engine.broker.time())
        if engine.clock.now() != before:
            self._moved_at = _wall()


async def _unbroken(step: Awaitable[T]) -> T:
    """The step to its end, also when we are cancelled: whether an order has left must be known."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        raise


async def _finish(tasks: Sequence[asyncio.Task[None]], again_s: float) -> None:
    """Cancel all and wait for their ends; ask again after a while.

    Before Python 3.12 `asyncio.wait_for` can lose a cancellation that comes together with its
    result (CPython issue 81839).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)


def _instruments(requests: Sequence[OrderRequest]) -> list[Instrument]:
    return [r.instrument for r in requests]


def _wall() -> float:
    return asyncio.get_running_loop().time()
