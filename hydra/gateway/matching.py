"""Working orders and what happens to them next: pure functions of an order and the market.

An order is held until it may work, armed until its stop or touch price is seen, and live from
then on. A live order takes from the displayed book when it arrives, walking to worse prices; what
is left of a limit order joins the queue at its price, and trades as the volume of the path works
off what stood before it, or at once when the market trades through its price. The opening and the
closing auction trade at the path's first and last price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import IntEnum, StrEnum

import numpy as np

from hydra.gateway.account import ZERO
from hydra.gateway.market import STEP_S, Floats, Market, Stretch, Ticks
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument

STOPS = frozenset({"STP", "STP LMT", "TRAIL", "TRAIL LIMIT"})
TRAILS = frozenset({"TRAIL", "TRAIL LIMIT"})
TOUCHES = frozenset({"MIT", "LIT"})
AT_CLOSE = frozenset({"MOC", "LOC"})
PEGS = frozenset({"REL", "MIDPRICE", "PEG MID"})
LIMITED = frozenset({"LMT", "STP LMT", "LIT", "LOC", "TRAIL LIMIT"})
ORDER_TYPES = frozenset({"MKT", "LMT"}) | STOPS | TOUCHES | AT_CLOSE | PEGS
TIMES_IN_FORCE = frozenset({"DAY", "GTC", "IOC", "FOK", "GTD", "OPG"})
DONE = frozenset({"Filled", "Cancelled", "Inactive"})

_BY_QUOTE = frozenset({1, 4})  # trigger methods that look at bid and ask
_BY_EITHER = 7
_BY_MIDPOINT = 8


class Stage(StrEnum):
    """How far an order has come on its way into the book."""

    HELD = "held"  # by its parent, a later time, conditions, or for shares to be located
    ARMED = "armed"  # until its stop or touch price is seen
    LIVE = "live"


class Kind(IntEnum):
    """What can happen to an order; at the same second, in this order."""

    CANCEL = 0
    RELEASE = 1
    TRIGGER = 2
    ARRIVE = 3
    FILL = 4
    SLICE = 5
    AUCTION = 6
    EXPIRE = 7


@dataclass
class WorkingOrder:
    """One order of one client, from its acceptance on; quantities unsigned, `sign` is the side.

    `followed` is the time up to which the queue and the trail are worked out, `seen` the time of
    what happened to it last.
    """

    client_id: int
    terms: PlaceOrder
    instrument: Instrument
    perm_id: int
    account: str = ""
    status: str = "PreSubmitted"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO
    last_price: Decimal = ZERO
    completed_at: str = ""
    completed_status: str = ""
    stage: Stage = Stage.HELD
    sequence: int = 0  # time priority among orders at one price
    awaits_parent: bool = False
    awaits_shares: bool = False
    release_at: int = 0
    cancel_at: int | None = None
    expires_at: int | None = None
    has_arrived: bool = False
    queue_ahead: int = 0
    extreme: int | None = None  # the trail's best price so far, in ticks
    stop: Decimal | None = None  # the stop price of now
    limit: Decimal | None = None  # the limit price of now; None trades at any price
    slices: tuple[tuple[int, Decimal], ...] = ()  # when an algorithm wants how much done
    followed: int = 0
    seen: int = 0
    executions_before: int = 0  # how many executions there were when it was accepted
    sleeps: bool = False  # takes no part in trading, until somebody wakes it
    shown_status: str = ""  # what is told of it instead of its status while it is not done

    @property
    def key(self) -> tuple[int, int]:
        """Client and order number, by which clients know it."""
        return self.client_id, self.terms.orderId

    @property
    def sign(self) -> int:
        """1 to buy, -1 to sell."""
        return 1 if self.terms.action == "BUY" else -1

    @property
    def works_outside(self) -> bool:
        """Whether it trades in the extended hours too: US stocks have them."""
        one = self.instrument
        return self.terms.outsideRth and one.secType == "STK" and one.currency == "USD"

    @property
    def remaining(self) -> Decimal:
        """What has not traded yet."""
        return self.terms.totalQuantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """The mean price of what traded; 0 before."""
        return self.value / self.filled if self.filled else ZERO

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in DONE

    @property
    def told_status(self) -> str:
        """Its status as clients are told it."""
        return self.status if self.is_done else self.shown_status or self.status

    @property
    def time_in_force(self) -> str:
        """DAY unless the client said otherwise."""
        return self.terms.tif or "DAY"

    @property
    def order_type(self) -> str:
        """Its type as the gateway names it."""
        return self.terms.orderType

    @property
    def needs_trigger(self) -> bool:
        """Whether it waits for a stop or touch price before it works."""
        return self.order_type in STOPS | TOUCHES

    @property
    def is_auction(self) -> bool:
        """Whether it trades in an auction only."""
        return self.order_type in AT_CLOSE or self.time_in_force == "OPG"

    @property
    def why_held(self) -> str:
        """The gateway's words for what an order waits for."""
        if self.is_done or self.stage is Stage.LIVE:
            return ""
        trigger = ["trigger"] if self.order_type in STOPS else []
        locate = ["locate"] if self.awaits_shares else []
        child = ["child"] if self.awaits_parent else []
        return ",".join(child + locate + trigger)

    @property
    def rank(self) -> tuple[int, int]:
        """Price, then time: the better price and the earlier order trade first."""
        price = 0 if self.limit is None else int(self.limit / self.instrument.tick)
        return -self.sign * price, self.sequence


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens to an order at `time`; quantity and price (in ticks) of a fill."""

    time: int
    kind: Kind
    order: WorkingOrder
    quantity: Decimal = ZERO
    price: int = 0

    @property
    def rank(self) -> tuple[int, int, tuple[int, int]]:
        """Time first, then kind, then price and time priority."""
        return self.time, self.kind, self.order.rank


@dataclass
class Book:
    """What orders have taken of a step's displayed sizes and volume: nothing trades twice."""

    market: Market
    _shown: dict[tuple[int, bool], tuple[int, dict[int, int]]] = field(default_factory=dict)
    _traded: dict[int, tuple[int, int]] = field(default_factory=dict)

    def offers(self, one: Instrument, seconds: int, is_buy: bool) -> Iterator[tuple[int, int]]:
        """Price in ticks and what is left at it, best first, for a taker at `seconds`."""
        taken = self._taken(one, seconds, is_buy)
        for price, size in self.market.offers(one, seconds, is_buy):
            if size > taken.get(price, 0):
                yield price, size - taken.get(price, 0)

    def walk(self, order: WorkingOrder, seconds: int, wanted: Decimal) -> list[tuple[int, int]]:
        """Take up to `wanted` within the order's limit; price in ticks and size of each level."""
        found: list[tuple[int, int]] = []
        left, is_buy = int(wanted), order.sign > 0
        for price, size in self.offers(order.instrument, seconds, is_buy):
            if left <= 0 or not within_limit(order, price):
                break
            found.append((price, min(size, left)))
            left -= min(size, left)
        taken = self._taken(order.instrument, seconds, is_buy)
        for price, size in found:
            taken[price] = taken.get(price, 0) + size
        return found

    def offered(self, order: WorkingOrder, seconds: int) -> int:
        """How much of what the order wants could trade at once."""
        total = 0
        for price, size in self.offers(order.instrument, seconds, order.sign > 0):
            if total >= order.remaining or not within_limit(order, price):
                break
            total += size
        return total

    def left_of(self, one: Instrument, seconds: int, volume: int) -> int:
        """What of a step's volume no resting order has had yet."""
        time, taken = self._traded.get(one.conId, (seconds, 0))
        return volume - taken if time == seconds else volume

    def trade(self, one: Instrument, seconds: int, quantity: int) -> None:
        """Take from a step's volume."""
        time, taken = self._traded.get(one.conId, (seconds, 0))
        self._traded[one.conId] = (seconds, quantity + (taken if time == seconds else 0))

    def _taken(self, one: Instrument, seconds: int, is_buy: bool) -> dict[int, int]:
        step = self._step(one, seconds)
        key = (one.conId, is_buy)
        if key not in self._shown or self._shown[key][0] != step:
            self._shown[key] = (step, {})
        return self._shown[key][1]

    def _step(self, one: Instrument, seconds: int) -> int:
        """Sizes are shown anew with each step of the path."""
        series = self.market.series(one)
        index = -1 if series is None else series.at(seconds)
        if index < 0:
            return seconds
        path = self.market.path(one, index)
        return path.start + path.step(seconds)


