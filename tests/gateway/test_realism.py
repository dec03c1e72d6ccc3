"""Documented behaviours of real gateways, and how one may be set up so that less works."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Stock

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.embedded import stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.lanes import Lanes
from hydra.gateway.orders import OpenOrder
from hydra.gateway.pacing import HistoryPacing
from hydra.gateway.realism import ALL, BEHAVIOURS, BY_DEFAULT, TRADING
from hydra.gateway.server import GatewaySettings, answer_times, serve
from hydra.gateway.values import Contract
from hydra.gateway.variants import seed_with
from hydra.gateway.wall_clock import AnswerTimes, Lane
from tests.gateway.flow import APPLE, errors, order, statuses

STEPPED = stepped()


def started(*names, **settings):
    """An exchange with these behaviours and client 1."""
    exchange = shipped_exchange(ExchangeSettings(real=frozenset(names), **settings))
    exchange.connect(1, 178)
    return exchange


def of(posted, kind):
    """The responses of one kind."""
    return [response for _, response in posted if isinstance(response, kind)]


async def connected(gateway, **options):
    """An ib_async client of a gateway."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, **options)
    return ib


# --- the switches -------------------------------------------------------------------------------


def test_a_gateway_is_set_up_so_that_all_works_by_default(exchange):
    assert exchange.venue.real == frozenset()


@pytest.mark.parametrize("name", sorted(BY_DEFAULT))
def test_a_behaviour_that_was_a_switch_once_may_still_be_named(name):
    assert ExchangeSettings(real=frozenset({name})).real == frozenset()


def test_every_behaviour_names_its_source():
    assert set(BEHAVIOURS) == ALL
    for name, sentence in BEHAVIOURS.items():
        assert sentence.endswith(")."), name


def test_all_and_trading_are_groups_of_behaviours():
    assert ExchangeSettings(real=frozenset({"all"})).real == ALL
    assert ExchangeSettings(real=frozenset({"trading"})).real == TRADING
    assert {"read_only", "confirmation_window"} == ALL - TRADING


def test_an_unknown_behaviour_is_refused_with_the_nearest_one():
    with pytest.raises(SettingsError, match=r"'fractional_size' .* fractional_sizes"):
        ExchangeSettings(real=frozenset({"fractional_size"}))


def test_the_command_line_refuses_an_unknown_behaviour_with_the_nearest_one():
    command = [sys.executable, "-m", "hydra.gateway", "--port=0", "--real=read_onl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "read_only" in done.stderr


def test_a_gateway_that_resumes_kept_books_has_the_behaviours_of_its_own_start(tmp_path):
    from hydra.gateway.server import GatewayServer
    from hydra.gateway.state_file import write_state

    write_state(tmp_path / "books.json", started("read_only"))
    exchange = ExchangeSettings(real=frozenset({"delayed_data"}))
    settings = replace(STEPPED, state=tmp_path / "books.json", exchange=exchange)
    assert GatewayServer(settings).exchange.venue.real == {"delayed_data"}


# --- sizes --------------------------------------------------------------------------------------


def sizes(exchange, contract):
    (details,) = of(exchange.handle(1, ask.ReqContractDetails(1, contract)), say.ContractData)
    return details.minSize, details.sizeIncrement, details.suggestedSizeIncrement


SPY = Contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD")
SAP = Contract(symbol="SAP", secType="STK", exchange="IBIS", currency="EUR")


@pytest.mark.parametrize("contract", [APPLE, SPY])
def test_us_stocks_and_etfs_tell_fractional_sizes(contract):
    tiny = Decimal("0.0001")
    assert sizes(started(), contract) == (tiny, tiny, 100)


def test_stocks_abroad_tell_whole_sizes():
    assert sizes(started(), SAP) == (1, 1, 100)


def test_an_order_with_a_fraction_of_a_share_is_refused():
    posted = started().handle(1, order(1, size="1957.6329"))
    assert errors(posted) == [(1, 10243)]
    (error,) = of(posted, say.Error)
    assert error.text == (
        "Fractional-sized order cannot be placed via API. Please use desktop version to place "
        "this order."
    )


async def test_ib_async_reads_the_fractional_sizes():
    exchange = ExchangeSettings()
    async with await serve(replace(STEPPED, exchange=exchange)) as gateway:
        ib = await connected(gateway)
        (details,) = await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD"))
        told = (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement)
        assert told == (0.0001, 0.0001, 100)
        ib.disconnect()


# --- requests that are refused or not answered --------------------------------------------------


def test_completed_orders_are_never_answered():
    assert started().handle(1, ask.ReqCompletedOrders(False)) == [(1, say.CompletedOrdersEnd())]
    assert started("no_completed_orders").handle(1, ask.ReqCompletedOrders(False)) == []


def test_an_order_behind_a_confirmation_window_gets_no_answer_and_is_in_no_book():
    exchange = started("confirmation_window")
    assert exchange.handle(1, order(1)) == []
    assert exchange.handle(1, ask.ReqAllOpenOrders()) == [(1, say.OpenOrderEnd())]
    assert exchange.command("close") == []
    assert exchange.state()["executions"] == []


def test_a_confirmation_window_does_not_meet_a_what_if():
    posted = started("confirmation_window").handle(1, order(1, whatIf=True))
    assert [opened.status for opened in of(posted, OpenOrder)] == ["PreSubmitted"]


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        (ask.ReqOpenOrders(), -1),
        (ask.ReqAllOpenOrders(), -1),
        (ask.ReqAutoOpenOrders(True), -1),
        (ask.ReqCompletedOrders(False), -1),
        (ask.ReqGlobalCancel(), -1),
        (order(7), 7),
        (order(7, whatIf=True), 7),
        (ask.CancelOrder(7), 7),
    ],
)
def test_a_read_only_gateway_refuses_what_needs_write_access(request_, number):
    posted = started("read_only").handle(1, request_)
    assert errors(posted) == [(number, 321)]
    assert len(posted) == 1
    assert "currently in Read-Only mode" in posted[0][1].text


