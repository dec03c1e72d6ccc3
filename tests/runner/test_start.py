"""The first page: a gateway that answers, and a session that has not been traded yet."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from hydra.domain.events import SessionStarted
from hydra.journal.journal import Journal
from hydra.runner import start
from tests.runner.test_lab import answers, free_port


@pytest.fixture
def controlled(connected, gateway):
    """Settings whose data folder says where the gateway is controlled."""
    ready = {name: getattr(gateway, name) for name in ("host", "port", "control_port", "account")}
    start.ready_file(connected).write_text(json.dumps(ready))
    return connected


def test_a_gateway_that_answers_is_used_and_none_is_started_elsewhere(connected):
    assert start.ensure_gateway(connected).startswith("A gateway answers at 127.0.0.1:")
    other = replace(connected, gateway=replace(connected.gateway, host="127.0.0.2", port=1))
    assert start.ensure_gateway(other).startswith("NO gateway answers at 127.0.0.2:1")


def test_the_simulated_gateway_is_started_where_none_answers_and_its_clock_can_be_moved(settings):
    here = replace(settings, gateway=replace(settings.gateway, port=free_port()))
    assert "the simulated one was started" in start.ensure_gateway(here)
    try:
        assert answers(here.gateway.port)
        assert start.simulator_of(here) is not None
    finally:
        start._started.close()
    assert not answers(here.gateway.port)
    assert start.simulator_of(here) is None


def test_a_session_that_was_traded_is_followed_by_the_next_and_a_fresh_one_stays(
    controlled, gateway
):
    start.move_to_a_fresh_session(controlled)
    assert gateway.state()["session"] == "2013-01-14"
    with Journal.open(controlled.journal_path) as journal:
        event = SessionStarted(start.STRATEGY, date(2013, 1, 14), "DU1", {})
        journal.append(event, datetime(2013, 1, 14, 14, 30, tzinfo=UTC))
    start.move_to_a_fresh_session(controlled)
    assert gateway.state()["session"] == "2013-01-15"


def test_the_clock_of_a_gateway_that_is_not_ours_is_left_alone(connected, gateway):
    gateway.step("close")
    before = gateway.state()["time"]
    start.move_to_a_fresh_session(connected)
    assert gateway.state()["time"] == before


async def test_what_a_session_said_is_told_and_a_silent_gateway_too(connected, settings):
    widget = start.Start(sentences=["first"])
    widget.listen(replace(connected, gateway=replace(connected.gateway, port=free_port())))
    widget._pressed(widget, "trade", [])
    assert widget.busy
    await widget._task
    assert not widget.busy
    assert "No gateway at" in " ".join(widget.sentences)
