"""What the account says and no fill explains is told apart, or left to a person."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_async import IB, MarketOrder, Stock

from hydra.adopting import begin_epoch
from hydra.config import Data, Gateway, Settings
from hydra.domain.events import (
    CashMoved,
    CommissionRecorded,
    EpochBegun,
    ExternalFillRecorded,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderEnded,
    Reconciled,
    Recorded,
    SplitApplied,
)
from hydra.domain.orders import Commission, Fill, OrderType
from hydra.errors import BadParameter, GatewayUnreachable, NotReconciled, UnknownName
from hydra.execution.adoption import Decision, adoption_of
from hydra.execution.broker import Account
from hydra.execution.divergence import RATIOS, cash_lags, contradiction, split_of, unexplained
from hydra.gateway.faults import FaultyExchange
from hydra.gateway.variants import seed_with
from hydra.journal.fold import Holding, State, WorkingOrder
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.book_backed import BookBacked
from hydra.risk.halt import Halt
from tests.execution.watched import AAPL, request, trade, until, watched

NOW = datetime(2012, 10, 2, 14, 0, tzinfo=UTC)
GATE = RiskGate({"halt": Halt(), "book_backed": BookBacked()})


def an_account(quantity, price, cost, cash="1000", **changes) -> Account:
    worth = Decimal(quantity) * Decimal(price)
    known = Account(
        "DU1",
        4002,
        "USD",
        Decimal(cash),
        Decimal(cash) + worth,
        {"AAPL": Decimal(quantity)} if Decimal(quantity) else {},
        {"AAPL": Decimal(price)} if Decimal(quantity) else {},
        average_costs={"AAPL": Decimal(cost)},
        con_ids={"AAPL": 265598},
        position_value=worth,
    )
    return replace(known, **changes)


def a_book(*quantities, cost="100", mark="100", external=0) -> State:
    return State(
        account="DU1",
        currency="USD",
        balances={"USD": Decimal(1000)},
        holdings={
            (f"s{n}", "AAPL"): Holding(Decimal(q), Decimal(cost)) for n, q in enumerate(quantities)
        },
        external={"AAPL": Decimal(external)} if external else {},
        instruments={"AAPL": AAPL},
        average_costs={"AAPL": Decimal(cost)},
        con_ids={"AAPL": 265598},
        mark=NavMarked(Decimal(11_000), Decimal(1000), Decimal(11_000), {"AAPL": Decimal(mark)}),
    )


# --- splits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "m", "held", "told"),
    [(2, 1, 100, 200), (1, 10, 100, 10), (1, 10, 119, 11), (3, 2, 100, 150), (7, 1, -30, -210)],
)
def test_position_cost_and_price_that_agree_are_a_split(n, m, held, told):
    price = Decimal(100) * m / n
    found = split_of(a_book(held), an_account(told, price, price), "AAPL")
    assert found is not None
    assert (found.numerator, found.denominator, found.quantity) == (n, m, told)


@pytest.mark.parametrize(
    ("price", "cost", "is_split"),
    [
        ("50", "50", True),
        ("50", "100", True),  # the average cost is refreshed later
        ("100", "50", True),  # the price is yesterday's
        ("100", "100", False),  # the same again was bought elsewhere
        ("97", "98.5", False),
    ],
)
def test_two_of_three_figures_must_agree(price, cost, is_split):
    found = split_of(a_book(100), an_account(200, price, cost), "AAPL")
    assert (found is not None) == is_split


def test_a_price_that_fell_without_a_change_of_the_position_is_no_split():
    assert split_of(a_book(100), an_account(100, "50", "100"), "AAPL") is None
    assert not unexplained(a_book(100), an_account(100, "50", "100"))


@given(
    ratio=st.sampled_from(RATIOS),
    held=st.integers(1, 100_000),
    drift=st.floats(0.97, 1.03),
    side=st.sampled_from([1, -1]),
)
def test_every_ratio_that_is_found_makes_the_account_s_position(ratio, held, drift, side):
    exact = Decimal(held) * ratio.numerator / ratio.denominator
    told = side * int(exact)
    price = Decimal(100) * ratio.denominator / ratio.numerator
    account = an_account(told, price * Decimal(str(drift)), price)
    found = split_of(a_book(side * held), account, "AAPL")
    if told:
        assert found is not None
        assert found.quantity == told
        units = Decimal(held) * found.numerator / found.denominator
        assert abs(units - abs(told)) < 1


# --- figures that are not of one moment ---------------------------------------------------------


def test_cash_that_lags_behind_a_purchase_contradicts_the_net_liquidation_value():
    late = an_account(100, "100", "100", cash="11000", net_liquidation=Decimal(11_000))
    assert "not of one moment" in contradiction(late)
    assert not contradiction(an_account(100, "100", "100"))
    assert not contradiction(replace(late, position_value=None))


def recorded(seq, event, minutes_ago=0) -> Recorded:
    time = NOW - timedelta(minutes=minutes_ago)
    return Recorded(seq, time, time, event)


def a_fill(exec_id, quantity, price) -> FillRecorded:
    return FillRecorded(
        Fill(exec_id, "s:1", "AAPL", Decimal(quantity), Decimal(price), NOW, "USD")
    )


def charged(exec_id, amount) -> CommissionRecorded:
    return CommissionRecorded(Commission(exec_id, Decimal(amount), "USD"))


@pytest.mark.parametrize(
    ("told", "lags"),
    [
        ("989", False),  # all of it is told: there is nothing to explain
        ("990", True),  # without the last charge
        ("1000", True),  # before the last fill
        ("1100", True),  # before both
        ("1050", False),
        ("1001", False),
    ],
)
def test_cash_lags_where_it_is_ours_of_some_minutes_ago(told, lags):
    late = [
        recorded(1, a_fill("1", 10, "10")),
        recorded(2, a_fill("2", 1, "10")),
        recorded(3, charged("2", "1")),
    ]
    assert cash_lags(late, owning(989), {"USD": Decimal(told)}, NOW) == lags


def owning(cash, **changes) -> State:
    return State(balances={"USD": Decimal(cash)}, **changes)


def test_what_was_executed_before_the_last_comparison_is_in_the_cash_however_late_it_was_told():
    late, theirs = [recorded(1, a_fill("1", 10, "10"))], {"USD": Decimal(1000)}
    compared = owning(900, cash_told_at=NOW + timedelta(seconds=1))
    assert cash_lags(late, owning(900), theirs, NOW)
    assert not cash_lags(late, compared, theirs, NOW)


def test_cash_that_lags_behind_a_bust_still_has_its_charge():
    old = a_fill("1.01", -40, "65.97").fill
    bust = FillCorrected(old, replace(old, exec_id="1.02", quantity=Decimal(0)), Decimal(1), "USD")
    late = [recorded(1, bust), recorded(2, charged("1.02", "0"))]
    assert cash_lags(late, owning(1000), {"USD": Decimal("3637.80")}, NOW)


def test_cash_does_not_lag_for_longer_than_a_cycle_of_account_values():
    late = [recorded(1, a_fill("1", 10, "10"), minutes_ago=6)]
    assert not cash_lags(late, owning(900), {"USD": Decimal(1000)}, NOW)


# --- what a person decides ----------------------------------------------------------------------


def contested(state: State, account: Account) -> State:
    return replace(state, contested=unexplained(state, account))


@pytest.mark.parametrize(
    ("books", "told", "to", "holdings", "external"),
    [
        ((100,), 150, "", {"s0": 100}, 50),  # still backed: the rest is nobody's
        ((100,), 40, "", {"s0": 40}, 0),
        ((100,), 0, "", {"s0": 0}, 0),
        ((100,), -30, "", {"s0": 0}, -30),
        ((100, 50), 75, "", {"s0": 50, "s1": 25}, 0),
        ((100, 50), 74, "", {"s0": 50, "s1": 24}, 0),
        ((100, 50), 120, "s1", {"s0": 100, "s1": 20}, 0),
        ((100,), 150, "s0", {"s0": 150}, 0),
    ],
)
def test_adopting_makes_books_and_external_units_the_account(books, told, to, holdings, external):
    account = an_account(told, "100", "100")
    state = contested(a_book(*books), account)
    event = adoption_of(state, account, "AAPL", Decision("me", "why", to))
    assert (dict(event.holdings), event.external) == (holdings, external)
    assert sum(event.holdings.values()) + event.external == told


def test_books_on_both_sides_need_a_person_to_name_one():
    account = an_account(0, "100", "100")
    state = contested(a_book(100, -50), account)
    with pytest.raises(BadParameter, match="--to"):
        adoption_of(state, account, "AAPL", Decision("me", "why"))
    with pytest.raises(UnknownName, match="did you mean 's0'"):
        adoption_of(state, account, "AAPL", Decision("me", "why", "s00"))
    with pytest.raises(UnknownName, match="contested position"):
        adoption_of(state, account, "IBM", Decision("me", "why"))


# --- through the gateway ------------------------------------------------------------------------


@asynccontextmanager
async def holding(tmp_path, quantity=100, timeout_s=5, **how):
    """A book of so many AAPL that has settled and was valued."""
    async with watched(tmp_path, gate=GATE, timeout_s=timeout_s, **how) as one:
        await trade(one, request(quantity=quantity))
        await one.supervisor.settle(5)
        await one.engine.mark()
        yield one


async def test_a_split_is_followed_in_book_cost_and_value(tmp_path):
    async with holding(tmp_path, 119) as one:
        before = one.engine.state
        one.operate(lambda by: by.split("AAPL", 1, 10, True))
        await one.engine.reconcile()
        (split,) = one.events(SplitApplied)
        state = one.engine.state
        assert (split.numerator, split.denominator, split.quantity) == (1, 10, 11)
        assert not state.contested
        assert state.quantity("AAPL", "s") == state.quantity("AAPL") == 11
        cost = before.holdings["s", "AAPL"].average_cost
        assert state.holdings["s", "AAPL"].average_cost == cost * 10
        assert state.instruments["AAPL"].con_id == split.con_id != AAPL.con_id
        mark = await one.engine.mark()
        assert abs(mark.nav - before.mark.nav) < 10  # what is left of a share was paid in cash


async def test_a_split_is_followed_once(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.split("AAPL", 2, 1))
        for _ in range(3):
            await one.engine.reconcile()
        assert len(one.events(SplitApplied)) == 1
        assert one.engine.state.quantity("AAPL", "s") == 200


async def test_a_reset_account_leaves_a_book_that_trades_nothing_until_a_person_decides(tmp_path):
    async with holding(tmp_path) as one:
        peak = one.engine.state.peak_nav
        one.operate(lambda by: by.reset(500_000))
        await one.engine.reconcile()
        state = one.engine.state
        assert state.unbacked == {"s"}
        assert not state.positions
        for quantity, step in ((10, 1), (-10, 2)):
            done = await trade(one, request(quantity=quantity, step=step))
            assert not done.orders
            assert "hydra adopt" in str(done.refusals[0])
        await one.engine.mark()
        assert one.engine.state.mark == state.mark  # a value that no trade made is not believed
        one.engine.record(EpochBegun("the account was reset", "a test"))
        await one.engine.reconcile()
        await one.engine.mark()
        state = one.engine.state
        assert not state.contested
        assert not state.positions
        assert state.peak_nav == state.opening_nav == 500_000 < peak
        assert (await trade(one, request(step=3))).orders


async def test_a_transfer_that_leaves_the_book_backed_holds_its_symbol_only(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.transfer("AAPL", 30))
        await one.engine.reconcile()
        assert list(one.engine.state.contested) == ["AAPL"]
        assert not one.engine.state.unbacked
        assert not (await trade(one, request(step=1))).orders
        account = one.engine.account
        event = adoption_of(one.engine.state, account, "AAPL", Decision("me", "moved in"))
        before = one.engine.state
        one.engine.record(event)
        await one.engine.reconcile()
        await one.engine.mark()
        after = one.engine.state
        assert (after.quantity("AAPL", "s"), after.external["AAPL"]) == (100, 30)
        moved = after.mark.nav - before.mark.nav
        assert moved == after.transfers > 2_000
        assert after.peak_nav - before.peak_nav == moved  # it is no profit
        assert (await trade(one, request(step=2))).orders


async def test_a_position_that_comes_back_by_itself_is_contested_no_more(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.transfer("AAPL", -30))
        await one.engine.reconcile()
        assert one.engine.state.contested
        one.operate(lambda by: by.transfer("AAPL", 30))
        await one.engine.reconcile()
        assert not one.engine.state.contested
        assert one.engine.state.quantity("AAPL", "s") == 100


async def test_what_is_traded_by_hand_is_external_and_contests_nothing(tmp_path):
    async with holding(tmp_path) as one:
        ib = IB()
        await ib.connectAsync("127.0.0.1", one.server.port, clientId=77)
        made = ib.placeOrder(Stock("AAPL", "SMART", "USD"), MarketOrder("BUY", 40))
        await made.filledEvent
        ib.disconnect()
        await one.engine.reconcile()
        state = one.engine.state
        assert len(one.events(ExternalFillRecorded)) == 1
        assert not state.contested
        assert (state.quantity("AAPL", "s"), state.external["AAPL"]) == (100, 40)
        await one.engine.reconcile()
        assert one.engine.state.external["AAPL"] == 40


async def test_a_position_that_was_closed_by_hand_leaves_a_book_that_is_not_backed(tmp_path):
    async with holding(tmp_path) as one:
        ib = IB()
        await ib.connectAsync("127.0.0.1", one.server.port, clientId=77)
        made = ib.placeOrder(Stock("AAPL", "SMART", "USD"), MarketOrder("SELL", 100))
        await made.filledEvent
        ib.disconnect()
        await one.engine.reconcile()
        state = one.engine.state
        assert state.positions == {}
        assert not (await trade(one, request(step=1))).orders
        one.engine.record(
            adoption_of(state, one.engine.account, "AAPL", Decision("me", "closed by hand"))
        )
        await one.engine.reconcile()
        assert one.engine.state.quantity("AAPL", "s") == 0
        assert not one.engine.state.external


@pytest.mark.parametrize("amount", [-200_000, 300_000])
async def test_a_withdrawal_is_no_loss_and_a_deposit_no_gain(tmp_path, amount):
    async with holding(tmp_path) as one:
        before = one.engine.state
        one.operate(lambda by: by.move_cash(amount))
        await one.engine.reconcile()
        await one.engine.mark()
        state = one.engine.state
        assert [e.is_transfer for e in one.events(CashMoved)] == [True]
        assert state.mark.nav - before.mark.nav == amount
        assert state.peak_nav - before.peak_nav == amount
        assert state.opening_nav - before.opening_nav == amount


async def test_a_dividend_is_income(tmp_path):
    async with holding(tmp_path) as one:
        before = one.engine.state
        one.operate(lambda by: by.move_cash(250))
        await one.engine.reconcile()
        await one.engine.mark()
        assert not one.events(CashMoved)
        assert one.engine.state.peak_nav - before.peak_nav == 250


async def test_an_account_that_is_not_ready_is_not_reconciled(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.set_ready(False))
        with pytest.raises(NotReconciled, match="AccountReady"):
            await one.engine.reconcile()
        with pytest.raises(NotReconciled):
            await trade(one, request(step=1)) if False else await one.engine.trade(
                [request(step=1)]
            )
        one.operate(lambda by: by.set_ready(True))
        await one.engine.reconcile()
        assert (await trade(one, request(step=1))).orders


async def test_cash_that_lags_behind_fills_is_neither_believed_nor_a_difference(tmp_path):
    async with watched(tmp_path, seed=seed_with(account_values="every_three_minutes")) as one:
        before = (await one.engine.mark()).nav
        await trade(one, request(quantity=4000))
        await one.supervisor.settle(5)
        await one.engine.reconcile()
        mark = await one.engine.mark()
        assert abs(mark.nav - before) < 1_000  # costs and the way of the price, and not 36 %
        assert not one.events(CashMoved)
        assert not [d for event in one.events(Reconciled) for d in event.differences]
        ours = one.engine.state.balances["USD"]
        assert ours < before - 200_000


async def test_what_filled_in_the_evening_before_a_restart_belongs_to_the_order_that_is_unknown(
    tmp_path,
):
    async with holding(tmp_path) as one:
        for message in ("openOrder", "orderStatus", "executionDetails", "commissionReport"):
            one.arm(on=message, do="lose", times=0)
        await trade(one, request(quantity=30, step=1))
        await until(lambda: len(one.wire) == 2)
        await one.engine.reconcile()
        known = one.engine.state
        assert list(known.unknown) == [request(step=1).order_ref]
        assert request(step=1).order_ref in known.contested["AAPL"].reason
        one.engine.record(
            adoption_of(known, one.engine.account, "AAPL", Decision("me", "it had filled"))
        )
        await one.engine.reconcile()
        state = one.engine.state
        assert (state.quantity("AAPL", "s"), state.external) == (130, {})
        assert not state.unknown
        assert not state.contested


@pytest.mark.parametrize("quantity", [30, 3000])
async def test_a_fill_that_is_told_late_leaves_peak_and_opening_as_if_it_had_come_in_time(
    tmp_path, quantity
):
    async with holding(tmp_path) as one:
        before = one.engine.state
        for message in ("openOrder", "orderStatus", "executionDetails", "commissionReport"):
            one.arm(on=message, do="lose", times=0)
        await trade(one, request(quantity=quantity, step=1))
        await until(lambda: len(one.wire) >= 2)
        await one.engine.reconcile()
        assert one.engine.state.contested
        one.server.world = FaultyExchange(one.server.exchange)
        for _ in range(3):
            await one.engine.reconcile()
        await one.engine.mark()
        state = one.engine.state
        assert not state.contested
        assert state.quantity("AAPL", "s") == 100 + quantity
        assert state.pending_cash == 0
        assert abs(state.transfers) < 5  # the charge of the fill
        assert abs(state.peak_nav - before.peak_nav) < 5


async def test_what_an_unknown_order_may_have_bought_is_contested_though_nothing_was_held(
    tmp_path,
):
    async with watched(tmp_path, gate=GATE, timeout_s=5) as one:
        await untold(one, request(quantity=30))
        state = one.engine.state
        assert request().order_ref in state.contested["AAPL"].reason
        assert not state.external
        assert not (await trade(one, request(quantity=30, step=1))).orders


async def untold(one, order):
    """An order that fills and of which nothing is told, until the books were compared."""
    for message in ("openOrder", "orderStatus", "executionDetails", "commissionReport"):
        one.arm(on=message, do="lose", times=0)
    filled = len(one.wire)
    await trade(one, order)
    await until(lambda: len(one.wire) > filled)
    await one.engine.reconcile()
    one.server.world = FaultyExchange(one.server.exchange)


@pytest.mark.parametrize("units", [-50, 10, 272, 328, 5000])
def test_whatever_differs_where_orders_may_have_filled_unheard_is_left_to_a_person(units):
    refs = [request(step=n).order_ref for n in range(3)]
    orders = [request(quantity=q, step=n) for n, q in enumerate((300, -28, 28))]
    state = State(
        instruments={"AAPL": AAPL},
        unknown={ref: WorkingOrder(o, NOW) for ref, o in zip(refs, orders, strict=True)},
        reconciled_at=NOW,
    )
    known = unexplained(state, an_account(units, "100", "100"))
    assert known["AAPL"].told == units
    named = [ref for ref in refs if ref in known["AAPL"].reason]
    assert named == (refs if -28 <= units <= 328 else [])


@pytest.mark.parametrize("quantities", [(300, -28), (272, 272)])
def test_units_that_orders_of_two_strategies_may_have_bought_go_to_the_one_that_is_named(
    quantities,
):
    unknown = {
        f"{who}:20121002:AAPL:0": WorkingOrder(replace(request(quantity=q), strategy=who), NOW)
        for who, q in zip("st", quantities, strict=True)
    }
    state = State(instruments={"AAPL": AAPL}, unknown=unknown, reconciled_at=NOW)
    account = an_account(272, "100", "100")
    state = replace(state, contested=unexplained(state, account))
    with pytest.raises(BadParameter, match=r"s, t.*--to"):
        adoption_of(state, account, "AAPL", Decision("me", "so"))
    assert adoption_of(state, account, "AAPL", Decision("me", "so", "s")).holdings == {"s": 272}


async def test_an_order_that_was_cancelled_with_a_part_filled_unheard_is_not_taken_for_settled(
    tmp_path,
):
    async with watched(tmp_path, gate=GATE, timeout_s=5) as one:
        ask = (await one.engine.broker.quotes([AAPL]))["AAPL"].ask
        large = replace(request(quantity=9000), order_type=OrderType.LIMIT, limit_price=ask)
        for message in ("executionDetails", "commissionReport"):
            one.arm(on=message, do="lose", times=0)
        await trade(one, large)
        await until(lambda: one.wire)
        assert 0 < Decimal(one.wire[0]["quantity"]) < 9000
        await one.engine.cancel(large.order_ref)
        await until(lambda: (one.engine.drain(), one.events(OrderEnded))[1])
        await one.engine.reconcile()
        state = one.engine.state
        assert list(state.unknown) == [large.order_ref]
        assert large.order_ref in state.contested["AAPL"].reason
        assert not state.external
        one.server.world = FaultyExchange(one.server.exchange)
        await one.engine.reconcile()
        state = one.engine.state
        assert not state.unknown
        assert not state.contested
        assert state.quantity("AAPL", "s") == sum(Decimal(e["quantity"]) for e in one.wire)
        assert not (await trade(one, large)).orders  # it ended, and is not sent again


async def test_a_fill_of_an_adopted_order_that_is_told_after_all_counts_once(tmp_path):
    async with holding(tmp_path) as one:
        await untold(one, request(quantity=30, step=1))
        account = one.engine.account
        one.engine.record(adoption_of(one.engine.state, account, "AAPL", Decision("me", "so")))
        for _ in range(2):
            await one.engine.reconcile()
        state = one.engine.state
        assert (state.quantity("AAPL", "s"), state.external, state.contested) == (130, {}, {})
        assert state.balances["USD"] == Decimal(one.server.exchange.state()["cash"])


async def test_a_mark_after_a_split_that_nobody_has_compared_yet_is_of_the_units_held(tmp_path):
    async with holding(tmp_path, 3000) as one:
        before = one.engine.state.mark.nav
        one.operate(lambda by: by.split("AAPL", 2, 1))
        assert abs((await one.engine.mark()).nav - before) < 500
        assert one.engine.state.quantity("AAPL", "s") == 6000


async def test_a_small_change_of_a_position_beside_a_fall_of_its_price_is_no_split(tmp_path):
    assert split_of(a_book(100), an_account(105, "97", "100"), "AAPL") is None
    assert split_of(a_book(100), an_account(105, "97", "95.24"), "AAPL") is not None


def test_a_figure_that_contradicts_a_split_leaves_it_to_a_person():
    """200 after a split of 100, of which 50 were sold before anybody compared."""
    assert split_of(a_book(50), an_account(150, "50", "50"), "AAPL") is None


async def test_a_contested_position_that_is_backed_does_not_blind_the_account_s_value(tmp_path):
    async with holding(tmp_path) as one:
        before = one.engine.state.mark.nav
        one.operate(lambda by: by.transfer("AAPL", 30))
        one.operate(lambda by: by.move_cash(-50_000))
        await one.engine.reconcile()
        mark = await one.engine.mark()
        assert one.engine.state.mark == mark
        assert abs(mark.nav - before) < 10


async def test_nothing_is_opened_by_anybody_while_one_book_is_not_backed(tmp_path):
    async with holding(tmp_path) as one:
        one.operate(lambda by: by.transfer("AAPL", -100))
        await one.engine.reconcile()
        (msft,) = (await one.engine.broker.qualify(["MSFT"])).values()
        other = replace(request(), strategy="t", instrument=msft, decision_price=Decimal(30))
        assert not (await trade(one, other)).orders


async def test_an_epoch_that_cannot_reach_the_gateway_changes_nothing(tmp_path):
    settings = Settings(gateway=Gateway(port=1), data=Data(tmp_path))
    with Journal.open(settings.journal_path):
        pass
    with pytest.raises(GatewayUnreachable):
        await begin_epoch(settings, "reset", "me")
    with Journal.open(settings.journal_path) as journal:
        assert not list(journal.read(kinds=[EpochBegun]))
