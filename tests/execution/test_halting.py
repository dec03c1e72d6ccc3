"""A halt takes every order of ours back, whatever state the program that sent them is in."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from ib_async import IB, LimitOrder, Stock

from hydra.brokers.ib import IbBroker
from hydra.brokers.memory import Memory
from hydra.config import Settings
from hydra.domain.events import Halted, OrderEnded, Resumed
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.execution.engine import OrderEngine
from hydra.execution.halting import HaltOrder, halt
from hydra.journal.fold import fold
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from tests.conftest import ROOT

PROGRAM = Path(__file__).parent / "trading_program.py"
NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)
STOP = HaltOrder("looks wrong", "a test")


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HYDRA_DATA_DIR": str(settings.data.dir),
        "HYDRA_GATEWAY_PORT": str(settings.gateway.port),
        "HYDRA_GATEWAY_TIMEOUT_S": "5",
    }


@contextmanager
def trading(settings: Settings, orders: int = 3, does: str = "sleeps"):
    """A program of its own with working orders at the gateway, which it `watches` or not."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(orders), does],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdout.readline() == "working\n"
            yield program
        finally:
            program.kill()


def run_hydra(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hydra.cli", *arguments]
    return subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, cwd=settings.data.dir
    )


def state_of(settings: Settings):
    with Journal.read_only(settings.journal_path) as journal:
        return fold(journal.read())


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL, None])
def test_orders_are_gone_within_a_second_of_the_command_whatever_the_program_does(
    connected, gateway, fate
):
    with trading(connected) as program:
        assert len(gateway.state()["open_orders"]) == 3
        if fate:
            program.send_signal(fate)
        before = time.monotonic()
        stopping = subprocess.Popen(
            [sys.executable, "-m", "hydra.cli", "halt", "looks wrong"],
            env=environment(connected),
            stdout=subprocess.PIPE,
            text=True,
            cwd=connected.data.dir,
        )
        while gateway.state()["open_orders"]:
            assert time.monotonic() - before < 10
        took = time.monotonic() - before
        said, _ = stopping.communicate(timeout=20)
        assert stopping.returncode == 0, said
        assert "3 working orders cancelled" in said
        assert state_of(connected).halted == "looks wrong (command line)"
        assert not state_of(connected).working
        # Half a second on a machine at rest; how busy this one is a test cannot know.
        assert took < 20, took


def by_hand(settings: Settings, client_id: int = 77) -> IB:
    """Somebody else's order in the same account."""
    ib = IB()
    ib.connect("127.0.0.1", settings.gateway.port, clientId=client_id)
    ib.placeOrder(Stock("IBM", "SMART", "USD"), LimitOrder("BUY", 1, 1.0, tif="DAY"))
    ib.reqAllOpenOrders()
    return ib


async def held(settings: Settings) -> list[str]:
    broker = IbBroker(replace(settings.gateway, client_id=60))
    await broker.connect()
    try:
        return [order.ref for order in await broker.held_orders()]
    finally:
        await broker.disconnect()


def test_an_order_by_hand_is_left_alone_when_ours_can_be_ended_without_it(connected, gateway):
    other = by_hand(connected)
    with trading(connected) as program:
        program.kill()
        program.wait()
        done = run_hydra(connected, "halt", "looks wrong")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 working orders cancelled" in done.stdout
    assert "1 order of others left alone" in done.stdout
    assert len(gateway.state()["open_orders"]) == 1
    assert run_hydra(connected, "halt", "all of it", "--all").returncode == 0
    assert gateway.state()["open_orders"] == []
    other.disconnect()


def test_an_order_by_hand_is_left_alone_when_a_living_program_takes_ours_back(connected, gateway):
    other = by_hand(connected)
    with trading(connected, does="watches"):
        done = run_hydra(connected, "halt", "looks wrong")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 order of others left alone" in done.stdout
    assert [order["symbol"] for order in gateway.state()["open_orders"]] == ["IBM"]
    assert not state_of(connected).working
    other.disconnect()


def test_an_order_by_hand_that_goes_with_ours_is_named(connected, gateway):
    other = by_hand(connected)
    with trading(connected) as program:
        program.send_signal(signal.SIGSTOP)
        done = run_hydra(connected, "halt")
    assert gateway.state()["open_orders"] == []
    assert "though not ours: +1 IBM LMT at 1" in done.stdout
    other.disconnect()


def test_a_halt_without_a_gateway_is_journalled_and_says_what_it_could_not_do(settings):
    settings.data.dir.mkdir(parents=True)
    done = run_hydra(settings, "halt", "looks wrong", "--flatten")
    assert done.returncode == 1
    assert "Trading is halted: looks wrong." in done.stdout
    assert "Working orders could not be cancelled: No gateway at" in done.stdout
    assert state_of(settings).halted