async def test_a_read_only_gateway_serves_a_client_that_connects_read_only():
    exchange = ExchangeSettings(real=frozenset({"read_only"}))
    async with await serve(replace(STEPPED, exchange=exchange)) as gateway:
        ib = await connected(gateway, readonly=True, raiseSyncErrors=True)
        told = []
        ib.errorEvent += lambda number, code, text, contract: told.append((number, code))
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        trade = ib.placeOrder(stock, MarketOrder("BUY", 1))
        await ib.reqUserInfoAsync()
        assert told == [(trade.order.orderId, 321)]
        assert gateway.exchange.state()["open_orders"] == []
        assert gateway.exchange.state()["positions"] == []
        ib.disconnect()


# --- order presets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "code", "text"),
    [
        ({"size": 501}, 383, 'The following order "ID:9" size exceeds the Size Limit of 500. '),
        ({"size": 500}, None, ""),
        (
            {"contract": SPY, "kind": "LMT", "size": 400, "lmtPrice": "250.01"},
            451,
            'The following order "ID:9" value estimate of 100,004 USD exceeds  the Total Value '
            "Limit of 100,000 USD. ",
        ),
        ({"kind": "LMT", "lmtPrice": "95.00"}, 109, "Price is out of the range defined by the "),
        ({"kind": "LMT", "lmtPrice": "88.00"}, None, ""),
        ({"kind": "LMT", "side": "SELL", "lmtPrice": "80.00"}, 109, "Price is out of the range"),
        ({"kind": "LMT", "lmtPrice": "10.00"}, None, ""),
        ({"size": 501, "whatIf": True}, None, ""),
    ],
)
def test_orders_beyond_the_presets_are_refused(terms, code, text):
    posted = started("order_presets").handle(1, order(9, **terms))
    refused = [e for e in of(posted, say.Error) if e.code in {383, 451, 109}]
    assert [e.code for e in refused] == ([] if code is None else [code])
    assert all(e.text.startswith(text) for e in refused)
    assert bool(of(posted, OpenOrder)) is (code is None)


def test_presets_are_off_by_default():
    assert statuses(started().handle(1, order(9, size=501)), 9)[-1] == "Filled"


def test_a_change_beyond_the_presets_leaves_the_order_as_it_is():
    exchange = started("order_presets")
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", size=10, tif="GTC"))
    posted = exchange.handle(1, order(1, "LMT", lmtPrice="50.00", size=600, tif="GTC"))
    assert errors(posted) == [(1, 383)]
    (working,) = exchange.orders.open_list
    assert working.terms.totalQuantity == 10


async def test_ib_async_hears_that_an_order_is_beyond_the_presets():
    exchange = ExchangeSettings(real=frozenset({"order_presets"}))
    async with await serve(replace(STEPPED, exchange=exchange)) as gateway:
        ib = await connected(gateway)
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        trade = ib.placeOrder(stock, LimitOrder("BUY", 1000, 60.0))
        await ib.reqUserInfoAsync()
        assert [entry.errorCode for entry in trade.log if entry.errorCode] == [383]
        assert gateway.exchange.state()["open_orders"] == []
        ib.disconnect()


