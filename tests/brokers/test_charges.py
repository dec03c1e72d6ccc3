"""Charges of orders that an earlier logon of ours placed, under another client id."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ib_async import IB, MarketOrder, Stock

from hydra.brokers import _charges, ib
from hydra.domain.events import CommissionRecorded
from tests.execution.watched import request, trade, watched

CHARGE = Decimal("1.00")


async def log_on_again(one) -> None:
    """The same program, after another one has taken its client id."""
    await one.engine.broker.disconnect()
    one.other = IB()
    await one.other.connectAsync("127.0.0.1", one.server.port, clientId=31)
    await one.engine.broker.connect()
    assert one.engine.broker.ib.client.clientId == 32


def charges(one) -> list[Decimal]:
    """What the journal knows that was charged."""
    return [event.commission.amount for event in one.events(CommissionRecorded)]


@pytest.fixture
async def uncharged(tmp_path):
    """An engine under another id than the one that traded, before it was told the charge."""
    async with watched(tmp_path) as one:
        one.arm(on="commissionReport", do="lose")
        await trade(one, request())
        await log_on_again(one)
        yield one
        one.other.disconnect()


async def test_the_charge_of_an_order_is_told_to_the_id_alone_that_placed_it(uncharged):
    await uncharged.engine.reconcile()
    assert charges(uncharged) == []


async def test_a_charge_is_collected_through_the_id_that_placed_the_order(uncharged, monkeypatch):
    monkeypatch.setattr(ib, "BELIEVED_S", 0.0)
    monkeypatch.setattr(_charges, "ASK_AGAIN_S", 0.0)
    await uncharged.engine.reconcile()
    uncharged.other.disconnect()
    await uncharged.engine.reconcile()
    assert charges(uncharged) == [CHARGE]
    assert uncharged.engine.broker.ib.client.clientId == 32


async def test_an_id_is_not_asked_for_the_same_charges_all_the_time(uncharged):
    for _ in range(3):
        await uncharged.engine.reconcile()
    logons = [m["client_id"] for m in uncharged.server.record.after(0) if m["name"] == "startApi"]
    # Ours, the other's, the one that was refused, and one question.
    assert logons == [31, 31, 31, 32, 31]


async def test_ids_that_are_not_ours_are_left_alone(tmp_path):
    async with watched(tmp_path) as one:
        other = IB()
        await other.connectAsync("127.0.0.1", one.server.port, clientId=5)
        (stock,) = await other.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        other.placeOrder(stock, MarketOrder("BUY", 10, orderRef="another's"))
        await other.reqExecutionsAsync()
        other.disconnect()
        await one.engine.reconcile()
        logons = [m["client_id"] for m in one.server.record.after(0) if m["name"] == "startApi"]
        assert logons.count(5) == 1