async def test_orders_are_taken_back_although_another_program_holds_the_journal(
    connected, gateway, monkeypatch
):
    monkeypatch.setattr("hydra.journal.journal.BUSY_S", 1.0)
    with trading(connected), closing(sqlite3.connect(connected.journal_path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        outcome = await halt(
            connected.journal_path, IbBroker(connected.gateway), RiskGate({"halt": Halt()}), STOP
        )
    assert gateway.state()["open_orders"] == []
    assert not outcome.whole
    assert not outcome.journalled
    assert "NOT in the journal" in " ".join(outcome.sentences)


def request(symbol="AAPL", quantity=10, **changes):
    return OrderRequest("s", DAY, Instrument(symbol), Decimal(quantity), Decimal(70), **changes)


@pytest.fixture
def broker():
    return Memory({"AAPL": Decimal(70), "IBM": Decimal(200)}, NOW)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


GATE = RiskGate({"halt": Halt()})


async def trade(broker, path, *requests):
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal, GATE)
        await engine.start()
        traded = await engine.trade(requests)
        await engine.settle(0.01)
        await broker.disconnect()
        return traded


async def test_flattening_closes_what_we_hold_once_and_leaves_what_is_not_ours(broker, path):
    broker.held["IBM"] = Decimal(5)
    short = replace(request("IBM", -3), strategy="t")
    await trade(broker, path, request(), short)
    flatten = replace(STOP, flatten=True)
    outcomes = [await halt(path, broker, GATE, flatten) for _ in range(3)]
    assert all(outcome.whole for outcome in outcomes)
    assert [len(outcome.flattened.orders) for outcome in outcomes] == [1, 0, 0]
    assert broker.held == {"AAPL": 0, "IBM": 2}  # closing −3 of +2 would open +5


async def test_a_flattening_order_that_still_works_is_not_sent_a_second_time(broker, path):
    await trade(broker, path, request())
    broker.match = lambda: None  # nothing fills from here on
    broker.cancel_all = _spare(broker)
    flatten = replace(STOP, flatten=True, settle_s=0.01)
    first, second = [await halt(path, broker, GATE, flatten) for _ in range(2)]
    assert len(first.flattened.orders) == 1
    assert second.flattened.orders == ()
    assert second.flattened.repeated == ("s:20130114:AAPL:9000",)
    assert list(broker.resting) == ["s:20130114:AAPL:9000"]


def _spare(broker):
    from hydra.execution.broker import Swept

    async def cancel_all(is_ours, everything=False):
        return Swept()

    return cancel_all


async def test_while_halted_only_a_flattening_order_that_reduces_passes(broker, path):
    await trade(broker, path, request())
    with Journal.open(path) as journal:
        journal.append(Halted("stop", "me"), NOW)
    exits = request(quantity=-4, step=1)
    more, over = request(step=2, flatten=True), request(quantity=-11, step=3, flatten=True)
    traded = await trade(broker, path, exits, more, over)
    assert traded.orders == ()
    traded = await trade(broker, path, replace(exits, step=4, flatten=True))
    assert len(traded.orders) == 1


async def test_an_order_that_was_admitted_when_the_halt_came_never_leaves(broker, path):
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal, GATE)
        await engine.start()
        submit = broker.submit

        async def halt_after_the_first(order):
            ids = await submit(order)
            with Journal.open(path) as other:
                other.append(Halted("stop", "another program"), NOW)
            return ids

        broker.submit = halt_after_the_first
        await engine.trade([request(step=n) for n in range(3)])
        await engine.settle(1)
        assert [fill.order_ref for fill, _ in broker.done] == [request().order_ref]
        ends = [r.event for r in journal.read(kinds=[OrderEnded])]
        stayed = [e for e in ends if "halted before it left" in e.reason]
        assert [e.outcome for e in stayed] == ["cancelled", "cancelled"]
        journal.append(Resumed("checked", "me"), NOW)
        broker.submit = submit
        assert len((await engine.trade([request(step=n) for n in range(3)])).repeated) == 3


async def test_a_program_that_lives_takes_its_orders_back_when_another_one_halts(broker, path):
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal, GATE)
        await engine.start()
        await engine.trade([request(order_type=OrderType.LIMIT, limit_price=Decimal(1))])
        with Journal.open(path) as other:
            other.append(Halted("stop", "another program"), NOW)
        async with asyncio.timeout(5):
            assert await engine.settle(2) == ()
        assert not broker.resting