# --- market data without a subscription ---------------------------------------------------------


def quotes(posted):
    """Price ticks by their type."""
    return {tick.tickType: tick.price for tick in of(posted, say.TickPrice)}


def test_without_a_subscription_live_ticks_are_refused():
    exchange = started("delayed_data")
    posted = exchange.handle(1, ask.ReqMktData(5, APPLE))
    assert errors(posted) == [(5, 354)]
    exchange.advance(exchange.venue.now + timedelta(minutes=1))
    assert of(exchange.command("close"), say.TickPrice) == []


def test_delayed_ticks_are_those_of_a_quarter_of_an_hour_ago():
    live, late = started(), started("delayed_data")
    later = live.venue.now + timedelta(minutes=30)
    live.advance(later)
    before = live.handle(1, ask.ReqMktData(5, APPLE))
    late.handle(1, ask.ReqMarketDataType(3))
    late.advance(later + timedelta(minutes=15))
    posted = late.handle(1, ask.ReqMktData(5, APPLE))
    assert errors(posted) == [(5, 10167)]
    assert [kind.marketDataType for kind in of(posted, say.MarketDataType)] == [3]
    known, told = quotes(before), quotes(posted)
    assert (told[66], told[67], told[68]) == (known[1], known[2], known[4])
    assert set(told) == {66, 67, 68, 72, 73, 75, 76}
    stamps = {tick.tickType: tick.value for tick in of(posted, say.TickString)}
    assert stamps == {88: {t.tickType: t.value for t in of(before, say.TickString)}[45]}
    assert {tick.tickType for tick in of(posted, say.TickSize)} == {69, 70, 71, 74}


def test_delayed_data_are_announced_once_a_request():
    exchange = started("delayed_data")
    exchange.handle(1, ask.ReqMarketDataType(3))
    exchange.handle(1, ask.ReqMktData(5, APPLE))
    more = exchange.advance(exchange.venue.now + timedelta(minutes=20))
    assert errors(more) == []
    assert 68 in quotes(more)


# --- the wall clock -----------------------------------------------------------------------------

BARS = ask.ReqHistoricalData(1, APPLE, False, "", "1 day", "1 Y", True, "TRADES", 1)


@pytest.mark.parametrize("is_fast", [True, False])
def test_answers_take_the_time_that_was_measured_and_none_where_the_gateway_is_fast(is_fast):
    seed = seed_with(historical_farm="inactive")
    settings = GatewaySettings(exchange=ExchangeSettings(seed=seed), is_fast=is_fast)
    times = answer_times(settings, shipped_exchange(settings.exchange))
    told = [times.judge(1, one, 0.0, 0).delay_s for one in (order(1), ask.ReqMarketRule(26), BARS)]
    assert told == ([0, 0, 0] if is_fast else [0.1, 0.1, 12])
    assert times.judge(1, replace(BARS, duration="2 Y"), 0, 0).delay_s == (0 if is_fast else 0.2)


def test_a_fast_gateway_throttles_and_paces_as_any_other():
    settings = GatewaySettings(
        exchange=ExchangeSettings(seed=seed_with(historical_pacing="all_bars")), is_fast=True
    )
    times = answer_times(settings, shipped_exchange(settings.exchange))
    assert not times.judge(1, ask.ReqCurrentTime(), 0, 0).is_unheard
    assert times.judge(1, ask.ReqCurrentTime(), 0.9, 0).is_unheard
    assert times.judge(1, BARS, 0, 0).instead is None
    assert times.judge(1, BARS, 14, 0).instead.code == 162


def test_answers_take_the_time_that_is_set():
    times = AnswerTimes(answer_s=0.1, history_s=0.5)
    assert times.judge(1, ask.ReqMarketRule(26), 0, 0).delay_s == 0.1
    assert times.judge(1, BARS, 0, 0).delay_s == 0.5
    assert AnswerTimes(answer_s=0.1).judge(1, BARS, 0, 0).delay_s == 0.1


def test_a_second_request_for_the_time_within_a_second_gets_no_answer():
    times = AnswerTimes()
    asked = [(1, 0.0), (1, 0.9), (2, 0.9), (1, 1.0), (1, 1.5), (1, 2.0)]
    heard = [
        not times.judge(client, ask.ReqCurrentTime(), wall, 0).is_unheard for client, wall in asked
    ]
    assert heard == [True, False, True, True, False, True]


