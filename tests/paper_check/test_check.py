"""The check of a paper account, against the simulated gateway: what it does, and each way in which
a gateway can fail it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Stock

from hydra import wiring
from hydra.domain.events import (
    FillRecorded,
    Halted,
    OrderAdmitted,
    OrderSubmitted,
    Resumed,
)
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import BadParameter
from hydra.gateway.values import Contract
from hydra.gateway.variants import seed_with
from hydra.journal.journal import Journal
from hydra.paper_check import reading
from hydra.paper_check.own_orders import OwnOrders
from hydra.paper_check.probe import Probe, WhatIfAnswer
from tests.paper_check.gateways import (
    READ_STEPS,
    SEND_STEPS,
    Listener,
    checked,
    gateway_at,
    is_flat,
    outcomes,
    reaching,
    result,
)

NOW = datetime(2013, 1, 14, 15, tzinfo=UTC)
WELL = dict.fromkeys([*READ_STEPS, *SEND_STEPS, "end"], "ok") | {"clock": "warning"}
"""A simulated gateway lives in another year, and its clock is told as such."""


@pytest.fixture
def gateway():
    with gateway_at() as opened:
        yield opened


def events(settings, *kinds):
    with Journal.read_only(settings.journal_path) as journal:
        return [record.event for record in journal.read(kinds=kinds)]


async def by_hand(gateway, symbol, order):
    """What somebody else does in the account, with a client of their own."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=7)
    trade = ib.placeOrder(Stock(symbol, "SMART", "USD"), order)
    while trade.orderStatus.status not in ("Submitted", "Filled"):
        await trade.statusEvent
    ib.disconnect()


# --- a gateway that is well ---------------------------------------------------------------------


async def test_a_gateway_that_is_well_passes_every_step_and_ends_flat(settings, gateway):
    report = await checked(reaching(settings, gateway))
    assert outcomes(report) == WELL
    assert (report.passed, report.left, report.refused) == (True, (), "")
    assert is_flat(gateway)
    done = gateway.state()["executions"]
    assert [e["quantity"] for e in done] == ["1", "-1"]
    assert all(e["order_ref"].startswith("paper_check:20130114:AAPL:") for e in done)


async def test_every_order_goes_through_gate_and_journal(settings, gateway):
    settings = reaching(settings, gateway)
    await checked(settings)
    admitted = {event.order_ref for event in events(settings, OrderAdmitted)}
    assert {event.ref for event in events(settings, OrderSubmitted)} == admitted
    assert len(admitted) == 6
    gate = set(wiring.build_gate(settings).checks)
    assert all(set(e.order.checks) == gate for e in events(settings, OrderAdmitted))


async def test_the_far_limit_has_the_configured_size_and_lies_inside_the_price_collar(
    settings, gateway
):
    settings = reaching(settings, gateway)
    report = await checked(settings)
    far = result(report, "far limit").facts
    assert result(report, "what-if").facts["bounded by"] == "weight of the sizing"
    with Journal.read_only(settings.journal_path) as journal:
        request = journal.find(f"order {far['order']}").order.request
    last = request.decision_price
    assert request.quantity == (Decimal(250_000) / last).to_integral_value("ROUND_FLOOR")
    assert last * Decimal("0.90") < request.limit_price < last * Decimal("0.95")


async def test_a_narrower_collar_brings_the_far_limits_nearer_and_all_goes_well(settings, gateway):
    settings = replace(settings, risk={"price_collar": {"limit_fraction": "0.02"}})
    report = await checked(reaching(settings, gateway))
    assert outcomes(report) == WELL


async def test_the_executions_that_are_told_again_after_a_logon_are_counted_once(
    settings, gateway
):
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert result(report, "reconnect").facts["executions told again"] == "2"
    assert len(events(settings, FillRecorded)) == 2


async def test_the_halt_is_journalled_and_lifted(settings, gateway):
    settings = reaching(settings, gateway)
    await checked(settings)
    assert [type(e) for e in events(settings, Halted, Resumed)] == [Halted, Resumed]


async def test_a_second_check_on_the_same_day_has_references_of_its_own(settings, gateway):
    settings = reaching(settings, gateway)
    await checked(settings)
    gateway.step("2013-01-14T15:05:00Z")
    report = await checked(settings)
    assert outcomes(report) == WELL
    assert len({e.order_ref for e in events(settings, OrderAdmitted)}) == 12
    assert is_flat(gateway)