def within_limit(order: WorkingOrder, price: int) -> bool:
    """Whether the order may trade at `price` (ticks)."""
    if order.limit is None:
        return True
    return order.sign * price * order.instrument.tick <= order.sign * order.limit


def in_ticks_of(order: WorkingOrder, price: Decimal) -> int:
    """`price` in whole ticks, rounded to where the order does not pay more."""
    rounding = ROUND_FLOOR if order.sign > 0 else ROUND_CEILING
    return int((price / order.instrument.tick).to_integral_value(rounding))


Conditions = Callable[[WorkingOrder, int, int], int | None]


def next_happening(
    book: Book, order: WorkingOrder, after: int, until: int, conditions: Conditions
) -> Happening | None:
    """The first thing that happens to `order` in (`after`, `until`].

    `conditions` finds the first moment in such a span at which the order's conditions hold.
    """
    after = max(after, order.seen)
    deadline = _deadline(order, after)
    until = until if deadline is None else min(until, deadline.time)
    found = _stage_happening(book, order, after, until, conditions)
    if found is None and order.terms.conditions and order.terms.conditionsCancelOrder:
        met = conditions(order, after, until)
        found = None if met is None else Happening(met, Kind.CANCEL, order)
    if found is None and deadline is not None and deadline.time <= until:
        return deadline
    return found


