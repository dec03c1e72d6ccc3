"""Winners against losers: long the symbols that rose most among all, short those that rose least.

Jegadeesh and Titman, "Returns to buying winners and selling losers: implications for stock market
efficiency", Journal of Finance 48 (1993). The last month is left out of the ranking by default, as
has become usual, because single stocks tend to turn within a month (Jegadeesh 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter
from hydra.strategies._base import at_least, defined
from hydra.windows import trailing_return


@dataclass(frozen=True)
class XsMomentum:
    """1 for the best `fraction` of the symbols that have a score, −1 for the worst with `short`.

    The score is the return from `formation_bars` ago to `skip_bars` ago. At least one symbol is on
    each side; with a single symbol there is nothing to rank and its signal is 0. Of equal scores
    the one whose column comes first counts as the worse.
    """

    formation_bars: int = 252
    skip_bars: int = 21
    fraction: float = 0.3
    short: bool = True

    def __post_init__(self) -> None:
        """Refuse an empty formation and sides that overlap."""
        at_least(self, 0, skip_bars=self.skip_bars)
        if self.formation_bars <= self.skip_bars:
            raise BadParameter(
                f"XsMomentum: formation_bars is {self.formation_bars}; it must be more than "
                f"skip_bars, {self.skip_bars}."
            )
        if not 0 < self.fraction <= 0.5:
            raise BadParameter(
                f"XsMomentum: fraction is {self.fraction}; it must be above 0 and at most 0.5."
            )

    @property
    def lookback_bars(self) -> int:
        """The score's first price, and all after it."""
        return self.formation_bars + 1

    def signals(self, bars: Bars) -> pd.DataFrame:
        """See `hydra.strategies._base.Strategy.signals`."""
        length = self.formation_bars - self.skip_bars
        score = trailing_return(bars.close, length, self.skip_bars).where(bars.close.notna())
        ranked = score.count(axis=1)
        side = (ranked * self.fraction // 1).clip(lower=1.0).where(ranked > 1, 0.0)
        rank = score.rank(axis=1, method="first")
        best = rank.gt(ranked - side, axis=0).astype(float)
        worst = rank.le(side, axis=0).astype(float)
        return defined(best - worst if self.short else best, bars.close)
