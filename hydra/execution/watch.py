"""The circuit breakers at work: facts from the journal's state, trips, and whom they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hydra.breakers._base import Breaker, Facts, Reading
from hydra.clock import Sessions
from hydra.domain.conduct import Behaviour, Counts, Executed, Standing, Trip
from hydra.domain.events import BreakerTripped
from hydra.domain.orders import OrderRequest
from hydra.journal.fold import Folding, State, counts_of

ZERO = Decimal(0)
MEASURED = 10_000
"""Orders whose cost is kept; all are reckoned anew after so many."""
Folded = State | Folding
Predict = Callable[[str, Decimal], float]
"""What a cost model says of a symbol and a signed quantity: bps worse than the mid."""


def predicts_nothing(symbol: str, quantity: Decimal) -> float:
    """Every bp of cost is a surprise."""
    return 0.0


@dataclass(frozen=True)
class Restraint:
    """Why orders of a strategy may only reduce, or why they may open nothing; None: they may."""

    reduce_only: str | None = None
    no_entries: str | None = None


FREE = Restraint()


@dataclass(frozen=True)
class Watch:
    """All breakers that are switched on, by name; sessions are those of `calendar`."""

    breakers: Mapping[str, Breaker]
    calendar: str = "XNYS"
    predict: Predict = predicts_nothing
    _measured: dict[tuple[str, int], float | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What each order's fills cost beyond the prediction, by its reference and last fill."""

    def trips(self, state: Folded, now: datetime) -> list[BreakerTripped]:
        """What is to be journalled now; a breaker that is triggered does not trip again."""
        session = state.session or session_at(self.calendar, now)
        return [
            self._trip(name, strategy, reading, session, state)
            for name, strategy, trip, reading in self._readings(state, now)
            if reading and reading.over and not _holds(trip, session)
        ]

    def restraint(self, state: Folded, request: OrderRequest, now: datetime) -> Restraint:
        """What the breakers that hold its strategy, or the account, leave to a request."""
        off = state.switched_off.get(request.strategy)
        if not state.trips and off is None:
            return FREE
        session = session_at(self.calendar, now)
        holding = [
            trip.event
            for (_, strategy), trip in state.trips.items()
            if strategy in ("", request.strategy) and trip.standing(session) is not Standing.ACTIVE
        ]
        entries = [_why(e) for e in holding if e.action == "refuse_entries"]
        reducing = [_why(e) for e in holding if e.action != "refuse_entries"]
        reducing += [f"{request.strategy} is switched off: {off}"] if off is not None else []
        return Restraint(
            "; ".join(reducing) or None,
            ("; ".join(entries) or None) if entries and opens(state, request) else None,
        )

    def rows(self, state: Folded, now: datetime) -> list[dict[str, Any]]:
        """Each breaker's standing, figure and limit, and how many sessions are left to wait."""
        session = session_at(self.calendar, now)
        rows = [
            self._row(name, strategy, trip, reading, session)
            for name, strategy, trip, reading in self._readings(state, now)
        ]
        known = {(row["breaker"], row["strategy"]) for row in rows}
        others = [key for key in state.trips if key not in known]  # switched off since
        return rows + [
            self._row(name, strategy, state.trips[name, strategy], None, session)
            for name, strategy in others
        ]

    def _readings(
        self, state: Folded, now: datetime
    ) -> Iterator[tuple[str, str, Trip | None, Reading | None]]:
        known: dict[tuple[str, int], Facts] = {}  # most breakers look at the same
        for name, breaker in self.breakers.items():
            strategies = [""] if breaker.scope == "account" else (_strategies(state) or [""])
            for strategy in strategies:
                trip = state.trips.get((name, strategy))
                key = strategy, trip.seq if trip else 0
                if key not in known:
                    known[key] = facts_of(state, strategy, trip, now, self._excess)
                yield name, strategy, trip, breaker.reading(known[key])

    def _excess(self, order: Executed) -> float | None:
        """How much worse an order filled than the cost model says, in bps; reckoned once."""
        key = order.ref, order.seq
        if key not in self._measured:
            if len(self._measured) >= MEASURED:
                self._measured.clear()
            cost, said = order.cost_bps, self.predict(order.symbol, order.quantity)
            self._measured[key] = None if cost is None else cost - said
        return self._measured[key]

    def _trip(
        self, name: str, strategy: str, reading: Reading, session: date, state: Folded
    ) -> BreakerTripped:
        breaker, before = self.breakers[name], state.trips.get((name, strategy))
        again = before is not None and before.event.session == session
        return BreakerTripped(
            name,
            strategy,
            session,
            self._sessions_on(session, breaker.cooldown_sessions),
            breaker.action,
            reading.figure,
            reading.limit,
            reading.sentence,
            before.event.number + 1 if before and again else 1,
        )

    def _sessions_on(self, session: date, number: int) -> date:
        for _ in range(number):
            session = Sessions(self.calendar).next(session)
        return session

    def _row(
        self, name: str, strategy: str, trip: Trip | None, reading: Reading | None, session: date
    ) -> dict[str, Any]:
        breaker = self.breakers.get(name)
        standing = trip.standing(session) if trip else Standing.ACTIVE
        holds = trip if standing is not Standing.ACTIVE else None
        shown = holds.event if holds else reading
        return {
            "breaker": name,
            "strategy": strategy,
            "standing": str(standing),
            "figure": shown.figure if shown else None,
            "limit": shown.limit if shown else (breaker.limit if breaker else None),
            "action": holds.event.action if holds else (breaker.action if breaker else ""),
            "sessions_left": self._left(holds, session) if holds else 0,
            "tripped": trip.event.session if trip else None,
        }

    def _left(self, trip: Trip, session: date) -> int:
        """Sessions until it is active again, the present one included."""
        left = 1
        while session < trip.event.until:
            session = Sessions(self.calendar).next(session)
            left += 1
        return left


