"""What people read of orders and strategies follows the journal, message by message."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderFound,
    OrderModified,
    OrderRetried,
    OrderSubmitted,
    OrderUnsent,
    Reconciled,
    Recorded,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest, OrderType
from hydra.journal.fold import fold
from hydra.journal.views import order_rows, strategy_rows

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)


def order(strategy="s", quantity=10, price="70"):
    return Order(
        OrderRequest(
            strategy,
            DAY,
            Instrument("AAPL"),
            Decimal(quantity),
            Decimal(70),
            OrderType.LIMIT,
            Decimal(price),
        ),
        NOW,
        (),
    )


REF = order().order_ref


def fill(number, quantity, ref=REF, price=70):
    return FillRecorded(Fill(f"e{number}.01", ref, "AAPL", Decimal(quantity), Decimal(price), NOW))


def records(*events):
    return [Recorded(n, NOW, NOW, e) for n, e in enumerate(events, start=1)]


FOUND = OrderFound(REF, 7, "Submitted", order().request, NOW, Decimal(0), 0, 1)
LIVES = [
    ([], "pending"),
    ([OrderSubmitted(REF, 31, 1)], "submitted"),
    ([OrderUnsent(REF, 1, "gone")], "pending"),
    ([OrderUnsent(REF, 1, "gone"), OrderRetried(REF, 1)], "submitted"),
    ([OrderSubmitted(REF, 31, 1), OrderAcknowledged(REF, 7, "PreSubmitted")], "acknowledged"),
    ([fill(1, 4)], "partly filled"),
    ([fill(1, 4), OrderAcknowledged(REF, 7, "Submitted")], "partly filled"),
    ([fill(1, 4), fill(2, 6)], "filled"),
    ([OrderEnded(REF, "cancelled", "asked for")], "cancelled"),
    ([OrderEnded(REF, "cancelled", "asked for"), fill(1, 10)], "filled"),
    ([fill(1, 10), OrderEnded(REF, "cancelled", "too late")], "filled"),
    ([OrderEnded(REF, "rejected", "error 201")], "rejected"),
    ([OrderEnded(REF, "unknown", "lost")], "unknown"),
    ([OrderEnded(REF, "unknown", "lost"), OrderFound(REF, 7, "Submitted")], "acknowledged"),
    ([OrderEnded(REF, "rejected", "201"), FOUND], "acknowledged"),
    ([OrderEnded(REF, "rejected", "201"), FOUND, fill(1, 10)], "filled"),
    (
        [
            OrderEnded(REF, "rejected", "201"),
            FOUND,
            OrderEnded(REF, "rejected", "again", 1),
        ],
        "rejected",
    ),
]


@pytest.mark.parametrize(("events", "status"), LIVES)
def test_an_order_is_shown_in_the_state_that_the_table_gives(events, status):
    told = records(OrderAdmitted(order()), *events)
    assert [row["status"] for row in order_rows(told)] == [status]
    state = fold(told)
    known = state.order(REF)
    assert (known.state if known else status) == status


def test_a_changed_order_is_shown_with_its_new_price_and_quantity():
    changed = OrderModified(order(quantity=6, price="71"), 1)
    row = order_rows(records(OrderAdmitted(order()), changed))[0]
    assert (row["quantity"], row["limit_price"]) == (6, 71)


def test_each_strategy_has_its_own_profit_and_all_of_them_add_up_to_the_account():
    other = order("t", -4)
    told = records(
        Reconciled("DU1", Decimal(10_000), "USD", {}, ()),
        OrderAdmitted(order()),
        OrderAdmitted(other),
        fill(1, 10),
        CommissionRecorded(Commission("e1.01", Decimal(1), "USD")),
        fill(2, -4, other.order_ref, 72),
        CommissionRecorded(Commission("e2.01", Decimal("0.50"), "USD")),
        NavMarked(Decimal("10042.50"), Decimal(0), Decimal(0), {"AAPL": Decimal("74.50")}),
    )
    rows = {row["strategy"]: row for row in strategy_rows(fold(told))}
    assert rows["s"]["profit"] == Decimal("44.00")  # 10 × 4.50 − 1
    assert rows["t"]["profit"] == Decimal("-10.50")  # −4 × 2.50 − 0.50
    cash = fold(told).cash
    assert cash is not None
    assert cash + 6 * Decimal("74.50") - 10_000 == rows["s"]["profit"] + rows["t"]["profit"]


def test_a_corrected_execution_takes_its_charge_back_from_the_same_strategy():
    old = fill(1, 10).fill
    new = Fill("e1.02", REF, "AAPL", Decimal(0), Decimal(70), NOW)
    told = records(
        Reconciled("DU1", Decimal(10_000), "USD", {}, ()),
        OrderAdmitted(order()),
        FillRecorded(old),
        CommissionRecorded(Commission("e1.01", Decimal(1), "USD")),
        FillCorrected(old, new, Decimal(1)),
    )
    state = fold(told)
    assert state.charges["s"] == 0
    assert state.cash == 10_000


def test_a_strategy_without_a_mark_has_no_profit_rather_than_a_wrong_one():
    told = records(OrderAdmitted(order()), fill(1, 10))
    assert strategy_rows(fold(told))[0]["profit"] is None
