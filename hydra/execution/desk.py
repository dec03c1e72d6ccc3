"""The desk of one request: never more than was asked for, and nothing left working behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hydra.algos._base import Touch
from hydra.domain.events import OrderAdmitted
from hydra.domain.orders import OrderRequest, Refusal
from hydra.errors import BadParameter, BrokerError, HydraError
from hydra.execution.engine import Traded
from hydra.journal.journal import Journal

if TYPE_CHECKING:
    from hydra.execution.floor import Floor

ZERO = Decimal(0)


class Stopped(HydraError):
    """The desk ends the algorithm: the gate refused, trading is halted, or the books
    leave less of the request than it wants."""


class Refused(Stopped):
    """The gate refused a child: final for the request's session."""


class OrderDesk:
    """What `hydra.algos._base.Desk` says, on one engine."""

    def __init__(self, floor: Floor, request: OrderRequest, algo: str) -> None:
        """Use `Floor.work`."""
        self.request = request
        self.opens = floor.sessions.opens(request.session)
        self.closes = floor.sessions.closes(request.session)
        self.daily_volume = floor.volumes.get(request.instrument.symbol)
        self._floor, self._engine, self._algo = floor, floor.engine, algo
        self._counted: set[str] = set()

    async def __aenter__(self) -> Self:
        """Ready."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take back what still works. What cannot be reached now, the strategy's next run does."""
        for ref in self._entries():
            if self._engine.works(ref):
                await self._take_back(ref)

    async def _take_back(self, ref: str) -> None:
        try:
            await self._floor.take_back(ref)
        except HydraError as problem:
            self._floor.note(
                f"{ref} may still work at the broker; the next run of {self.request.strategy} "
                f"takes it back: {problem}"
            )

    @property
    def now(self) -> datetime:
        """The market's time as last told."""
        return self._engine.clock.now()

    @property
    def unplaced(self) -> Decimal:
        """The request less all that is filled, working or in doubt; has its sign."""
        state = self._engine.state
        taken = ZERO
        for ref in self._entries():
            order = state.working.get(ref) or state.unknown.get(ref)
            taken += order.request.quantity if order else self._floor.filled_of(ref)
        left = self.request.quantity - taken
        return left if left * self.request.quantity > 0 else ZERO

    async def touch(self) -> Touch:
        """Both sides of the book now."""
        instrument = self.request.instrument
        quotes = await self._floor.steady(lambda: self._engine.broker.quotes([instrument]))
        quote = quotes[instrument.symbol]
        if quote.bid is None or quote.ask is None:
            raise BrokerError(
                f"{instrument.symbol} has no {'ask' if quote.bid else 'bid'} now; no limit is set."
            )
        return Touch(quote.bid, quote.ask)

    async def place(self, child: OrderRequest) -> str:
        """Send a child under the next number."""
        await self._count_late_fills(child)
        named = self._named(child, self._next_number())
        await self._send(lambda: self._engine.trade([named]))
        return named.order_ref

    async def place_bracket(
        self, entry: OrderRequest, exits: Sequence[OrderRequest]
    ) -> tuple[str, ...]:
        """Send an entry with its exits under the next numbers, all or none."""
        await self._count_late_fills(entry)
        number = self._next_number()
        first = self._named(entry, number)
        group = f"{first.order_ref}:exits"
        rest = [
            replace(
                one, algo=self._algo, child=number + n, parent=first.order_ref, oca_group=group
            )
            for n, one in enumerate(exits, 1)
        ]
        await self._send(lambda: self._engine.trade_attached([first, *rest]))
        return tuple(one.order_ref for one in (first, *rest))

    async def modify(self, ref: str, limit_price: Decimal) -> bool:
        """Change a child's limit; the order that is held otherwise stays as it was."""
        self._stop_if_halted()
        if not self._engine.works(ref):
            return False
        try:
            verdict = await self._floor.steady(
                lambda: self._engine.modify(ref, limit_price=limit_price)
            )
        except BrokerError as problem:
            self._floor.note(f"{ref} was not changed: {problem}")
            return False
        if isinstance(verdict, Refusal):
            raise Stopped(str(verdict))
        return True

    async def ended(self, ref: str, until: datetime | None = None) -> bool:
        """Wait until the child works no more; False when `until` came first."""
        while self._engine.works(ref):
            if until is not None and self.now >= until:
                return False
            await self._news()
        return True

    async def until(self, moment: datetime) -> None:
        """Wait for a moment of the market's time."""
        while self.now < moment:
            await self._news()

    def note(self, sentence: str) -> None:
        """Tell people, in the journal."""
        self._floor.note(sentence)

    async def _news(self) -> None:
        await self._floor.news()
        self._stop_if_halted()

    def _stop_if_halted(self) -> None:
        if halted := self._engine.halted:
            raise Stopped(f"trading is halted: {halted}")

    async def _send(self, step: Callable[[], Awaitable[Traded]]) -> None:
        self._stop_if_halted()
        traded = await self._floor.steady(step)
        if traded.refusals:
            raise Refused(str(traded.refusals[0]))

    async def _count_late_fills(self, child: OrderRequest) -> None:
        """Ask the books once for each child that ended short: a fill of it may come after its end,
        or it works after all, and the next child would be that much too large.

        Ends the algorithm when that leaves too little for `child`: the next run works the rest.
        """
        short = {ref for ref in self._entries() if self._ended_short(ref)}
        if short - self._counted:
            before = self.unplaced
            await self._floor.steady(self._engine.reconcile)
            self._counted |= short
            if abs(self.unplaced) < min(abs(before), abs(child.quantity)):
                raise Stopped(f"of {before} that was thought open {self.unplaced} is left")

    def _ended_short(self, ref: str) -> bool:
        event = self._engine.journal.find(f"order {ref}")
        wanted = event.order.request.quantity if isinstance(event, OrderAdmitted) else ZERO
        return not self._engine.works(ref) and self._floor.filled_of(ref) != wanted

    def _named(self, child: OrderRequest, number: int) -> OrderRequest:
        if not abs(child.quantity) <= abs(self.unplaced) or child.quantity * self.unplaced <= 0:
            raise BadParameter(
                f"{self.request.order_ref}: a child of {child.quantity} is beyond what is left of "
                f"the request, {self.unplaced}."
            )
        return replace(child, algo=self._algo, child=number)

    def _next_number(self) -> int:
        return 1 + sum(1 for _ in _children(self._engine.journal, self.request))

    def _entries(self) -> Iterator[str]:
        """All orders that were ever admitted for this request, exits apart."""
        journal, ref = self._engine.journal, self.request.order_ref
        if journal.has(f"order {ref}"):
            yield ref
        for order in _children(journal, self.request):
            if not order.parent:
                yield order.order_ref


def has_children(journal: Journal, request: OrderRequest) -> bool:
    """Whether an algorithm has worked the request before."""
    return journal.has(f"order {request.order_ref}.1")


def _children(journal: Journal, request: OrderRequest) -> Iterator[OrderRequest]:
    """The children that were admitted, by their numbers."""
    number = 1
    while isinstance(event := journal.find(f"order {request.order_ref}.{number}"), OrderAdmitted):
        yield event.order.request
        number += 1
