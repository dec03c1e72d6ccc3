"""A strategy as people write it, in plain pandas and without a kernel."""

from dataclasses import dataclass

import pandas as pd

from hydra.domain.bars import Bars


@dataclass(frozen=True)
class AboveMean:
    """Long above an exponential mean."""

    span: int = 20
    lookback_bars: int = 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        """1 above, 0 below."""
        return (bars.close > bars.close.ewm(span=self.span).mean()).astype(float)


@dataclass(frozen=True)
class AboveMedian:
    """Long above a rolling median: some work for a worker."""

    window: int = 20
    lookback_bars: int = 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        """1 above, 0 below."""
        return (bars.close > bars.close.rolling(self.window).median()).astype(float)
