"""The shipped history is whole, and is asked for by symbol, session and bar size."""

from datetime import date

import pytest

from hydra.data._validate import missing_sessions
from hydra.data.sample import Sample
from hydra.errors import BadParameter, BarsError, UnknownName

STOCKS = ["AAPL", "FB", "GOOG", "IBM", "MSFT"]


async def test_the_whole_history_is_there_with_no_session_missing():
    bars = await Sample().bars([*STOCKS, "SPX", "COMP"])
    assert bars.close.count().to_dict() == {
        "AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270, "SPX": 5031,
        "COMP": 5031,
    }  # fmt: skip
    assert missing_sessions(bars) == {}


async def test_a_bar_is_labelled_by_its_close_in_utc_half_days_too():
    bars = await Sample().bars(["AAPL"], start=date(2012, 11, 21), end=date(2012, 11, 23))
    assert [str(time) for time in bars.index] == [
        "2012-11-21 21:00:00+00:00",
        "2012-11-23 18:00:00+00:00",
    ]


async def test_hourly_bars_are_labelled_by_their_end_not_their_start():
    bars = await Sample().bars(["EUR.USD"], bar_size="1 hour")
    assert (bars.bar_size, len(bars)) == ("1 hour", 5000)
    assert str(bars.index[0]) == "2017-04-19 10:00:00+00:00"


async def test_columns_come_in_the_order_asked_for_and_start_and_end_are_included():
    bars = await Sample().bars(["MSFT", "AAPL"], start=date(2013, 2, 27), end=date(2013, 3, 1))
    assert bars.symbols == ["MSFT", "AAPL"]
    assert [f"{time:%F}" for time in bars.index] == ["2013-02-27", "2013-02-28", "2013-03-01"]
    assert bars.close["AAPL"].iloc[-1] == 56.1374


async def test_a_symbol_not_listed_yet_is_an_empty_column_among_others():
    bars = await Sample().bars(["AAPL", "FB"], start=date(2005, 1, 3), end=date(2005, 1, 7))
    assert bars.close["FB"].isna().all()
    assert bars.close["AAPL"].notna().all()


async def test_what_is_not_there_is_refused_with_the_nearest():
    sample = Sample()
    with pytest.raises(UnknownName, match="did you mean 'MSFT'"):
        await sample.bars(["MSFTT"])
    with pytest.raises(UnknownName, match="did you mean '1 day'"):
        await sample.bars(["MSFT"], bar_size="1 days")
    with pytest.raises(UnknownName, match=r"Known: EUR\.USD"):
        await sample.bars(["MSFT"], bar_size="1 hour")
    with pytest.raises(BarsError, match="they reach from 2012-05-18 to 2013-03-01"):
        await sample.bars(["FB"], end=date(2005, 1, 7))


@pytest.mark.parametrize("symbols", [[], "MSFT", ["MSFT", "MSFT"]])
async def test_symbols_are_a_list_of_at_least_one_each_once(symbols):
    with pytest.raises(BadParameter, match="each once"):
        await Sample().bars(symbols)


async def test_changing_what_was_returned_does_not_change_the_history():
    bars = await Sample().bars(["AAPL"])
    bars.close.iloc[0, 0] = 1.0
    assert (await Sample().bars(["AAPL"])).close.iloc[0, 0] != 1.0