def test_a_new_connection_is_told_the_time_at_once():
    times = AnswerTimes()
    times.judge(1, ask.ReqCurrentTime(), 0, 0)
    times.forget(1)
    assert not times.judge(1, ask.ReqCurrentTime(), 0.1, 0).is_unheard


def test_market_rules_take_three_seconds():
    verdict = AnswerTimes(frozenset({"slow_market_rules"})).judge(1, ask.ReqMarketRule(26), 0, 0)
    assert (verdict.lane, verdict.delay_s) == (Lane.RULES, 3)


def test_the_first_historical_request_of_a_connection_wakes_the_farm():
    times = AnswerTimes(history_s=0.5, sleeps=True)
    first = times.judge(1, BARS, 0, 0)
    assert first.delay_s == 12
    assert [error.code for error in first.ahead] == [2106]
    second = times.judge(1, replace(BARS, duration="2 Y"), 1, 1)
    assert (second.delay_s, second.ahead) == (0.5, ())
    assert times.judge(2, replace(BARS, duration="3 Y"), 1, 1).delay_s == 12
    times.forget(1)
    assert times.judge(1, replace(BARS, duration="4 Y"), 2, 2).delay_s == 12


def test_identical_historical_requests_within_fifteen_seconds_meet_pacing():
    times = AnswerTimes(pacing=HistoryPacing(small_bars_alone=False))
    times.judge(1, BARS, 0, 0)
    again = times.judge(1, replace(BARS, reqId=2), 14.9, 14)
    assert (again.instead.reqId, again.instead.code) == (2, 162)
    assert again.instead.text.endswith("Historical data request pacing violation")
    assert times.judge(1, replace(BARS, reqId=3), 15, 15).instead is None


def test_the_same_request_at_another_time_of_the_market_is_not_identical():
    times = AnswerTimes(pacing=HistoryPacing(small_bars_alone=False))
    times.judge(1, BARS, 0, 0)
    assert times.judge(1, replace(BARS, reqId=2), 0.1, 86_400).instead is None


def test_the_wall_seconds_of_behaviours_can_be_scaled():
    times = AnswerTimes(frozenset({"slow_market_rules"}), scale=0.01, sleeps=True)
    assert times.judge(1, BARS, 0, 0).delay_s == pytest.approx(0.12)
    assert times.judge(1, ask.ReqMarketRule(26), 0, 0).delay_s == pytest.approx(0.03)


async def test_ib_async_gets_one_answer_to_two_quick_requests_for_the_time():
    async with await serve(stepped(clock_s=1.0, wall_scale=1.0)) as gateway:
        ib = await connected(gateway)
        ib.client.reqCurrentTime()
        ib.client.reqCurrentTime()
        await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD"))
        told = [entry["name"] for entry in gateway.record.after(0)]
        assert (told.count("reqCurrentTime"), told.count("currentTime")) == (2, 1)
        ib.disconnect()


async def test_a_delayed_answer_does_not_hold_other_answers_up():
    exchange = ExchangeSettings(real=frozenset({"slow_market_rules"}))
    settings = replace(STEPPED, exchange=exchange, wall_scale=0.1)
    async with await serve(settings) as gateway:
        ib = await connected(gateway)
        rule = asyncio.ensure_future(ib.reqMarketRuleAsync(26))
        await ib.reqUserInfoAsync()
        assert not rule.done()
        assert [step.increment for step in await rule][-1] == 0.01
        ib.disconnect()


async def test_delayed_answers_keep_their_order_and_streams_stay_behind_them():
    async with await serve(stepped(is_fast=False, answer_ms=20)) as gateway:
        ib = await connected(gateway, raiseSyncErrors=True)
        (stock,) = await ib.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
        trade = ib.placeOrder(stock, MarketOrder("BUY", 10))
        limit = ib.placeOrder(stock, LimitOrder("BUY", 10, 50.0))
        seen = []
        ib.orderStatusEvent += lambda t: seen.append((t.order.orderId, t.orderStatus.status))
        assert await ib.reqCurrentTimeAsync() is not None
        assert (trade.orderStatus.status, limit.orderStatus.status) == ("Filled", "Submitted")
        ids = [number for number, _ in seen]
        assert ids == sorted(ids)
        ib.disconnect()


