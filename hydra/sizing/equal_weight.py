"""The same share of capital for every symbol that has a price, times its signal."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hydra.domain.bars import Bars
from hydra.sizing._base import above_zero


@dataclass(frozen=True)
class EqualWeight:
    """Weight = signal × `gross` / number of symbols with a price, at most `max_weight` in size.

    The share of a symbol whose signal is 0 stays in cash: it is not handed to the others.
    """

    gross: float = 1.0
    max_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        above_zero(self, gross=self.gross, max_weight=self.max_weight)

    @property
    def lookback_bars(self) -> int:
        """Only the bar itself."""
        return 1

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Sizing.weights`."""
        weights = signals.fillna(0.0) * self.scale(bars)
        return weights.clip(-self.max_weight, self.max_weight)

    def scale(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.sizing._base.Scaled`."""
        listed = bars.close.notna()
        share = self.gross / listed.sum(axis=1).clip(lower=1)
        return listed.astype(float).mul(share, axis=0)
