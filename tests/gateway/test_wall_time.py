"""`--now`: a market that is always open stands at the wall's time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from ib_async import IB, Stock

from hydra.gateway import __main__ as gateway_main
from hydra.gateway import server as gateway_server
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import ReqHistoricalData, ReqHistoricalTicks
from hydra.gateway.responses import HistoricalData
from hydra.gateway.server import GatewaySettings, serve
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, fills, order

SUNDAY = datetime(2026, 11, 29, 9, 12, 34, tzinfo=UTC)
ES = Contract(symbol="ES", secType="FUT", exchange="CME", currency="USD")
ALWAYS = ExchangeSettings(start=date(2026, 11, 29), is_always_open=True)


@pytest.fixture
def sunday():
    """A connected client of an exchange that is always open, early on a Sunday."""
    exchange = shipped_exchange(ALWAYS)
    exchange.connect(1, 178)
    exchange.advance(SUNDAY)
    return exchange


@pytest.mark.parametrize("kind", ["STK", "FUT"])
def test_the_last_minute_has_ticks_and_bars_on_a_sunday(sunday, kind):
    contract = APPLE
    if kind == "FUT":
        contract = min(sunday.venue.find(ES), key=lambda one: one.expiry).contract()
    since = f"{SUNDAY - timedelta(seconds=60):%Y%m%d-%H:%M:%S}"
    ticks = ReqHistoricalTicks(
        5,
        contract,
        includeExpired=False,
        startDateTime=since,
        endDateTime="",
        numberOfTicks=100,
        whatToShow="BID_ASK",
        useRth=False,
        ignoreSize=False,
    )
    ((_, told),) = sunday.handle(1, ticks)
    assert len(told.ticks) == 12
    bars = ReqHistoricalData(
        6,
        contract,
        includeExpired=False,
        endDateTime="",
        barSize="1 min",
        duration="300 S",
        useRTH=False,
        whatToShow="TRADES",
        formatDate=2,
    )
    ((_, told),) = sunday.handle(1, bars)
    assert isinstance(told, HistoricalData)
    dates = [bar.date for bar in told.bars]
    assert len(dates) == len(set(dates)) == 5
    assert int(dates[-1]) == int(SUNDAY.timestamp()) - 34


def test_half_a_minute_has_thirty_bars_of_a_second_in_a_session_of_a_day(sunday):
    bars = ReqHistoricalData(
        6,
        APPLE,
        includeExpired=False,
        endDateTime="20231006-20:00:00",
        barSize="1 secs",
        duration="30 S",
        useRTH=False,
        whatToShow="TRADES",
        formatDate=2,
    )
    ((_, told),) = sunday.handle(1, bars)
    assert isinstance(told, HistoricalData)
    assert len(told.bars) == 30


@pytest.mark.parametrize("is_outside", [False, True])
def test_orders_trade_on_a_sunday(sunday, is_outside):
    sunday.handle(1, order(1, size=100, outsideRth=is_outside))
    assert len(fills(sunday, 1)) == 1


def test_a_new_session_begins_every_day(sunday):
    assert sunday.clock_state()["phase"] == "open"
    sunday.advance(SUNDAY + timedelta(days=1))
    assert sunday.clock_state() == {
        "time": "2026-11-30T09:12:34Z",
        "session": "2026-11-30",
        "phase": "open",
    }


async def test_a_client_that_asks_by_its_own_clock_is_answered(monkeypatch):
    monkeypatch.setattr(gateway_server, "wall_time", lambda: SUNDAY)
    settings = GatewaySettings(port=0, control_port=0, exchange=ALWAYS, keeps_wall_time=True)
    async with await serve(settings) as gateway:
        ib = IB()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
        since = SUNDAY - timedelta(seconds=60)
        stock = Stock("AAPL", "SMART", "USD")
        ticks = await ib.reqHistoricalTicksAsync(stock, since, "", 100, "TRADES", useRth=False)
        assert ticks
        assert await ib.reqCurrentTimeAsync() == SUNDAY
        ib.disconnect()


def test_the_market_without_the_mode_is_closed_on_a_sunday():
    exchange = shipped_exchange(replace(ALWAYS, start=date(2026, 11, 27), is_always_open=False))
    exchange.advance(SUNDAY)
    assert exchange.clock_state()["phase"] == "closed"


@pytest.mark.parametrize(
    "other", [("--start", "2012-10-02"), ("--speed", "0"), ("--state", "books.json")]
)
def test_now_takes_nothing_that_sets_another_time(capsys, other):
    assert gateway_main.main(["--now", "--port", "0", "--control-port", "0", *other]) == 2
    assert f"--now takes no {other[0]}" in capsys.readouterr().err
