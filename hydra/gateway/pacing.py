"""How many messages and how much history a client may ask for in a span of time.

IB's page on historical data limitations: no identical request within 15 seconds, fewer than six
for the same contract, exchange and tick type within two, no more than 60 in ten minutes, and
BID_ASK counts twice. They hold for the user, whatever client asks. The API users' guide has them
for all bars, today's page for bars of 30 seconds and less: the seed chooses, and ticks are always
counted, of which nothing is known. Whether a refused request counts is unknown, too: it does not.

IB's page on pacing limitations: half as many messages a second as the user has market data lines,
which is 50.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway.layout import Request

MESSAGES_A_SECOND = 50
_IDENTICAL_S = 15.0
_ALIKE_S, _ALIKE = 2.0, 6
_ALL_S, _ALL = 600.0, 60
_SMALL_BARS = frozenset({"1 secs", "1 sec", "5 secs", "10 secs", "15 secs", "30 secs"})
_PACED = (ask.ReqHistoricalData, ask.ReqHistoricalTicks)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for history: when, by both clocks, and how often it counts."""

    request: Request
    wall: float
    market: int
    weight: int

    @property
    def is_like(self) -> tuple[object, str]:
        """What six of are too many: contract with its exchange, and tick type."""
        return _likeness(self.request)


@dataclass
class HistoryPacing:
    """Knows what history was asked for, and what is too much.

    `scale` multiplies wall seconds. A span is over when it is by either clock: a day of the market
    may pass in a wall second.
    """

    small_bars_alone: bool = True
    scale: float = 1.0
    _asked: deque[Asked] = field(default_factory=deque)

    def is_too_much(self, request: Request, wall: float, market: int) -> bool:
        """Whether `request` breaks a rule at these seconds; if it does not, it is counted."""
        if not isinstance(request, _PACED) or self._is_free(request):
            return False
        self._forget(wall, market)
        known, key = replace(request, reqId=0), _likeness(request)
        identical = self._count(wall, market, _IDENTICAL_S, lambda one: one.request == known)
        alike = self._count(wall, market, _ALIKE_S, lambda one: one.is_like == key)
        weight = 2 if request.whatToShow == "BID_ASK" else 1
        total = sum(one.weight for one in self._asked)
        if identical or alike + weight >= _ALIKE or total + weight > _ALL:
            return True
        self._asked.append(Asked(known, wall, market, weight))
        return False

    def _is_free(self, request: Any) -> bool:
        is_bars = isinstance(request, ask.ReqHistoricalData)
        return is_bars and self.small_bars_alone and request.barSize not in _SMALL_BARS

    def _count(self, wall: float, market: int, span: float, is_counted: Any) -> int:
        return sum(
            one.weight
            for one in self._asked
            if is_counted(one) and self._is_within(one, wall, market, span)
        )

    def _forget(self, wall: float, market: int) -> None:
        while self._asked and not self._is_within(self._asked[0], wall, market, _ALL_S):
            self._asked.popleft()

    def _is_within(self, one: Asked, wall: float, market: int, span: float) -> bool:
        return wall - one.wall < span * self.scale and market - one.market < span


def _likeness(request: Any) -> tuple[object, str]:
    return request.contract, request.whatToShow


class Excess(Enum):
    """What becomes of messages beyond the limit of a second; sources differ."""

    PACED = "paced"
    REFUSED = "refused"
    DISCONNECTED = "disconnected"


class MessageRate:
    """Counts one connection's messages in any second of the wall's clock."""

    def __init__(self, most: int = MESSAGES_A_SECOND) -> None:
        self._most = most
        self._taken: deque[float] = deque(maxlen=most)

    def wait_s(self, now: float) -> float:
        """Seconds until another message may be taken; 0 for at once."""
        if len(self._taken) < self._most:
            return 0.0
        return max(0.0, self._taken[0] + 1.0 - now)

    def take(self, now: float) -> None:
        """One more message is taken at `now`."""
        self._taken.append(now)
