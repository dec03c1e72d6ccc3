"""The gateway in a thread, and the fixture that other clients' tests use."""

from __future__ import annotations

import socket
from datetime import date

import pytest

from hydra.gateway.embedded import EmbeddedGateway, stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.pytest_plugin import hydra_gateway  # noqa: F401 — a fixture is used by name


def greeted(gateway: EmbeddedGateway, patience_s: float = 5) -> bytes:
    """What a plain socket hears after the greeting."""
    with socket.create_connection((gateway.host, gateway.port), patience_s) as line:
        line.sendall(b"API\0\0\0\0\x09v157..178")
        return line.recv(100)


def test_the_fixture_is_a_gateway_that_answers_plain_sockets(hydra_gateway):  # noqa: F811
    assert greeted(hydra_gateway)[4:8] == b"178\0"


def test_the_fixture_steps_and_shows_the_books(hydra_gateway):  # noqa: F811
    assert hydra_gateway.step("next_open")["session"] == "2012-10-02"
    assert hydra_gateway.state()["net_liquidation"] == "1000000.00"
    with pytest.raises(SettingsError):
        hydra_gateway.step("yesterday")


def test_the_fixture_fails_on_command(hydra_gateway):  # noqa: F811
    hydra_gateway.arm({"at": "2012-10-01T14:00:00Z", "do": "log_off"})
    hydra_gateway.step("close")
    with pytest.raises(TimeoutError):
        greeted(hydra_gateway, patience_s=0.2)


def test_a_start_that_is_no_session_is_refused_on_entering():
    settings = stepped(exchange=ExchangeSettings(start=date(2012, 10, 6)))
    with pytest.raises(SettingsError), EmbeddedGateway(settings):
        pass


def test_outside_its_context_there_is_no_gateway():
    with pytest.raises(RuntimeError, match="inside its with"):
        _ = EmbeddedGateway().port
