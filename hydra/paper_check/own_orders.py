"""The check's own orders: sent through gate and journal, awaited, cancelled, sold again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from hydra.clock import Sessions
from hydra.domain.events import FillRecorded, OrderAdmitted, OrderEnded
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType, Refusal
from hydra.domain.traffic import intent_of
from hydra.errors import BrokerError
from hydra.execution.engine import LIVE, OrderEngine
from hydra.paper_check.results import STRATEGY

ZERO = Decimal(0)
LOOK_AGAIN_S = 0.05


@dataclass(frozen=True)
class OrderAnswer:
    """What became of an order within the wait: `state` is working, filled, cancelled, rejected,
    unknown, or silent where the gateway has not said anything of it."""

    state: str
    reason: str = ""

    @property
    def works(self) -> bool:
        """Whether the gateway has said that it holds the order."""
        return self.state == "working"


class OwnOrders:
    """Orders and holdings of the check's own strategy on one engine; others' are never touched."""

    def __init__(self, engine: OrderEngine, patience_s: float) -> None:
        """`patience_s` bounds each wait for the gateway's word on an order."""
        self.engine = engine
        self.patience_s = patience_s
        self.begun_after = engine.journal.last_seq()

    def request(
        self,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        limit: Decimal | None = None,
    ) -> OrderRequest:
        """A request under the next free reference: a market order, or a limit order at `limit`.

        `price` is the last price, which costs are measured from.
        """
        session = Sessions(instrument.calendar).session_at(self.engine.clock.now())
        return OrderRequest(
            STRATEGY,
            session,
            instrument,
            quantity,
            price,
            OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit,
            step=self._free_step(session, instrument.symbol),
        )

    def _free_step(self, session: date, symbol: str) -> int:
        """References are used once for ever, so a second check on the same day counts on."""
        step, stem = 0, f"{STRATEGY}:{session:%Y%m%d}:{symbol}"
        has = self.engine.journal.has
        while has(f"order {stem}:{step}") or has(f"refused {stem}:{step}"):
            step += 1
        return step

    async def send(self, request: OrderRequest) -> Refusal | None:
        """Send what the gate admits; the refusal where it does not."""
        traded = await self.engine.trade([request])
        return traded.refusals[0] if traded.refusals else None

    async def answer(self, ref: str) -> OrderAnswer:
        """The gateway's first word on an order: that it works, or how it ended."""
        await self.until(lambda: self._is_live(ref) or not self.engine.works(ref))
        return self.standing(ref)

    async def end(self, ref: str) -> OrderAnswer:
        """How an order ended; working or silent where it has not within the wait."""
        await self.until(lambda: not self.engine.works(ref))
        return self.standing(ref)

    async def cancel(self, ref: str) -> OrderAnswer:
        """Ask for an order's end and wait for it; what cannot be asked is said as the reason."""
        if self.engine.works(ref):
            try:
                await self.engine.cancel(ref)
            except BrokerError as problem:
                standing = self.standing(ref)
                return OrderAnswer(standing.state, str(problem))
        return await self.end(ref)

    def standing(self, ref: str) -> OrderAnswer:
        """What the journal says of an order now."""
        if self.engine.works(ref):
            return OrderAnswer("working" if self._is_live(ref) else "silent")
        ends = [
            record.event
            for record in self.engine.journal.read(kinds=[OrderEnded])
            if isinstance(record.event, OrderEnded) and record.event.ref == ref
        ]
        last = ends[-1] if ends else OrderEnded(ref, "unknown", "nothing is known of it")
        return OrderAnswer(last.outcome, last.reason)

    def _is_live(self, ref: str) -> bool:
        known = self.engine.state.working.get(ref)
        return known is not None and known.state in LIVE

    async def until(self, is_over: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Journal what the broker tells until it is so or the time is up; whether it is so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.patience_s if timeout_s is None else timeout_s)
        while True:
            self.engine.drain()
            if is_over():
                return True
            if loop.time() > deadline:
                return False
            await asyncio.sleep(LOOK_AGAIN_S)

    def is_charged(self) -> bool:
        """Whether the commission of every execution of the check has been told."""
        return STRATEGY not in self.engine.state.uncharged.values()

    def holdings(self) -> dict[str, Decimal]:
        """What the check holds, signed, by symbol; what an earlier check left is in it."""
        return {
            symbol: holding.quantity
            for (strategy, symbol), holding in self.engine.state.holdings.items()
            if strategy == STRATEGY and holding.quantity
        }

    def working(self) -> list[str]:
        """References of the check's own orders that work."""
        return [r for r, o in self.engine.state.working.items() if o.request.strategy == STRATEGY]

    def has_sent(self) -> bool:
        """Whether an order of this check was admitted, so that it may have left."""
        records = self.engine.journal.read(after=self.begun_after, kinds=[OrderAdmitted])
        return any((r.event.order_ref or "").startswith(f"{STRATEGY}:") for r in records)

    def closing(self, symbol: str, quantity: Decimal) -> list[str]:
        """Orders of the check that may still trade a holding away: another one beside them could
        turn it over."""
        state = self.engine.state
        return [
            ref
            for ref in (*self.working(), *self.unknown())
            if (known := state.order(ref) or state.unknown[ref])
            and known.request.instrument.symbol == symbol
            and known.request.quantity * quantity < 0
        ]

    def unknown(self) -> list[str]:
        """References of the check's own orders of this session of which the gateway tells
        nothing."""
        day = self.engine.clock.now().date()
        unknown = self.engine.state.unknown.items()
        return [
            ref
            for ref, order in unknown
            if order.request.strategy == STRATEGY and order.admitted_at.date() == day
        ]

    def fills(self) -> list[FillRecorded]:
        """Executions of this check that the journal has, oldest first."""
        records = self.engine.journal.read(after=self.begun_after, kinds=[FillRecorded])
        events = (record.event for record in records)
        return [
            event
            for event in events
            if isinstance(event, FillRecorded) and event.order_ref.startswith(f"{STRATEGY}:")
        ]

    async def close(self, symbol: str, quantity: Decimal) -> Refusal | OrderAnswer:
        """Trade a holding of the check back to nothing with one market order."""
        instrument = self.engine.state.instruments[symbol]
        mark = self.engine.account.marks.get(symbol) if self.engine.account else None
        request = self._as_before(self.request(instrument, -quantity, mark or self._paid(symbol)))
        if self.engine.halted is not None:
            request = replace(request, algo="flatten", flatten=True)
        refusal = await self.send(request)
        return refusal or await self.end(request.order_ref)

    def _as_before(self, request: OrderRequest) -> OrderRequest:
        """The request as the next child of one of this check that wanted the same and has ended:
        to the gate's `duplicate_intent` it is the same intention, and no second one."""
        step = None
        for record in self.engine.journal.read(after=self.begun_after, kinds=[OrderAdmitted]):
            if isinstance(record.event, OrderAdmitted):
                old = record.event.order.request
                if intent_of(old) == intent_of(request) and old.session == request.session:
                    step = old.step
        if step is None:
            return request
        again = replace(request, step=step, child=1)
        while self.engine.journal.has(f"order {again.order_ref}"):
            again = replace(again, child=again.child + 1)
        return again

    def _paid(self, symbol: str) -> Decimal:
        return self.engine.state.holdings[STRATEGY, symbol].average_cost
