"""What recordings and documents of real gateways tell differently of orders, answer by answer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Stock

from hydra.gateway import responses as say
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.orders import OpenOrder
from hydra.gateway.requests import CancelOrder, ReqOpenOrders
from hydra.gateway.server import GatewaySettings, serve
from hydra.gateway.values import Contract
from hydra.gateway.variants import VARIANTS
from tests.gateway.flow import (
    APPLE,
    errors,
    fills,
    order,
    seed_where,
    started_where,
    statuses,
)

EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
OF_ORDERS = (
    *("accepted_order", "cancelled_order", "change_of_filled", "execution_order"),
    *("fok_rejection", "iceberg", "ioc_remainder", "limit_through_market"),
    *("listed_open_orders", "new_stop_limit"),
)
ANSWERS = [(question, answer) for question in OF_ORDERS for answer in VARIANTS[question].answers]


def kinds(posted):
    """Which messages came, statuses by their status."""
    names = {OpenOrder: "open", say.ExecutionDetails: "execution", say.CommissionReport: "cost"}
    return [
        r.status if isinstance(r, say.OrderStatus) else names.get(type(r), r) for _, r in posted
    ]


# --- statuses of a new order ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "of_market", "of_limit"),
    [
        ("presubmitted", ["PreSubmitted", "Filled"], ["PreSubmitted", "Submitted"]),
        (
            "presubmitted_then_submitted",
            ["PreSubmitted", "Submitted", "Filled"],
            ["PreSubmitted", "Submitted"],
        ),
        ("submitted", ["Submitted", "Filled"], ["Submitted"]),
    ],
)
def test_an_order_that_goes_to_the_market_at_once_has_the_statuses_of_its_variant(
    answer, of_market, of_limit
):
    started = started_where(accepted_order=answer)
    assert statuses(started.handle(1, order(1)), 1) == of_market
    assert statuses(started.handle(1, order(2, "LMT", lmtPrice="80.00")), 2) == of_limit


@pytest.mark.parametrize("answer", VARIANTS["accepted_order"].answers)
def test_what_waits_is_presubmitted_in_every_variant(answer):
    started = started_where(accepted_order=answer)
    assert statuses(started.handle(1, order(1, "STP", "SELL", auxPrice="80.00")), 1) == [
        "PreSubmitted"
    ]
    started.command("close")
    assert statuses(started.handle(1, order(2)), 2) == ["PreSubmitted"]


@pytest.mark.parametrize("answer", VARIANTS["accepted_order"].answers)
def test_a_part_fill_is_submitted_in_every_variant(answer):
    started = started_where(accepted_order=answer, limit_through_market="traded")
    told = started.handle(1, order(1, "LMT", size=8000, lmtPrice="86.70"))
    assert statuses(told, 1)[-1] == "Submitted"
    assert 0 < sum(size for size, _ in fills(started, 1)) < 8000


def test_the_first_open_order_of_a_stop_can_tell_a_limit_that_is_not_its_own():
    started = started_where(new_stop_limit="other_limit")
    told = started.handle(1, order(1, "STP", "SELL", auxPrice="80.00"))
    limits = [r.lmtPrice for _, r in told if isinstance(r, OpenOrder)]
    assert limits == [Decimal("80.03"), 0]
    assert started.orders.open_list[0].limit is None


# --- fills ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "story"),
    [
        (
            "execution_then_orders",
            ["execution", "open", "Filled", "open", "Filled", "cost"],
        ),
        ("execution_then_status", ["execution", "Filled", "cost"]),
        ("status_then_execution", ["open", "Filled", "execution", "cost"]),
    ],
)
def test_a_fill_is_told_in_the_order_of_its_variant(answer, story):
    started = started_where(execution_order=answer, accepted_order="submitted")
    told = kinds(started.handle(1, order(1)))
    assert told[:2] == ["open", "Submitted"]
    assert told[2 : 2 + len(story)] == story


# --- cancels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "story"),
    [
        ("cancelled_at_once", ["Cancelled"]),
        ("pending_cancel_first", ["PendingCancel", "Cancelled"]),
    ],
)
def test_a_cancel_has_the_statuses_of_its_variant_and_202(answer, story):
    started = started_where(cancelled_order=answer)
    started.handle(1, order(1, "LMT", lmtPrice="80.00"))
    told = started.handle(1, CancelOrder(1))
    assert (statuses(told, 1), errors(told)) == (story, [(1, 202)])


@pytest.mark.parametrize(("answer", "codes"), [("with_202", [(1, 202)]), ("without_202", [])])
def test_what_is_left_of_an_immediate_order_is_cancelled_with_or_without_202(answer, codes):
    started = started_where(ioc_remainder=answer)
    told = started.handle(1, order(1, "LMT", lmtPrice="80.00", tif="IOC"))
    assert statuses(told, 1)[-2:] == ["PendingCancel", "Cancelled"]
    assert errors(told) == codes
    assert not started.orders.open_list


# --- what the exchange does not take -------------------------------------------------------------


@pytest.mark.parametrize(("answer", "codes"), [("with_201", [(1, 201)]), ("without_error", [])])
def test_fill_or_kill_of_a_stock_is_inactive_with_or_without_201(answer, codes):
    started = started_where(fok_rejection=answer)
    for number, price in ((1, "90.00"), (2, "5.00")):  # whether it could be filled or not
        told = started.handle(1, order(number, "LMT", lmtPrice=price, tif="FOK"))
        assert statuses(told, number) == ["Inactive"]
        assert errors(told) == [(number, code) for _, code in codes]
    assert not started.orders.open_list
    assert not started.orders.executions


def test_an_order_beyond_the_margin_gets_201_in_every_variant():
    started = started_where(fok_rejection="without_error")
    assert errors(started.handle(1, order(1, size=900_000))) == [(1, 201)]


def test_a_stock_s_iceberg_can_be_inactive_and_a_future_s_works():
    started = started_where(iceberg="inactive")
    told = started.handle(1, order(1, "LMT", size=10, lmtPrice="5.00", displaySize=3))
    assert statuses(told, 1) == ["Inactive"]
    started = started_where(iceberg="works")
    told = started.handle(1, order(1, "LMT", size=10, lmtPrice="5.00", displaySize=3))
    assert statuses(told, 1)[-1] == "Submitted"


def test_a_currency_limit_far_from_the_market_is_inactive(started):
    (one,) = started.venue.find(EURO)
    mark = started.venue.mark(one)
    for number, (side, share) in enumerate(
        [("BUY", "0.90"), ("SELL", "1.10"), ("BUY", "0.95"), ("SELL", "1.05")], 1
    ):
        price = str((mark * Decimal(share)).quantize(Decimal("0.0001")))
        placed = order(number, "LMT", side, 30_000, contract=EURO, lmtPrice=price)
        told = started.handle(1, placed)
        assert statuses(told, number)[-1] == ("Inactive" if number < 3 else "Submitted")


@pytest.mark.parametrize("tif", ["DAY", "IOC"])
def test_a_limit_far_through_the_market_can_be_cancelled_by_price_protection(tif):
    started = started_where(limit_through_market="cancelled")
    for number, (side, price) in enumerate([("BUY", "103.00"), ("SELL", "70.00")], 1):
        told = started.handle(1, order(number, "LMT", side, lmtPrice=price, tif=tif))
        assert statuses(told, number)[-2:] == ["PendingCancel", "Cancelled"]
    assert not started.orders.executions
    told = started.handle(1, order(3, "LMT", lmtPrice="87.50", tif=tif))
    assert statuses(told, 3)[-1] == "Filled"


def test_a_limit_that_waited_for_the_open_is_not_cancelled_by_a_gap():
    started = started_where(limit_through_market="cancelled")
    started.command("close")
    started.handle(1, order(1, "LMT", lmtPrice="99.00", tif="GTC"))
    started.command("next_open")
    assert sum(size for size, _ in fills(started, 1)) == 100


# --- changes and lists ---------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "codes"), [("ignored", []), ("refused", [(1, 104)])])
def test_a_change_of_a_filled_order_is_ignored_or_refused(answer, codes):
    started = started_where(change_of_filled=answer)
    started.handle(1, order(1))
    told = started.handle(1, order(1, size=300))
    assert errors(told) == codes
    assert fills(started, 1) == fills(started, 1)[:1]


def test_a_limit_becomes_a_market_order_under_its_number(started):
    placed = started.handle(1, order(1, "LMT", lmtPrice="12.89"))
    told = started.handle(1, order(1, "MKT"))
    assert statuses(told, 1)[-1] == "Filled"
    numbers = {r.permId for _, r in placed + told if isinstance(r, OpenOrder)}
    assert len(numbers) == 1
    assert errors(told) == []


@pytest.mark.parametrize(("answer", "count"), [("with_status", 2), ("without_status", 0)])
def test_open_orders_are_listed_with_or_without_their_statuses(answer, count):
    started = started_where(listed_open_orders=answer)
    for number in (1, 2):
        started.handle(1, order(number, "LMT", lmtPrice="80.00", tif="GTC"))
    started.disconnect(1)
    started.connect(1, 178)  # orders outlive the connection, and are the client's own again
    told = started.handle(1, ReqOpenOrders())
    assert [r.orderId for _, r in told if isinstance(r, OpenOrder)] == [1, 2]
    assert sum(isinstance(r, say.OrderStatus) for _, r in told) == count


# --- unmodified clients --------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "answer"), ANSWERS)
async def test_an_unmodified_client_trades_in_every_variant(question, answer):
    settings = GatewaySettings(
        port=0,
        control_port=0,
        speed=0,
        exchange=ExchangeSettings(seed=seed_where(**{question: answer})),
    )
    async with await serve(settings) as gateway:
        ib = IB()
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        resting = ib.placeOrder(stock, LimitOrder("BUY", 10, 50.0, tif="GTC"))
        bought = ib.placeOrder(stock, MarketOrder("BUY", 100, tif="DAY"))
        left = ib.placeOrder(stock, LimitOrder("BUY", 10, 50.0, tif="IOC"))
        while not (bought.isDone() and left.isDone() and bought.fills):
            await ib.updateEvent
        while bought.fills[0].commissionReport.execId != bought.fills[0].execution.execId:
            await ib.updateEvent
        assert (bought.orderStatus.status, bought.filled()) == ("Filled", 100)
        assert (left.orderStatus.status, left.filled()) == ("Cancelled", 0)
        assert [t.order.orderId for t in await ib.reqAllOpenOrdersAsync()] == [
            resting.order.orderId
        ]
        ib.cancelOrder(resting.order)
        while not resting.isDone():
            await ib.updateEvent
        assert resting.orderStatus.status == "Cancelled"
        assert [p.position for p in await ib.reqPositionsAsync()] == [100]
        ib.disconnect()


@pytest.mark.parametrize(("question", "answer"), ANSWERS)
def test_the_books_are_the_same_in_every_variant(question, answer):
    """What differs is told; positions and executions follow from what was taken."""
    started = started_where(**{question: answer})
    started.handle(1, order(1))
    started.handle(1, order(2, "LMT", "SELL", lmtPrice="87.00"))
    started.handle(1, order(3, "STP", "SELL", auxPrice="85.00"))
    started.advance(started.venue.now + timedelta(minutes=60))
    started.handle(1, CancelOrder(3))
    started.command("close")
    (apple,) = started.venue.find(APPLE)
    done = sum(execution.quantity for execution in started.orders.executions)
    assert started.venue.account.held(apple.conId).quantity == done
    assert {o.status for o in started.orders.memory.orders.values()} <= {"Filled", "Cancelled"}
