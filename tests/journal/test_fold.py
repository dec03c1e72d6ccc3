"""What we hold follows from the events alone, whatever order the broker tells them in."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.events import (
    CommissionRecorded,
    FillRecorded,
    Halted,
    OrderAdmitted,
    OrderEnded,
    Reconciled,
    Recorded,
    Resumed,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.journal.fold import Holding, fold

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)
REF = "s:20130114:AAPL:0"
START = Reconciled("DU1", Decimal(1000), "USD", {}, ())


def records(*events, after=0):
    return [Recorded(after + n, NOW, NOW, e) for n, e in enumerate(events, start=1)]


def fill(number, quantity, price, ref=REF):
    return FillRecorded(Fill(f"e{number}", ref, "AAPL", Decimal(quantity), Decimal(price), NOW))


def charge(number, amount):
    return CommissionRecorded(Commission(f"e{number}", Decimal(amount), "USD"))


def admitted(quantity):
    request = OrderRequest("s", DAY, Instrument("AAPL"), Decimal(quantity), Decimal(70))
    return OrderAdmitted(Order(request, NOW, ("halt",)))


def test_fills_and_commissions_add_up_in_cash_and_quantity():
    state = fold(
        records(START, fill(1, 5, "10"), charge(1, "1"), fill(2, -2, "12"), charge(2, "1"))
    )
    assert state.cash == Decimal(1000 - 50 - 1 + 24 - 1)
    assert state.quantity("AAPL") == 3
    assert state.commissions == 2


def test_a_commission_that_comes_before_its_execution_counts_once():
    early = fold(records(START, charge(1, "1"), fill(1, 5, "10")))
    late = fold(records(START, fill(1, 5, "10"), charge(1, "1")))
    assert early.cash == late.cash == Decimal(949)
    assert not early.uncharged
    assert not late.uncharged


trades = st.lists(
    st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 500)), min_size=1, max_size=30
)


@given(trades)
def test_realised_and_unrealised_profit_add_up_to_the_cash_that_moved(trades):
    holding, cash = Holding(), Decimal(0)
    for number, (quantity, price) in enumerate(trades):
        event = fill(number, quantity, price)
        holding, cash = holding.after(event.fill), cash + event.fill.cash
    last = Decimal(trades[-1][1])
    unrealised = holding.quantity * (last - holding.average_cost)
    assert float(holding.realised + unrealised) == pytest.approx(
        float(cash + holding.quantity * last), abs=1e-9
    )
    assert holding.quantity == sum(q for q, _ in trades)


@given(st.lists(st.integers(-20, 20).filter(bool), max_size=30), st.integers(0, 30))
def test_folding_in_two_parts_is_folding_in_one(quantities, cut):
    events = records(START, *(fill(n, q, 10) for n, q in enumerate(quantities)))
    assert fold(events[cut:], fold(events[:cut])) == fold(events)


def test_an_order_works_from_its_admission_to_its_end_and_remains_what_is_unfilled():
    state = fold(records(START, admitted(10), fill(1, 4, 70)))
    assert state.working[REF].remaining == 6
    state = fold(records(OrderEnded(REF, "cancelled", ""), after=state.seq), state)
    assert not state.working
    assert state.quantity("AAPL", "s") == 4


def test_what_no_strategy_owns_is_external_and_belongs_to_nobody():
    seen = Reconciled("DU1", Decimal(900), "USD", {"AAPL": Decimal(7), "IBM": Decimal(3)}, ())
    state = fold(records(START, fill(1, 4, 70), seen))
    assert state.external == {"AAPL": 3, "IBM": 3}
    assert state.quantity("AAPL") == 7
    assert state.quantity("AAPL", "s") == 4
    assert state.cash == 900


def test_a_halt_holds_until_somebody_resumes():
    halted = fold(records(Halted("looks wrong", "me")))
    assert halted.halted == "looks wrong (me)"
    assert fold(records(Resumed("fine", "me"), after=1), halted).halted is None


@given(
    told=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    side=st.sampled_from([1, -1]),
    outcome=st.sampled_from(["cancelled", "rejected"]),
    data=st.data(),
)
def test_an_order_whose_end_tells_of_more_units_than_executions_stays_unknown_until_all_are_heard(
    told, side, outcome, data
):
    filled = sum(told)
    end = OrderEnded(REF, outcome, "", filled=Decimal(filled))
    fills = [fill(n, side * units, "10") for n, units in enumerate(told)]
    heard_first = data.draw(st.integers(0, len(fills)))
    before, late = fills[:heard_first], fills[heard_first:]
    state = fold(records(START, admitted(side * (filled + 5)), *before, end))
    for nth, one in enumerate(late):
        assert list(state.unknown) == [REF]
        assert state.unknown[REF].unreported == side * sum(told[heard_first + nth :])
        state = fold(records(one, after=state.seq), state)
    assert not state.unknown
    assert not state.working
    assert state.quantity("AAPL") == side * filled
