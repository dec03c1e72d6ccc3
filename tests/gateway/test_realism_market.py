"""Behaviours of real gateways about halts, short sales, stale data, lots and crowded books."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from ib_async import IB, LimitOrder, Stock

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.embedded import EmbeddedGateway, stepped
from hydra.gateway.errors import SettingsError
from hydra.gateway.operator import FLOOD_CLIENT, Operator
from hydra.gateway.orders import OpenOrder
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import Contract
from hydra.gateway.variants import seed_with
from tests.gateway.flow import APPLE, errors, order, statuses, whys
from tests.gateway.test_control import fetch
from tests.gateway.test_operator import operate
from tests.gateway.test_realism import connected, of, quotes, started

TOYOTA = Contract(symbol="7203", secType="STK", exchange="TSEJ", currency="JPY")


def later(exchange, **span):
    """What clients hear in a span of market time."""
    return exchange.advance(exchange.venue.now + timedelta(**span))


def generic(posted):
    """Generic ticks by their type."""
    return {tick.tickType: tick.value for tick in of(posted, say.TickGeneric)}


# --- market data lines --------------------------------------------------------------------------


def test_the_hundred_and_first_stream_of_the_account_is_refused():
    exchange = started()
    exchange.connect(2, 178)
    for number in range(100):
        assert errors(exchange.handle(1 + number % 2, ask.ReqMktData(number, APPLE))) == []
    assert errors(exchange.handle(1, ask.ReqMktData(100, APPLE))) == [(100, 101)]
    exchange.handle(2, ask.CancelMktData(99))
    assert errors(exchange.handle(1, ask.ReqMktData(100, APPLE))) == []


# --- halted stocks ------------------------------------------------------------------------------


def test_followers_are_told_of_a_halt_at_once_and_new_ones_when_they_come():
    exchange = started()
    assert generic(exchange.handle(1, ask.ReqMktData(5, APPLE))) == {49: 0}
    assert generic(operate(exchange, lambda by: by.halt_stock("AAPL"))) == {49: 1}
    assert generic(exchange.handle(1, ask.ReqMktData(6, APPLE))) == {49: 1}
    assert generic(operate(exchange, lambda by: by.halt_stock("AAPL", False))) == {49: 0}


def test_a_halt_comes_as_late_as_all_else_without_a_subscription():
    exchange = started("delayed_data")
    exchange.handle(1, ask.ReqMarketDataType(3))
    later(exchange, minutes=30)
    assert generic(exchange.handle(1, ask.ReqMktData(5, APPLE))) == {90: 0}
    assert generic(operate(exchange, lambda by: by.halt_stock("AAPL"))) == {}
    assert generic(later(exchange, minutes=14)) == {}
    assert generic(later(exchange, minutes=1)) == {90: 1}


def test_an_order_in_a_halted_stock_is_accepted_and_fills_when_it_trades_again():
    exchange = started(seed=seed_with(halted_order="held"))
    operate(exchange, lambda by: by.halt_stock("AAPL"))
    posted = exchange.handle(1, order(1))
    assert (errors(posted), statuses(posted, 1)) == ([], ["PreSubmitted", "Submitted"])
    assert statuses(later(exchange, hours=1), 1) == []
    operate(exchange, lambda by: by.halt_stock("AAPL", False))
    assert statuses(later(exchange, minutes=1), 1)[-1] == "Filled"


def test_a_stop_in_a_halted_stock_waits_for_its_trigger():
    exchange = started(seed=seed_with(halted_order="held"))
    operate(exchange, lambda by: by.halt_stock("AAPL"))
    posted = exchange.handle(1, order(1, "STP", "SELL", auxPrice="90.00"))
    assert (errors(posted), statuses(posted, 1)) == ([], ["PreSubmitted"])
    assert statuses(later(exchange, hours=1), 1) == []


def test_a_halted_stock_takes_no_order_where_the_variant_says_so():
    exchange = started(seed=seed_with(halted_order="refused"))
    operate(exchange, lambda by: by.halt_stock("AAPL"))
    posted = exchange.handle(1, order(1))
    assert (errors(posted), statuses(posted, 1)) == ([(1, 154)], [])


def test_after_the_close_an_order_in_a_halted_stock_is_warned_as_any_other():
    exchange = started()
    exchange.command("close")
    operate(exchange, lambda by: by.halt_stock("AAPL"))
    assert errors(exchange.handle(1, order(1))) == [(1, 399)]


# --- short sales --------------------------------------------------------------------------------

BORROW = ask.ReqMktData(5, APPLE, genericTicks="233,236")


@pytest.mark.parametrize(("shares", "level"), [(None, 3), (1000, 3), (999, 2), (0, 2)])
def test_how_readily_shares_can_be_borrowed_is_told_on_request(shares, level):
    exchange = started()
    if shares is not None:
        operate(exchange, lambda by: by.set_shortable("AAPL", shares))
    posted = exchange.handle(1, BORROW)
    told = {tick.tickType: tick.size for tick in of(posted, say.TickSize)}
    assert (generic(posted)[46], told[89]) == (level, 10_000_000 if shares is None else shares)


def test_followers_hear_when_fewer_shares_can_be_borrowed():
    exchange = started()
    exchange.handle(1, BORROW)
    posted = operate(exchange, lambda by: by.set_shortable("AAPL", 500))
    assert generic(posted) == {46: 2}
    assert generic(later(exchange, minutes=1)) == {}


def test_nothing_is_told_of_borrowing_unasked():
    posted = started().handle(1, replace(BORROW, genericTicks="233"))
    assert 46 not in generic(posted)
    assert 89 not in {tick.tickType for tick in of(posted, say.TickSize)}


def test_a_short_sale_beyond_the_shares_to_lend_is_held_until_they_are_located():
    exchange = started()
    operate(exchange, lambda by: by.set_shortable("AAPL", 60))
    posted = exchange.handle(1, order(1, side="SELL"))
    assert errors(posted) == [(1, 404)]
    assert (statuses(posted, 1), whys(posted, 1)[-1]) == (["PreSubmitted"], "locate")
    assert statuses(later(exchange, hours=2), 1) == []
    posted = operate(exchange, lambda by: by.locate("AAPL"))
    assert statuses(posted, 1)[-1] == "Filled"
    assert whys(posted, 1)[0] == ""


def test_a_short_sale_within_the_shares_to_lend_trades():
    exchange = started()
    operate(exchange, lambda by: by.set_shortable("AAPL", 100))
    assert statuses(exchange.handle(1, order(1, side="SELL")), 1)[-1] == "Filled"


# --- stale data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "number", "after"), [(10197, 5, []), (2103, -1, [(-1, 2104)])])
def test_frozen_quotes_stay_old_while_the_market_is_open(code, number, after):
    exchange = started()
    before = quotes(exchange.handle(1, ask.ReqMktData(5, APPLE)))
    posted = operate(exchange, lambda by: by.freeze(True, code))
    assert errors(posted) == [(number, code)]
    assert quotes(later(exchange, hours=1)) == {}
    assert quotes(exchange.handle(1, ask.ReqMktData(6, APPLE))) == before
    posted = operate(exchange, lambda by: by.freeze(False, code))
    assert errors(posted) == after
    assert quotes(posted)[4] != before[4]


def test_a_freeze_by_another_code_is_refused():
    with pytest.raises(SettingsError, match="10197 or 2103"):
        Operator(started()).freeze(True, 2104)


def test_one_portfolio_row_has_no_price_until_the_second_download():
    exchange = started()
    exchange.handle(1, order(1))
    exchange.handle(1, order(2, contract=replace(APPLE, symbol="IBM")))
    operate(exchange, lambda by: by.zero_mark("AAPL"))
    told = []
    for _ in range(2):
        posted = exchange.handle(1, ask.ReqAccountUpdates(True, ""))
        rows = {row.contract.symbol: row for row in of(posted, say.PortfolioValue)}
        told.append((rows["AAPL"].marketPrice, rows["AAPL"].marketValue, rows["AAPL"].position))
        assert rows["IBM"].marketPrice > 0
    assert told[0] == (0, 0, 100)
    assert told[1][0] > 80
    assert told[1][1] > 8000


# --- orders that are in the book and do not work ------------------------------------------------


def test_an_inactive_order_stays_in_the_book_and_does_not_fill():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="86.00", tif="GTC"))
    assert statuses(operate(exchange, lambda by: by.inactivate("AAPL")), 1) == ["Inactive"]
    for _ in range(3):
        assert statuses(exchange.command("next_open"), 1) == []
        posted = exchange.handle(1, ask.ReqAllOpenOrders())
        assert [opened.status for opened in of(posted, OpenOrder)] == ["Inactive"]
        assert statuses(posted, 1) == ["Inactive"]


def test_an_inactive_order_may_work_again_and_fill():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", tif="GTC"))
    operate(exchange, lambda by: by.inactivate("AAPL"))
    assert statuses(operate(exchange, lambda by: by.activate("AAPL")), 1) == ["Submitted"]
    exchange.handle(1, order(1, "LMT", lmtPrice="95.00", tif="GTC"))
    assert [done.order.terms.orderId for done in exchange.orders.executions] == [1]


def test_an_inactive_order_is_met_by_no_other():
    exchange = started()
    price = str(exchange.venue.mark(exchange.only(APPLE)))
    exchange.handle(1, order(1, "LMT", "SELL", lmtPrice=price, tif="GTC"))
    operate(exchange, lambda by: by.inactivate("AAPL"))
    assert statuses(exchange.handle(1, order(2)), 2)[-1] == "Filled"
    assert [o.terms.orderId for o in exchange.orders.open_list] == [1]


def test_an_inactive_order_can_be_cancelled():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", tif="GTC"))
    operate(exchange, lambda by: by.inactivate("AAPL"))
    assert statuses(exchange.handle(1, ask.CancelOrder(1)), 1)[-1] == "Cancelled"
    assert exchange.orders.open_list == []


def test_a_book_may_hold_thousands_of_orders_of_another_client():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", tif="GTC"))
    assert operate(exchange, lambda by: by.flood(2000)) == []
    posted = exchange.handle(1, ask.ReqAllOpenOrders())
    opened = of(posted, OpenOrder)
    assert len(opened) == 2001
    assert len({o.permId for o in opened}) == 2001
    assert [o.clientId for o in opened].count(FLOOD_CLIENT) == 2000
    assert len(of(exchange.handle(1, ask.ReqOpenOrders()), OpenOrder)) == 1
    assert of(exchange.command("close"), say.ExecutionDetails) == []
    exchange.handle(1, ask.ReqGlobalCancel())
    assert exchange.orders.open_list == []


def test_a_restart_remembers_inactive_orders_floods_and_shares_to_lend():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", tif="GTC"))
    operate(exchange, lambda by: by.inactivate("AAPL"))
    operate(exchange, lambda by: by.flood(3))
    operate(exchange, lambda by: by.set_shortable("IBM", 5))
    again = resumed(json.loads(json.dumps(snapshot(exchange))))
    again.connect(1, 178)
    request = ask.ReqAllOpenOrders()
    assert again.handle(1, request) == exchange.handle(1, request)
    assert snapshot(again) == snapshot(exchange)


def test_a_state_from_before_orders_could_sleep_is_read():
    exchange = started()
    exchange.handle(1, order(1, "LMT", lmtPrice="50.00", tif="GTC"))
    state = json.loads(json.dumps(snapshot(exchange)))
    del state["lendable"]
    for row in state["orders"]:
        del row["sleeps"], row["shown_status"]
    assert [o.status for o in resumed(state).orders.open_list] == ["Submitted"]


# --- listings -----------------------------------------------------------------------------------


def test_an_exchange_s_lot_is_told_as_the_size_increment():
    (details,) = of(started().handle(1, ask.ReqContractDetails(1, TOYOTA)), say.ContractData)
    sizes = (details.minSize, details.sizeIncrement, details.suggestedSizeIncrement)
    assert sizes == (100, 100, 100)
    assert (details.currency, details.timeZoneId) == ("JPY", "Japan")


@pytest.mark.parametrize(
    ("size", "code", "text"),
    [(50, 388, "smaller than the minimum"), (150, 321, "Order size does not conform to market")],
)
def test_odd_lots_are_refused(size, code, text):
    posted = started().handle(1, order(1, size=size, contract=TOYOTA))
    assert errors(posted) == [(1, code)]
    assert text in posted[0][1].text


def test_whole_lots_trade_in_their_market_s_hours():
    exchange = started()
    posted = exchange.handle(1, order(1, size=300, contract=TOYOTA))
    assert (errors(posted), statuses(posted, 1)) == ([(1, 399)], ["PreSubmitted"])
    exchange.command("close")
    posted = later(exchange, hours=6)
    assert statuses(posted, 1)[-1] == "Filled"
    assert [str(done.quantity) for done in exchange.orders.executions] == ["300"]


async def test_a_symbol_with_a_space_is_found_by_its_symbol_alone(client):
    (details,) = await client.reqContractDetailsAsync(Stock("BRK B", "SMART", "USD"))
    contract = details.contract
    names = (contract.symbol, contract.localSymbol, contract.tradingClass)
    assert names == ("BRK B", "BRK B", "BRKB")
    assert await client.reqContractDetailsAsync(Stock("BRK.B", "SMART", "USD")) == []


# --- by the control port and embedded -----------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "command", "answer"),
    [
        ("/halt_stock", {"symbol": "AAPL", "halted": True}, {"symbol": "AAPL", "halted": True}),
        ("/shortable", {"symbol": "AAPL", "shares": 500}, {"symbol": "AAPL", "shares": 500}),
        ("/freeze", {"frozen": True}, {"frozen": True}),
        ("/freeze", {"frozen": False, "code": 2103}, {"frozen": False}),
        ("/zero_mark", {"symbol": "AAPL"}, {"symbol": "AAPL"}),
        ("/orders", {"inactivate": "AAPL"}, {"done": True}),
        ("/orders", {"activate": "AAPL"}, {"done": True}),
        ("/orders", {"locate": "AAPL"}, {"done": True}),
        ("/orders", {"flood": 5}, {"done": True}),
    ],
)
async def test_the_control_port_carries_these_commands_out(gateway, path, command, answer):
    assert await fetch(gateway, path, json.dumps(command)) == (200, answer)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/halt_stock", {"symbol": "AAPL"}),
        ("/shortable", {"symbol": "AAPL", "shares": -1}),
        ("/freeze", {"frozen": True, "code": 1100}),
        ("/zero_mark", {"symbol": "NOBODY"}),
        ("/orders", {"flood": 0}),
        ("/orders", {"flood": 1_000_000}),
        ("/orders", {"inactivate": "AAPL", "activate": "AAPL"}),
    ],
)
async def test_these_commands_are_refused_with_a_sentence(gateway, path, command):
    code, body = await fetch(gateway, path, json.dumps(command))
    assert code == 400
    assert body["error"]


async def test_an_embedded_gateway_carries_these_commands_out():
    settings = stepped()
    with EmbeddedGateway(settings) as gateway:
        gateway.halt_stock("AAPL")
        gateway.halt_stock("AAPL", halted=False)
        gateway.set_shortable("AAPL", 10)
        gateway.locate("AAPL")
        gateway.freeze(True)
        gateway.freeze(False)
        gateway.zero_mark("AAPL")
        ib = await connected(gateway)
        ib.placeOrder(Stock("AAPL", "SMART", "USD"), LimitOrder("BUY", 10, 50.0, tif="GTC"))
        await ib.reqOpenOrdersAsync()
        gateway.flood(3)
        gateway.inactivate("AAPL")
        rows = [row["status"] for row in gateway.state()["open_orders"]]
        assert sorted(rows) == ["Inactive", "Submitted", "Submitted", "Submitted"]
        gateway.activate("AAPL")
        assert {row["status"] for row in gateway.state()["open_orders"]} == {"Submitted"}
        ib.disconnect()


async def test_ib_async_sees_the_orders_of_others_in_a_crowded_book(gateway):
    gateway.operate(lambda by: by.flood(500))
    ib: IB = await connected(gateway)
    assert len(await ib.reqAllOpenOrdersAsync()) == 500
    assert ib.client.getReqId() < 10_000
    ib.disconnect()
