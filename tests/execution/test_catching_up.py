"""What fills when nobody listens any more is learned after the close, and compared."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.domain.events import FillRecorded
from hydra.domain.orders import OrderRequest, OrderType
from hydra.journal.journal import Journal
from hydra.runner.after_close import AfterClose
from hydra.wiring import catch_up, open_engine
from tests.execution.test_halting import run_hydra

DAY = date(2013, 1, 14)


@pytest.fixture
def gateway(start_gateway):
    """One whose clock stands where it is put: after the close it is still the same day."""
    return start_gateway("--speed", "0")


async def leave_working(settings, below: str):
    """A run that ends with an order in the book, `below` its last price."""
    async with open_engine(settings) as engine:
        [one] = (await engine.broker.qualify(["AAPL"])).values()
        last = (await engine.broker.quotes([one]))["AAPL"].last
        engine.daily_volume["AAPL"] = Decimal(10_000_000)
        limit = one.round_price(last * (1 - Decimal(below)), Decimal(1))
        request = OrderRequest("s", DAY, one, Decimal(10), last, OrderType.LIMIT, limit)
        assert (await engine.trade([request])).orders
        await engine.broker.held_orders()
        return request.order_ref


async def test_a_fill_after_the_run_had_ended_is_learned_on_its_day(connected, gateway):
    ref = await leave_working(connected, "0.005")
    gateway.step("close")
    [execution] = gateway.state()["executions"]
    done = await catch_up(connected)
    with Journal.read_only(connected.journal_path) as journal:
        fills = [r.event.fill for r in journal.read(kinds=[FillRecorded])]
    assert [(f.exec_id, f.order_ref) for f in fills] == [(execution["exec_id"], ref)]
    assert (done.fills, done.working, done.unknown, done.agrees) == (1, (), (), True)
    assert done.gap == 0


async def test_catching_up_twice_learns_nothing_twice_and_sends_nothing(connected, gateway):
    await leave_working(connected, "0.005")
    gateway.step("close")
    await catch_up(connected)
    again = await catch_up(connected)
    assert (again.fills, again.agrees) == (0, True)
    assert len(gateway.state()["executions"]) == 1


async def test_the_next_day_it_is_too_late_and_said_so(connected, gateway):
    await leave_working(connected, "0.005")
    gateway.step("next_open")
    done = run_hydra(connected, "reconcile")
    assert done.returncode == 1
    assert "AAPL: the account holds 10, the journal 0" in done.stdout
    assert "s:20130114:AAPL:0 may have filled" in done.stdout


def test_without_a_gateway_it_says_so_at_once(settings):
    settings.data.dir.mkdir()
    done = run_hydra(settings, "reconcile")
    assert done.returncode == 2
    assert "No gateway at 127.0.0.1:1" in done.stderr


async def test_an_order_that_ended_with_its_day_is_no_difference(connected, gateway):
    await leave_working(connected, "0.09")
    gateway.step("close")
    done = run_hydra(connected, "reconcile", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"working": []' in done.stdout


async def test_the_runner_asks_once_after_the_close_where_something_was_left_open(
    connected, gateway
):
    await leave_working(connected, "0.005")
    after = AfterClose(connected)
    closing = datetime(2013, 1, 14, 21, 0, tzinfo=UTC)
    assert not await after.look(closing - timedelta(hours=1))
    gateway.step("2013-01-14T21:06:00Z")
    assert not await after.look(closing + timedelta(minutes=4))
    assert await after.look(closing + timedelta(minutes=6))
    assert not await after.look(closing + timedelta(minutes=7))
    with Journal.read_only(connected.journal_path) as journal:
        assert len(list(journal.read(kinds=[FillRecorded]))) == 1
        before = journal.last_seq()
    assert not await AfterClose(connected).look(closing + timedelta(minutes=8))  # nothing is open
    with Journal.read_only(connected.journal_path) as journal:
        assert journal.last_seq() == before


async def test_a_gateway_that_is_away_after_the_close_is_asked_again(connected, gateway):
    await leave_working(connected, "0.005")
    gateway.step("2013-01-14T21:06:00Z")
    now = datetime(2013, 1, 14, 21, 6, tzinfo=UTC)
    lost = replace(connected, gateway=replace(connected.gateway, port=1, give_up_s=0.0))
    after = AfterClose(lost)
    assert not await after.look(now)
    after.settings = connected
    assert await after.look(now)