async def test_it_asks_once_before_it_sends_anything_and_a_no_sends_nothing(settings, gateway):
    listener = Listener(answer=False)
    settings = reaching(settings, gateway)
    report = await checked(settings, listener)
    assert len(listener.questions) == 1
    assert "DU1234567" in listener.questions[0]
    assert "nothing was sent" in report.refused
    assert list(outcomes(report)) == READ_STEPS
    assert not events(settings, OrderAdmitted)


# --- positions and orders of others -------------------------------------------------------------


async def test_a_symbol_that_the_account_holds_is_left_for_another(settings, gateway):
    await by_hand(gateway, "AAPL", MarketOrder("BUY", 10))
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert result(report, "data").facts["symbol"] != "AAPL"
    assert report.passed
    assert [(p["symbol"], p["quantity"]) for p in gateway.state()["positions"]] == [("AAPL", "10")]


@pytest.mark.parametrize("held", [10, -10])
async def test_a_symbol_that_is_held_can_be_given_and_the_position_stays(settings, gateway, held):
    await by_hand(gateway, "AAPL", MarketOrder("BUY" if held > 0 else "SELL", abs(held)))
    report = await checked(reaching(settings, gateway), symbol="AAPL")
    assert outcomes(report) == WELL
    positions = gateway.state()["positions"]
    assert [(p["symbol"], p["quantity"]) for p in positions] == [("AAPL", str(held))]


async def test_an_order_of_somebody_else_works_on_through_the_whole_check(settings, gateway):
    await by_hand(gateway, "AAPL", LimitOrder("BUY", 3, 50))
    report = await checked(reaching(settings, gateway))
    assert outcomes(report) == WELL
    assert result(report, "data").facts["symbol"] != "AAPL"
    assert [o["quantity"] for o in gateway.state()["open_orders"]] == ["3"]


async def test_no_halt_is_tried_while_another_strategy_works_an_order(settings, gateway):
    settings = reaching(settings, gateway)
    async with wiring.open_engine(settings) as engine:
        ibm = (await engine.broker.qualify(["IBM"]))["IBM"]
        engine.daily_volume["IBM"] = Decimal(1_000_000)
        last = (await engine.broker.quotes([ibm]))["IBM"].last
        limit = ibm.round_price(last * Decimal("0.95"), Decimal(1))
        resting = OrderRequest("s", NOW.date(), ibm, Decimal(4), last, OrderType.LIMIT, limit)
        assert (await engine.trade([resting])).orders
    report = await checked(settings)
    assert "orders of other strategies work" in result(report, "halt").sentence
    assert not events(settings, Halted)
    assert [o["order_ref"] for o in gateway.state()["open_orders"]] == [resting.order_ref]


# --- refusals -----------------------------------------------------------------------------------


async def test_an_account_that_is_not_paper_is_refused(settings):
    with gateway_at(account="U1234567") as gateway:
        report = await checked(reaching(settings, gateway))
    assert "not a paper account" in report.refused
    assert not report.results


async def test_a_live_port_is_refused_before_anything_is_connected(settings):
    settings = replace(settings, gateway=replace(settings.gateway, port=4001))
    listener = Listener()
    report = await checked(settings, listener)
    assert "live ports" in report.refused
    assert not listener.begun


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2013-01-14T22:30:00Z", "It opens on 2013-01-15 at 09:30 EST (14:30 UTC), in 16 h 0 min"),
        ("2013-01-14T20:50:00Z", "closes within 15 minutes"),
        ("2013-01-19T12:00:00Z", "It opens on 2013-01-22 at 09:30 EST (14:30 UTC), in 3 d 2 h"),
    ],
)
async def test_outside_of_market_hours_it_says_when_the_market_opens(settings, time, words):
    with gateway_at(time) as gateway:
        settings = reaching(settings, gateway)
        report = await checked(settings)
    assert words in report.refused
    assert not events(settings, OrderAdmitted)


async def test_a_halt_refuses_the_check_and_is_not_lifted(settings):
    with Journal.open(settings.journal_path) as journal:
        journal.append(Halted("looks wrong", "me"), NOW)
    report = await checked(settings)
    assert "trading is halted: looks wrong (me)" in report.refused
    assert "hydra resume" in report.refused
    assert not events(settings, Resumed)