def _deadline(order: WorkingOrder, after: int) -> Happening | None:
    """What a time alone brings about."""
    found = []
    if order.cancel_at is not None:
        found.append(Happening(order.cancel_at, Kind.CANCEL, order))
    if order.expires_at is not None:
        is_auction = order.order_type in AT_CLOSE and order.stage is Stage.LIVE
        kind = Kind.AUCTION if is_auction else Kind.EXPIRE
        found.append(Happening(order.expires_at, kind, order))
    coming = [time for time, _ in order.slices if time > after]
    if coming and order.stage is Stage.LIVE:
        found.append(Happening(coming[0], Kind.SLICE, order))
    return min(found, key=lambda happening: happening.rank, default=None)


def _stage_happening(
    book: Book, order: WorkingOrder, after: int, until: int, conditions: Conditions
) -> Happening | None:
    if order.stage is Stage.HELD:
        return _release(order, after, until, conditions)
    if order.stage is Stage.ARMED:
        return _trigger(book.market, order, after, until)
    if order.slices or order.order_type in AT_CLOSE:
        return None
    return _trade(book, order, after, until)


def _release(
    order: WorkingOrder, after: int, until: int, conditions: Conditions
) -> Happening | None:
    if order.awaits_parent or order.awaits_shares:
        return None
    earliest = max(order.release_at, after)
    if order.terms.conditions and not order.terms.conditionsCancelOrder:
        met = conditions(order, earliest, until)
        return None if met is None else Happening(met, Kind.RELEASE, order)
    time = max(order.release_at, after + 1)
    return Happening(time, Kind.RELEASE, order) if time <= until else None


def _trigger(market: Market, order: WorkingOrder, after: int, until: int) -> Happening | None:
    extreme = order.extreme
    for stretch in market.stretches(order.instrument, order.followed, until, order.works_outside):
        watched = watched_prices(order, stretch)
        stops = stop_prices(order, watched, extreme)
        met = order.sign * watched <= order.sign * stops
        if order.order_type in STOPS:
            met = order.sign * watched >= order.sign * stops
        hits = np.flatnonzero(met & (stretch.times > after))
        if len(hits):
            at = int(hits[0])
            return Happening(int(stretch.times[at]), Kind.TRIGGER, order, ZERO, int(stops[at]))
        extreme = further(order, extreme, watched)
    return None


def watched_prices(order: WorkingOrder, stretch: Stretch) -> Floats:
    """The prices, in ticks, that trigger an order: last trades, or as its trigger method says."""
    method = order.terms.triggerMethod
    far = stretch.ask if order.sign > 0 else stretch.bid
    if method in _BY_QUOTE or (method == 0 and order.instrument.secType == "CASH"):
        return far.astype(np.float64)
    if method == _BY_EITHER:
        either = np.maximum(far, stretch.last) if order.sign > 0 else np.minimum(far, stretch.last)
        return either.astype(np.float64)
    if method == _BY_MIDPOINT:
        return (stretch.bid + stretch.ask) / 2
    return stretch.last.astype(np.float64)


def stop_prices(order: WorkingOrder, watched: Floats, extreme: int | None) -> Floats:
    """The stop (or touch) price, in ticks, that stands when each watched price is seen."""
    if order.order_type not in TRAILS:
        fixed = float((order.stop or ZERO) / order.instrument.tick)
        return np.full(len(watched), fixed)
    begin = float(watched[0]) if extreme is None else float(extreme)
    before = np.concatenate([[begin], watched[:-1]])
    turn = np.minimum if order.sign > 0 else np.maximum
    best = turn.accumulate(before)
    return np.asarray(best + order.sign * trail_distance(order, best), dtype=np.float64)


def trail_distance(order: WorkingOrder, best: Floats) -> Floats:
    """How far, in ticks, the stop trails behind the best price."""
    percent = order.terms.trailingPercent
    if percent:
        return np.ceil(best * float(percent) / 100)
    amount = float((order.terms.auxPrice or ZERO) / order.instrument.tick)
    return np.full(len(best), amount)


def further(order: WorkingOrder, extreme: int | None, watched: Floats) -> int | None:
    """The trail's best price, in ticks, after `watched`."""
    if order.order_type not in TRAILS or not len(watched):
        return extreme
    best = float(watched.min() if order.sign > 0 else watched.max())
    if extreme is None:
        return round(best)
    return round(min(best, extreme) if order.sign > 0 else max(best, extreme))