async def test_bars_that_are_cancelled_on_their_way_never_come():
    async with await serve(stepped(is_fast=False, answer_ms=0, history_ms=200)) as gateway:
        ib = await connected(gateway)
        told = []
        ib.errorEvent += lambda number, code, text, contract: told.append((number, code))
        stock = Stock("AAPL", "SMART", "USD")
        first = ib.reqHistoricalDataAsync(stock, "", "5 D", "1 day", "TRADES", useRTH=True)
        task = asyncio.ensure_future(first)
        await ib.reqUserInfoAsync()
        entries = gateway.record.after(0)
        (number,) = [e["fields"]["reqId"] for e in entries if e["name"] == "reqHistoricalData"]
        ib.client.cancelHistoricalData(number)
        assert len(await task) == 0
        assert told == [(number, 162)]
        again = await ib.reqHistoricalDataAsync(stock, "", "6 D", "1 day", "TRADES", useRTH=True)
        assert len(again) == 6
        ib.disconnect()


async def test_what_is_due_at_once_waits_behind_what_came_before_it_in_its_lane():
    released, done = [], asyncio.Event()
    lanes = Lanes(released.append, done.set)
    lanes.put("answer", Lane.ORDINARY, 0.01)
    lanes.put("stream")
    lanes.put("bars", Lane.HISTORY)
    assert released == ["bars"]
    await done.wait()
    assert released == ["bars", "answer", "stream"]


async def test_what_waits_for_a_connection_that_is_gone_is_never_sent():
    released, done = [], asyncio.Event()
    gone, other = Lanes(released.append, done.set), Lanes(released.append, done.set)
    gone.put("lost", Lane.ORDINARY, 0.001)
    other.put("heard", Lane.ORDINARY, 0.01)
    gone.close()
    await done.wait()
    assert released == ["heard"]


async def test_a_sleeping_farm_wakes_before_the_bars_come():
    exchange = ExchangeSettings(seed=seed_with(historical_farm="inactive"))
    settings = stepped(is_fast=False, exchange=exchange, wall_scale=0.002)
    async with await serve(settings) as gateway:
        ib, told = IB(), []
        ib.errorEvent += lambda number, code, text, contract: told.append(code)
        await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
        bars = await ib.reqHistoricalDataAsync(
            Stock("AAPL", "SMART", "USD"), "", "5 D", "1 day", "TRADES", useRTH=True
        )
        assert (len(bars), told) == (5, [2104, 2107, 2158, 2106])
        ib.disconnect()


# --- account values that lag --------------------------------------------------------------------


def account(exchange):
    """Values by key and currency, portfolio quantities, and the time of both."""
    posted = exchange.handle(1, ask.ReqAccountUpdates(True, ""))
    values = {(r.key, r.currency): r.value for r in of(posted, say.AccountValue)}
    held = {row.contract.symbol: row.position for row in of(posted, say.PortfolioValue)}
    (time,) = of(posted, say.AccountUpdateTime)
    return values, held, time.time


def test_after_a_fill_cash_and_net_liquidation_are_those_of_before_for_three_minutes():
    exchange = started(seed=seed_with(account_values="every_three_minutes"))
    exchange.advance(exchange.venue.now + timedelta(seconds=30))
    exchange.handle(1, order(1))
    for _ in range(2):
        values, held, time = account(exchange)
        assert held == {"AAPL": 100}
        assert values["NetLiquidation", "USD"] == values["TotalCashValue", "USD"] == "1000000.00"
        assert values["CashBalance", "USD"] == "1000000.00"
        assert time == "09:30"
        exchange.advance(exchange.venue.now + timedelta(seconds=60))
    exchange.advance(exchange.venue.now + timedelta(seconds=120))
    values, _, time = account(exchange)
    cash = Decimal(values["TotalCashValue", "USD"])
    stock = Decimal(values["StockMarketValue", "BASE"])
    assert cash < 992_000
    assert Decimal(values["NetLiquidation", "USD"]) == cash + stock
    assert time == "09:34"


def test_positions_are_of_now_while_values_lag():
    exchange = started(seed=seed_with(account_values="every_three_minutes"))
    exchange.handle(1, order(1))
    (row,) = of(exchange.handle(1, ask.ReqPositions()), say.Position)
    assert row.position == 100
    summary = exchange.handle(1, ask.ReqAccountSummary(3, "All", "TotalCashValue"))
    assert [row.value for row in of(summary, say.AccountSummary)] == ["1000000.00"]


def test_account_values_are_those_after_a_trade_at_once_where_the_variant_says_so():
    exchange = started(seed=seed_with(account_values="with_the_trade"))
    exchange.handle(1, order(1))
    assert Decimal(account(exchange)[0]["TotalCashValue", "USD"]) < 992_000


def test_whether_values_are_ready_does_not_lag():
    exchange = started()
    exchange.venue.ready_at = exchange.venue.seconds + 60
    assert account(exchange)[0]["AccountReady", ""] == "false"