async def test_books_that_disagree_refuse_the_check_once_and_say_what_to_do(settings, gateway):
    settings = reaching(settings, gateway)
    await checked(settings, Listener(answer=False))
    await by_hand(gateway, "IBM", MarketOrder("BUY", 5))
    report = await checked(settings)
    assert "disagree" in report.refused
    assert "the journal says" in report.refused
    assert "start the check again" in report.refused
    assert not events(settings, OrderAdmitted)
    gateway.step("2013-01-14T15:05:00Z")
    assert (await checked(settings)).passed


async def test_a_position_that_is_contested_refuses_the_check_until_it_is_adopted(
    settings, gateway
):
    settings = reaching(settings, gateway)
    async with wiring.open_engine(settings) as engine:
        ibm = (await engine.broker.qualify(["IBM"]))["IBM"]
        engine.daily_volume["IBM"] = Decimal(1_000_000)
        assert (
            await engine.trade([OrderRequest("s", NOW.date(), ibm, Decimal(4), Decimal(166))])
        ).orders
        await engine.settle(5)
    gateway.transfer("IBM", -4)
    for _ in range(2):
        report = await checked(settings)
        assert "disagree" in report.refused
        assert "hydra adopt IBM" in report.refused
    assert len(events(settings, OrderAdmitted)) == 1


@pytest.mark.parametrize("symbol", ["ES.C", "EUR.USD"])
async def test_a_symbol_that_is_no_stock_is_refused_with_what_is_allowed(settings, symbol):
    with pytest.raises(BadParameter, match="one share of a stock"):
        await checked(settings, symbol=symbol)


# --- each way of failing ------------------------------------------------------------------------


async def test_no_gateway_fails_the_logon_and_says_what_to_set(settings):
    report = await checked(settings)
    assert outcomes(report)["logon"] == "failed"
    assert set(outcomes(report).values()) == {"failed", "skipped"}
    assert "HYDRA_GATEWAY_PORT" in result(report, "logon").remedy
    assert not report.passed


async def test_a_read_only_gateway_is_named_with_its_setting_and_gets_no_order(settings):
    with gateway_at(real=("read_only",)) as gateway:
        settings = reaching(settings, gateway)
        report = await checked(settings)
    failures = [r for r in report.results if r.outcome == "failed"]
    assert any("READ_ONLY_API" in r.remedy for r in failures)
    assert not events(settings, OrderSubmitted)


async def test_a_gateway_that_is_read_only_for_orders_gets_one_and_no_more(settings, gateway):
    gateway.arm({"on": "placeOrder", "nth": 2, "times": 0, "do": "say", "code": 321,
                 "instead": True})  # fmt: skip
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert 'READ_ONLY_API: "no"' in result(report, "far limit").remedy
    assert outcomes(report)["round trip"] == "skipped"
    assert len(events(settings, OrderSubmitted)) == 1
    assert outcomes(report)["end"] == "ok"


async def test_order_presets_that_refuse_the_size_name_the_bypass_and_the_rest_goes_on(settings):
    with gateway_at(real=("order_presets",)) as gateway:
        report = await checked(reaching(settings, gateway))
        assert is_flat(gateway)
    assert outcomes(report) == WELL | {"far limit": "failed"}
    assert "error 383" in result(report, "far limit").sentence
    assert "BYPASS_WARNING" in result(report, "far limit").remedy
    assert "far limit failed" in report.verdict


@pytest.mark.parametrize(
    ("code", "words"),
    [(451, "BYPASS_WARNING"), (109, "limit lies far from the market"), (201, "IB's text")],
)
async def test_a_refused_far_limit_is_explained_by_its_code(settings, gateway, code, words):
    gateway.arm({"on": "placeOrder", "nth": 2, "do": "say", "code": code, "text": "So it is.",
                 "instead": True})  # fmt: skip
    report = await checked(reaching(settings, gateway))
    far = result(report, "far limit")
    assert far.outcome == "failed"
    assert f"error {code}: So it is." in far.sentence
    assert words in far.remedy
    assert outcomes(report) == WELL | {"far limit": "failed"}


