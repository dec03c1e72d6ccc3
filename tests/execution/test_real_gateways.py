"""The order path on a gateway that behaves as real ones are documented to."""

import pytest

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import ConnectionChanged, OrderEnded, Warned
from hydra.errors import BrokerError, GatewayUnreachable, NotPaperAccount, ReadOnlyGateway
from hydra.execution.engine import OrderEngine
from hydra.execution.halting import HaltOrder, halt
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import parse_fault
from hydra.gateway.realism import ALL
from hydra.gateway.server import serve
from hydra.ib.connection import check_accounts
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate, shipped_gate
from hydra.risk.halt import Halt
from tests.execution.watched import heard, request, resting, trade, until, watched

TAKES_ORDERS = ALL - {"confirmation_window", "read_only", "order_presets"}


async def test_a_clock_that_answers_once_a_second_stops_nobody(tmp_path):
    async with watched(tmp_path, timeout_s=5, clock_s=1.0, wall_scale=1.0) as one:
        for step in range(3):
            await trade(one, request(step=step))
            await one.engine.mark()
            await one.engine.reconcile()
        assert not one.events(ConnectionChanged)
        assert len(one.wire) == 3
        assert heard(one, "reqCurrentTime") < 10


async def test_a_whole_session_of_orders_works_with_all_behaviours_together(tmp_path):
    async with watched(tmp_path, real=TAKES_ORDERS, timeout_s=5) as one:
        await trade(one, *(request(quantity=100, step=step) for step in range(3)))
        await one.supervisor.settle(5)
        await one.engine.reconcile()
        await one.engine.mark()
        assert one.engine.state.quantity("AAPL", "s") == 300
        assert one.supervisor.restored == 0


async def test_completed_orders_that_are_never_told_of_are_asked_for_once_and_said(tmp_path):
    async with watched(tmp_path, real=["no_completed_orders"]) as one:
        for _ in range(3):
            await one.engine.reconcile()
        assert heard(one, "reqCompletedOrders") == 1
        said = [w.text for w in one.events(Warned) if "completed orders" in w.text]
        assert len(said) == 1
        assert "stay unknown" in said[0]
        assert (await trade(one, request())).orders


async def test_a_connection_that_was_lost_is_not_taken_for_a_gateway_that_tells_no_ends(tmp_path):
    async with watched(tmp_path) as one:
        one.arm(on="reqCompletedOrders", do="disconnect", before=True)
        with pytest.raises(GatewayUnreachable):
            await one.engine.broker.ended_orders()


async def test_a_read_only_gateway_is_named_with_the_setting_and_still_gives_data(tmp_path):
    async with await real_gateway(real=frozenset({"read_only"})) as server:
        broker = IbBroker(Gateway(port=server.port, timeout_s=5))
        with pytest.raises(ReadOnlyGateway, match=r"321.*READ_ONLY_API"):
            await broker.connect()
        await broker.connect(to_trade=False)
        assert (await broker.qualify(["AAPL"]))["AAPL"].con_id
        await broker.disconnect()


def real_gateway(**exchange):
    settings = stepped(exchange=ExchangeSettings(**exchange))
    return serve(settings)


async def test_a_request_of_the_logon_that_stays_unanswered_is_named(tmp_path):
    async with await real_gateway() as server:
        server.world.arm(parse_fault({"on": "reqOpenOrders", "do": "lose"}))
        broker = IbBroker(Gateway(port=server.port, timeout_s=0.3))
        with pytest.raises(GatewayUnreachable, match="does not tell of open orders"):
            await broker.connect()


async def test_an_order_without_any_answer_is_named_and_never_sent_again(tmp_path):
    async with watched(tmp_path, real=["confirmation_window"]) as one:
        await trade(one, request())
        assert await one.supervisor.settle(0.2) == (request().order_ref,)
        (end,) = one.events(OrderEnded)
        assert end.outcome == "unknown"
        assert "confirmation window" in end.reason
        assert (await trade(one, request())).repeated == (request().order_ref,)
        await one.engine.reconcile()
        assert heard(one, "placeOrder") == 1


@pytest.mark.parametrize(("quantity", "code"), [(501, 383)])
async def test_what_order_presets_refuse_ends_as_rejected_with_the_code(tmp_path, quantity, code):
    async with watched(tmp_path, real=["order_presets"]) as one:
        await trade(one, request(quantity=quantity))
        await one.supervisor.settle(2)
        (end,) = one.events(OrderEnded)
        assert end.outcome == "rejected"
        assert f"error {code}" in end.reason


@pytest.mark.parametrize(
    ("offered", "wanted", "kind", "words"),
    [
        (["U1"], "", NotPaperAccount, "account U1"),
        (["U1", "DU2"], "", NotPaperAccount, "would reach it"),
        (["U1", "DU2"], "DU2", NotPaperAccount, "would reach it"),
        (["DF1", "DU2"], "", BrokerError, "name the one to trade"),
        (["DU1", "DU2"], "DU3", BrokerError, "did you mean"),
        ([], "", GatewayUnreachable, "half-way"),
    ],
)
def test_accounts_are_judged_at_logon(offered, wanted, kind, words):
    with pytest.raises(kind, match=words):
        check_accounts(offered, Gateway(account=wanted))


