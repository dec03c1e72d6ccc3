"""Bars come from the gateway once: what is missing, within the pacing; a changed past anew."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hydra.data._quality import flaws
from hydra.data._series import BarFiles, Series
from hydra.data.sample import Sample
from hydra.data.store import Store
from hydra.errors import BadParameter
from hydra.ib import history
from hydra.ib.pacing import Pacing
from hydra.wiring import build_source, open_paper_session, update_bars
from tests.data.test_series import rows
from tests.execution.test_halting import run_hydra
from tests.research.test_sweep import walk

START = datetime(2012, 1, 3, tzinfo=UTC)
AAPL = Series("gateway", "trades", "AAPL")


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """The rules of pacing have tests of their own; here nobody waits a quarter of a minute."""

    async def turn(self, asked):
        return 0.0

    monkeypatch.setattr(Pacing, "turn", turn)


def update(settings, symbols=("AAPL",), start=START, **more):
    return asyncio.run(update_bars(settings, list(symbols), start, **more))


def test_the_store_holds_what_the_gateway_tells_and_is_a_source_like_another(connected):
    done = update(connected, ["AAPL", "IBM"])
    assert [one.new for one in done] == [len(BarFiles(connected.bars_dir).read(AAPL))] * 2
    source = build_source(connected, "store")
    bars = asyncio.run(source.bars(["IBM", "AAPL"], start=START.date()))
    sample = asyncio.run(Sample().bars(["IBM", "AAPL"], start=START.date()))
    assert isinstance(source, Store)
    assert list(bars.index) == list(sample.until(bars.index[-1]).index)
    assert abs(bars.close / sample.until(bars.index[-1]).close - 1).max(axis=None) < 1e-3


def test_an_update_asks_only_for_what_is_missing(connected, gateway):
    first = update(connected)[0]
    assert first.requests == 2  # two years by one year each
    again = update(connected)[0]
    assert (again.new, again.requests) == (0, 0)
    gateway.step("next_open")
    gateway.step("next_open")
    later = update(connected)[0]
    assert (later.new, later.requests) == (2, 1)
    earlier = update(connected, start=datetime(2011, 6, 1, tzinfo=UTC))[0]
    assert earlier.first < first.first
    assert later.last == earlier.last
    assert update(connected, start=datetime(2011, 6, 1, tzinfo=UTC))[0].requests == 0


def test_a_past_that_was_adjusted_since_is_loaded_anew(connected, gateway):
    update(connected)
    files = BarFiles(connected.bars_dir)
    told = files.read(AAPL)
    files.replace(AAPL, told.iloc[:-5] * 2)  # as it was before a split
    done = update(connected)[0]
    assert done.reloaded
    assert files.read(AAPL).equals(told)


def test_a_break_in_mid_update_keeps_what_is_there_and_goes_on_later(connected, monkeypatch):
    def dies(series, bars):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(connected, told=dies)
    assert update(connected)[0].new > 200


def test_other_bar_sizes_are_kept_apart_and_unknown_ones_refused(connected):
    done = update(connected, bar_size="1 hour", start=datetime(2013, 1, 7, tzinfo=UTC))[0]
    assert done.new > 20
    hours = BarFiles(connected.bars_dir).read(Series("gateway", "trades", "AAPL", "1 hour"))
    assert {time.minute for time in hours.index} <= {0, 30}
    with pytest.raises(BadParameter, match="bars are loaded of 1 day"):
        update(connected, bar_size="2 days")


def test_the_command_loads_lists_and_checks(connected, gateway):
    connected.data.dir.mkdir()
    loaded = run_hydra(connected, "bars", "update", "AAPL", "--from", "2012-06-01", "--json")
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout)[0]["new_bars"] > 100
    listed = json.loads(run_hydra(connected, "bars", "list", "--json").stdout)
    assert [row["symbol"] for row in listed] == ["AAPL"]
    checked = run_hydra(connected, "bars", "check", "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout) == []


def test_flaws_are_named_by_what_they_look_like():
    bars = walk(rows=200, columns=4)
    index = asyncio.run(Sample().bars(["AAPL"])).index[-200:]
    frames = {
        f: getattr(bars, f).set_axis(index) for f in ("open", "high", "low", "close", "volume")
    }
    frames["close"].iloc[100:, 0] /= 2  # a split
    frames["close"].iloc[50, 1] *= 1.3
    frames["volume"].iloc[70:73, 2] = 0.0
    for name in ("open", "high", "low", "close"):
        frames[name].iloc[80:86, 3] = 77.0
    gone = [i for i in range(200) if i not in (20, 21)]
    broken = replace(bars, **{f: frame.iloc[gone] for f, frame in frames.items()})
    found = {(flaw.symbol, flaw.what): flaw for flaw in reversed(flaws(broken))}
    assert "near 2:1" in found["S0", "split"].sentence
    assert found["S1", "outlier"].time == index[50]
    assert found["S2", "zero_volume"].bars == 3
    assert found["S3", "stale"].bars == 6
    assert found["S0", "gap"].bars == 2
    assert [f.what for f in flaws(walk(rows=100, columns=1)) if f.what != "gap"] == []


def test_rows_of_the_tests_are_bars():
    assert len(rows(0, 10)) == 10


def test_requests_of_a_session_and_of_commands_are_in_the_one_book(connected, monkeypatch):
    monkeypatch.undo()
    asyncio.run(build_source(connected, "gateway").bars(["AAPL", "IBM"]))
    assert not connected.pacing_path.exists()  # this gateway lives in 2013: it is none of IB's
    monkeypatch.setattr(history, "ANOTHER_TIME", timedelta(days=36_500))
    asyncio.run(build_source(connected, "gateway").bars(["MSFT", "GOOG"]))
    assert booked(connected) == 2
    asyncio.run(decided(connected))
    assert booked(connected) == 2 + 4  # a session's own four, without a wait


def booked(settings):
    with closing(sqlite3.connect(settings.pacing_path)) as book:
        return book.execute("SELECT count(*) FROM asked").fetchone()[0]


async def decided(settings):
    session = await open_paper_session("ts_momentum", settings=settings)
    try:
        await session.bars()
    finally:
        await session.close()
