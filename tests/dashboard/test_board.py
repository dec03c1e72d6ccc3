"""The board without a browser: what is sent to whom, when, and what a confirmed answer does."""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hydra.config import Notebooks
from hydra.controls import Around
from hydra.dashboard._board import WINDOW, Board
from hydra.domain.events import Halted, Warned
from hydra.errors import HydraError, UnknownName
from hydra.journal.journal import Journal
from tests.dashboard.journals import NOW, one_session


class Hands:
    """Controls that only note what they were asked for."""

    def __init__(self):
        self.done = []

    def __getattr__(self, name):
        async def call(*arguments):
            self.done.append((name, *arguments))
            if "trouble" in arguments:
                raise HydraError("It could not be done.")
            return ["It is done."]

        return call


class Watcher:
    """A view that keeps what it is sent."""

    def __init__(self, board, key="v"):
        self.board, self.key, self.messages = board, key, []
        self.came = asyncio.Event()

    def say(self, kind, **content):
        self.board._on_message(None, {"type": kind, "view": self.key, **content}, [])

    async def until(self, found):
        """The first message that fits, those that came already among them."""
        async with asyncio.timeout(20):
            while True:
                for message in self.messages:
                    if found(message):
                        return message
                self.came.clear()
                await self.came.wait()

    async def panel(self, name, found=bool):
        """The first change of a panel that fits."""
        message = await self.until(
            lambda m: name in m.get("panels", {}) and found(m["panels"][name])
        )
        return message["panels"][name]


@asynccontextmanager
async def followed(settings, *watchers, controls=None, panels=()):
    board = Board(settings, Around(settings), controls, panels)
    known = {key: Watcher(board, key) for key in watchers or ("v",)}

    def send(message, buffers=None):
        json.dumps(message, allow_nan=False)
        watcher = known[message["view"]]
        watcher.messages.append(message)
        watcher.came.set()

    board.widget.send = send
    task = asyncio.create_task(board.follow())
    try:
        yield (board, *known.values())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def write(settings, *events):
    with Journal.open(settings.journal_path) as journal, journal.together():
        for event in events:
            journal.append(event, NOW)


async def test_a_view_is_told_everything_once_and_then_what_has_changed(settings):
    write(settings, *one_session())
    async with followed(settings) as (_, view):
        view.say("hello")
        first = await view.until(lambda m: m["type"] == "all")
        assert first["panels"]["fills"]["total"] == 1
        assert first["layout"]["zone"] == "America/New_York"
        write(settings, Halted("looks wrong", "me"))
        change = await view.until(lambda m: m["type"] == "news")
        assert set(change["panels"]) <= {"status", "deeds", "log"}
        assert list(change["panels"]["deeds"]["rows"]) == [str(len(one_session()) + 1)]
        assert len(json.dumps(change)) < 1500


async def test_a_board_waits_for_a_journal_and_follows_one_that_takes_its_place(settings):
    async with followed(settings, panels=("fills", "log")) as (_, view):
        view.say("hello")
        first = await view.until(lambda m: m["type"] == "all")
        assert first["panels"]["fills"]["total"] == 0
        write(settings, *one_session())
        assert (await view.panel("fills", lambda p: p.get("total") == 1))["rows"]
        other = settings.journal_path.with_name("other.db")
        write(
            replace(settings, data=replace(settings.data, dir=other.parent / "o")), Warned(1, "x")
        )
        os.replace(other.parent / "o" / "journal.db", settings.journal_path)
        await view.panel("log", lambda p: p.get("total") == 1)
        await view.panel("fills", lambda p: p.get("total") == 0)


async def test_two_views_look_at_different_pages_and_one_that_leaves_is_told_no_more(settings):
    write(settings, *(Warned(n, "news") for n in range(40)))
    async with followed(settings, "a", "b", panels=("log",)) as (_, a, b):
        a.say("hello")
        b.say("hello", queries={"log": {"page": 1, "rows": 15}})
        assert (await a.panel("log"))["order"][0] == "40"
        assert (await b.panel("log"))["order"][0] == "25"
        b.say("bye")
        seen = len(b.messages)
        write(settings, Warned(99, "more"))
        await a.panel("log", lambda p: p.get("total") == 41)
        assert len(b.messages) == seen


