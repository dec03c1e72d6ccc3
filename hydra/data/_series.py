"""Bars kept on disk: one Parquet file a series and stretch of time, replaced as a whole.

A series is a source, a kind of price (`trades`: as traded, split by split; `adjusted`: for
dividends too), an instrument and a bar size; prices of different kinds never share a file. A
write goes to a file of its own and takes the old one's name at once, so that a reader sees the one
or the other, and a crash leaves a file that is never read. Writers of one series take turns by a
lock that ends with their process.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hydra.domain.bars import Bars
from hydra.errors import BadParameter, BarsError, UnknownName, unknown

FIELDS = ("open", "high", "low", "close", "volume")
KINDS = ("trades", "adjusted")
SAME = 1e-6
"""Prices that differ by more than this fraction are other prices: a split or a dividend came."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]*")
LOADERS = 2
AS_IT_LIES = {
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": False,
}
"""Random figures pack badly: a file that is a fifth larger is read a fifth sooner."""
ASKED = "asked_from"
DAILY = "all"
"""The name of the one file of a series whose bars are sessions or longer."""
Columns = tuple[np.ndarray, list[np.ndarray]]
"""Bar ends and the five FIELDS beside them."""
NOTHING: Columns = (
    np.empty(0, dtype="datetime64[us]"),
    [np.empty(0) for _ in FIELDS],
)


@dataclass(frozen=True, order=True)
class Series:
    """What a file holds: `bar_size` in IB's words, such as "1 day" or "5 mins"."""

    source: str
    kind: str
    symbol: str
    bar_size: str = "1 day"

    def __post_init__(self) -> None:
        """Refuse names that would leave the folder, and kinds that there are not."""
        if self.kind not in KINDS:
            raise UnknownName(unknown("kind of prices", self.kind, KINDS))
        for name in (self.source, self.symbol, self.bar_size):
            if not NAME.fullmatch(name) or ".." in name:
                raise BadParameter(
                    f"{name!r} cannot name a series; it takes letters, digits, blanks and . _ + -."
                )

    @property
    def is_daily(self) -> bool:
        """Whether a bar is a session or longer."""
        return self.bar_size.split()[-1] in ("day", "week", "weeks", "month", "months")

    def folder(self, root: Path) -> Path:
        """Where its files are."""
        return root / self.source / self.kind / self.bar_size / self.symbol

    def stretch(self, time: datetime) -> str:
        """The file that a bar belongs to: one for all daily bars, one a month of shorter ones."""
        return DAILY if self.is_daily else f"{time:%Y-%m}"


