"""The validator names symbol, row and rule, and lets through only bars that keep them all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.data._validate import FIELDS, checked, missing_sessions, without_holes
from hydra.domain.bars import Bars
from hydra.errors import BarsError, UnknownName

SESSIONS = ["2013-02-14", "2013-02-15", "2013-02-19", "2013-02-20"]  # the 18th was a holiday


def make_bars(rows: int = 4) -> Bars:
    index = pd.DatetimeIndex([f"{day} 21:00" for day in SESSIONS[:rows]], tz="UTC", name="time")
    levels = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}
    return Bars(**{f: pd.DataFrame(v, index=index, columns=["A", "B"]) for f, v in levels.items()})


def changed(field: str, value: float, row: int = 2, column: int = 1) -> Bars:
    frame = getattr(make_bars(), field).copy()
    frame.iloc[row, column] = value
    return replace(make_bars(), **{field: frame})


def test_good_bars_come_back_unchanged():
    bars = make_bars()
    assert checked(bars) is bars


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("open", np.nan, "missing"),
        ("volume", np.nan, "missing"),
        ("close", np.inf, "infinite"),
        ("low", 0.0, "not > 0"),
        ("low", 12.5, "the high is below the low"),
        ("open", 12.5, "the open lies outside"),
        ("close", 8.5, "the close lies outside"),
        ("volume", -1.0, "volume is negative"),
    ],
)
def test_a_broken_bar_is_named_with_symbol_row_and_rule(field, value, rule):
    with pytest.raises(BarsError, match=rf"B at 2013-02-19 21:00:00\+00:00: .*{rule}"):
        checked(changed(field, value))


@given(
    field=st.sampled_from(FIELDS),
    row=st.integers(0, 3),
    column=st.integers(0, 1),
    value=st.sampled_from([np.nan, -np.inf, -1.0]),
)
def test_any_single_bad_value_is_found_wherever_it_stands(field, row, column, value):
    bars = changed(field, value, row, column)
    with pytest.raises(BarsError, match=f"{'AB'[column]} at {SESSIONS[row]}"):
        checked(bars)


def test_a_symbol_may_be_absent_with_all_five_values():
    bars = make_bars().map(lambda frame: frame.iloc[2:].reindex(frame.index))
    assert checked(bars).close["A"].notna().sum() == 2


def relabelled(index: pd.Index) -> Bars:
    return make_bars().map(lambda frame: frame.set_axis(index))


def test_times_without_a_zone_or_outside_utc_are_refused():
    index = make_bars().index
    with pytest.raises(BarsError, match="aware times"):
        checked(relabelled(index.tz_localize(None)))
    with pytest.raises(BarsError, match="New_York"):
        checked(relabelled(index.tz_convert("America/New_York")))
    with pytest.raises(BarsError, match="aware times"):
        checked(relabelled(pd.RangeIndex(4)))


def test_a_row_out_of_order_or_twice_is_named():
    index = make_bars().index
    with pytest.raises(BarsError, match=r"2013-02-15 .* comes after 2013-02-19"):
        checked(relabelled(index[[0, 2, 1, 3]]))
    with pytest.raises(BarsError, match=r"2013-02-15 .* comes twice"):
        checked(relabelled(index[[0, 1, 1, 3]]))


def test_frames_of_different_shape_and_a_column_twice_are_refused():
    bars = make_bars()
    with pytest.raises(BarsError, match="volume has other rows or columns"):
        checked(replace(bars, volume=bars.volume[["A"]]))
    with pytest.raises(BarsError, match="A has more than one column"):
        checked(bars.map(lambda frame: frame.set_axis(["A", "A"], axis=1)))


def test_a_holiday_is_no_hole():
    assert missing_sessions(make_bars()) == {}
    assert without_holes(make_bars()).symbols == ["A", "B"]


def test_the_first_missing_session_inside_a_life_is_named():
    bars = make_bars().map(lambda frame: frame.iloc[[0, 3]])
    with pytest.raises(BarsError, match="A has no bar for the XNYS session 2013-02-15 and 1 more"):
        without_holes(bars)


def test_sessions_before_the_listing_and_after_the_end_are_no_holes():
    bars = make_bars()
    bars = bars.map(lambda frame: frame.assign(B=frame["B"].where([False, True, True, False])))
    assert missing_sessions(bars) == {}


def test_a_hole_of_one_symbol_alone_is_found():
    bars = make_bars()
    bars = bars.map(lambda frame: frame.assign(B=frame["B"].where([True, False, True, True])))
    assert {s: list(m.strftime("%F")) for s, m in missing_sessions(bars).items()} == {
        "B": ["2013-02-15"]
    }


def test_an_unknown_calendar_and_a_time_beyond_it_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'XNYS'"):
        missing_sessions(make_bars(), "XNYSE")
    with pytest.raises(BarsError, match="outside the sessions known"):
        missing_sessions(relabelled(make_bars().index - pd.Timedelta(days=40 * 365)))
