"""What fills when nobody listens any more is learned after the close, and compared."""

from datetime import date
from decimal import Decimal

import pytest

from hydra.domain.events import FillRecorded
from hydra.domain.orders import OrderRequest, OrderType
from hydra.journal.journal import Journal
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
    assert "AAPL: the journal says 0 and the gateway 10" in done.stdout


async def test_an_order_that_ended_with_its_day_is_no_difference(connected, gateway):
    await leave_working(connected, "0.09")
    gateway.step("close")
    done = run_hydra(connected, "reconcile", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"working": []' in done.stdout