async def test_a_hidden_view_is_told_nothing_until_it_is_looked_at_again(settings):
    async with followed(settings, "shown", "hidden", panels=("log",)) as (_, shown, hidden):
        shown.say("hello")
        hidden.say("hello")
        await hidden.until(lambda m: m["type"] == "all")
        hidden.say("visible", visible=False)
        write(settings, Warned(1, "first"))
        await shown.panel("log", lambda p: p.get("total") == 1)
        assert not [m for m in hidden.messages if m["type"] == "news"]
        hidden.say("visible", visible=True)
        assert (await hidden.panel("log", lambda p: p.get("total") == 1))["rows"]


async def test_a_view_that_says_nothing_any_more_is_told_no_more_than_a_few_messages(settings):
    async with followed(settings, "alive", "dead", panels=("log",)) as (_, alive, dead):
        alive.say("hello")
        dead.say("hello")
        for number in range(1, WINDOW + 8):
            write(settings, Warned(number, "news"))
            await alive.panel("log", lambda p, number=number: p.get("total") == number)
            alive.say("got", n=alive.messages[-1]["n"])
        assert len(dead.messages) == WINDOW
        dead.say("got", n=WINDOW, ping=True)
        await dead.until(lambda m: m["type"] == "pong")
        await dead.panel("log", lambda p: p.get("total") == WINDOW + 7)


async def test_a_board_that_was_left_holds_nothing_and_begins_anew_for_the_next(
    settings, monkeypatch
):
    monkeypatch.setattr("hydra.dashboard._board.LEFT_S", 0.01)
    write(settings, *one_session())
    async with followed(settings, "a", "b", panels=("log",)) as (board, a, b):
        a.say("hello")
        assert (await a.panel("log"))["total"] == len(one_session())
        release, released = board.feed.release, asyncio.Event()
        board.feed.release = lambda: (release(), released.set())
        a.say("bye")
        async with asyncio.timeout(20):
            await released.wait()
        assert board.feed.ledger.seq == 0
        write(settings, Halted("looks wrong", "me"))
        b.say("hello")
        assert (await b.panel("log", lambda p: p.get("total")))["total"] == len(one_session()) + 1


async def test_a_search_and_a_sort_are_answered_at_once(settings):
    write(settings, *(Warned(n, f"news {n}") for n in range(1, 30)))
    async with followed(settings, panels=("log",)) as (_, view):
        view.say("hello")
        await view.panel("log")
        view.say("query", panel="log", search="NEWS 27")
        assert (await view.panel("log", lambda p: p.get("total") == 1))["order"] == ["27"]
        view.say("query", panel="log", sort="seq", rows=5)
        assert (await view.panel("log", lambda p: len(p.get("order", ())) == 5))["order"][0] == "1"


async def test_an_action_is_confirmed_with_its_figures_and_done_once(settings):
    write(settings, *one_session())
    hands = Hands()
    async with followed(settings, controls=hands, panels=("orders",)) as (_, view):
        view.say("hello")
        await view.panel("orders")
        view.say("ask", action="flatten")
        asked = await view.until(lambda m: m["type"] == "confirm")
        assert "cancels 1 working order, and closes" in asked["sentence"]
        assert hands.done == []
        for _ in range(3):
            view.say("act", token=asked["token"], reason=" odd ")
        await view.until(lambda m: m["type"] == "done" and m["well"])
        late = await view.until(lambda m: m["type"] == "done" and not m["well"])
        assert "already" in late["said"][0]
        assert hands.done == [("halt", "odd", True)]


