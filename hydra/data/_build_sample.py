"""Builds `sample.parquet`, the shipped history, from the two CSV files it was collected in.

Run as ``python -m hydra.data._build_sample FOLDER`` where FOLDER holds
``equities_daily.csv.gz`` and ``eurusd_hourly.csv.gz``. It is kept so that the provenance of every
shipped price can be checked; nothing at run time needs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import exchange_calendars
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("symbol", pa.dictionary(pa.int8(), pa.string())),
        ("bar_size", pa.dictionary(pa.int8(), pa.string())),
        ("session", pa.date32()),
        ("start", pa.timestamp("us", tz="UTC")),
        ("time", pa.timestamp("us", tz="UTC")),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.int64()),
    ]
)


def daily_bars(path: Path) -> pd.DataFrame:
    """One row a symbol and XNYS session; `start` and `time` are the session's open and close."""
    table = pd.read_csv(path, parse_dates=["date"])
    calendar = exchange_calendars.get_calendar("XNYS", start="1999-01-04", end="2018-12-31")
    unknown = sorted(set(table["date"]) - set(calendar.sessions))
    if unknown:
        raise ValueError(f"{path.name} has rows on days that are no XNYS session: {unknown[:5]}")
    table["start"] = table["date"].map(calendar.opens)
    table["time"] = table["date"].map(calendar.closes)
    return table.rename(columns={"date": "session"}).assign(bar_size="1 day")


def hourly_bars(path: Path) -> pd.DataFrame:
    """One row an hour; the source labels a bar by its start, we label it by its end."""
    table = pd.read_csv(path, parse_dates=["time"])
    table["start"] = table["time"].dt.tz_localize("UTC")
    table["time"] = table["start"] + pd.Timedelta(hours=1)
    table["session"] = table["start"].dt.tz_convert("US/Eastern").dt.date
    return table.assign(bar_size="1 hour")


def build(folder: Path, target: Path) -> None:
    """Write `target` from the CSV files in `folder`."""
    parts = [
        daily_bars(folder / "equities_daily.csv.gz"),
        hourly_bars(folder / "eurusd_hourly.csv.gz"),
    ]
    rows = [
        pa.Table.from_pandas(part[SCHEMA.names], schema=SCHEMA, preserve_index=False)
        for part in parts
    ]
    table = pa.concat_tables(rows).unify_dictionaries().replace_schema_metadata(None)
    prices = ["open", "high", "low", "close"]
    counts = ["session", "start", "time", "volume"]
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=["symbol", "bar_size"],
        column_encoding=dict.fromkeys(counts, "DELTA_BINARY_PACKED")
        | dict.fromkeys(prices, "BYTE_STREAM_SPLIT"),
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(__file__).with_name("sample.parquet"))