async def test_a_code_that_is_not_known_leaves_the_order_in_doubt_and_stops_further_ones(
    settings, gateway
):
    gateway.arm({"on": "placeOrder", "nth": 2, "do": "say", "code": 4999, "text": "So it is.",
                 "instead": True})  # fmt: skip
    settings = reaching(settings, gateway)
    report = await checked(settings)
    far = result(report, "far limit")
    assert "neither works the order nor ends it. It says 4999: So it is." in far.sentence
    assert "Nothing is known here" in far.remedy
    assert len(events(settings, OrderSubmitted)) == 1


@pytest.mark.parametrize(
    "may_do",
    [
        {"clock_s": 1.0, "wall_scale": 1.0},
        {"real": ("no_completed_orders",)},
        {"seed": seed_with(account_values="every_three_minutes")},
        {"seed": seed_with(account_values="with_the_trade", historical_farm="inactive")},
    ],
)
async def test_what_a_gateway_may_well_do_fails_no_step(settings, may_do):
    with gateway_at(**may_do) as gateway:
        report = await checked(reaching(settings, gateway))
        assert outcomes(report) == WELL
        assert is_flat(gateway)


async def test_an_order_without_any_answer_is_named_and_nothing_is_sent_beside_it(settings):
    with gateway_at(real=("confirmation_window",)) as gateway:
        settings = reaching(settings, gateway)
        report = await checked(settings)
    far = result(report, "far limit")
    assert "confirmation window" in far.sentence
    assert "VNC" in far.remedy
    (sent,) = events(settings, OrderSubmitted)
    assert [outcomes(report)[n] for n in ("round trip", "change", "halt")] == ["skipped"] * 3
    assert any(sent.ref in sentence for sentence in report.left)
    assert not report.passed


async def test_delayed_prices_are_told_and_the_gate_refuses_orders_on_them(settings):
    with gateway_at(real=("delayed_data",)) as gateway:
        settings = reaching(settings, gateway)
        report = await checked(settings)
    told = result(report, "data")
    assert told.outcome == "warning"
    assert "DELAYED" in told.sentence
    assert "10167" in told.facts["codes"]
    assert "allow = true" in told.remedy
    assert "own gate refuses" in result(report, "far limit").sentence
    assert not events(settings, OrderSubmitted)


async def test_delayed_prices_that_are_allowed_are_a_warning_and_orders_pass(settings):
    settings = replace(settings, risk={"delayed_data": {"allow": True}})
    with gateway_at(real=("delayed_data",)) as gateway:
        report = await checked(reaching(settings, gateway))
        assert is_flat(gateway)
    assert outcomes(report) == WELL | {"data": "warning"}
    assert "The gate allows orders on them" in result(report, "data").sentence


async def test_data_that_another_session_has_taken_are_named_with_the_code(settings, gateway):
    gateway.arm({"on": "tickPrice", "do": "take_over"})
    report = await checked(reaching(settings, gateway))
    told = result(report, "data")
    assert told.outcome in ("warning", "failed")
    assert "10197: another live session" in told.sentence
    assert "Log off the other session" in told.remedy


async def test_a_stock_without_a_price_ends_the_steps_that_need_one(settings, gateway):
    gateway.arm({"on": "tickPrice", "times": 0, "do": "lose"})
    settings = reaching(settings, gateway)
    listener = Listener()
    report = await checked(settings, listener)
    assert outcomes(report)["data"] == "failed"
    assert [outcomes(report)[n] for n in SEND_STEPS[:-1]] == ["skipped"] * 5
    assert not listener.questions
    assert outcomes(report)["reconnect"] == outcomes(report)["end"] == "ok"


async def test_prices_that_are_old_in_an_open_session_are_said_to_be_frozen(settings, gateway):
    async def quotes(self, instruments, short=()):
        told = await whole(self, instruments, short)
        return {s: replace(q, time=NOW.replace(hour=14)) for s, q in told.items()}

    from hydra.brokers.ib import IbBroker

    whole = IbBroker.quotes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IbBroker, "quotes", quotes)
        report = await checked(reaching(settings, gateway))
    assert "is 3,600 s old" in result(report, "data").sentence
    assert result(report, "data").outcome == "warning"


async def test_history_that_does_not_come_is_named_and_the_gate_refuses_orders(settings, gateway):
    gateway.arm({"on": "reqHistoricalData", "do": "lose"})
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert "bars of AAPL" in result(report, "history").sentence
    assert outcomes(report)["what-if"] == "ok"
    assert "mend the step 'history'" in result(report, "far limit").remedy
    assert not events(settings, OrderSubmitted)


