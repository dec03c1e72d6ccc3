"""How trading has gone of late: what circuit breakers are judged on; its size stays bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from hydra.domain.events import BreakerTripped

ZERO = Decimal(0)
KEPT = 50
"""So many closed trades and measured orders are remembered of each strategy, and losses of the
connection."""


class Standing(StrEnum):
    """Where a breaker stands: it trips, holds for the session, cools down, and is active again."""

    ACTIVE = "active"
    TRIGGERED = "triggered"
    COOLDOWN = "cooldown"


@dataclass(frozen=True)
class Counts:
    """Of one session: orders handed to the socket and those the broker rejected; requests judged
    and those of them whose prices were old."""

    sent: int = 0
    rejected: int = 0
    judged: int = 0
    stale: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.sent + other.sent,
            self.rejected + other.rejected,
            self.judged + other.judged,
            self.stale + other.stale,
        )

    def __sub__(self, other: Counts) -> Counts:
        """What came after `other`."""
        return self + Counts(-other.sent, -other.rejected, -other.judged, -other.stale)


@dataclass(frozen=True)
class ClosedTrade:
    """What the closing fills of one order (or of all children of one) realised, commissions apart,
    in the account's currency at the rate of then; a loss is below 0. `seq` is of its last fill."""

    ref: str
    seq: int
    gain: Decimal


@dataclass(frozen=True)
class Executed:
    """What filled of an order with a market at its arrival: signed quantity, and value at the fill
    prices (its sign too); `mid` is the arrival's."""

    ref: str
    seq: int
    symbol: str
    mid: Decimal
    quantity: Decimal = ZERO
    value: Decimal = ZERO

    @cached_property
    def cost_bps(self) -> float | None:
        """How much worse than the mid it filled, in bps of the mid; None once all was bust."""
        at_mid = self.quantity * self.mid
        return float((self.value - at_mid) / abs(at_mid)) * 10_000 if at_mid else None


@dataclass(frozen=True)
class Behaviour:
    """One strategy's last closed trades and measured orders, oldest first."""

    closed: tuple[ClosedTrade, ...] = ()
    executed: tuple[Executed, ...] = ()

    def closing(self, ref: str, seq: int, gain: Decimal) -> Behaviour:
        """With what a fill realised; fills of one order are one trade."""
        known = next((trade for trade in reversed(self.closed) if trade.ref == ref), None)
        rest = tuple(trade for trade in self.closed if trade is not known)
        total = gain + (known.gain if known else ZERO)
        return replace(self, closed=(*rest, ClosedTrade(ref, seq, total))[-KEPT:])

    def correcting(self, ref: str, change: Decimal) -> Behaviour:
        """With a correction of what an order realised, if it is remembered."""
        closed = tuple(
            replace(trade, gain=trade.gain + change) if trade.ref == ref else trade
            for trade in self.closed
        )
        return replace(self, closed=closed)

    def executing(self, new: Executed) -> Behaviour:
        """With a fill of an order that is measured."""
        known = self.measured(new.ref)
        if known:
            new = replace(
                new, quantity=known.quantity + new.quantity, value=known.value + new.value
            )
        rest = tuple(order for order in self.executed if order is not known)
        return replace(self, executed=(*rest, new)[-KEPT:])

    def measured(self, ref: str) -> Executed | None:
        """What is remembered of an order."""
        return next((order for order in reversed(self.executed) if order.ref == ref), None)


@dataclass(frozen=True)
class Trip:
    """A breaker's last trip, and what was so then: a breaker forgives what it has tripped on.

    `peak_nav` is the highest NAV since, `counts` those of the session at the trip, `cleared` says
    that somebody has resumed trading after a halt by it.
    """

    event: BreakerTripped
    seq: int
    nav: Decimal | None
    peak_nav: Decimal
    counts: Counts
    cleared: bool = False

    def standing(self, session: date) -> Standing:
        """In force through the session of the trip, then until its cooldown is over."""
        if self.cleared or session > self.event.until:
            return Standing.ACTIVE
        return Standing.TRIGGERED if session <= self.event.session else Standing.COOLDOWN


def family(ref: str) -> str:
    """The reference of the order that a child works; its own for any other."""
    stem, _, step = ref.rpartition(":")
    return f"{stem}:{step.partition('.')[0]}"
