"""The state survives a restart: orders, executions, positions, numbers and the clock."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Stock
from tornado.httpclient import AsyncHTTPClient

from hydra.gateway.embedded import stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.requests import ReqAllOpenOrders, ReqExecutions
from hydra.gateway.responses import NextValidId
from hydra.gateway.server import serve
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.state_file import read_state, write_state
from hydra.gateway.values import PriceCondition
from tests.gateway.flow import order

FAR = PriceCondition("a", True, Decimal("99.00"), 265598, "SMART", 0)


@pytest.fixture
def busy(exchange):
    """An exchange with a little of everything."""
    exchange.connect(1, 178)
    exchange.handle(1, order(1))
    exchange.handle(1, order(2, "LMT", tif="GTC", lmtPrice="84.00"))
    exchange.handle(1, order(3, "TRAIL", "SELL", auxPrice="1.50", tif="GTC"))
    exchange.handle(1, order(4, "LMT", "SELL", lmtPrice="90.00", tif="GTC", conditions=(FAR,)))
    exchange.handle(1, order(5, "LMT", lmtPrice="80.00", transmit=False))
    exchange.handle(1, order(6, size=2000, algoStrategy="Twap"))
    exchange.advance(exchange.venue.now + timedelta(minutes=45))
    return exchange


def again(exchange):
    """The exchange after a restart, by way of real JSON."""
    return resumed(json.loads(json.dumps(snapshot(exchange))))


def test_a_resumed_exchange_has_the_same_state(busy):
    assert snapshot(again(busy)) == snapshot(busy)
    assert again(busy).state()["positions"] == busy.state()["positions"]


def test_a_resumed_exchange_goes_on_as_if_nothing_had_been(busy):
    other = again(busy)
    other.connect(1, 178)
    for step in ("close", "next_open", "close"):
        assert other.command(step) == busy.command(step)
    assert other.state()["executions"] == busy.state()["executions"]


def test_a_resumed_exchange_tells_the_same_orders_executions_and_next_number(busy):
    other = again(busy)
    assert (1, NextValidId(7)) in other.connect(1, 178)
    for request in (ReqAllOpenOrders(), ReqExecutions(9)):
        assert other.handle(1, request) == busy.handle(1, request)


def test_books_that_were_kept_before_icebergs_and_scales_are_still_read(busy):
    state = json.loads(json.dumps(snapshot(busy)))
    for row in state["orders"]:
        for name in ("tip", "component", "component_left"):
            del row[name]
    assert snapshot(resumed(state)) == snapshot(busy)


def test_the_file_is_put_in_place_whole(busy, tmp_path):
    path = tmp_path / "books.json"
    write_state(path, busy)
    assert snapshot(read_state(path)) == snapshot(busy)
    assert [file.name for file in tmp_path.iterdir()] == ["books.json"]
    assert read_state(tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_damaged_file_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "books.json"
    path.write_text(text)
    with pytest.raises(SettingsError):
        read_state(path)


async def test_a_client_finds_its_orders_and_fills_after_a_restart(tmp_path):
    settings = stepped(
        state=tmp_path / "books.json",
        exchange=ExchangeSettings(),
    )
    async with await serve(settings) as gateway:
        ib = IB()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        filled = ib.placeOrder(stock, MarketOrder("BUY", 100))
        ib.placeOrder(stock, LimitOrder("BUY", 10, 50.0, tif="GTC"))
        while not filled.isDone():
            await ib.updateEvent
        url = f"http://127.0.0.1:{gateway.control_port}/snapshot"
        answer = await AsyncHTTPClient().fetch(url, method="POST", body="")
        assert json.loads(answer.body) == {"saved": str(settings.state)}
        ib.disconnect()
    async with await serve(replace(settings, faults=())) as gateway:
        ib = IB()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
        assert [p.position for p in ib.positions()] == [100]
        assert [t.order.lmtPrice for t in ib.openTrades()] == [50.0]
        assert len(await ib.reqExecutionsAsync()) == 1
        assert ib.client.getReqId() > 2
        ib.disconnect()


def test_a_terminated_gateway_has_saved_its_state(tmp_path):
    path, ready = tmp_path / "books.json", tmp_path / "ready.json"
    command = [sys.executable, "-m", "hydra.gateway", "--port", "0", "--control-port", "0"]
    command += ["--speed", "0", "--state", str(path), "--ready-file", str(ready), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert json.loads(path.read_text())["format"] == 1
