"""The history that comes with HYDRA: daily US stocks and indices, hourly EUR.USD; no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import pandas as pd

from hydra.data._frame import bars_from_rows, wanted
from hydra.data._validate import checked
from hydra.domain.bars import Bars
from hydra.errors import BarsError, UnknownName, unknown

FILE = Path(__file__).with_name("sample.parquet")


@dataclass(frozen=True)
class Sample:
    """AAPL, FB, GOOG, IBM, MSFT, SPX and COMP daily, EUR.USD by the hour; see data/README.md."""

    async def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        bar_size: str = "1 day",
    ) -> Bars:
        """Adjusted bars of the shipped history; contract as in `hydra.data._base.Source`."""
        rows = _rows()
        sizes = [str(size) for size in rows["bar_size"].unique()]
        if bar_size not in sizes:
            raise UnknownName(unknown("bar size", bar_size, sizes))
        rows = wanted(rows[rows["bar_size"] == bar_size], symbols)
        chosen = rows[rows["session"].between(start or date.min, end or date.max)]
        if chosen.empty:
            first, last = rows["session"].min(), rows["session"].max()
            raise BarsError(
                f"There are no bars from {start or first} to {end or last} for "
                f"{', '.join(symbols)}; they reach from {first} to {last}."
            )
        return checked(bars_from_rows(chosen, symbols, bar_size))


@lru_cache(maxsize=1)
def _rows() -> pd.DataFrame:
    """The file as it stands, one row a bar; callers only ever select from it."""
    rows = pd.read_parquet(FILE)
    return rows.assign(symbol=rows["symbol"].astype(str), bar_size=rows["bar_size"].astype(str))
