"""What splits have done to prices: bars are adjusted, past and to come, as IB serves TRADES."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hydra.gateway.market import Path, Series

_PRICES = ("open", "high", "low", "close")


@dataclass
class Splits:
    """New shares for an old one by the number that an instrument had first, and these numbers."""

    _ratios: dict[int, Fraction] = field(default_factory=dict)
    _first: dict[int, int] = field(default_factory=dict)

    def add(self, con_id: int, ratio: Fraction, new_con_id: int) -> None:
        """An instrument was split `ratio` for one, and is `new_con_id` (or as before) from now."""
        first = self.first(con_id)
        self._ratios[first] = self._ratios.get(first, Fraction(1)) * ratio
        if new_con_id != con_id:
            self._first[new_con_id] = first

    def first(self, con_id: int) -> int:
        """The number by which history knows an instrument: the one it had before all splits."""
        return self._first.get(con_id, con_id)

    def series(self, con_id: int, series: Series) -> Series:
        """Bars as they are after all splits: prices divided, volumes multiplied."""
        ratio = float(self._ratios.get(self.first(con_id), 1))
        if ratio == 1:
            return series
        prices = {name: getattr(series, name) / ratio for name in _PRICES}
        return replace(series, **prices, volume=np.rint(series.volume * ratio).astype(np.int64))

    def path(self, con_id: int, path: Path) -> Path:
        """A recorded path as it is after all splits, its spread aside; never below a tick."""
        ratio = float(self._ratios.get(self.first(con_id), 1))
        if ratio == 1:
            return path
        ticks = np.maximum(np.rint(path.ticks / ratio), 1).astype(np.int64)
        traded = np.rint(path.traded * ratio).astype(np.int64)
        return replace(path, ticks=ticks, traded=traded, volume=np.diff(traded))
