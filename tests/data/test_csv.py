"""A CSV file of one's own makes the same bars as any other source, or says which line is wrong."""

from datetime import date

import pandas as pd
import pytest

from hydra.data._frame import FIELDS
from hydra.data.csv import Csv
from hydra.data.sample import Sample
from hydra.errors import BadParameter, BarsError, UnknownName

HEADER = "symbol,date,open,high,low,close,volume\n"
ROWS = [f"A,2013-02-{day},10,12,9,11,100\n" for day in (14, 15, 19, 20)]


@pytest.fixture
def csv(tmp_path):
    def write(text: str) -> Csv:
        path = tmp_path / "bars.csv"
        path.write_text(text)
        return Csv(str(path))

    return write


async def test_a_file_written_from_the_sample_gives_the_same_bars_back(csv):
    expected = await Sample().bars(
        ["GOOG", "AAPL"], start=date(2004, 8, 16), end=date(2004, 12, 1)
    )
    long = pd.concat({f: getattr(expected, f).stack() for f in FIELDS}, axis=1).reset_index()
    long["date"] = long["time"].dt.strftime("%Y-%m-%d")
    bars = await csv(long.drop(columns="time").to_csv(index=False)).bars(["GOOG", "AAPL"])
    for field in FIELDS:
        pd.testing.assert_frame_equal(getattr(bars, field), getattr(expected, field))


async def test_start_and_end_are_included(csv):
    source = csv(HEADER + "".join(ROWS))
    bars = await source.bars(["A"], start=date(2013, 2, 15), end=date(2013, 2, 19))
    assert [f"{time:%F}" for time in bars.index] == ["2013-02-15", "2013-02-19"]
    with pytest.raises(BarsError, match="it reaches from 2013-02-14 to 2013-02-20"):
        await source.bars(["A"], start=date(2014, 1, 1))


async def test_times_with_an_offset_make_intraday_bars_by_session_date(csv):
    times = ["2013-02-15T10:00:00-05:00", "2013-02-15T11:00:00-05:00", "2013-02-19T15:00:00Z"]
    rows = "".join(f"A,{time},10,12,9,11,100\n" for time in times)
    source = csv(HEADER.replace("date", "time") + rows)
    bars = await source.bars(["A"], bar_size="1 hour", end=date(2013, 2, 15))
    assert [str(time) for time in bars.index] == [
        "2013-02-15 15:00:00+00:00",
        "2013-02-15 16:00:00+00:00",
    ]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (ROWS[1], r"line 6: 'A 2013-02-15 21:00:00\+00:00': it is there twice"),
        ("A,2013-02-18,10,12,9,11,100\n", "line 6: '2013-02-18': it is no session of XNYS"),
        ("A,21.2.2013,10,12,9,11,100\n", "line 6: '21.2.2013': a date is written"),
        ("A,2013-02-21,10,12,9,n/q,100\n", "line 6: 'n/q': close must be a number"),
        ("A,2013-02-21,10,12,9,,100\n", "A at 2013-02-21 .* a hole"),
        ("A,2013-02-22,10,12,9,11,100\n", "A has no bar for the XNYS session 2013-02-21"),
    ],
)
async def test_a_bad_row_is_named_with_its_line(csv, row, line):
    with pytest.raises(BarsError, match=line):
        await csv(HEADER + "".join(ROWS) + row).bars(["A"])


async def test_what_the_file_lacks_is_named(csv):
    with pytest.raises(UnknownName, match="did you mean 'AAPL'"):
        await csv(HEADER + "".join(ROWS).replace("A,", "AAPL,")).bars(["AAPLE"])
    with pytest.raises(BarsError, match="no column 'volume'; did you mean 'volumes'"):
        await csv(HEADER.replace("volume", "volumes")).bars(["A"])
    with pytest.raises(BarsError, match="neither a date nor a time"):
        await csv(HEADER.replace("date", "day") + "".join(ROWS)).bars(["A"])
    with pytest.raises(BadParameter, match="1 day, not 1 hour"):
        await csv(HEADER + "".join(ROWS)).bars(["A"], bar_size="1 hour")
    with pytest.raises(BadParameter, match=r"no file nowhere\.csv"):
        await Csv("nowhere.csv").bars(["A"])


async def test_times_without_an_offset_are_refused(csv):
    text = HEADER.replace("date", "time") + "A,2013-02-15 10:00,10,12,9,11,100\n"
    with pytest.raises(BarsError, match=r"line 2: .* offset from UTC"):
        await csv(text).bars(["A"])
