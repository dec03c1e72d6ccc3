"""When an order begins, when it ends, and how an algorithm spreads it over the time between."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from hydra.gateway.market import Market
from hydra.gateway.quote import volume_share
from hydra.gateway.times import epoch, from_epoch, parse_moment, zone
from hydra.gateway.working_order import AT_CLOSE, WorkingOrder

SLICES = 20
AT_ONCE = frozenset({"Adaptive"})  # algorithms that a patient taker cannot tell from MKT or LMT
BY_TIME = frozenset({"Twap"})  # the others follow the day's volume
_LAST_SLICE_S = 60  # before the end, so that the schedule is done when the session is


def starts_at(order: WorkingOrder, earliest: int) -> int:
    """The epoch second before which an order does nothing; `earliest` or its goodAfterTime."""
    text = order.terms.goodAfterTime
    return max(earliest, epoch(parse_moment(text, order.instrument.zone))) if text else earliest


def ends_at(order: WorkingOrder, market: Market, now: int) -> int | None:
    """The epoch second at which an order expires; None when it works until it is cancelled."""
    if order.time_in_force == "GTC" and order.order_type not in AT_CLOSE:
        return None
    if order.time_in_force == "GTD":
        return epoch(parse_moment(order.terms.goodTillDate, order.instrument.zone))
    earliest = max(now, order.release_at)
    end = market.session_end(order.instrument, earliest, order.works_outside)
    if order.time_in_force == "OPG" and market.is_open(order.instrument, earliest) and end:
        return market.session_end(order.instrument, end)  # today's opening auction is over
    return end


def slices_of(order: WorkingOrder, market: Market, now: int) -> tuple[tuple[int, Decimal], ...]:
    """When how much of an algorithm's order is to be done in all, in whole units; () at once."""
    end = market.session_end(order.instrument, now)
    if order.terms.algoStrategy in AT_ONCE or end is None:
        return ()
    names = {one.tag: one.value for one in order.terms.algoParams}
    first = max(now, _moment(names, "startTime", order, now) or now)
    last = min(end - _LAST_SLICE_S, _moment(names, "endTime", order, now) or end)
    if last <= first:
        return ()
    step = (last - first) / SLICES
    shares = [_share(order.terms.algoStrategy, n / SLICES) for n in range(1, SLICES + 1)]
    size = order.terms.totalQuantity
    goals = [(size * Decimal(str(s))).quantize(Decimal(1), ROUND_HALF_UP) for s in shares]
    times = [round(first + step * n) + 1 for n in range(SLICES)]
    return tuple(zip(times, goals, strict=True))


def _share(strategy: str, elapsed: float) -> float:
    return elapsed if strategy in BY_TIME else volume_share(elapsed)


def _moment(names: Mapping[str, str], name: str, order: WorkingOrder, now: int) -> int | None:
    """A time parameter: `20121001 10:00:00 US/Eastern`, or a time of today `10:00:00 …`."""
    text = names.get(name, "").strip()
    if not text:
        return None
    today = from_epoch(now).astimezone(zone(order.instrument.zone))
    try:
        written = text if text[:8].isdecimal() else f"{today:%Y%m%d} {text}"
        return epoch(parse_moment(written, order.instrument.zone))
    except ValueError:
        return None
