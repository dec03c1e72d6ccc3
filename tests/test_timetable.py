"""Sessions are what exchange_calendars says, whether or not it was asked in this program."""

import json
from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import pytest

from hydra import timetable as kept
from hydra.clock import Sessions
from hydra.errors import BadParameter, UnknownName
from hydra.timetable import FIRST_DAY, timetable


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and nothing remembered from before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    timetable.cache_clear()
    yield tmp_path
    timetable.cache_clear()


def the_file(cache):
    (path,) = cache.rglob("*.json")
    return path


@pytest.mark.parametrize("name", ["XNYS", "XLON", "CMES", "24/5"])
def test_sessions_opens_and_closes_are_the_librarys(name):
    theirs = exchange_calendars.get_calendar(name, start=FIRST_DAY)
    table = timetable(name)
    timetable.cache_clear()
    read = timetable(name)
    for one in (table, read):
        assert list(one.sessions) == [day.date() for day in theirs.sessions]
        assert [datetime.fromtimestamp(s, UTC) for s in one.opens] == list(theirs.opens)
        assert [datetime.fromtimestamp(s, UTC) for s in one.closes] == list(theirs.closes)
        assert str(one.zone) == str(theirs.tz)


def test_days_around_holidays_half_days_and_clock_changes_are_the_librarys():
    theirs = exchange_calendars.get_calendar("XNYS", start=FIRST_DAY)
    ours = Sessions("XNYS")
    for number in range(800):
        day = date(2012, 1, 1) + timedelta(days=number)
        label = day.isoformat()
        assert ours.is_session(day) == theirs.is_session(label)
        after = (day + timedelta(days=1)).isoformat()
        before = (day - timedelta(days=1)).isoformat()
        assert ours.next(day) == theirs.date_to_session(after, "next").date()
        assert ours.previous(day) == theirs.date_to_session(before, "previous").date()
        for hour in (0, 14, 18, 20, 21):
            moment = datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
            coming = theirs.minute_to_session(moment, "next").date()
            assert ours.session_at(moment) == coming


def test_a_session_that_just_closed_is_over():
    closes = Sessions().closes(date(2012, 11, 23))
    assert closes == datetime(2012, 11, 23, 18, tzinfo=UTC)
    assert Sessions().session_at(closes) == date(2012, 11, 26)
    assert Sessions().session_at(closes - timedelta(seconds=1)) == date(2012, 11, 23)


def test_the_library_is_asked_once_a_version(monkeypatch):
    first = timetable("XNYS")
    timetable.cache_clear()
    monkeypatch.setattr(kept, "_made", lambda name: pytest.fail("it was asked again"))
    assert timetable("XNYS").sessions == first.sessions


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: json.dumps({**json.loads(text), "closes": json.loads(text)["closes"][:-1]}),
        lambda text: json.dumps({**json.loads(text), "opens": json.loads(text)["opens"][::-1]}),
        lambda text: json.dumps({**json.loads(text), "form": 0}),
        lambda text: json.dumps({**json.loads(text), "zone": "Mars/Base"}),
        lambda text: json.dumps({key: [] for key in json.loads(text)}),
    ],
    ids=["empty", "half", "short column", "falling", "older form", "no zone", "no sessions"],
)
def test_a_file_that_is_damaged_is_made_anew(cache, damage):
    good = timetable("XNYS")
    path = the_file(cache)
    text = path.read_text()
    path.write_text(damage(text))
    timetable.cache_clear()
    assert timetable("XNYS").sessions == good.sessions
    assert path.read_text() == text


def test_a_calendar_that_ends_within_300_days_is_made_anew(cache):
    good = timetable("XNYS")
    path = the_file(cache)
    told = json.loads(path.read_text())
    for column in ("sessions", "opens", "closes"):
        told[column] = told[column][:-100]
    path.write_text(json.dumps(told))
    timetable.cache_clear()
    assert timetable("XNYS").sessions[-1] == good.sessions[-1]


def test_without_a_place_to_keep_it_the_library_is_asked_each_time(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert timetable("XNYS").sessions[0] == date(1990, 1, 2)
    assert file.read_text() == "in the way"


def test_a_misspelt_calendar_answers_with_the_nearest(cache):
    with pytest.raises(UnknownName, match="XNYS"):
        timetable("XNYZ")
    with pytest.raises(UnknownName):
        timetable("../../XNYS")
    assert not list(cache.rglob("*.json"))


def test_days_out_of_reach_are_refused_in_words():
    with pytest.raises(BadParameter, match="before 1990-01-01"):
        Sessions().is_session(date(1989, 12, 29))
    with pytest.raises(BadParameter, match="the calendar has those from 1990-01-02"):
        Sessions().next(date(2100, 1, 1))
    with pytest.raises(BadParameter, match="no session of XNYS; the next is 2012-12-26"):
        Sessions().opens(date(2012, 12, 25))


def test_a_calendar_that_is_known_of_later_days_only_begins_with_them():
    assert timetable("XTKS").sessions[0].year == 1997