async def test_a_what_if_without_an_answer_is_a_warning_and_orders_follow(settings, gateway):
    gateway.arm({"on": "openOrder", "do": "lose"})
    report = await checked(reaching(settings, gateway))
    assert outcomes(report) == WELL | {"what-if": "warning"}
    assert "gives no margin" in result(report, "what-if").sentence


async def test_a_what_if_may_come_without_a_commission(settings, gateway, monkeypatch):
    async def answer(self, request, timeout_s):
        return WhatIfAnswer(Decimal(1), Decimal(2), None)

    monkeypatch.setattr(Probe, "what_if", answer)
    report = await checked(reaching(settings, gateway))
    assert result(report, "what-if").outcome == "ok"
    assert "no commission told" in result(report, "what-if").sentence


async def test_values_that_are_not_ready_end_the_check_with_a_wait(settings, gateway):
    gateway.set_ready(False)
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert "not ready" in result(report, "account").sentence
    assert "wait some minutes" in result(report, "account").remedy
    assert outcomes(report)["round trip"] == "skipped"
    assert not events(settings, OrderAdmitted)


async def test_values_that_turn_unready_are_a_warning(settings, gateway, monkeypatch):
    monkeypatch.setattr(Probe, "account_ready", lambda self, account: "false")
    report = await checked(reaching(settings, gateway))
    assert "AccountReady is false" in result(report, "account").sentence
    assert result(report, "account").outcome == "warning"


async def test_a_stock_that_is_halted_fails_the_round_trip_and_leaves_no_order(settings, gateway):
    apple = Contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
    gateway.server.exchange.venue.real |= {"halted_stock"}
    halt = Listener(at="round trip", act=lambda: gateway.server.exchange.halt(apple))
    report = await checked(reaching(settings, gateway), halt)
    assert "is the stock halted?" in result(report, "round trip").sentence
    assert outcomes(report)["end"] == "ok"
    assert is_flat(gateway)


async def test_a_share_whose_sale_is_rejected_is_sold_at_the_end(settings, gateway):
    gateway.arm({"on": "placeOrder", "nth": 4, "do": "reject_order", "text": "Not now."})
    report = await checked(reaching(settings, gateway))
    assert "Not now." in result(report, "round trip").sentence
    assert outcomes(report) == WELL | {"round trip": "failed"}
    assert is_flat(gateway)
    assert [e["quantity"] for e in gateway.state()["executions"]] == ["1", "-1"]


async def test_a_share_is_not_sold_twice_while_the_fate_of_its_sale_is_unknown(settings, gateway):
    gateway.arm({"on": "placeOrder", "nth": 4, "do": "lose"})
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert outcomes(report)["end"] == "failed"
    assert any("may still do that" in sentence for sentence in report.left)
    assert len(events(settings, OrderSubmitted)) == 3
    assert [p["quantity"] for p in gateway.state()["positions"]] == ["1"]


async def test_a_commission_that_is_not_told_in_time_is_a_warning(settings, gateway):
    gateway.arm({"on": "commissionReport", "do": "lose"})
    report = await checked(reaching(settings, gateway))
    assert "a commission was not told" in result(report, "round trip").sentence
    assert result(report, "round trip").outcome == "warning"
    assert is_flat(gateway)


async def test_a_change_that_is_turned_down_fails_and_the_order_is_cancelled(settings, gateway):
    gateway.arm({"on": "placeOrder", "nth": 6, "do": "say", "code": 110, "instead": True})
    report = await checked(reaching(settings, gateway))
    assert "was not changed" in result(report, "change").sentence
    assert outcomes(report) == WELL | {"change": "failed"}
    assert is_flat(gateway)


async def test_a_cancel_that_is_not_confirmed_stops_further_orders(settings, gateway):
    gateway.arm({"on": "cancelOrder", "do": "lose"})
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert "the cancel was not confirmed" in result(report, "far limit").sentence
    assert outcomes(report)["round trip"] == "skipped"
    assert len(events(settings, OrderSubmitted)) == 1
    assert outcomes(report)["end"] == "ok"
    assert is_flat(gateway)