def test_one_paper_account_of_several_is_taken_by_its_name():
    check_accounts(["DF1", "DU2"], Gateway(account="DU2"))
    check_accounts(["DU2"], Gateway())


@pytest.mark.parametrize("port", [4001, 4003, 7496])
async def test_a_live_port_is_refused_before_anything_is_sent(port):
    with pytest.raises(NotPaperAccount, match=str(port)):
        await IbBroker(Gateway(port=port)).connect()


async def test_orders_and_executions_of_another_account_are_not_ours(tmp_path):
    """The same login, two paper accounts, and an order reference that is in our journal."""
    async with await real_gateway(account="DU1,DU2") as server:
        with Journal.open(tmp_path / "journal.db") as journal:
            ours = engine_on(server, journal, "DU1")
            await ours.start()
            await ours.trade([resting()])
            await until(lambda: server.exchange.state()["open_orders"])
            other = IbBroker(Gateway(port=server.port, timeout_s=2, account="DU2"))
            await other.connect()
            assert await other.held_orders() == []
            swept = await other.cancel_all(lambda ref: journal.has(f"order {ref}"))
            assert (swept.ended, len(swept.spared)) == ((), 1)
            assert server.exchange.state()["open_orders"]
            await other.disconnect()
            await ours.broker.disconnect()


def engine_on(server, journal, account="") -> OrderEngine:
    broker = IbBroker(Gateway(port=server.port, timeout_s=5, account=account))
    return OrderEngine(broker, journal, RiskGate({"halt": Halt()}))


@pytest.mark.parametrize("real", [frozenset(), TAKES_ORDERS, frozenset({"delayed_data"})])
async def test_a_halt_that_flattens_leaves_no_position_whatever_the_gateway_leaves_out(
    tmp_path, real
):
    async with watched(tmp_path, real=real, timeout_s=5) as one:
        await trade(one, request(quantity=300), request(quantity=5, step=1))
        await one.supervisor.settle(5)
        assert one.server.exchange.state()["positions"]
        path = one.engine.journal.path
        broker = IbBroker(Gateway(port=one.server.port, timeout_s=5))
        order = HaltOrder("a test", "a test", flatten=True, settle_s=10)
        outcome = await halt(path, broker, shipped_gate(), order)
        assert outcome.whole, outcome.sentences
        assert not [p for p in one.server.exchange.state()["positions"] if p["quantity"] != "0"]


async def test_a_gateway_that_tells_no_time_does_not_keep_a_halt_from_flattening(tmp_path):
    async with watched(tmp_path, timeout_s=5) as one:
        await trade(one, request(quantity=300))
        await one.supervisor.settle(5)
        one.arm(on="reqCurrentTime", do="lose", times=0)
        broker = IbBroker(Gateway(port=one.server.port, timeout_s=5))
        order = HaltOrder("a test", "a test", flatten=True, settle_s=10)
        gate = RiskGate({"halt": Halt()})
        outcome = await halt(one.engine.journal.path, broker, gate, order)
        assert outcome.whole, outcome.sentences


async def test_an_inactive_order_that_the_book_holds_is_open_and_may_work_again(tmp_path):
    async with watched(tmp_path, timeout_s=2) as one:
        await trade(one, resting())
        await until(lambda: one.server.exchange.state()["open_orders"])
        one.operate(lambda by: by.inactivate("AAPL"))
        await one.engine.reconcile()
        assert one.engine.works(resting().order_ref)
        swept = await one.engine.broker.cancel_all(one.engine.works)
        assert swept.ended == (resting().order_ref,)
        assert not one.server.exchange.state()["open_orders"]


async def test_a_book_with_thousands_of_orders_of_others_keeps_nobody_from_ending_ours(tmp_path):
    async with watched(tmp_path, timeout_s=10) as one:
        one.operate(lambda by: by.flood(2_000))
        await one.engine.reconcile()
        await trade(one, resting())
        await until(lambda: len(one.server.exchange.state()["open_orders"]) > 2_000)
        swept = await one.engine.broker.cancel_all(one.engine.works)
        assert swept.ended == (resting().order_ref,)
        assert len(swept.spared) == 2_000
        assert heard(one, "reqAllOpenOrders") < 12


async def test_a_mark_of_zero_is_none_and_trips_no_breaker(tmp_path):
    async with watched(tmp_path, timeout_s=2) as one:
        await trade(one, request(quantity=300))
        await one.supervisor.settle(5)
        before = (await one.engine.mark()).nav
        one.operate(lambda by: by.zero_mark("AAPL"))
        await one.engine.reconcile()
        assert abs((await one.engine.mark()).nav - before) < 100


async def test_a_row_of_the_portfolio_that_is_lost_once_contests_nothing(tmp_path):
    async with watched(tmp_path, timeout_s=2) as one:
        await trade(one, request(quantity=300))
        await one.supervisor.settle(5)
        one.arm(on="portfolioValue", do="lose")
        await one.engine.reconcile()
        assert not one.engine.state.contested
        assert one.engine.state.positions == {"AAPL": 300}
