"""Clients that nobody here wrote, unmodified: the official API of three ages, and ib_insync."""

from __future__ import annotations

import pytest

from hydra.gateway.working_order import ORDER_TYPES
from tests.gateway.foreign import fresh_gateway, talk

pytestmark = pytest.mark.slow

ASKED_TYPES = (
    "MKT",
    "LMT",
    "STP",
    "STP LMT",
    "TRAIL",
    "TRAIL LIMIT",
    "MIT",
    "LIT",
    "MOC",
    "LOC",
    "REL",
    "MIDPRICE",
)
CLIENTS = [
    pytest.param(("ibapi-9.81", "official", 157), id="ibapi 9.81"),
    pytest.param(("ibapi-10.19", "official", 176), id="ibapi 10.19"),
    pytest.param(("ibapi-10.30", "official", 178), id="ibapi 10.30"),
    pytest.param(("ib_insync", "insync", 176), id="ib_insync"),
]


@pytest.fixture(scope="module", params=CLIENTS)
def told(request) -> dict:
    """What the client heard from a fresh gateway, and the version that it should get."""
    name, script, version = request.param
    with fresh_gateway("--speed=0") as port:
        heard = talk(name, script, port, *ASKED_TYPES)
    return {**heard, "expected": version}


def test_each_client_gets_the_highest_version_that_it_speaks(told):
    assert told["version"] == told["expected"]


def test_each_client_finds_the_contract_by_every_key(told):
    assert told["contracts"] == [[265598, "APPLE INC"]] * 3


def test_each_client_reads_daily_and_hourly_bars(told):
    assert told["bars"]["daily"] == ["20120918", 10]
    assert told["bars"]["hourly"].startswith("20121001 09:30:00")


def test_each_client_reads_quotes_and_the_account(told):
    assert told["quotes"] in (True, [1, 2, 4, 6, 7, 9, 14])
    assert told["account"] == ["1000000.00", 1349098200]


def test_each_client_s_what_if_shows_the_margin(told):
    assert float(told["what_if"]) == pytest.approx(4334, abs=1)


def test_each_client_is_filled_with_execution_and_commission(told):
    assert told["fill"] == [100, 86.68, "mine", 1.0]


def test_each_client_s_orders_of_every_type_live_and_are_cancelled(told):
    assert set(ASKED_TYPES) <= ORDER_TYPES
    assert told["types"] == list(ASKED_TYPES)


def test_each_client_can_change_an_order_and_cancel_a_bracket(told):
    assert told["modify"] is True
    alive, ended = told["bracket"]
    assert set(alive) <= {"PreSubmitted", "Submitted"}
    assert ended == ["Cancelled"] * 3


def test_each_client_finds_its_executions_again_after_a_reconnect(told):
    assert told["listings"] == {"executions": 2, "completed": True}
    assert told["after_reconnect"] == told["listings"]
    assert told["id_after_reconnect"] is True


def test_no_client_meets_an_error_that_it_did_not_ask_for(told):
    assert told["errors"] == []
