"""When answers leave by the wall clock: answer times, and behaviours that count wall seconds.

Market time stands still or runs at any speed, so what a client waits for cannot be told in it. The
shell asks `AnswerTimes.judge` about each request, with its own clock's time, and does as it says.

An answer's lane is its queue: within a lane messages keep their order. Everything that a client
hears is in one lane, except that answers about history and market rules have one each, because a
real gateway answers other requests while those are on their way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway.layout import Request, Response
from hydra.gateway.responses import Error, HistoricalDataUpdate

CLOCK_S = 1.0  # after an answer to reqCurrentTime none is given for so long (ib_insync #604)
MARKET_RULE_S = 3.0
FARM_WAKES_S = 12.0  # how long the first historical request waits for a sleeping data farm
IDENTICAL_S = 15.0  # IB's page on historical data limitations: identical requests within it
PACING_VIOLATION = (
    "Historical Market Data Service error message:Historical data request pacing violation"
)
_ASLEEP = "HMDS data farm connection is inactive but should be available upon demand.ushmds"
_AWAKE = "HMDS data farm connection is OK:ushmds"


class Lane(Enum):
    """A queue of messages to one client that keep their order."""

    ORDINARY = "ordinary"
    HISTORY = "history"
    RULES = "rules"


_LANES: Mapping[type[Request], Lane] = MappingProxyType(
    {
        ask.ReqHistoricalData: Lane.HISTORY,
        ask.CancelHistoricalData: Lane.HISTORY,
        ask.ReqHistoricalTicks: Lane.HISTORY,
        ask.ReqHeadTimestamp: Lane.HISTORY,
        ask.ReqHistogramData: Lane.HISTORY,
        ask.ReqMarketRule: Lane.RULES,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request: `delay_s` until its answer leaves, in which lane.

    `at_once` is said now, `ahead` just before the answer, `instead` in place of it. A request that
    `is_unheard` gets no answer and does nothing.
    """

    lane: Lane = Lane.ORDINARY
    delay_s: float = 0.0
    at_once: tuple[Response, ...] = ()
    ahead: tuple[Response, ...] = ()
    instead: Response | None = None
    is_unheard: bool = False


@dataclass
class AnswerTimes:
    """Judges requests; `answer_s` and `history_s` are wall seconds that answers take.

    `real` are the behaviours that are on, `scale` multiplies their wall seconds, so that a test
    need not wait as long as a person.
    """

    real: frozenset[str] = frozenset()
    answer_s: float = 0.0
    history_s: float = 0.0
    scale: float = 1.0
    _told_time: dict[int, float] = field(default_factory=dict)
    _awake: set[int] = field(default_factory=set)
    _asked: dict[Request, tuple[float, int]] = field(default_factory=dict)

    def judge(self, client_id: int, request: Request, wall: float, market: int) -> Verdict:
        """What becomes of `request`; `wall` in seconds of any clock, `market` in epoch seconds."""
        if isinstance(request, ask.ReqCurrentTime) and self._is_throttled(client_id, wall):
            return Verdict(is_unheard=True)
        lane = _LANES.get(type(request), Lane.ORDINARY)
        if lane is Lane.HISTORY:
            return self._judge_history(client_id, request, wall, market)
        if lane is Lane.RULES and "slow_market_rules" in self.real:
            return Verdict(lane, max(self.answer_s, MARKET_RULE_S * self.scale))
        return Verdict(Lane.ORDINARY, self.answer_s)

    def lane_of(self, streamed: object) -> Lane:
        """Where a message goes that answers no request: behind what it follows."""
        return Lane.HISTORY if isinstance(streamed, HistoricalDataUpdate) else Lane.ORDINARY

    def forget(self, client_id: int) -> None:
        """A client's connection is gone."""
        self._told_time.pop(client_id, None)
        self._awake.discard(client_id)

    def _is_throttled(self, client_id: int, wall: float) -> bool:
        if "throttled_clock" not in self.real:
            return False
        told = self._told_time.get(client_id)
        if told is not None and wall - told < CLOCK_S * self.scale:
            return True
        self._told_time[client_id] = wall
        return False

    def _judge_history(self, client_id: int, request: Any, wall: float, market: int) -> Verdict:
        verdict = Verdict(Lane.HISTORY, self.history_s or self.answer_s)
        if "sleeping_farm" not in self.real or isinstance(request, ask.CancelHistoricalData):
            return verdict
        if self._is_identical(request, wall, market):
            return replace(verdict, instead=Error(request.reqId, 162, PACING_VIOLATION))
        if client_id in self._awake:
            return verdict
        self._awake.add(client_id)
        return replace(
            verdict,
            delay_s=max(verdict.delay_s, FARM_WAKES_S * self.scale),
            at_once=(Error(-1, 2107, _ASLEEP),),
            ahead=(Error(-1, 2106, _AWAKE),),
        )

    def _is_identical(self, request: Any, wall: float, market: int) -> bool:
        """Whether the same was asked just before, by both clocks: a market's day may pass in a
        wall second, and then the request is another."""
        span = IDENTICAL_S * self.scale
        self._asked = {
            known: asked for known, asked in self._asked.items() if wall - asked[0] < span
        }
        key = replace(request, reqId=0)
        before = self._asked.get(key)
        if before is not None and market - before[1] < IDENTICAL_S:
            return True
        self._asked[key] = (wall, market)
        return False
