"""What was sent of late: the orders that work, and counts by minute and by session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from hydra.domain.orders import OrderRequest

ZERO = Decimal(0)
ONE = Decimal(1)
MINUTE_S = 60
INTENTS = 1_000
"""So many of the newest intentions are remembered, and none for longer than an hour."""
HOUR = timedelta(hours=1)

Intent = tuple[str, str, Decimal]
"""Strategy, symbol and signed quantity: who wants what."""
Moment = tuple[datetime, date, int]
"""When it was wanted (market time, aware UTC), in which session and as which step."""


@dataclass(frozen=True)
class Resting:
    """A working order: its signed quantity and how much of it has filled (same sign).

    Of those in one `oca_group` a fill of one takes the others back.
    """

    symbol: str
    quantity: Decimal
    filled: Decimal = ZERO
    oca_group: str = ""

    @property
    def left(self) -> Decimal:
        """Signed quantity that may still fill."""
        return self.quantity - self.filled


@dataclass(frozen=True)
class Tally:
    """How many messages left, by second of the market's clock; one minute is remembered."""

    seconds: Mapping[int, int] = field(default_factory=dict)

    def after(self, at: datetime) -> Tally:
        """With one more at that time."""
        second = int(at.timestamp())
        kept = {s: n for s, n in self.seconds.items() if s > second - MINUTE_S}
        kept[second] = kept.get(second, 0) + 1
        return Tally(kept)

    def within_minute(self, at: datetime) -> int:
        """How many left in the minute that ends at `at`."""
        if not self.seconds:
            return 0
        since = int(at.timestamp()) - MINUTE_S
        return sum(n for second, n in self.seconds.items() if second > since)


@dataclass(frozen=True)
class Day:
    """A session's new orders so far, and the sum of their sizes in the account's money, filled or
    not."""

    session: date = date.min
    orders: int = 0
    turnover: Decimal = ZERO

    def orders_of(self, session: date) -> int:
        """Orders of that session; 0 for another than the last."""
        return self.orders if session == self.session else 0

    def turnover_of(self, session: date) -> Decimal:
        """The same of the turnover."""
        return self.turnover if session == self.session else ZERO

    def after(self, request: OrderRequest, rate: Decimal = ONE) -> Day:
        """With one more order, whose currency is worth `rate` of the account's; an order of a
        session before the last changes nothing."""
        if request.session < self.session:
            return self
        session = request.session
        turnover = self.turnover_of(session) + abs(request.notional) * rate
        return Day(session, self.orders_of(session) + 1, turnover)


@dataclass(frozen=True)
class Sent:
    """Counts of what left; their size does not grow with the journal."""

    orders: Tally = field(default_factory=Tally)
    changes: Tally = field(default_factory=Tally)
    day: Day = field(default_factory=Day)

    def after(self, request: OrderRequest, at: datetime, rate: Decimal = ONE) -> Sent:
        """With one more order admitted, in a currency worth `rate` of the account's."""
        return Sent(self.orders.after(at), self.changes, self.day.after(request, rate))

    def after_change(self, at: datetime) -> Sent:
        """With one more change of a working order."""
        return replace(self, changes=self.changes.after(at))


def remember(intents: dict[Intent, Moment], request: OrderRequest, at: datetime) -> None:
    """Put a wish last among `intents` (changed in place), and forget the oldest: those of more
    than an hour ago, and those beyond 1,000."""
    intent = intent_of(request)
    intents.pop(intent, None)
    intents[intent] = (at, request.session, request.step)
    while len(intents) > INTENTS or at - next(iter(intents.values()))[0] > HOUR:
        del intents[next(iter(intents))]


def intent_of(request: OrderRequest) -> Intent:
    """Who wants what; two orders of one intention within moments are one too many."""
    return request.strategy, request.instrument.symbol, request.quantity


@dataclass(frozen=True)
class Traffic:
    """What was sent, and what of it still works; `buys` and `sells` are what may still fill, by
    symbol and signed, `intents` the newest wishes with their moments, oldest first."""

    sent: Sent = field(default_factory=Sent)
    intents: Mapping[Intent, Moment] = field(default_factory=dict)
    working: Mapping[str, Resting] = field(default_factory=dict)
    buys: Mapping[str, Decimal] = field(default_factory=dict)
    sells: Mapping[str, Decimal] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sent: Sent, intents: Mapping[Intent, Moment], working: Mapping[str, Resting]
    ) -> Traffic:
        """From what was sent and all orders that work, by reference."""
        sides: tuple[dict[str, Decimal], dict[str, Decimal]] = {}, {}
        for order in _independent(working):
            side = sides[order.quantity < 0]
            side[order.symbol] = side.get(order.symbol, ZERO) + order.left
        return cls(sent, intents, working, *sides)

    def same_side(self, symbol: str, quantity: Decimal) -> Decimal:
        """Signed quantity that may still fill on the side of `quantity`."""
        return (self.buys if quantity > 0 else self.sells).get(symbol, ZERO)

    def after(self, request: OrderRequest, at: datetime, rate: Decimal = ONE) -> Traffic:
        """With one more order admitted, or with the change of one that works; `rate` is what its
        currency is worth in the account's."""
        ref, symbol, quantity = request.order_ref, request.instrument.symbol, request.quantity
        old = self.working.get(ref, Resting(symbol, ZERO))
        new = Resting(symbol, quantity, old.filled)
        total = self.same_side(symbol, quantity) + new.left - old.left
        buys, sells = self.buys, self.sells
        if quantity > 0:
            buys = {**buys, symbol: total}
        else:
            sells = {**sells, symbol: total}
        working = {**self.working, ref: new}
        if ref in self.working:
            return Traffic(self.sent.after_change(at), self.intents, working, buys, sells)
        intents = dict(self.intents)
        remember(intents, request, at)
        return Traffic(self.sent.after(request, at, rate), intents, working, buys, sells)


def _independent(working: Mapping[str, Resting]) -> list[Resting]:
    """The orders that can all fill: of a group's orders on one side, the largest."""
    alone = [order for order in working.values() if not order.oca_group]
    largest: dict[tuple[str, str, bool], Resting] = {}
    for order in working.values():
        key = (order.symbol, order.oca_group, order.quantity > 0)
        if order.oca_group and abs(order.left) >= abs(largest.get(key, order).left):
            largest[key] = order
    return [*alone, *largest.values()]
