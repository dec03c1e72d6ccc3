"""The displayed book as our orders leave it: what one has taken, no other takes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from hydra.gateway.market import Market
from hydra.gateway.universe import Instrument
from hydra.gateway.working_order import WorkingOrder, within_limit


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
