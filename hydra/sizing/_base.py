"""What a sizing is: a frozen dataclass of parameters that turns signals into target weights."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter


class Sizing(Protocol):
    """One frozen dataclass in one file of this folder, named as its file.

    Like a strategy it has no memory: row t follows from row t of the signals and the last
    `lookback_bars` bars up to t.
    """

    @property
    def lookback_bars(self) -> int:
        """How many bars make the last row of the weights exact; at least 1."""

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """Target weights by row and symbol: signed fractions of the strategy's capital.

        Same index and columns as `signals`, float64, never NaN; 0 for a signal of 0 and for a
        symbol without a price. A weight has its signal's sign. What was given is left as it was.
        """


class Scaled(Sizing, Protocol):
    """A sizing that a sweep can compile: its weights are signal × `scale`, within its caps.

    The caps are `max_weight`, and `max_gross` where it has one.
    """

    def scale(self, bars: Bars) -> pd.DataFrame:
        """What a signal of 1 weighs before the caps; in the bars' shape, ≥ 0, never NaN."""


def above_zero(owner: object, **given: float) -> None:
    """Raise `BadParameter` for the first parameter of `owner` that is not above 0."""
    for name, value in given.items():
        if not value > 0:
            raise BadParameter(f"{type(owner).__name__}: {name} is {value}; it must be above 0.")


class OverWindow:
    """What sizings share that look at the returns of a window and keep to caps."""

    window_bars: int
    max_weight: float
    max_gross: float

    def check_limits(self, **further: float) -> None:
        """Refuse limits that would hold nothing and a window without a deviation."""
        above_zero(self, **further, max_weight=self.max_weight, max_gross=self.max_gross)
        if self.window_bars < 2:
            raise BadParameter(
                f"{type(self).__name__}: window_bars is {self.window_bars}; it must be 2 or more."
            )

    @property
    def lookback_bars(self) -> int:
        """The window's returns need one price more."""
        return self.window_bars + 1
