"""From one row a bar to one frame a field: long tables become Bars."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from hydra.domain.bars import Bars
from hydra.errors import BadParameter, BarsError, UnknownName, unknown

FIELDS = ("open", "high", "low", "close", "volume")


def bars_from_rows(rows: pd.DataFrame, symbols: Sequence[str], bar_size: str) -> Bars:
    """Bars with the columns `symbols` from rows of symbol, time (bar end, aware UTC) and FIELDS.

    A symbol without a row at a time has NaN there. Raises `BarsError` for two rows of one symbol
    and time, which a pivot would silently make one of.
    """
    twice = rows.duplicated(["symbol", "time"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise BarsError(f"{row['symbol']} has two bars that end at {row['time']}; one is allowed.")
    wide = rows.set_index(["time", "symbol"])[list(FIELDS)].astype(float).unstack("symbol")
    wide.index = pd.DatetimeIndex(wide.index, name="time").as_unit("us")
    columns = pd.Index(list(symbols), name="symbol")
    opened, high, low, close, volume = (
        pd.DataFrame(wide[field]).reindex(columns=columns) for field in FIELDS
    )
    return Bars(opened, high, low, close, volume, bar_size)


def wanted(rows: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    """The rows of `symbols`; raises for an empty list, a symbol twice, or one without rows."""
    if not symbols or isinstance(symbols, str) or len(set(symbols)) < len(symbols):
        raise BadParameter(f"Symbols are {symbols!r}; give a list of at least one, each once.")
    known = [str(symbol) for symbol in rows["symbol"].unique()]
    for symbol in symbols:
        if symbol not in known:
            raise UnknownName(unknown("symbol", symbol, known))
    return rows[rows["symbol"].isin(symbols)]
