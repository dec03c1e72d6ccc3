"""The order engine against a broker in memory: once, never past the gate, never unreconciled."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from hydra.brokers.memory import Memory
from hydra.domain.events import (
    CommissionRecorded,
    ConnectionChanged,
    FillRecorded,
    Halted,
    OrderAdmitted,
    OrderEnded,
    OrderRefused,
    Reconciled,
    SessionStarted,
    StrategySwitched,
)
from hydra.domain.instruments import Instrument
from hydra.domain.lifecycle import OrderState
from hydra.domain.orders import Commission, Fill, Order, OrderRequest, OrderType
from hydra.errors import GatewayUnreachable, JournalUnwritable, NotReconciled
from hydra.execution.engine import OrderEngine
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from hydra.risk.position_weight import PositionWeight
from hydra.risk.reduce_only import ReduceOnly

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)
AAPL = Instrument("AAPL")


def request(symbol="AAPL", quantity=10, **changes):
    return OrderRequest("s", DAY, Instrument(symbol), Decimal(quantity), Decimal(70), **changes)


@pytest.fixture
def broker():
    return Memory({"AAPL": Decimal(70), "IBM": Decimal(200)}, NOW)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


def engine_on(broker, journal):
    gate = RiskGate({"halt": Halt(), "position_weight": PositionWeight(Decimal("0.30"))})
    return OrderEngine(broker, journal, gate)


async def test_nothing_is_sent_before_journal_and_broker_were_compared(broker, journal):
    with pytest.raises(NotReconciled):
        await engine_on(broker, journal).trade([request()])
    assert not broker.done


async def test_an_order_is_in_the_journal_before_the_broker_sees_it(broker, journal, monkeypatch):
    seen = []
    submit = broker.submit

    async def watch(order):
        seen.append(journal.has(f"order {order.order_ref}"))
        return await submit(order)

    monkeypatch.setattr(broker, "submit", watch)
    engine = engine_on(broker, journal)
    await engine.start()
    await engine.trade([request()])
    assert seen == [True]


async def test_the_same_reference_is_sent_once_over_runs_and_engines(broker, journal):
    for _ in range(3):
        engine = engine_on(broker, journal)
        await engine.start()
        traded = await engine.trade([request()])
        await engine.settle(1)
    assert traded.repeated == (request().order_ref,)
    assert [fill.quantity for fill, _ in broker.done] == [10]
    assert engine.state.quantity("AAPL") == 10


async def test_after_settling_the_journal_holds_what_the_broker_holds_to_the_cent(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    await engine.trade([request(), request("IBM", -4)])
    assert await engine.settle(1) == ()
    mark = await engine.mark()
    assert engine.state.positions == broker.held
    assert engine.state.cash == broker.cash
    assert mark.nav == mark.net_liquidation


async def test_a_refused_request_is_journalled_and_never_reaches_the_broker(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    traded = await engine.trade([request(quantity=6000)])
    assert [o.check for r in traded.refusals for o in r.objections] == ["position_weight"]
    assert not broker.done
    assert [type(r.event) for r in journal.read(kinds=[OrderRefused])] == [OrderRefused]


async def test_orders_of_one_basket_are_judged_together_not_each_alone(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    basket = [request(quantity=4000), request(quantity=4000, step=1)]
    traded = await engine.trade(basket)
    assert (len(traded.orders), len(traded.refusals)) == (1, 1)


async def test_a_halt_stops_every_order_also_after_a_restart(broker, journal):
    journal.append(Halted("looks wrong", "me"), NOW)
    engine = engine_on(broker, journal)
    await engine.start()
    traded = await engine.trade([request()])
    assert "looks wrong" in str(traded.refusals[0])


async def test_a_strategy_that_is_switched_off_closes_and_opens_nothing(broker, journal):
    gate = RiskGate({"reduce_only": ReduceOnly()})
    engine = OrderEngine(broker, journal, gate)
    await engine.start()
    await engine.trade([request()])
    await engine.settle(1)
    journal.append(StrategySwitched("s", False, "looks wrong", "me"), NOW)
    more, less = request(step=1), request(quantity=-10, step=2)
    traded = await engine.trade([more, less])
    assert [order.order_ref for order in traded.orders] == [less.order_ref]
    assert "s is switched off: looks wrong (me)" in str(traded.refusals[0])
    journal.append(StrategySwitched("s", True, "looked into", "me"), NOW)
    assert len((await engine.trade([request(step=3)])).orders) == 1


@pytest.mark.parametrize(("held", "wanted"), [(10, -30), (-10, 30)])
async def test_a_position_that_may_not_be_turned_over_is_left_all_the_same(
    broker, journal, held, wanted
):
    gate = RiskGate({"reduce_only": ReduceOnly()})
    engine = OrderEngine(broker, journal, gate)
    await engine.start()
    await engine.trade([request(quantity=held)])
    await engine.settle(1)
    journal.append(StrategySwitched("s", False, "looks wrong", "me"), NOW)
    traded = await engine.trade([request(quantity=wanted, step=1)])
    await engine.settle(1)
    assert [r.request.quantity for r in traded.refusals] == [wanted]
    assert [order.request.quantity for order in traded.orders] == [-held]
    assert engine.state.quantity("AAPL") == 0
    again = await engine.trade([request(quantity=wanted, step=1)])
    assert not again.orders


async def test_fills_made_while_nobody_listened_are_recovered_once(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    limit = request(order_type=OrderType.LIMIT, limit_price=Decimal(69))
    await engine.trade([limit])
    await engine.broker.disconnect()
    broker.prices["AAPL"] = Decimal(68)
    broker.match()
    while not broker.events.empty():  # what was told to a dead socket is gone
        broker.events.get_nowait()
    later = engine_on(broker, journal)
    await later.start()
    await later.reconcile()
    assert later.state.quantity("AAPL", "s") == 10
    assert not later.state.working
    assert len(list(journal.read(kinds=[FillRecorded]))) == 1


async def test_a_working_order_is_not_sent_again_and_counts_for_the_limits(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    limit = request(quantity=4000, order_type=OrderType.LIMIT, limit_price=Decimal(69))
    await engine.trade([limit])
    later = engine_on(broker, journal)
    await later.start()
    traded = await later.trade([limit, request(quantity=4000, step=1)])
    assert traded.repeated == (limit.order_ref,)
    assert len(traded.refusals) == 1


async def test_what_the_account_holds_from_elsewhere_is_shown_and_left_alone(broker, journal):
    broker.held["IBM"] = Decimal(3)
    engine = engine_on(broker, journal)
    await engine.start()
    found = next(r.event for r in journal.read(kinds=[Reconciled]))
    assert "IBM" in found.differences[0]
    assert engine.state.external == {"IBM": 3}
    assert engine.state.quantity("IBM", "s") == 0


async def test_what_provably_never_left_is_sent_by_the_next_run_and_only_once(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    basket = [request(), request("IBM", 1)]
    await broker.disconnect()
    with pytest.raises(GatewayUnreachable):
        await engine.trade(basket)
    assert [o.state for o in engine.state.working.values()] == [OrderState.PENDING] * 2
    later = engine_on(broker, journal)
    await later.start()
    assert len((await later.trade(basket)).orders) == 2
    assert (await later.trade(basket)).repeated == tuple(r.order_ref for r in basket)
    await later.settle(1)
    assert sorted(fill.symbol for fill, _ in broker.done) == ["AAPL", "IBM"]


async def test_two_runs_that_both_find_an_unsent_order_send_it_once(broker, journal):
    first, second = engine_on(broker, journal), engine_on(broker, journal)
    await first.start()
    await broker.disconnect()
    with pytest.raises(GatewayUnreachable):
        await first.trade([request()])
    for engine in (first, second):
        await engine.start()
    judged = [e._judge([request()], await broker.quotes([AAPL])) for e in (first, second)]
    assert [len(j.orders) for j in judged] == [1, 0]


async def test_an_unsent_order_that_the_gate_now_refuses_has_ended(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    await broker.disconnect()
    with pytest.raises(GatewayUnreachable):
        await engine.trade([request()])
    journal.append(Halted("looks wrong", "me"), NOW)
    await engine.start()
    assert len((await engine.trade([request()])).refusals) == 1
    assert not engine.state.working
    assert not broker.done


async def test_an_unsent_order_ends_with_its_session(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    await broker.disconnect()
    with pytest.raises(GatewayUnreachable):
        await engine.trade([request()])
    journal.append(SessionStarted("s", date(2013, 1, 15), "DU0000001", {}), NOW)
    await engine.start()
    assert not engine.state.working


async def test_an_order_that_nobody_tells_of_is_unknown_and_never_sent_again(broker, journal):
    engine = await admitted_engine(broker, journal)
    await engine.reconcile()
    assert list(engine.state.unknown) == [request().order_ref]
    assert (await engine.trade([request()])).repeated == (request().order_ref,)
    assert not broker.done


async def test_an_unknown_order_is_waited_for_until_its_fill_is_told_or_the_time_is_up(
    broker, journal
):
    engine = await admitted_engine(broker, journal)
    await engine.reconcile()
    assert await engine.settle(0) == (request().order_ref,)
    for event in execution("a.b.c.01", 10, "70"):
        broker.events.put_nowait(event)
    assert await engine.settle(1) == ()
    assert engine.state.quantity("AAPL", "s") == 10


async def test_an_unknown_order_that_the_broker_turns_out_to_hold_works_again(broker, journal):
    engine = await admitted_engine(broker, journal)
    await engine.reconcile()
    order = Order(request(order_type=OrderType.LIMIT, limit_price=Decimal(69)), NOW, ())
    broker.resting[order.order_ref] = order
    await engine.reconcile()
    assert engine.state.working[order.order_ref].state is OrderState.ACKNOWLEDGED
    del broker.resting[order.order_ref]
    await engine.reconcile()
    assert list(engine.state.unknown) == [order.order_ref]
    broker.resting[order.order_ref] = order
    await engine.reconcile()
    await engine.cancel(order.order_ref)
    await engine.settle(1)
    assert not engine.state.working
    assert not engine.state.unknown


async def test_a_cancel_that_nobody_heard_is_learned_from_the_broker(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    limit = request(order_type=OrderType.LIMIT, limit_price=Decimal(69))
    await engine.trade([limit])
    await broker.cancel(limit.order_ref)
    while not broker.events.empty():  # what was told to a dead socket is gone
        broker.events.get_nowait()
    await engine.reconcile()
    ends = [r.event.outcome for r in journal.read(kinds=[OrderEnded])]
    assert ends == ["cancelled"]


async def test_orders_from_elsewhere_are_listed_and_left_alone(broker, journal):
    foreign = Order(request("IBM", 3), NOW, ())
    broker.resting["by hand"] = foreign
    engine = engine_on(broker, journal)
    await engine.start()
    assert "by hand" in engine.state.elsewhere[0]
    assert not engine.state.working
    assert "by hand" in broker.resting


async def test_a_basket_that_the_disk_does_not_take_sends_nothing(broker, journal, monkeypatch):
    engine = engine_on(broker, journal)
    await engine.start()
    append, left = journal.append, [1]

    def full_at_the_second(event, at):
        left[0] -= 1
        if left[0] < 0:
            raise JournalUnwritable("the disk is full")
        return append(event, at)

    monkeypatch.setattr(journal, "append", full_at_the_second)
    with pytest.raises(JournalUnwritable):
        await engine.trade([request(), request("IBM", 1)])
    monkeypatch.undo()
    assert not broker.done
    assert not engine.state.working
    with pytest.raises(NotReconciled):
        await engine.trade([request()])


async def test_each_strategy_has_its_own_profit_and_commissions(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    other = replace(request("AAPL", -4), strategy="t")
    await engine.trade([request(), other])
    await engine.settle(1)
    assert engine.state.charges == {"s": 1, "t": 1}
    assert engine.state.quantity("AAPL", "s") == 10
    assert engine.state.quantity("AAPL", "t") == -4
    assert engine.state.quantity("AAPL") == 6


def execution(exec_id, quantity, price, charge="1"):
    ref = request().order_ref
    fill = Fill(exec_id, ref, "AAPL", Decimal(quantity), Decimal(price), NOW)
    return FillRecorded(fill), CommissionRecorded(Commission(exec_id, Decimal(charge), "USD"))


async def admitted_engine(broker, journal):
    """An engine with one order of 10 AAPL that is out, and no fill of it yet."""
    engine = engine_on(broker, journal)
    await engine.start()
    engine.record(OrderAdmitted(Order(request(), NOW, ())))
    return engine


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (1, 0, 3, 2), (0, 2, 1, 3)])
async def test_a_corrected_execution_replaces_the_first_one_in_whatever_order_both_come(
    broker, journal, order
):
    engine = await admitted_engine(broker, journal)
    told = [*execution("a.b.c.01", 10, "70"), *execution("a.b.c.02", 10, "70.10", "1.5")]
    for place in order:
        engine.record(told[place])
    assert engine.state.quantity("AAPL", "s") == 10
    assert engine.state.cash == Decimal(1_000_000) - Decimal("701") - Decimal("1.5")
    assert not engine.state.working


async def test_a_revision_counts_although_the_first_was_never_told(broker, journal):
    engine = await admitted_engine(broker, journal)
    for event in execution("a.b.c.02", 10, "70.10"):
        engine.record(event)
    for event in execution("a.b.c.03", 0, "70.10", "0"):
        engine.record(event)
    for event in execution("a.b.c.01", 10, "70"):
        engine.record(event)
    assert engine.state.quantity("AAPL") == 0
    assert engine.state.cash == 1_000_000


async def test_a_bust_takes_the_trade_and_its_charge_back(broker, journal):
    engine = await admitted_engine(broker, journal)
    told = [*execution("a.b.c.01", 10, "70"), *execution("a.b.c.02", 0, "70", "0")]
    for event in told:
        engine.record(event)
    assert engine.state.quantity("AAPL") == 0
    assert engine.state.cash == 1_000_000
    assert not engine.state.uncharged


async def test_executions_of_others_change_nothing_of_ours(broker, journal):
    engine = engine_on(broker, journal)
    await engine.start()
    for event in execution("x.y.z.01", 10, "70"):
        assert not engine.record(event)
    assert engine.state.positions == {}


async def test_nothing_is_sent_while_the_exchange_is_out_of_reach_nor_before_the_next_comparison(
    broker, journal
):
    engine = engine_on(broker, journal)
    await engine.start()
    broker.events.put_nowait(ConnectionChanged(False, 1100, "Connectivity has been lost."))
    with pytest.raises(NotReconciled, match="1100"):
        await engine.trade([request()])
    with pytest.raises(NotReconciled, match="1100"):
        await engine.reconcile()
    broker.events.put_nowait(ConnectionChanged(True, 1102, "Connectivity has been restored."))
    with pytest.raises(NotReconciled):
        await engine.trade([request()])
    await engine.reconcile()
    assert len((await engine.trade([request()])).orders) == 1