class BarFiles:
    """All series under one folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        """The folder is made by the first write."""
        self.root = root

    def series(self) -> list[Series]:
        """Every series that has bars."""
        found = {path.parent for path in self.root.glob("*/*/*/*/*.parquet")}
        made = (Series(f.parts[-4], f.parts[-3], f.parts[-1], f.parts[-2]) for f in found)
        return sorted(made)

    def read(self, one: Series) -> pd.DataFrame:
        """All bars of a series: FIELDS by bar end (aware UTC, ascending); empty for none.

        Raises `BarsError` for a file that is damaged.
        """
        return _frame(*_joined(one.folder(self.root)))

    def append(self, one: Series, rows: pd.DataFrame) -> int:
        """Add bars that end after the last one, or before the first; returns how many were new.

        Bars that are there already must be the same: raises `BarsError` when a price differs (the
        past was adjusted: `replace` the series).
        """
        with self._turn(one):
            known = self.read(one)
            both = known.index.intersection(rows.index)
            check_same(one, known.loc[both], rows.loc[both])
            new = rows.loc[rows.index.difference(known.index)]
            if len(new):
                self._write(one, pd.concat([known, new]).sort_index(), new.index)
            return len(new)

    def asked_from(self, one: Series) -> datetime | None:
        """Since when bars were asked for, whether or not there were any; None: never."""
        path = one.folder(self.root) / ASKED
        return datetime.fromisoformat(path.read_text()) if path.is_file() else None

    def note_asked(self, one: Series, start: datetime) -> None:
        """Remember that bars since `start` (aware) were asked for, so that nobody asks again."""
        with self._turn(one):
            before, path = self.asked_from(one), one.folder(self.root) / ASKED
            with _replacing(path) as part:
                part.write_text(min(before or start, start).isoformat())

    def replace(self, one: Series, rows: pd.DataFrame) -> None:
        """Put `rows` in the place of all that a series has."""
        with self._turn(one):
            kept = {one.stretch(time) for time in rows.index}
            self._write(one, rows.sort_index(), rows.index)
            for path in one.folder(self.root).glob("*.parquet"):
                if path.stem not in kept:
                    path.unlink()

    def bars(
        self,
        source: str,
        kind: str,
        symbols: Sequence[str],
        bar_size: str = "1 day",
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Bars:
        """Bars of several instruments by bar end, from `start` to `end` (aware, included).

        Raises `UnknownName` for an instrument without bars, `BarsError` when none is left.
        """
        wanted = [Series(source, kind, symbol, bar_size) for symbol in symbols]
        loaded = self._loaded(wanted)
        for one, (times, _) in zip(wanted, loaded, strict=True):
            if not len(times):
                known = sorted({s.symbol for s in self.series() if s.bar_size == bar_size})
                raise UnknownName(unknown(f"symbol in the store ({kind})", one.symbol, known))
        bars = _together(symbols, loaded, bar_size)
        bars = bars.since(start) if start else bars
        bars = bars.until(end) if end else bars
        if not len(bars):
            raise BarsError(f"The store has no bars of {', '.join(symbols)} in that time.")
        return bars

    def _loaded(self, wanted: Sequence[Series]) -> list[Columns]:
        """All of them, in a few threads; each takes its share at once, for handing them over one
        by one takes a fifth of the time."""
        shares = [wanted[first::LOADERS] for first in range(LOADERS)]
        loaded: list[Columns] = [NOTHING] * len(wanted)
        with ThreadPoolExecutor(LOADERS) as pool:
            done = pool.map(lambda share: [self._arrays(one) for one in share], shares)
            for first, columns in enumerate(done):
                loaded[first::LOADERS] = columns
        return loaded

    def _arrays(self, one: Series) -> Columns:
        folder = one.folder(self.root)
        if one.is_daily:  # the common case, without a look at the folder
            path = folder / f"{DAILY}.parquet"
            return _load(path) if path.is_file() else NOTHING
        return _joined(folder)

    def _write(self, one: Series, rows: pd.DataFrame, changed: pd.Index) -> None:
        stretches = pd.Index([one.stretch(time) for time in rows.index])
        for stretch in sorted({one.stretch(time) for time in changed}):
            _save(one.folder(self.root) / f"{stretch}.parquet", rows[stretches == stretch])

    @contextmanager
    def _turn(self, one: Series) -> Iterator[None]:
        """One writer of a series at a time; the lock ends with its process."""
        folder = one.folder(self.root)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                for left in folder.glob("*.part"):  # of a writer that died
                    left.unlink()
                yield
        except OSError as problem:
            raise BarsError(f"The bars of {one.symbol} cannot be written: {problem}.") from problem


def check_same(one: Series, known: pd.DataFrame, told: pd.DataFrame) -> None:
    """Raise `BarsError` where a price that is known is told otherwise; volumes may be revised."""
    prices = list(FIELDS[:4])
    off = (told[prices] / known[prices] - 1.0).abs() > SAME
    if off.any(axis=None):
        time = known.index[off.any(axis=1).to_numpy()][0]
        raise BarsError(
            f"{one.symbol} at {time}: the close was {known.loc[time, 'close']} and is now told as "
            f"{told.loc[time, 'close']}; the past was adjusted, so the series must be loaded anew."
        )


def _save(path: Path, rows: pd.DataFrame) -> None:
    """Durable under its name, or not there at all."""
    ends = pd.DatetimeIndex(rows.index).tz_convert("UTC").tz_localize(None)
    times = pa.array(ends.to_numpy("datetime64[us]"))
    columns = {"time": times, **{f: pa.array(rows[f].to_numpy(dtype=float)) for f in FIELDS}}
    with _replacing(path) as part, part.open("wb") as file:
        pq.write_table(pa.table(columns), file, **AS_IT_LIES)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file that takes the other's name once it is whole, and goes when it does not get so."""
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _joined(folder: Path) -> Columns:
    """All files of a series, one after the other."""
    parts = [_load(path) for path in sorted(folder.glob("*.parquet"))]
    if len(parts) < 2:
        return parts[0] if parts else NOTHING
    times, columns = zip(*parts, strict=True)
    return np.concatenate(times), [np.concatenate(one) for one in zip(*columns, strict=True)]


def _load(path: Path) -> Columns:
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read(use_threads=False)
        times, *columns = (_array(table.column(name)) for name in ("time", *FIELDS))
        return times.astype("datetime64[us]", copy=False), columns
    except (OSError, KeyError, pa.ArrowException) as problem:
        raise BarsError(f"{path} cannot be read as bars: {problem}.") from problem


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """The column as it lies in memory; a copy where it lies in pieces."""
    found: np.ndarray = (column.chunk(0) if column.num_chunks == 1 else column).to_numpy()
    return found


def _frame(times: np.ndarray, columns: Sequence[np.ndarray]) -> pd.DataFrame:
    index = pd.DatetimeIndex(times, name="time").tz_localize("UTC").as_unit("us")
    return pd.DataFrame(np.column_stack(columns), index, list(FIELDS))


def _together(symbols: Sequence[str], loaded: Sequence[Columns], bar_size: str) -> Bars:
    """Five wide frames over all bar ends; NaN where an instrument has no bar."""
    first = loaded[0][0]
    alike = all(np.array_equal(times, first) for times, _ in loaded)
    union = first if alike else np.unique(np.concatenate([times for times, _ in loaded]))
    # An instrument's bars lie side by side, as they do in the files and in a frame of pandas'.
    cube = np.empty((len(FIELDS), len(symbols), len(union)))
    if not alike:
        cube.fill(np.nan)
    for place, (times, columns) in enumerate(loaded):
        rows = slice(None) if alike else np.searchsorted(union, times)
        for layer, column in zip(cube, columns, strict=True):
            layer[place, rows] = column
    index = pd.DatetimeIndex(union, name="time").tz_localize("UTC").as_unit("us")
    names = pd.Index(list(symbols), name="symbol")
    frames = (pd.DataFrame(layer.T, index, names) for layer in cube)
    opened, high, low, close, volume = frames
    return Bars(opened, high, low, close, volume, bar_size)
