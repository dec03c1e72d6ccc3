"""The pulse asks a gateway for its time as seldom as a real one answers."""

import asyncio
from datetime import UTC, datetime

import pytest

from hydra.config import Gateway
from hydra.ib.pulse import Pulse

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


class Connection:
    """A connection whose gateway leaves a second question within one second unanswered."""

    def __init__(self):
        self.seconds = 100.0
        self.asked = []
        self.silent = 0
        """So many of the next questions get no answer, as when another client has just asked."""

    def isConnected(self):  # noqa: N802 — ib_async's name
        return True

    def disconnect(self):
        """Nothing is open."""

    async def reqCurrentTimeAsync(self):  # noqa: N802 — ib_async's name
        too_soon = bool(self.asked) and self.seconds - self.asked[-1] <= 1.0
        self.asked.append(self.seconds)
        if too_soon or self.silent > 0:
            self.silent -= 1
            self.seconds += 5.0
            await asyncio.Event().wait()
        return NOW


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def pulse(connection, monkeypatch):
    made = Pulse(Gateway(timeout_s=0.05), lambda: connection.seconds)

    async def log_on():
        return connection

    monkeypatch.setattr(made, "_log_on", log_on)
    return made


async def test_two_looks_within_a_second_are_one_question(pulse, connection):
    first = await pulse.look()
    assert (first.handshake, first.market) == (True, NOW)
    for _ in range(3):
        connection.seconds += 0.3
        again = await pulse.look()
        assert (again.handshake, again.fresh, again.market) == (True, True, None)
    assert len(connection.asked) == 1
    connection.seconds += 0.3
    assert (await pulse.look()).market == NOW
    assert len(connection.asked) == 2


async def test_one_question_without_an_answer_is_no_dead_gateway(pulse, connection):
    connection.silent = 1
    health = await pulse.look()
    assert (health.handshake, health.market) == (True, NOW)


async def test_a_gateway_that_leaves_two_questions_unanswered_says_nothing(pulse, connection):
    connection.silent = 2
    health = await pulse.look()
    assert (health.handshake, health.fresh) == (False, False)
    assert health.sentence == "The gateway accepts and then says nothing."
    assert all(b - a >= 1.1 for a, b in zip(connection.asked, connection.asked[1:], strict=False))


async def test_what_a_data_farm_says_counts_also_in_a_look_that_asks_nothing(pulse, connection):
    await pulse.look()
    pulse._hear(-1, 2103, "Market data farm connection is broken:usfarm", None)
    seen = await pulse.look()
    assert (seen.handshake, seen.fresh) == (True, False)
    assert "market data" in seen.sentence