def _trade(book: Book, order: WorkingOrder, after: int, until: int) -> Happening | None:
    """The next arrival at the book, or the next fill of a resting order."""
    ahead = order.queue_ahead
    for whole in book.market.stretches(
        order.instrument, order.followed, until, order.works_outside
    ):
        stretch = whole.after(after)
        if not len(stretch.times):
            ahead -= _worked_off(order, whole)
            continue
        if stretch.begins or not order.has_arrived:
            return _arrival(order, stretch)
        found = _rest(book, order, whole, after, ahead)
        if found is not None:
            return found
        ahead -= _worked_off(order, whole)
    return None


def _arrival(order: WorkingOrder, stretch: Stretch) -> Happening | None:
    if order.time_in_force != "OPG":
        return Happening(int(stretch.times[0]), Kind.ARRIVE, order)
    return Happening(int(stretch.times[0]), Kind.AUCTION, order) if stretch.begins else None


def _rest(
    book: Book, order: WorkingOrder, stretch: Stretch, after: int, ahead: int
) -> Happening | None:
    if order.order_type in PEGS:
        return _pegged(book, order, stretch, after)
    wanted = in_ticks_of(order, order.limit or ZERO)
    sign = order.sign
    is_through = sign * stretch.last + stretch.half <= sign * wanted
    reached = np.cumsum(_queue_volume(stretch, wanted)) - max(ahead, 0)
    at_price = (stretch.last == wanted) & (reached > 0)
    for at in np.flatnonzero((is_through | at_price) & (stretch.times > after)):
        volume = int(stretch.volume[at]) if is_through[at] else int(reached[at])
        found = _fill(book, order, (int(stretch.times[at]), volume), wanted)
        if found is not None:
            return found
    return None


def _fill(book: Book, order: WorkingOrder, step: tuple[int, int], price: int) -> Happening | None:
    time, volume = step
    left = book.left_of(order.instrument, time, volume)
    if left <= 0 or (order.terms.allOrNone and left < order.remaining):
        return None
    return Happening(time, Kind.FILL, order, min(order.remaining, Decimal(left)), price)


def _queue_volume(stretch: Stretch, price: int) -> Ticks:
    """What trades against the queue at `price`: half of the volume that is printed there."""
    volume: Ticks = np.where(stretch.last == price, (stretch.volume + 1) // 2, 0)
    return volume


def _worked_off(order: WorkingOrder, stretch: Stretch) -> int:
    if order.limit is None:
        return 0
    return int(_queue_volume(stretch, in_ticks_of(order, order.limit)).sum())


def _pegged(book: Book, order: WorkingOrder, stretch: Stretch, after: int) -> Happening | None:
    """A pegged order trades when the far side comes to the price it had a step before."""
    prices = pegged_prices(order, stretch)
    met = np.zeros(len(prices), dtype=bool)
    far = order.sign * stretch.last + stretch.half
    met[1:] = far[1:] <= order.sign * prices[:-1]
    for at in np.flatnonzero(met & (stretch.times > after)):
        step = (int(stretch.times[at]), int(stretch.volume[at]))
        found = _fill(book, order, step, int(prices[at - 1]))
        if found is not None:
            return found
    return None


def pegged_prices(order: WorkingOrder, stretch: Stretch) -> Ticks:
    """Where a REL, PEG MID or MIDPRICE order stands at each step, in ticks, within its cap."""
    prices: Ticks = stretch.last
    if order.order_type == "REL":
        offset = int((order.terms.auxPrice or ZERO) / order.instrument.tick)
        prices = order.sign * (stretch.last * order.sign - stretch.half + offset)
    if order.limit is not None:
        bound = np.minimum if order.sign > 0 else np.maximum
        prices = bound(prices, in_ticks_of(order, order.limit))
    return prices


def follow(market: Market, order: WorkingOrder, until: int) -> None:
    """Work out the order's queue and trail up to `until`, up to which nothing else happened."""
    is_trailing = order.stage is Stage.ARMED and order.order_type in TRAILS
    is_queued = order.stage is Stage.LIVE and order.has_arrived
    if is_trailing or is_queued:
        for stretch in market.stretches(
            order.instrument, order.followed, until, order.works_outside
        ):
            if is_queued:
                order.queue_ahead = max(order.queue_ahead - _worked_off(order, stretch), 0)
            else:
                _trail(order, watched_prices(order, stretch))
    # A pegged order's price of the step before is needed to see whether the far side comes to it.
    kept = STEP_S if order.order_type in PEGS else 0
    order.followed = max(order.followed, until - kept)


def _trail(order: WorkingOrder, watched: Floats) -> None:
    order.extreme = further(order, order.extreme, watched)
    best = np.array([float(order.extreme or 0)])
    ticks = round(float(best[0] + order.sign * trail_distance(order, best)[0]))
    order.stop = ticks * order.instrument.tick
