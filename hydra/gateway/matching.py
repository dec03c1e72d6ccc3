"""Working orders and what happens to them next: pure functions of an order and the market.

An order is held until it may work, armed until its stop or touch price is seen, and live from
then on. A live order takes from the displayed book when it arrives, walking to worse prices; what
is left of a limit order joins the queue at its price, and trades as the volume of the path works
off what stood before it, or at once when the market trades through its price. The opening and the
closing auction trade at the path's first and last price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np

from hydra.gateway.account import ZERO
from hydra.gateway.displayed_book import Book
from hydra.gateway.market import STEP_S, Floats, Market, Stretch, Ticks
from hydra.gateway.working_order import (
    AT_CLOSE,
    PEGS,
    STOPS,
    TRAILS,
    Stage,
    WorkingOrder,
    in_ticks_of,
)

_BY_QUOTE = frozenset({1, 4})  # trigger methods that look at bid and ask
_BY_EITHER = 7
_BY_MIDPOINT = 8


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
