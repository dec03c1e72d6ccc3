"""What clients hear of each other's orders, and what the master client hears."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ib_async import IB, ExecutionFilter, LimitOrder, MarketOrder, Stock

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.orders import OpenOrder
from hydra.gateway.server import serve
from hydra.gateway.variants import seed_with
from tests.gateway.flow import errors, order, statuses

FILTER = ask.ReqExecutions(7, 0, "", "", "", "", "", "")


def with_clients(*clients, **settings):
    """An exchange with these clients."""
    exchange = shipped_exchange(ExchangeSettings(**settings))
    for client_id in clients:
        exchange.connect(client_id, 178)
    return exchange


def heard_by(client_id, posted):
    """What one client is told."""
    return [what for addressee, what in posted if addressee == client_id]


def kinds(told):
    """Of which kinds that is."""
    return [type(what) for what in told]


# --- the master client --------------------------------------------------------------------------


def test_the_master_client_hears_orders_executions_and_commissions_of_all_clients():
    exchange = with_clients(1, 2, 9, master_client_id=9)
    posted = exchange.handle(1, order(1))
    assert kinds(heard_by(9, posted)) == kinds(heard_by(1, posted))
    assert {say.ExecutionDetails, say.CommissionReport, OpenOrder} <= set(
        kinds(heard_by(9, posted))
    )
    assert {r.clientId for r in heard_by(9, posted) if isinstance(r, say.OrderStatus)} == {1}
    assert heard_by(2, posted) == []


def test_the_master_client_hears_its_own_orders_once():
    exchange = with_clients(9, master_client_id=9)
    posted = exchange.handle(9, order(1))
    assert kinds(heard_by(9, posted)).count(say.CommissionReport) == 1


def test_without_a_master_client_id_nobody_hears_of_others():
    exchange = with_clients(1, 0)
    assert heard_by(0, exchange.handle(1, order(1))) == []


def test_a_correction_is_told_to_the_master_client_too():
    exchange = with_clients(1, 9, master_client_id=9)
    exchange.handle(1, order(1))
    (done,) = exchange.orders.executions
    told = heard_by(9, exchange.revise(done.exec_id, Decimal(80)))
    assert [r.execId[-2:] for r in told if isinstance(r, say.ExecutionDetails)] == ["02"]


@pytest.mark.parametrize(("client_id", "charges"), [(1, 1), (2, 0), (9, 1)])
def test_executions_of_all_clients_are_told_and_commissions_of_one_s_own_alone(client_id, charges):
    exchange = with_clients(1, 2, 9, master_client_id=9)
    exchange.handle(1, order(1))
    told = kinds(heard_by(client_id, exchange.handle(client_id, FILTER)))
    assert told.count(say.ExecutionDetails) == 1
    assert told.count(say.CommissionReport) == charges


async def test_ib_async_as_master_hears_what_another_trades():
    settings = stepped(exchange=ExchangeSettings(master_client_id=9))
    async with await serve(settings) as gateway:
        master, other = IB(), IB()
        await master.connectAsync("127.0.0.1", gateway.port, clientId=9)
        await other.connectAsync("127.0.0.1", gateway.port, clientId=1)
        (stock,) = await other.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        other.placeOrder(stock, MarketOrder("BUY", 10))
        await other.reqExecutionsAsync(ExecutionFilter())
        await master.reqExecutionsAsync(ExecutionFilter())
        (fill,) = master.fills()
        assert fill.commissionReport.commission == 1.0
        master.disconnect()
        other.disconnect()


# --- the cancel of another's order --------------------------------------------------------------


def resting(exchange, client_id=1, number=40):
    """An order that rests, of a client."""
    exchange.handle(client_id, order(number, "LMT", lmtPrice="50.00"))


def test_the_order_of_another_client_is_not_found_where_the_variant_says_so():
    exchange = with_clients(1, 2, seed=seed_with(cancel_of_another="refused"))
    resting(exchange)
    posted = exchange.handle(2, ask.CancelOrder(40, ""))
    assert errors(posted) == [(40, 10147)]
    assert len(exchange.orders.open_list) == 1


def test_the_order_of_another_client_is_cancelled_as_recorded_where_the_variant_says_so():
    exchange = with_clients(1, 2, seed=seed_with(cancel_of_another="cancelled"))
    resting(exchange)
    posted = exchange.handle(2, ask.CancelOrder(40, ""))
    status, said = heard_by(2, posted)
    assert (status.status, status.clientId, status.orderId) == ("Cancelled", 2, 40)
    assert (said.reqId, said.code) == (40, 202)
    assert statuses([p for p in posted if p[0] == 1], 40) == ["Cancelled"]
    assert exchange.orders.open_list == []


def test_its_own_order_of_that_number_comes_before_that_of_another():
    exchange = with_clients(1, 2, seed=seed_with(cancel_of_another="cancelled"))
    resting(exchange, 1)
    resting(exchange, 2)
    exchange.handle(2, ask.CancelOrder(40, ""))
    assert [one.client_id for one in exchange.orders.open_list] == [1]


def test_nothing_is_cancelled_where_several_others_have_an_order_of_that_number():
    exchange = with_clients(1, 2, 3, seed=seed_with(cancel_of_another="cancelled"))
    resting(exchange, 1)
    resting(exchange, 2)
    assert errors(exchange.handle(3, ask.CancelOrder(40, ""))) == [(40, 10147)]
    assert len(exchange.orders.open_list) == 2


def test_who_cancelled_is_told_though_the_cancel_takes_time():
    seed = seed_with(cancel_of_another="cancelled")
    exchange = with_clients(1, 2, seed=seed, latency_s=5)
    resting(exchange)
    exchange.command("2012-10-01T13:31:00Z")
    assert heard_by(2, exchange.handle(2, ask.CancelOrder(40, ""))) == []
    told = heard_by(2, exchange.command("2012-10-01T13:32:00Z"))
    assert kinds(told) == [say.OrderStatus, say.Error]


async def test_ib_async_can_cancel_what_another_client_placed():
    seed = seed_with(cancel_of_another="cancelled")
    async with await serve(stepped(exchange=ExchangeSettings(seed=seed))) as gateway:
        owner, other = IB(), IB()
        await owner.connectAsync("127.0.0.1", gateway.port, clientId=1)
        await other.connectAsync("127.0.0.1", gateway.port, clientId=2)
        (stock,) = await owner.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        placed = owner.placeOrder(stock, LimitOrder("BUY", 10, 50.0))
        await owner.reqUserInfoAsync()
        (seen,) = await other.reqAllOpenOrdersAsync()
        other.client.cancelOrder(seen.order.orderId, "")
        await other.reqUserInfoAsync()
        await owner.reqUserInfoAsync()
        assert placed.orderStatus.status == "Cancelled"
        owner.disconnect()
        other.disconnect()
