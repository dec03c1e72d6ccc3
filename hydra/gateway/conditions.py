"""When the conditions of an order hold: each seen on the steps at which its instrument trades.

They hold in the regular hours of that instrument alone; with `conditionsIgnoreRth` outside them
too (Interactive Brokers' API reference, Order).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from hydra.gateway.bar_source import in_liquid_hours
from hydra.gateway.market import Market, Ticks
from hydra.gateway.times import epoch, parse_moment
from hydra.gateway.universe import Instrument
from hydra.gateway.values import (
    Condition,
    ExecutionCondition,
    MarginCondition,
    PercentChangeCondition,
    PriceCondition,
    TimeCondition,
    VolumeCondition,
)
from hydra.gateway.working_order import WorkingOrder

Truths = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Sight:
    """What conditions look at: prices by time, the account's cushion and the trades of now.

    `instrument` finds by number; `cushion` is an account's excess liquidity over its net
    liquidation in percent; `has_traded` tells whether an instrument (type, symbol) has traded
    after the n-th execution.
    """

    market: Market
    instrument: Callable[[int], Instrument | None]
    cushion: Callable[[str], float]
    has_traded: Callable[[str, str, int], bool]


def first_met(sight: Sight, order: WorkingOrder, after: int, until: int) -> int | None:
    """The first step in (`after`, `until`] at which the order's conditions hold together."""
    outside = order.terms.conditionsIgnoreRth
    for stretch in sight.market.stretches(order.instrument, after, until, outside):
        is_valid = outside or in_liquid_hours(order.instrument, stretch.times)
        hits = np.flatnonzero(_together(sight, order, stretch.times) & is_valid)
        if len(hits):
            return int(stretch.times[hits[0]])
    return None


def is_met(sight: Sight, order: WorkingOrder, seconds: int) -> bool:
    """Whether the order's conditions hold at `seconds`."""
    now = np.array([seconds], dtype=np.int64)
    is_valid = order.terms.conditionsIgnoreRth or (
        sight.market.is_in_session(order.instrument, seconds)
        and bool(in_liquid_hours(order.instrument, now)[0])
    )
    return is_valid and bool(_together(sight, order, now)[0])


def _together(sight: Sight, order: WorkingOrder, times: Ticks) -> Truths:
    """Conditions joined from left to right: each one's conjunction binds it to the next."""
    truths = np.ones(len(times), dtype=bool)
    joins_and = True
    for condition in order.terms.conditions:
        own = _TRUTHS[type(condition)](sight, order, condition, times)
        truths = truths & own if joins_and else truths | own
        joins_and = condition.conjunction != "o"
    return truths


def _compared(values: Any, is_more: bool, limit: float) -> Truths:
    # Comparisons with the NaN of an instrument without prices are false, as they should be.
    with np.errstate(invalid="ignore"):
        return np.asarray(values >= limit if is_more else values <= limit, dtype=bool)


def _price(sight: Sight, order: WorkingOrder, condition: PriceCondition, times: Ticks) -> Truths:
    one = sight.instrument(condition.conId)
    if one is None:
        return np.zeros(len(times), dtype=bool)
    return _compared(sight.market.lasts(one, times), condition.isMore, float(condition.price))


def _volume(sight: Sight, order: WorkingOrder, condition: VolumeCondition, times: Ticks) -> Truths:
    one = sight.instrument(condition.conId)
    if one is None:
        return np.zeros(len(times), dtype=bool)
    return _compared(sight.market.volumes(one, times), condition.isMore, condition.volume)


def _change(
    sight: Sight, order: WorkingOrder, condition: PercentChangeCondition, times: Ticks
) -> Truths:
    one = sight.instrument(condition.conId)
    quote = None if one is None else sight.market.quote(one, int(times[0]))
    if one is None or quote is None or not quote.previous_close:
        return np.zeros(len(times), dtype=bool)
    changes = (sight.market.lasts(one, times) / float(quote.previous_close) - 1) * 100
    return _compared(changes, condition.isMore, float(condition.changePercent))


def _time(sight: Sight, order: WorkingOrder, condition: TimeCondition, times: Ticks) -> Truths:
    moment = epoch(parse_moment(condition.time, order.instrument.zone))
    return _compared(times, condition.isMore, moment)


def _margin(sight: Sight, order: WorkingOrder, condition: MarginCondition, times: Ticks) -> Truths:
    truth = _compared(sight.cushion(order.account), condition.isMore, condition.percent)
    return np.full(len(times), bool(truth))


def _execution(
    sight: Sight, order: WorkingOrder, condition: ExecutionCondition, times: Ticks
) -> Truths:
    has_traded = sight.has_traded(condition.secType, condition.symbol, order.executions_before)
    return np.full(len(times), has_traded)


_TRUTHS: Mapping[type[Condition], Callable[..., Truths]] = MappingProxyType(
    {
        PriceCondition: _price,
        TimeCondition: _time,
        MarginCondition: _margin,
        ExecutionCondition: _execution,
        VolumeCondition: _volume,
        PercentChangeCondition: _change,
    }
)
