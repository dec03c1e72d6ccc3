"""What is shown of an instrument at one moment, and for how long it stays the same."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hydra.gateway.market import Path

NEVER = 1 << 62  # epoch seconds, later than any
STEP_S = 5
SPREAD_BPS = 1  # of the price, both sides together, and never less than two ticks
LOT = 100  # the size that a last trade is shown with


class Quote(NamedTuple):
    """What is shown at one moment; the session's figures up to it. Sizes in shares."""

    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int
    last: Decimal
    last_size: int
    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Decimal | None
    volume: int
    time: int
    is_open: bool
    is_halted: bool = False

    @property
    def figures(self) -> tuple[object, ...]:
        """The prices and the sizes beside them: all but volume, time and state."""
        return self[:_FIGURES]


_FIGURES = Quote._fields.index("volume")
_STATE = slice(_FIGURES, None)


def volume_share(elapsed: float) -> float:
    """The share of the day's volume traded when a share `elapsed` of it is over: a U shape."""
    centred = 2 * min(max(elapsed, 0.0), 1.0) - 1
    return 0.25 * (centred + 1) + 0.25 * (centred**3 + 1)


def half_spread(last: int) -> int:
    """Half the spread in ticks around a last trade of `last` ticks."""
    return max(1, round(last * SPREAD_BPS / 20_000))


class BarQuotes:
    """The quotes of one bar, which hold from its start until `stop`, when the next one starts.

    A step of the bar's path changes prices; within a step nothing but the volume changes, and at
    the bar's end whether it is open. Time mostly goes on by a second, so that most looks at a
    quote get that of the last look, the very object.
    """

    def __init__(self, path: Path, tick: Decimal, day: tuple[Decimal | None, int], stop: int):
        """`day` is the close of the session before, and the whole bar's volume."""
        self.start = path.start
        self.stop = stop
        self._length = path.end - path.start
        self._last_step = len(path.ticks) - 1
        self._path = path
        self._tick = tick
        self._close, self._volume = day
        self._step = -1
        self._quote: Quote = self._first()

    def at(self, seconds: int, is_halted: bool) -> Quote:
        """The quote at `seconds`, in epoch seconds."""
        passed, known = seconds - self.start, self._quote
        step = min(passed // STEP_S, self._last_step)
        if step != self._step:
            known = self._quote = self._move(step)
        volume = 0
        if self._volume:
            volume = int(self._volume * volume_share(passed / self._length))
        is_open = passed < self._length
        if known[_STATE] != (volume, known.time, is_open, is_halted):
            # As `_replace` does, in a quarter of its time.
            known = self._quote = Quote._make(
                [*known[:_FIGURES], volume, known.time, is_open, is_halted]
            )
        return known

    def _first(self) -> Quote:
        first = int(self._path.ticks[0]) * self._tick
        nothing = Decimal(0)
        return Quote(
            bid=nothing,
            ask=nothing,
            bid_size=0,
            ask_size=0,
            last=nothing,
            last_size=LOT,
            open=first,
            high=first,
            low=first,
            previous_close=self._close,
            volume=0,
            time=self.start,
            is_open=True,
        )

    def _move(self, step: int) -> Quote:
        """The prices of another step; forward, only what is new can be a high or a low."""
        path, tick, before = self._path, self._tick, self._quote
        if step < self._step:
            before, self._step = self._first(), -1
        new = path.ticks[self._step + 1 : step + 1]
        self._step = step
        last = int(path.ticks[step])
        high, low = (last, last) if len(new) == 1 else (int(new.max()), int(new.min()))
        half = half_spread(last)
        return before._replace(
            bid=(last - half) * tick,
            ask=(last + half) * tick,
            bid_size=int(path.sizes[step]),
            ask_size=int(path.sizes[-1 - step]),
            last=last * tick,
            high=max(before.high, high * tick),
            low=min(before.low, low * tick),
            time=self.start + min(step * STEP_S, self._length),
        )
