"""Bars on disk: whole or not there, the same for every reader, never two kinds in one file."""

import multiprocessing
import os
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.data import _series
from hydra.data._series import BarFiles, Series
from hydra.errors import BadParameter, BarsError, UnknownName

AAPL = Series("gateway", "trades", "AAPL")
MINUTES = Series("gateway", "trades", "AAPL", "5 mins")


def rows(first: int, last: int, freq: str = "D", scale: float = 1.0) -> pd.DataFrame:
    """Bars number `first` to `last` (left out) of a walk that is always the same."""
    index = pd.date_range("2012-01-02 21:00", periods=last, freq=freq, tz="UTC", name="time")
    close = scale * (100 + np.arange(last) % 17)
    made = pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 5.0},
        index.as_unit("us"),
    )
    return made.iloc[first:]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=6))
def test_whatever_is_appended_in_whatever_order_is_read_once_and_ascending(
    tmp_path_factory, parts
):
    files = BarFiles(tmp_path_factory.mktemp("bars"))
    added = sum(files.append(AAPL, rows(a, a + n)) for a, n in parts)
    found = files.read(AAPL)
    wanted = sorted({row for a, n in parts for row in range(a, a + n)})
    assert added == len(wanted) == len(found)
    pd.testing.assert_frame_equal(found, rows(0, 80).iloc[wanted], check_freq=False)


def test_shorter_bars_are_kept_by_the_month_and_read_together(tmp_path):
    files = BarFiles(tmp_path)
    many = rows(0, 4000, "6h")
    files.append(MINUTES, many.iloc[:2000])
    before = {p: p.stat().st_mtime_ns for p in MINUTES.folder(tmp_path).glob("*.parquet")}
    files.append(MINUTES, many.iloc[1990:])
    assert len(before) > 10
    untouched = [p for p, then in before.items() if p.stat().st_mtime_ns == then]
    assert len(untouched) == len(before) - 1
    pd.testing.assert_frame_equal(files.read(MINUTES), many, check_freq=False)


def test_a_past_that_is_told_otherwise_is_refused_and_nothing_of_it_is_kept(tmp_path):
    files = BarFiles(tmp_path)
    files.append(AAPL, rows(0, 10))
    with pytest.raises(BarsError, match="the past was adjusted"):
        files.append(AAPL, rows(5, 20, scale=0.5))
    assert len(files.read(AAPL)) == 10
    files.replace(AAPL, rows(0, 20, scale=0.5))
    assert files.read(AAPL)["close"].iloc[0] == 50


def test_adjusted_prices_and_prices_as_traded_never_meet(tmp_path):
    files = BarFiles(tmp_path)
    files.append(AAPL, rows(0, 5))
    files.append(Series("gateway", "adjusted", "AAPL"), rows(0, 5, scale=0.9))
    assert files.read(AAPL)["close"].iloc[0] == 100
    assert [s.kind for s in files.series()] == ["adjusted", "trades"]


def test_a_crash_in_mid_write_leaves_the_old_bars_and_the_next_write_cleans_up(
    tmp_path, monkeypatch
):
    files = BarFiles(tmp_path)
    files.append(AAPL, rows(0, 10))

    def dies(handle):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_series.os, "fsync", dies)
        with pytest.raises(KeyboardInterrupt):
            files.append(AAPL, rows(10, 20))
    folder = AAPL.folder(tmp_path)
    assert len(files.read(AAPL)) == 10
    assert list(folder.glob("*.part"))
    files.append(AAPL, rows(10, 20))
    assert len(files.read(AAPL)) == 20
    assert not list(folder.glob("*.part"))


def _writes(root, first):
    for start in range(first, first + 40, 2):
        BarFiles(root).append(AAPL, rows(start, start + 2))


def test_several_processes_write_one_series_and_nothing_is_lost(tmp_path):
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    writers = [context.Process(target=_writes, args=(tmp_path, first)) for first in (0, 40, 20)]
    for writer in writers:
        writer.start()
    files = BarFiles(tmp_path)
    while any(writer.is_alive() for writer in writers):
        found = files.read(AAPL)  # a reader waits for nobody and sees whole files
        assert found.index.is_monotonic_increasing
        for writer in writers:
            writer.join(0.01)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    pd.testing.assert_frame_equal(files.read(AAPL), rows(0, 80), check_freq=False)


def test_instruments_with_other_days_are_put_together_with_holes(tmp_path):
    files = BarFiles(tmp_path)
    files.append(AAPL, rows(0, 10))
    files.append(Series("gateway", "trades", "IBM"), rows(4, 14))
    bars = files.bars("gateway", "trades", ["IBM", "AAPL"])
    assert bars.symbols == ["IBM", "AAPL"]
    assert len(bars) == 14
    assert bars.close["IBM"].isna().sum() == bars.close["AAPL"].isna().sum() == 4
    part = files.bars("gateway", "trades", ["AAPL"], start=datetime(2012, 1, 5, tzinfo=UTC))
    assert len(part) == 7


def test_what_is_not_in_the_store_and_what_is_damaged_is_named(tmp_path):
    files = BarFiles(tmp_path)
    files.append(AAPL, rows(0, 10))
    with pytest.raises(UnknownName, match=r"APPL.*AAPL"):
        files.bars("gateway", "trades", ["APPL"])
    path = AAPL.folder(tmp_path) / "all.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BarsError, match=r"all\.parquet cannot be read"):
        files.read(AAPL)


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden", "a..b"])
def test_no_name_leaves_the_folder(name):
    with pytest.raises(BadParameter, match="cannot name a series"):
        Series("gateway", "trades", name)


def test_a_kind_of_prices_that_there_is_not_answers_with_the_nearest():
    with pytest.raises(UnknownName, match="adjusted"):
        Series("gateway", "adjustd", "AAPL")
