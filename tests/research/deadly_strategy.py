"""A strategy that kills the process that works on it, once."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hydra.domain.bars import Bars
from hydra.strategies.sma_cross import SmaCross


@dataclass(frozen=True)
class Deadly:
    """A moving average cross whose thirtieth window is the end of its worker the first time."""

    slow_bars: int = 20
    folder: str = ""

    @property
    def lookback_bars(self) -> int:
        """The slow window."""
        return self.slow_bars

    def signals(self, bars: Bars) -> pd.DataFrame:
        """Those of `SmaCross`, where the process lives on."""
        died = Path(self.folder) / "died"
        if self.slow_bars == 30 and not died.exists():
            died.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return SmaCross(5, self.slow_bars).signals(bars)
