"""Bars: prices and volumes by time and symbol, labelled by the end of each bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from hydra.domain.instruments import Instrument
from hydra.errors import UnknownName, unknown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Roll:
    """From one contract of a future to the next: `session` is the first that trades the new one.

    Prices are both contracts' closes of the same session, the last before it or nearly so.
    """

    session: date
    old: str
    new: str
    old_price: float
    new_price: float

    @property
    def gap(self) -> float:
        """How much more the new contract cost."""
        return self.new_price - self.old_price


@dataclass(frozen=True, eq=False)
class Contracts:
    """The real contracts behind the series of a future, over the rows of its bars.

    `bars` are their own prices; `front` is the contract that each row's session traded, `later`
    the one that the session after it trades, as it was decided at that row's end.
    """

    bars: Bars
    front: pd.Series[str]
    later: pd.Series[str]
    rolls: tuple[Roll, ...]
    instruments: Mapping[str, Instrument]

    def map(self, change: Callable[[Any], Any]) -> Contracts:
        """The same with other rows."""
        bars = self.bars.map(change)
        return replace(self, bars=bars, front=change(self.front), later=change(self.later))


@dataclass(frozen=True, eq=False)
class Bars:
    """Five frames of one shape: rows are bar ends (aware UTC, ascending), columns are symbols.

    A symbol that has no bar at a time holds NaN in all five frames there. Prices are in the
    instrument's currency, volume is in units traded. Values are never changed in place: every
    method returns new bars. `contracts` are those behind each column that is a continuous future.
    """

    open: pd.DataFrame
    high: pd.DataFrame
    low: pd.DataFrame
    close: pd.DataFrame
    volume: pd.DataFrame
    bar_size: str = "1 day"
    contracts: Mapping[str, Contracts] = field(default_factory=dict)

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
        return self.map(lambda frame: frame.loc[:time])

    def since(self, time: datetime) -> Bars:
        """The bars that end at or after `time` (aware)."""
        return self.map(lambda frame: frame.loc[time:])

    def rows(self, first: int, end: int) -> Bars:
        """The rows from number `first` to the one before number `end`."""
        return self.map(lambda frame: frame.iloc[first:end])

    def first(self, rows: int) -> Bars:
        """The first `rows` rows."""
        return self.map(lambda frame: frame.iloc[:rows])

    def last(self, rows: int) -> Bars:
        """The last `rows` rows."""
        return self.map(lambda frame: frame.iloc[max(len(frame) - rows, 0) :])

    def select(self, symbols: Sequence[str]) -> Bars:
        """The named columns only, in the order given; raises `UnknownName` for one not there."""
        for symbol in symbols:
            if symbol not in self.close.columns:
                raise UnknownName(unknown("symbol", symbol, self.symbols))
        return self._frames(
            lambda frame: frame[list(symbols)],
            {s: known for s, known in self.contracts.items() if s in symbols},
        )

    def copy(self) -> Bars:
        """A deep copy; used by tests that hold strategies to leaving their input untouched."""
        return self.map(lambda frame: frame.copy())

    def map(self, change: Callable[[Any], Any]) -> Bars:
        """The same with other rows: `change` takes a frame or a column and returns those rows."""
        return self._frames(change, {s: c.map(change) for s, c in self.contracts.items()})

    def _frames(
        self, change: Callable[[pd.DataFrame], pd.DataFrame], contracts: Mapping[str, Contracts]
    ) -> Bars:
        frames = {f.name: change(getattr(self, f.name)) for f in fields(self)[:5]}
        return replace(self, contracts=contracts, **frames)  # type: ignore[arg-type]  # frames only