def facts_of(
    state: Folded,
    strategy: str,
    trip: Trip | None,
    now: datetime,
    excess_of: Callable[[Executed], float | None],
) -> Facts:
    """How a strategy (or all of them: an empty name) has traded since the breaker's last trip."""
    since = trip.seq if trip else 0
    same = trip is not None and trip.event.session == state.session
    closed = _newest(state, strategy, lambda one: one.closed)
    executed = _newest(state, strategy, lambda one: one.executed)
    counts = counts_of(state.counted, strategy)
    return Facts(
        now=now,
        nav=state.mark.nav if state.mark else None,
        opening_nav=trip.nav if trip and same else state.opening_nav,
        peak_nav=trip.peak_nav if trip else state.peak_nav,
        gains=tuple(trade.gain for trade in closed if trade.seq > since),
        excess_bps=tuple(
            excess
            for order in executed
            if order.seq > since and (excess := excess_of(order)) is not None
        ),
        counts=counts - (trip.counts if trip else Counts()),
        losses=tuple(time for seq, time in state.losses if seq > since),
    )


def opens(state: Folded, request: OrderRequest) -> bool:
    """Whether an order could open a position of its strategy, or turn one over, should all that
    works on its side fill."""
    symbol, size = request.instrument.symbol, request.quantity
    key = (request.strategy, symbol)
    held = state.holdings[key].quantity if key in state.holdings else ZERO
    resting = sum(
        (
            order.remaining
            for ref, order in state.working.items()
            if order.request.strategy == request.strategy
            and order.request.instrument.symbol == symbol
            and order.remaining * size > 0
            and ref != request.order_ref
        ),
        ZERO,
    )
    return not held or held * (held + resting + size) < 0


@lru_cache(maxsize=256)
def session_at(calendar: str, now: datetime) -> date:
    """The session in progress, else the next one."""
    return Sessions(calendar).session_at(now)


def _holds(trip: Trip | None, session: date) -> bool:
    return trip is not None and trip.standing(session) is Standing.TRIGGERED


def _why(event: BreakerTripped) -> str:
    return f"breaker {event.breaker} until after {event.until}: {event.sentence}"


def _strategies(state: Folded) -> list[str]:
    return sorted(state.behaviour.keys() | {strategy for strategy, _ in state.counted})


def _newest(state: Folded, strategy: str, part: Callable[[Behaviour], tuple[Any, ...]]) -> Any:
    """One strategy's, or all of them by their place in the journal."""
    if strategy:
        return part(state.behaviour.get(strategy, Behaviour()))
    found = [item for one in state.behaviour.values() for item in part(one)]
    return sorted(found, key=lambda item: item.seq)
