"""Reads the shipped history into arrays; the one file of the core that opens a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hydra.gateway.market import Series
from hydra.gateway.universe import Instrument, Universe

SHIPPED = Path(__file__).parent.parent / "data" / "sample.parquet"


def read_history(universe: Universe, path: Path = SHIPPED) -> dict[int, Series]:
    """The series of each instrument by conId; those without history are left out.

    Times become epoch seconds. pandas is never imported (it takes two seconds to).
    """
    table = pq.ParquetFile(path).read()
    symbols = np.array(table.column("symbol").to_pylist())
    whole = {name: _integers(table, name) for name in ("session", "start", "time", "volume")}
    prices = {name: _floats(table, name) for name in ("open", "high", "low", "close")}
    found = {}
    for one in _shipped(universe, np.unique(symbols).tolist()):
        rows = np.flatnonzero(symbols == _symbol(one))
        if len(rows):
            found[one.conId] = Series(
                session=whole["session"][rows],
                start=whole["start"][rows] // 1_000_000,
                end=whole["time"][rows] // 1_000_000,
                volume=whole["volume"][rows],
                **{name: values[rows] for name, values in prices.items()},
            )
    return found


def _shipped(universe: Universe, symbols: list[str]) -> Iterator[Instrument]:
    """The instruments that the history knows by these symbols; futures bear others' names."""
    known = set(symbols)
    for one in universe.instruments:
        if one.secType != "FUT" and _symbol(one) in known:
            yield one


def _symbol(one: Instrument) -> str:
    return one.local if one.secType == "CASH" else one.symbol


def _integers(table: Any, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    column = table.column(name)
    narrow = column.cast("int32") if str(column.type) == "date32[day]" else column
    chunk = narrow.cast("int64").combine_chunks()
    return np.frombuffer(chunk.buffers()[1], dtype=np.int64)[chunk.offset :][: len(chunk)]


def _floats(table: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    chunk = table.column(name).combine_chunks()
    return np.frombuffer(chunk.buffers()[1], dtype=np.float64)[chunk.offset :][: len(chunk)]
