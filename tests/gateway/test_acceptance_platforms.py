"""Trading platforms that nobody here wrote, unmodified, with their own adapters.

NautilusTrader 1.221.0 is the last for Python 3.11. lumibot's lock names what its broker imports,
a tenth of what lumibot names as its dependencies; the broker brings ibapi 9.81.
"""

from __future__ import annotations

import pytest

from tests.gateway.foreign import fresh_gateway, talk

FUTURE = "FuturesContract"
pytestmark = pytest.mark.slow  # half a minute, and an environment of 300 MB on a fresh machine


@pytest.fixture(scope="module")
def nodes() -> tuple[dict, dict]:
    """What a node of NautilusTrader heard, and what the same one heard after a restart."""
    with fresh_gateway("--now") as port:
        first = talk("nautilus", "nautilus_node", port, "first", patience_s=120)
        return first, talk("nautilus", "nautilus_node", port, "again", patience_s=120)


@pytest.fixture(scope="module")
def broker() -> dict:
    """What lumibot's broker heard."""
    with fresh_gateway("--speed=1") as port:
        return talk("lumibot", "lumibot_broker", port, patience_s=120)


def test_nautilus_loads_a_stock_a_fund_a_currency_pair_and_a_future(nodes):
    for told in nodes:
        future, *others = sorted(told["instruments"].items(), key=lambda one: one[1][0] != FUTURE)
        assert future[0].startswith("ES")
        assert future[1] == [FUTURE, "0.25", "50"]
        assert dict(others) == {
            "AAPL.NASDAQ": ["Equity", "0.01", "1"],
            "SPY.ARCA": ["Equity", "0.01", "1"],
            "EUR/USD.IDEALPRO": ["CurrencyPair", "0.00005", "1"],
        }


def test_nautilus_hears_history_quotes_and_live_bars(nodes):
    first, _ = nodes
    assert first["quotes"] == {"AAPL.NASDAQ": True, "EUR/USD.IDEALPRO": True}
    assert first["bars"] >= 1
    assert first["history"] > 60  # hours in five days of a market that is always open


def test_nautilus_is_filled_and_changes_and_cancels_an_order(nodes):
    first, _ = nodes
    assert first["market"] == "FILLED"
    assert [first["changed"], first["limit"]] == ["11.00", "CANCELED"]
    assert first["positions"] == [["AAPL.NASDAQ", 100.0]]
    assert first["rejected"] == []


def test_nautilus_finds_account_position_and_order_again_after_a_restart(nodes):
    first, again = nodes
    assert again["positions"] == first["positions"]
    assert again["open"] == first["open"] == [["AAPL.NASDAQ", 10.0, "ACCEPTED"]]
    assert again["account"]["USD"] == pytest.approx(1_000_000, abs=1_000)
    assert again["account"]["USD"] != 1_000_000  # the spread and the commission are gone


def test_lumibot_reads_the_account_and_a_price(broker):
    assert broker["version"] == 157
    assert broker["balances"] == [1_000_000.0] * 3
    assert broker["price"] == pytest.approx(86, abs=3)


def test_lumibot_is_filled(broker):
    quantity, price = broker["fill"]
    assert quantity == 100
    assert price == pytest.approx(86, abs=3)
    assert broker["positions"] == [["AAPL", 100.0]]


def test_lumibot_s_stop_rests_until_it_is_cancelled(broker):
    assert broker["stop"] == [[["STP", 5.0, "PreSubmitted"]], "canceled", []]
