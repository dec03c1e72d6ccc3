"""Bars from one CSV file of your own: symbol, date (or time), open, high, low, close, volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from hydra.data._frame import FIELDS, bars_from_rows, wanted
from hydra.data._sessions import closes, zone
from hydra.data._validate import checked, without_holes
from hydra.domain.bars import Bars
from hydra.errors import BadParameter, BarsError, unknown

DAILY = "1 day"


@dataclass(frozen=True)
class Csv:
    """A CSV file with a header row, one row a bar.

    A `date` column holds sessions of `calendar` (YYYY-MM-DD) and makes daily bars; a `time`
    column holds bar ends with their offset from UTC and makes bars of the size asked for.
    """

    path: str | Path
    calendar: str = "XNYS"

    async def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        bar_size: str = DAILY,
    ) -> Bars:
        """The file's bars; contract as in `hydra.data._base.Source`.

        Raises `BadParameter` for a file that is not there and `BarsError` for rows that are not
        numbers, not sessions, or there twice, each with its line in the file.
        """
        rows = self._labelled(wanted(self._read(), symbols), bar_size)
        session = rows["session"]
        first = pd.Timestamp(start) if start else session.min()
        last = pd.Timestamp(end) if end else session.max()
        chosen = rows[session.between(first, last)]
        if chosen.empty:
            raise BarsError(
                f"{self.path} has no bars from {first:%Y-%m-%d} to {last:%Y-%m-%d} for "
                f"{', '.join(symbols)}; "
                f"it reaches from {session.min():%Y-%m-%d} to {session.max():%Y-%m-%d}."
            )
        bars = checked(bars_from_rows(chosen, symbols, bar_size))
        return without_holes(bars, self.calendar) if bar_size == DAILY else bars

    def _read(self) -> pd.DataFrame:
        if not Path(self.path).is_file():
            raise BadParameter(f"There is no file {self.path}; give the path of a CSV file.")
        rows = pd.read_csv(self.path, dtype={"symbol": str})
        for column in ("symbol", *FIELDS):
            if column not in rows:
                raise BarsError(f"{self.path}: {unknown('column', column, rows.columns)}")
        for column in FIELDS:
            rows[column] = self._numbers(rows[column])
        return rows

    def _numbers(self, column: pd.Series[Any]) -> pd.Series[Any]:
        numbers = pd.to_numeric(column, errors="coerce")
        self._refuse(column, numbers.isna() & column.notna(), f"{column.name} must be a number")
        return numbers

    def _labelled(self, rows: pd.DataFrame, bar_size: str) -> pd.DataFrame:
        """The rows with `session` (naive midnight) and `time` (bar end, aware UTC)."""
        if "time" in rows:
            rows = self._by_time(rows)
        elif "date" not in rows:
            raise BarsError(f"{self.path} has neither a date nor a time column; it needs one.")
        elif bar_size != DAILY:
            raise BadParameter(f"{self.path} has dates, so its bars are 1 day, not {bar_size}.")
        else:
            rows = self._by_date(rows)
        twice = rows.duplicated(["symbol", "time"])
        self._refuse(rows["symbol"] + " " + rows["time"].astype(str), twice, "it is there twice")
        return rows

    def _by_date(self, rows: pd.DataFrame) -> pd.DataFrame:
        session = pd.to_datetime(rows["date"], format="%Y-%m-%d", errors="coerce")
        self._refuse(rows["date"], session.isna(), "a date is written YYYY-MM-DD")
        rows = rows.assign(session=session, time=closes(self.calendar).reindex(session).array)
        self._refuse(rows["date"], rows["time"].isna(), f"it is no session of {self.calendar}")
        return rows

    def _by_time(self, rows: pd.DataFrame) -> pd.DataFrame:
        zoned = rows["time"].astype(str).str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")
        self._refuse(rows["time"], ~zoned, "a time ends with its offset from UTC, as in +00:00")
        time = pd.to_datetime(rows["time"], utc=True, errors="coerce", format="ISO8601")
        self._refuse(rows["time"], time.isna(), "a time is written YYYY-MM-DD HH:MM+00:00")
        # a bar that ends at midnight belongs to the day before, hence the second
        local = (time - pd.Timedelta(seconds=1)).dt.tz_convert(zone(self.calendar))
        return rows.assign(session=local.dt.tz_localize(None).dt.normalize(), time=time)

    def _refuse(self, column: pd.Series[Any], broken: pd.Series[bool], rule: str) -> None:
        """Raise for the first broken row; line 1 of the file is its header."""
        if broken.any():
            place: Any = broken.idxmax()
            raise BarsError(f"{self.path}, line {place + 2}: {column[place]!r}: {rule}.")
