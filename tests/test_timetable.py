"""Sessions are what exchange_calendars says, whether or not it was asked in this program."""

import json
from datetime import UTC, date, datetime, timedelta

import exchange_calendars
import pytest

from hydra import timetable as kept
from hydra.clock import Sessions
from hydra.config import load_settings
from hydra.data._sessions import closes
from hydra.errors import BadParameter, ConfigError, UnknownName
from hydra.runner.schedule import Timetable as Schedule
from hydra.timetable import FIRST_DAY, Closure, timetable


def forget():
    """As in a program that begins."""
    kept._library.cache_clear()
    timetable.cache_clear()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, and nothing remembered from before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def the_file(cache):
    (path,) = cache.rglob("*.json")
    return path


@pytest.mark.parametrize("name", ["XNYS", "XLON", "CMES", "24/5"])
def test_sessions_opens_and_closes_are_the_librarys(name):
    theirs = exchange_calendars.get_calendar(name, start=FIRST_DAY)
    table = timetable(name)
    forget()
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
    forget()
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
    forget()
    assert timetable("XNYS").sessions == good.sessions
    assert path.read_text() == text


def test_a_calendar_that_ends_within_300_days_is_made_anew(cache):
    good = timetable("XNYS")
    path = the_file(cache)
    told = json.loads(path.read_text())
    for column in ("sessions", "opens", "closes"):
        told[column] = told[column][:-100]
    path.write_text(json.dumps(told))
    forget()
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


@pytest.fixture
def closures():
    """Closures that end with the test."""
    yield kept.close_on
    kept.close_on(())


def test_a_closure_is_no_session_of_any_exchange_and_its_neighbours_are_beside_each_other(
    closures,
):
    day = date(2013, 1, 9)
    closures([Closure(day)])
    for name in ("XNYS", "XLON"):
        sessions = Sessions(name)
        assert not sessions.is_session(day)
        assert sessions.next(date(2013, 1, 8)) == date(2013, 1, 10)
        assert sessions.previous(date(2013, 1, 10)) == date(2013, 1, 8)
        assert sessions.session_at(datetime(2013, 1, 9, 15, tzinfo=UTC)) == date(2013, 1, 10)
        with pytest.raises(BadParameter, match="the next is 2013-01-10"):
            sessions.opens(day)
    assert Sessions("24/5").is_session(day)
    assert day not in closes("XNYS").index.date


def test_a_closure_of_one_calendar_leaves_the_others(closures):
    day = date(2013, 1, 9)
    closures([Closure(day, "XTKS")])
    assert Sessions("XNYS").is_session(day)
    assert not Sessions("XTKS").is_session(day)


def test_the_settings_name_the_closures_and_later_settings_take_them_back(
    tmp_path, closures, cache
):
    day = date(2013, 1, 9)
    toml = tmp_path / "hydra.toml"
    toml.write_text('[calendar]\nclosed = ["2013-01-09"]\n')
    load_settings(tmp_path, {})
    assert not Sessions().is_session(day)
    toml.write_text("")
    load_settings(tmp_path, {})
    assert Sessions().is_session(day)


@pytest.mark.parametrize(
    ("closed", "words"),
    [("2013-13-01", "takes days such as"), ("XNY 2013-01-09", "did you mean 'XNYS'")],
)
def test_a_closure_that_is_no_day_or_of_no_calendar_is_named(tmp_path, closed, words, closures):
    (tmp_path / "hydra.toml").write_text(f'[calendar]\nclosed = ["{closed}"]\n')
    with pytest.raises(ConfigError, match=words):
        load_settings(tmp_path, {})


def test_a_job_of_each_session_is_not_due_on_a_closure(closures):
    jobs = Schedule("open+5min", "", "", "XNYS", ())
    closures([Closure(date(2013, 1, 9))])
    due = jobs.dues(datetime(2013, 1, 8, tzinfo=UTC), datetime(2013, 1, 11, tzinfo=UTC))
    assert [one.at.day for one in due] == [8, 10]
