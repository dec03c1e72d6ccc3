"""Reads the shipped history into arrays; the one file of the core that opens a file."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hydra.gateway.market import Series
from hydra.gateway.universe import Instrument, Universe

SHIPPED = Path(__file__).parent.parent / "data" / "sample.parquet"


def read_history(universe: Universe, path: Path = SHIPPED) -> dict[int, Series]:
    """The series of each instrument by conId; those without history are left out.

    Times become epoch seconds. Neither pandas (two seconds) nor arrow's compute functions are ever
    imported, by keeping to buffers.
    """
    table = pq.ParquetFile(path, read_dictionary=["symbol"]).read()
    named = table.column("symbol").combine_chunks()
    numbers = {symbol: at for at, symbol in enumerate(named.dictionary.to_pylist())}
    symbols = _buffer(named.indices, np.int32)
    whole = {name: _integers(table, name) for name in ("session", "start", "time", "volume")}
    prices = {name: _floats(table, name) for name in ("open", "high", "low", "close")}
    found = {}
    for one in _shipped(universe, numbers):
        rows = np.flatnonzero(symbols == numbers[_symbol(one)])
        if len(rows):
            found[one.conId] = Series(
                session=whole["session"][rows],
                start=whole["start"][rows] // 1_000_000,
                end=whole["time"][rows] // 1_000_000,
                volume=whole["volume"][rows],
                **{name: values[rows] for name, values in prices.items()},
            )
    return found


def _shipped(universe: Universe, known: Container[str]) -> Iterator[Instrument]:
    """The instruments that the history knows by these symbols; futures bear others' names."""
    for one in universe.instruments:
        if one.secType != "FUT" and _symbol(one) in known:
            yield one


def _symbol(one: Instrument) -> str:
    return one.local if one.secType == "CASH" else one.symbol


def _integers(table: Any, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    chunk = table.column(name).combine_chunks()
    # Days are 32 bits wide; arrow's own cast would import its compute functions, which is slow.
    kind = np.int32 if str(chunk.type) == "date32[day]" else np.int64
    return _buffer(chunk, kind).astype(np.int64)


def _floats(table: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    chunk = table.column(name).combine_chunks()
    return _buffer(chunk, np.float64)


def _buffer(chunk: Any, kind: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(chunk.buffers()[1], dtype=kind)[chunk.offset :][: len(chunk)]
