"""The protocol's order of things, without a socket."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hydra.gateway.codec import frame, join_fields, split_fields
from hydra.gateway.requests import ReqCurrentTime, ReqIds, StartApi
from hydra.gateway.responses import CurrentTime
from hydra.gateway.session import Broken, Greeted, Phase, Session, negotiated_version

START = join_fields(["71", "2", "7", ""])


def greeting(versions: str = "v157..178") -> bytes:
    return b"API\0" + frame(versions.encode())


def fresh() -> Session:
    return Session(datetime(2012, 10, 1, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("lowest", "highest", "agreed"),
    [(157, 178, 178), (157, 176, 176), (100, 157, 157), (100, 158, 157), (100, 225, 178)],
)
def test_the_lower_maximum_is_agreed_and_158_never(lowest, highest, agreed):
    assert negotiated_version(lowest, highest) == agreed


@pytest.mark.parametrize("versions", ["v100..151", "v38..66", "v213..225", "nonsense", "v158"])
def test_a_client_without_a_common_version_is_told_and_left(versions):
    session = fresh()
    (event,) = session.receive(greeting(versions))
    assert isinstance(event, Broken)
    assert session.phase is Phase.CLOSED
    assert split_fields(session.outgoing()[4:])[0] == "4"


def test_the_greeting_is_answered_by_a_frame_of_exactly_two_fields_and_nothing_more():
    session = fresh()
    assert session.receive(greeting("v157..178 +PACEAPI")) == [Greeted(178)]
    answer = session.outgoing()
    assert split_fields(answer[4:]) == ["178", "20121001 13:30:00 UTC"]
    assert len(answer) == 4 + int.from_bytes(answer[:4], "big")


def test_the_same_stream_cut_at_every_byte_gives_the_same_events():
    stream = greeting() + START + join_fields(["49", "1"]) + join_fields(["8", "1", "1"])
    for cut in range(len(stream) + 1):
        session = fresh()
        events = session.receive(stream[:cut]) + session.receive(stream[cut:])
        assert events == [Greeted(178), StartApi(7), ReqCurrentTime(), ReqIds(1)]


def test_a_request_before_start_api_ends_the_session():
    session = fresh()
    session.receive(greeting())
    (event,) = session.receive(join_fields(["49", "1"]))
    assert isinstance(event, Broken)
    assert "cannot come while starting" in event.reason


def test_a_malformed_request_gets_the_gateway_s_error_and_ends_the_session():
    session = fresh()
    session.receive(greeting() + START)
    session.outgoing()
    (event,) = session.receive(join_fields(["8", "1", "many"]))
    assert isinstance(event, Broken)
    fields = split_fields(session.outgoing()[4:])
    assert fields[:4] == ["4", "2", "-1", "320"]
    assert fields[4].startswith("Error reading request:")
    assert session.receive(join_fields(["49", "1"])) == []


def test_what_was_heard_before_the_nonsense_still_counts():
    session = fresh()
    events = session.receive(greeting() + START + join_fields(["49", "1"]) + b"\xff\xff\xff\xff")
    assert events[:3] == [Greeted(178), StartApi(7), ReqCurrentTime()]
    assert isinstance(events[3], Broken)


def test_a_connection_that_does_not_begin_with_api_is_closed():
    session = fresh()
    (event,) = session.receive(b"GET / HTTP/1.1\r\n")
    assert isinstance(event, Broken)


def test_nothing_is_said_before_the_client_started():
    session = fresh()
    session.receive(greeting())
    session.outgoing()
    session.send(CurrentTime(1))
    assert session.outgoing() == b""
