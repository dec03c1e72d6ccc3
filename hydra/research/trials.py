"""How many things were tried: every backtest and sweep is counted, for luck grows with the count.

Trials are counted together when they looked at the same kind of bars, at a common instrument, and
at a common time: beginning a day later is no new evidence. A repetition of the same trial counts
once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hydra.domain.bars import Bars
from hydra.errors import BadParameter

SCHEMA = """
CREATE TABLE IF NOT EXISTS trials (
  key TEXT PRIMARY KEY, made TEXT NOT NULL, what TEXT NOT NULL, strategy TEXT NOT NULL,
  bar_size TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, symbols TEXT NOT NULL,
  sets INTEGER NOT NULL, mean REAL NOT NULL, squares REAL NOT NULL, overfitting REAL
) STRICT"""
WAIT_S = 10.0


class Count(NamedTuple):
    """How many sets were tried, the variance of their Sharpe ratios of a bar, and the probability
    of overfitting of the largest sweep of the strategy (NaN where there was none)."""

    sets: int
    variance: float
    overfitting: float = float("nan")


ONE = Count(1, 0.0)
"""A single trial, where nobody counts."""


@dataclass(frozen=True)
class Trial:
    """What was tried: the strategy, a text that names every parameter and term, and the Sharpe
    ratios of a bar of all its sets."""

    strategy: str
    what: str
    sharpes: np.ndarray


class Trials:
    """The count, in a SQLite file that processes share, or in memory for this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        """Nothing is opened before the first trial."""
        self.path = path
        self._memory: sqlite3.Connection | None = None

    def count(self, bars: Bars, trial: Trial) -> Count:
        """Register a trial and tell how many there were on such bars, this one included."""
        known = trial.sharpes[np.isfinite(trial.sharpes)]
        mean = float(known.mean()) if len(known) else 0.0
        row = (
            _key(bars, trial),
            datetime.now(UTC).isoformat(timespec="seconds"),
            trial.what,
            trial.strategy,
            bars.bar_size,
            bars.index[0].isoformat(),
            bars.index[-1].isoformat(),
            json.dumps(bars.symbols),
            max(len(trial.sharpes), 1),
            mean,
            float(((known - mean) ** 2).sum()),
            None,
        )
        with self._opened() as connection, connection:
            marks = ",".join("?" * len(row))
            connection.execute(f"INSERT OR IGNORE INTO trials VALUES ({marks})", row)
        return self.counted(bars, trial.strategy)

    def tell_overfitting(self, bars: Bars, trial: Trial, probability: float) -> None:
        """Note of a sweep that was counted how likely the choice of its best set is to fail."""
        with self._opened() as connection, connection:
            connection.execute(
                "UPDATE trials SET overfitting = ? WHERE key = ?", (probability, _key(bars, trial))
            )

    def counted(self, bars: Bars, strategy: str = "") -> Count:
        """What was tried on such bars; the overfitting is that of the strategy's largest sweep."""
        rows = [
            row for row in self._rows(bars) if set(json.loads(row["symbols"])) & set(bars.symbols)
        ]
        total = sum(row["sets"] for row in rows)
        if not total:
            return ONE
        mean = sum(row["sets"] * row["mean"] for row in rows) / total
        squares = sum(r["squares"] + r["sets"] * (r["mean"] - mean) ** 2 for r in rows)
        swept = [r for r in rows if r["strategy"] == strategy and r["overfitting"] is not None]
        largest = max(swept, key=lambda r: int(r["sets"]), default=None)
        return Count(
            total,
            squares / (total - 1) if total > 1 else 0.0,
            largest["overfitting"] if largest else float("nan"),
        )

    def _rows(self, bars: Bars) -> list[sqlite3.Row]:
        with self._opened() as connection:
            return connection.execute(
                "SELECT * FROM trials WHERE bar_size = ? AND first <= ? AND last >= ?",
                (bars.bar_size, bars.index[-1].isoformat(), bars.index[0].isoformat()),
            ).fetchall()

    def _opened(self) -> closing[sqlite3.Connection] | _Kept:
        if self.path is None:
            if self._memory is None:
                self._memory = _connect(":memory:")
            return _Kept(self._memory)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return closing(_connect(str(self.path)))
        except (OSError, sqlite3.Error) as problem:
            raise BadParameter(f"Trials cannot be counted in {self.path}: {problem}.") from problem


class _Kept:
    """A connection that outlives its use."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        pass


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_S)
    connection.row_factory = sqlite3.Row
    connection.execute(SCHEMA)
    return connection


def _key(bars: Bars, trial: Trial) -> str:
    """The same trial on the same prices has the same key."""
    digest = hashlib.sha256()
    for text in _texts(bars, trial):
        digest.update(text.encode() + b"\0")
    digest.update(np.ascontiguousarray(bars.close.to_numpy(dtype=float)).tobytes())
    return digest.hexdigest()


def _texts(bars: Bars, trial: Trial) -> Iterator[str]:
    yield trial.strategy
    yield trial.what
    yield bars.bar_size
    yield from bars.symbols
    yield bars.index[0].isoformat()


_BOOK = Trials()


def book() -> Trials:
    """The count of this process: in memory until `keep_in` names a file."""
    return _BOOK


def keep_in(path: Path) -> Trials:
    """Count in a file from now on, so that other processes' trials count too."""
    _BOOK.path = path
    return _BOOK