@pytest.mark.parametrize(
    ("action", "target", "reason", "done"),
    [
        ("halt", "", "odd", ("halt", "odd", False)),
        ("cancel", "s:20130114:AAPL:5", "", ("cancel", "s:20130114:AAPL:5")),
        ("cancel_all", "", "", ("cancel_all",)),
        ("switch_off", "s", "odd", ("switch", "s", False, "odd")),
        ("run", "morning", "", ("run", "morning")),
    ],
)
async def test_each_action_reaches_the_hands(settings, action, target, reason, done):
    write(settings, *one_session())
    beat = datetime.now(UTC).isoformat()
    told = {"pid": 1, "host": "h", "beat": beat, "jobs": {"morning": None}}
    (settings.data.dir / "runner.json").write_text(json.dumps(told))
    hands = Hands()
    async with followed(settings, controls=hands, panels=("orders",)) as (_, view):
        view.say("hello")
        await view.panel("orders")
        view.say("ask", action=action, target=target)
        asked = await view.until(lambda m: m["type"] == "confirm")
        view.say("act", token=asked["token"], reason=reason)
        assert (await view.until(lambda m: m["type"] == "done"))["well"]
        assert hands.done == [done]


async def test_what_could_not_be_done_is_said_in_a_sentence(settings):
    write(settings, *one_session())
    async with followed(settings, controls=Hands(), panels=("orders",)) as (_, view):
        view.say("hello")
        await view.panel("orders")
        view.say("ask", action="halt")
        asked = await view.until(lambda m: m["type"] == "confirm")
        view.say("act", token=asked["token"], reason="trouble")
        done = await view.until(lambda m: m["type"] == "done")
        assert (done["well"], done["said"]) == (False, ["It could not be done."])


async def test_a_board_in_trouble_says_so_and_goes_on(settings, monkeypatch):
    write(settings, *one_session())
    async with followed(settings, panels=("log",)) as (board, view):
        view.say("hello")
        await view.panel("log")
        read, feed = board.feed.read, board.feed

        async def broken():
            monkeypatch.setattr(feed, "read", read)
            raise RuntimeError("odd")

        monkeypatch.setattr(feed, "read", broken)
        trouble = await view.until(lambda m: m.get("problem"))
        assert "RuntimeError: odd" in trouble["problem"]
        write(settings, Halted("looks wrong", "me"))
        after = view.messages.index(trouble)
        again = await view.until(lambda m: m["type"] == "all" and view.messages.index(m) > after)
        assert again["problem"] == ""
        assert "columns" in again["panels"]["log"]


async def test_a_board_without_hands_only_shows(settings):
    async with followed(settings, panels=("orders",)) as (_, view):
        view.say("hello")
        assert not (await view.until(lambda m: m["type"] == "all"))["layout"]["controls"]
        view.say("ask", action="halt")
        assert (await view.until(lambda m: m["type"] == "confirm"))["token"] == ""


async def test_a_runner_that_has_been_silent_for_long_is_none(settings):
    from hydra.dashboard._feed import living_runner

    settings.data.dir.mkdir(parents=True)
    for age_s, alive in ((5, True), (25, False)):
        beat = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
        (settings.data.dir / "runner.json").write_text(json.dumps({"beat": beat, "jobs": {}}))
        assert (living_runner(settings.data.dir) is not None) == alive
    (settings.data.dir / "runner.json").write_text("{")
    assert living_runner(settings.data.dir) is None


async def test_a_users_own_panel_stands_last_and_one_that_breaks_says_so_in_its_place(
    settings, tmp_path
):
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "my_panel.py").write_text(
        '"""Mine."""\nclass MyPanel:\n    """My panel"""\n'
        "    def rows(self, facts):\n"
        "        return [{'events': len(facts.records), 'last': str(facts.records[-1].seq)}]\n"
    )
    (tmp_path / "dashboard" / "my_trouble.py").write_text(
        '"""Mine."""\nclass MyTrouble:\n    """T"""\n    def rows(self, facts):\n        1 / 0\n'
    )
    write(settings, *one_session())
    mine = replace(settings, notebooks=Notebooks(tmp_path))
    async with followed(mine) as (board, view):
        assert list(board.panels)[-2:] == ["my_panel", "my_trouble"]
        view.say("hello")
        shown = await view.panel("my_panel")
        number = len(one_session())
        assert shown["rows"] == {"0": [str(number), str(number)]}
        assert "ZeroDivisionError" in (await view.panel("my_trouble"))["note"]
        assert (await view.panel("fills"))["total"] == 1


def test_a_panel_that_there_is_not_is_refused_with_the_nearest(settings):
    with pytest.raises(UnknownName, match="did you mean 'fills'"):
        Board(settings, Around(settings), None, ("fils",))
