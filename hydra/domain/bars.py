"""Bars: prices and volumes by time and symbol, labelled by the end of each bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from hydra.errors import UnknownName, unknown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Bars:
    """Five frames of one shape: rows are bar ends (aware UTC, ascending), columns are symbols.

    A symbol that has no bar at a time holds NaN in all five frames there. Prices are in the
    instrument's currency, volume is in units traded. Values are never changed in place: every
    method returns new bars.
    """

    open: pd.DataFrame
    high: pd.DataFrame
    low: pd.DataFrame
    close: pd.DataFrame
    volume: pd.DataFrame
    bar_size: str = "1 day"

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.close)

    @property
    def index(self) -> pd.DatetimeIndex:
        """The bar ends, aware UTC."""
        return self.close.index  # type: ignore[return-value]  # data._validate holds it to that

    @property
    def symbols(self) -> list[str]:
        """The columns, in their order."""
        return [str(symbol) for symbol in self.close.columns]

    def until(self, time: datetime) -> Bars:
        """The bars that have ended by `time` (aware): all that a decision at `time` may know."""
        return self._map(lambda frame: frame.loc[:time])

    def since(self, time: datetime) -> Bars:
        """The bars that end at or after `time` (aware)."""
        return self._map(lambda frame: frame.loc[time:])

    def rows(self, first: int, end: int) -> Bars:
        """The rows from number `first` to the one before number `end`."""
        return self._map(lambda frame: frame.iloc[first:end])

    def first(self, rows: int) -> Bars:
        """The first `rows` rows."""
        return self._map(lambda frame: frame.iloc[:rows])

    def last(self, rows: int) -> Bars:
        """The last `rows` rows."""
        return self._map(lambda frame: frame.iloc[max(len(frame) - rows, 0) :])

    def select(self, symbols: Sequence[str]) -> Bars:
        """The named columns only, in the order given; raises `UnknownName` for one not there."""
        for symbol in symbols:
            if symbol not in self.close.columns:
                raise UnknownName(unknown("symbol", symbol, self.symbols))
        return self._map(lambda frame: frame[list(symbols)])

    def copy(self) -> Bars:
        """A deep copy; used by tests that hold strategies to leaving their input untouched."""
        return self._map(lambda frame: frame.copy())

    def _map(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Bars:
        frames = {f.name: change(getattr(self, f.name)) for f in fields(self)[:5]}
        return replace(self, **frames)  # type: ignore[arg-type]  # the five frames only
