"""A simulated month under load: what is held stays bounded, and the books stay exact."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.order_past import KEPT_DAYS, KEPT_ROWS
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.reports import Executed
from hydra.gateway.requests import CancelOrder
from hydra.gateway.responses import ExecutionDetails
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import Contract, ExecutionCondition, TimeCondition
from hydra.gateway.working_order import WorkingOrder
from tests.gateway.flow import errors, order, statuses
from tests.gateway.load import Load

pytestmark = pytest.mark.slow

SESSIONS_A_WEEK = 5
HELD = (WorkingOrder, Executed, PlaceOrder)


def held_objects() -> Counter:
    """How many orders, executions and terms there are in memory."""
    gc.collect()
    kinds = Counter(type(one) for one in gc.get_objects())
    return Counter({kind: kinds[kind] for kind in HELD})


@pytest.fixture(scope="module")
def month():
    """The load after four weeks, and what was held at the end of each."""
    before = held_objects()
    load, weeks = Load(shipped_exchange(ExchangeSettings())), []
    load.log_on()
    for _ in range(4):
        for _ in range(SESSIONS_A_WEEK):
            load.session()
        weeks.append(held_objects() - before)
    return load, weeks


def test_what_is_held_does_not_grow_after_the_second_week(month):
    load, weeks = month
    a_week = SESSIONS_A_WEEK * load.orders_a_session
    for kind in HELD:
        assert weeks[3][kind] <= weeks[1][kind] * 1.02, kind
        assert 0 < weeks[3][kind] <= 2 * a_week, kind
    assert load.number == 4 * a_week


def test_books_equal_the_sum_of_all_fills_forgotten_ones_too(month):
    load, _ = month
    account = load.exchange.venue.account
    held = {
        load.exchange.venue.instrument(con_id).symbol: holding.quantity
        for con_id, holding in account.holdings.items()
        if holding.quantity
    }
    assert held == {symbol: q for symbol, q in load.heard.positions.items() if q}
    dividends = sum(account.dividends.values(), Decimal(0))
    assert account.cash["USD"] == 1_000_000 + load.heard.cash + dividends


def test_no_execution_and_no_order_ever_gets_the_number_of_a_forgotten_one(month):
    load, _ = month
    assert set(load.heard.exec_ids.values()) == {1}
    assert load.exchange.orders.execution_count == len(load.heard.exec_ids)
    orders = load.exchange.orders.memory
    assert orders.past.orders > 0
    assert orders.past.executions > 0
    newest = max(load.heard.perm_ids)
    load.number += 1
    posted = load.exchange.handle(1, order(load.number))
    (told,) = [r for _, r in posted if isinstance(r, ExecutionDetails)]
    load.heard.take(posted)
    assert told.permId > newest


def test_the_control_port_still_tells_every_execution_up_to_its_bound(month):
    load, _ = month
    rows = [row["exec_id"] for row in load.exchange.state()["executions"]]
    assert rows == list(load.heard.exec_ids)[-KEPT_ROWS:]


def test_a_forgotten_order_number_is_refused_as_a_duplicate_and_cannot_be_cancelled(month):
    load, _ = month
    assert errors(load.exchange.handle(1, order(1))) == [(1, 103)]
    assert errors(load.exchange.handle(1, CancelOrder(1))) == [(1, 10147)]


def test_a_trade_of_this_week_can_be_taken_back_and_an_older_one_not(month):
    load, _ = month
    exchange = load.exchange
    before = exchange.venue.account.cash["USD"]
    recent = exchange.orders.executions[0]
    assert recent.exec_id != next(iter(load.heard.exec_ids))
    exchange.revise(recent.exec_id, None)
    paid_back = recent.quantity * recent.price + recent.fee
    assert exchange.venue.account.cash["USD"] == before + paid_back
    with pytest.raises(SettingsError, match=f"no execution of the last {KEPT_DAYS} days"):
        exchange.revise(next(iter(load.heard.exec_ids)), None)


def test_a_resumed_exchange_has_forgotten_the_same_and_goes_on_counting(month):
    load, _ = month
    again = resumed(snapshot(load.exchange))
    assert snapshot(again) == snapshot(load.exchange)
    assert again.state()["executions"] == load.exchange.state()["executions"]
    again.connect(1, 178)
    (told,) = [
        r for _, r in again.handle(1, order(load.number + 1)) if isinstance(r, ExecutionDetails)
    ]
    assert told.execId not in load.heard.exec_ids
    assert told.permId not in load.heard.perm_ids


def test_a_state_file_of_a_version_that_forgot_nothing_is_read(started):
    started.handle(1, order(1))
    state = snapshot(started)
    del state["past"]
    again = resumed(state)
    assert snapshot(again)["past"]["last_traded"] == {"STK AAPL": 0}


def test_an_execution_condition_remembers_a_trade_that_was_forgotten(started):
    traded = ExecutionCondition("a", "STK", "SMART", "IBM")
    later = TimeCondition("a", True, "20121016 12:00:00 US/Eastern")
    started.handle(1, order(1, "LMT", lmtPrice="1", tif="GTC", conditions=(traded, later)))
    started.handle(1, order(2, contract=replace(order(2).contract, symbol="IBM")))
    posted = []
    for _ in range(12):
        posted += started.command("next_open")
    assert started.orders.memory.past.executions == 1
    assert statuses(posted, 1) == ["Submitted"]


def test_a_parent_is_kept_as_long_as_its_child_works(started):
    started.handle(1, order(1, tif="GTC", transmit=False))
    started.handle(1, order(2, "LMT", "SELL", lmtPrice="9999", tif="GTC", parentId=1))
    for _ in range(12):
        started.command("next_open")
    assert {key[1] for key in started.orders.memory.orders} == {1, 2}
    started.handle(1, CancelOrder(2))
    for _ in range(12):
        started.command("next_open")
    assert not started.orders.memory.orders


def test_halts_that_are_long_over_are_forgotten(started):
    for _ in range(3):
        started.halt(Contract(symbol="AAPL"))
        started.command("close")
        started.resume(Contract(symbol="AAPL"))
        started.command("next_open")
    for _ in range(2):
        started.command("next_open")
    assert not started.venue.market.halts
