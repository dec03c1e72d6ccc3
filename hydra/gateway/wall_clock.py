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
from hydra.gateway.pacing import HistoryPacing
from hydra.gateway.responses import Error, HistoricalDataUpdate

CLOCK_S = 1.0  # after an answer to reqCurrentTime none is given for so long (ib_insync #604)
MARKET_RULE_S = 3.0
FARM_WAKES_S = 12.0  # how long the first historical request waits for a sleeping data farm
PACING_VIOLATION = (
    "Historical Market Data Service error message:Historical data request pacing violation"
)
QUERY_CANCELLED = (
    "Historical Market Data Service error message:API historical data query cancelled: {}"
)
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

    `ahead` is said just before the answer, `instead` in place of it. A request that `is_unheard`
    gets no answer and does nothing.
    """

    lane: Lane = Lane.ORDINARY
    delay_s: float = 0.0
    ahead: tuple[Response, ...] = ()
    instead: Response | None = None
    is_unheard: bool = False


@dataclass
class AnswerTimes:
    """Judges requests; `answer_s` and `history_s` are wall seconds that answers take.

    `real` is how the gateway is set up, `scale` multiplies the wall seconds of its behaviours, so
    that a test need not wait as long as a person. `pacing` is None where it is switched off. A
    farm that `sleeps` makes the first request for history of each connection wait for `wakes_s`.
    Within `clock_s` of an answer to reqCurrentTime another one is not answered.
    """

    real: frozenset[str] = frozenset()
    answer_s: float = 0.0
    history_s: float = 0.0
    scale: float = 1.0
    pacing: HistoryPacing | None = None
    sleeps: bool = False
    wakes_s: float = FARM_WAKES_S
    clock_s: float = CLOCK_S
    _told_time: dict[int, float] = field(default_factory=dict)
    _awake: set[int] = field(default_factory=set)

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
        told = self._told_time.get(client_id)
        if told is not None and wall - told < self.clock_s * self.scale:
            return True
        self._told_time[client_id] = wall
        return False

    def _judge_history(self, client_id: int, request: Any, wall: float, market: int) -> Verdict:
        verdict = Verdict(Lane.HISTORY, self.history_s or self.answer_s)
        if isinstance(request, ask.CancelHistoricalData):
            return verdict
        if self.pacing is not None and self.pacing.is_too_much(request, wall, market):
            refusal = Error(request.reqId, 162, PACING_VIOLATION)
            return Verdict(delay_s=self.answer_s, instead=refusal)
        if not self.sleeps or client_id in self._awake:
            return verdict
        self._awake.add(client_id)
        delay_s = max(verdict.delay_s, self.wakes_s * self.scale)
        return replace(verdict, delay_s=delay_s, ahead=(Error(-1, 2106, _AWAKE),))