@pytest.mark.parametrize("nth", [2, 3, 4, 5])
async def test_a_connection_that_goes_at_an_order_fails_that_step_and_ends_flat(
    settings, gateway, nth
):
    gateway.arm({"on": "placeOrder", "nth": nth, "do": "disconnect"})
    report = await checked(reaching(settings, gateway))
    assert "failed" in outcomes(report).values() or report.passed
    assert outcomes(report)["end"] == "ok"
    assert is_flat(gateway)


async def test_a_halt_by_somebody_else_meanwhile_stays_and_the_check_still_ends_flat(
    settings, gateway, monkeypatch
):
    settings = reaching(settings, gateway)
    whole = OwnOrders.end

    async def end(self, ref):
        if (self.engine.halted or "").startswith("paper check"):
            self.engine.record(Halted("looks wrong", "me"))
        return await whole(self, ref)

    monkeypatch.setattr(OwnOrders, "end", end)
    report = await checked(settings)
    assert "Somebody else has halted" in result(report, "halt").sentence
    assert not events(settings, Resumed)
    assert is_flat(gateway)


async def test_a_breaker_that_halts_after_the_buy_does_not_keep_the_share(
    settings, gateway, monkeypatch
):
    settings = reaching(settings, gateway)
    whole = OwnOrders.end

    async def end(self, ref):
        answer = await whole(self, ref)
        if self.holdings():
            self.engine.record(Halted("a breaker", "breaker drawdown"))
        return answer

    monkeypatch.setattr(OwnOrders, "end", end)
    report = await checked(settings)
    assert is_flat(gateway)
    assert [e["quantity"] for e in gateway.state()["executions"]] == ["1", "-1"]
    assert outcomes(report)["round trip"] == "failed"
    assert not events(settings, Resumed)


# --- Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [*READ_STEPS[1:], *SEND_STEPS])
async def test_an_interruption_at_any_step_ends_flat_and_says_so(settings, gateway, step):
    stop = Listener(at=step, act=lambda: asyncio.current_task().cancel())
    report = await checked(reaching(settings, gateway), stop)
    assert report.interrupted
    assert report.left == ()
    assert stop.begun[-1] == "end"
    assert is_flat(gateway)


@pytest.mark.parametrize("wait", range(1, 12))
async def test_an_interruption_while_an_order_is_awaited_ends_flat(
    settings, gateway, monkeypatch, wait
):
    waits, whole = [], OwnOrders.until

    async def until(self, is_over, timeout_s=None):
        waits.append(is_over)
        if len(waits) == wait:
            asyncio.current_task().cancel()
        await asyncio.sleep(0)
        return await whole(self, is_over, timeout_s)

    monkeypatch.setattr(OwnOrders, "until", until)
    settings = reaching(settings, gateway)
    report = await checked(settings)
    assert report.interrupted
    assert report.left == ()
    assert is_flat(gateway)
    halts = events(settings, Halted, Resumed)
    assert len(halts) % 2 == 0


async def test_an_interruption_of_the_clean_up_says_what_may_be_left(
    settings, gateway, monkeypatch
):
    def stop_again():
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)

    class Impatient(Listener):
        def begins(self, number, step):
            if step.name in ("far limit", "end"):
                stop_again()

    report = await checked(reaching(settings, gateway), Impatient())
    assert report.interrupted
    assert "hydra orders" in report.left[0]


# --- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("off_s", "outcome"), [(1, "ok"), (-1, "ok"), (90, "warning")])
async def test_the_gateways_clock_is_held_against_this_machines(off_s, outcome):
    before, after = NOW, NOW.replace(second=1)
    told = datetime.fromtimestamp(NOW.timestamp() + off_s, UTC)
    check = SimpleNamespace(
        probe=SimpleNamespace(server_version=lambda: 178),
        compared_between=(before, after),
        market_time=told,
    )
    found = await reading.clock(check)
    assert found.outcome == outcome
    assert ("NTP" in found.remedy) == (outcome == "warning")


async def test_the_gateway_is_asked_for_the_time_no_more_often_than_its_engine_asks(
    settings, gateway, monkeypatch
):
    asked, whole = [], IB.reqCurrentTimeAsync

    def counted(self):
        asked.append(self)
        return whole(self)

    monkeypatch.setattr(IB, "reqCurrentTimeAsync", counted)
    await checked(reaching(settings, gateway), Listener(answer=False))
    assert len(asked) <= 2  # the logon's comparison, and that of the end where there is one
