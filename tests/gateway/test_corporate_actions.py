"""Dividends, other symbols, delistings and splits: what an account shows, by clock and command."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from hydra.gateway.account_commands import act
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.listing import shipped_universe
from hydra.gateway.operator import Operator
from hydra.gateway.requests import (
    ReqAccountUpdates,
    ReqContractDetails,
    ReqHistoricalData,
    ReqMktData,
    ReqPositions,
)
from hydra.gateway.responses import (
    AccountValue,
    ContractData,
    HistoricalData,
    PortfolioValue,
    Position,
    TickPrice,
)
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.values import Contract
from hydra.gateway.variants import variant
from tests.gateway.flow import APPLE, errors, order, statuses

AAPL = 265598
NEW = 265_599_000
SEEDS = {
    answer: next(seed for seed in range(100) if variant(seed, "accrued_dividends") == answer)
    for answer in ("beside_net_liquidation", "in_net_liquidation")
}


def made(universe: str = "", seed: int = 0):
    """An exchange with client 1, 100 AAPL, and a GTC order of each of two symbols."""
    exchange = shipped_exchange(ExchangeSettings(universe=universe, seed=seed))
    exchange.connect(1, 178)
    exchange.handle(1, order(1))
    exchange.handle(1, order(2, "LMT", lmtPrice="1", tif="GTC"))
    other = Contract(symbol="MSFT", secType="STK", exchange="SMART", currency="USD")
    exchange.handle(1, order(3, "LMT", lmtPrice="1", tif="GTC", contract=other))
    exchange.handle(1, ReqPositions())
    return exchange


def values(exchange) -> dict[tuple[str, str], str]:
    """The account's values by tag and currency."""
    posted = exchange.handle(1, ReqAccountUpdates(True, ""))
    return {(r.key, r.currency): r.value for _, r in posted if isinstance(r, AccountValue)}


def held(exchange) -> dict[tuple[str, int], Decimal]:
    """What positions tell, by symbol and number."""
    posted = exchange.handle(1, ReqPositions())
    return {
        (r.contract.symbol, r.contract.conId): r.position
        for _, r in posted
        if isinstance(r, Position)
    }


def details(exchange, **named) -> list:
    """What a contract look-up finds; its errors when it finds nothing."""
    contract = Contract(**{"secType": "STK", "exchange": "SMART", "currency": "USD", **named})
    posted = exchange.handle(1, ReqContractDetails(90, contract))
    found = [r.conId for _, r in posted if isinstance(r, ContractData)]
    return found or [code for _, code in errors(posted)]


def bars(exchange, contract) -> int:
    """How many daily bars a week of history has."""
    request = ReqHistoricalData(91, contract, False, "", "1 day", "1 W", True, "TRADES", 1)
    posted = exchange.handle(1, request)
    return sum(len(r.bars) for _, r in posted if isinstance(r, HistoricalData))


def operator(exchange) -> Operator:
    """Whoever acts by hand."""
    return Operator(exchange)


# --- dividends ----------------------------------------------------------------------------------

DIVIDEND = f"""
[[dividend]]
con_id = {AAPL}
day = 2012-10-02
amount = 0.5
pay_day = 2012-10-04
"""


@pytest.mark.parametrize("answer", sorted(SEEDS))
def test_a_dividend_is_accrued_on_its_ex_date_and_paid_on_its_pay_date(answer):
    exchange = made(DIVIDEND, SEEDS[answer])
    cash = exchange.venue.account.cash["USD"]
    assert values(exchange)["AccruedDividend", "USD"] == "0.00"
    exchange.command("next_open")
    told = values(exchange)
    assert told["AccruedDividend", "USD"] == "50.00"
    assert told["NetDividend", "USD"] == told["NetDividend", "BASE"] == "50.00"
    assert exchange.venue.account.cash["USD"] == cash
    net = Decimal(told["NetLiquidation", "USD"])
    stock = Decimal(told["GrossPositionValue", "USD"])
    counted = 50 if answer == "in_net_liquidation" else 0
    assert net == Decimal(told["TotalCashValue", "USD"]) + stock + counted
    exchange.command("next_open")
    assert exchange.venue.account.cash["USD"] == cash
    exchange.command("next_open")
    assert exchange.venue.account.cash["USD"] == cash + 50
    assert exchange.venue.account.dividends == {"USD": 50}
    assert values(exchange)["AccruedDividend", "USD"] == "0.00"


def test_who_buys_on_the_ex_date_gets_no_dividend_and_who_is_short_owes_it():
    exchange = made(DIVIDEND)
    exchange.handle(1, order(4, side="SELL", size=300))
    exchange.command("next_open")
    exchange.handle(1, order(5, size=500))
    assert values(exchange)["AccruedDividend", "USD"] == "-100.00"


def test_a_dividend_cancels_no_order_and_reduces_none():
    exchange = made(DIVIDEND)
    posted = exchange.command("next_open")
    assert statuses(posted, 2) == []
    assert [o.limit for o in exchange.orders.open_list] == [1, 1]


def test_an_accrual_outlives_a_restart_of_the_gateway():
    exchange = made(DIVIDEND)
    exchange.command("next_open")
    again = resumed(json.loads(json.dumps(snapshot(exchange))))
    assert snapshot(again) == snapshot(exchange)
    for _ in range(2):
        again.command("next_open")
    assert again.venue.account.dividends == {"USD": 50}


def test_a_dividend_can_be_commanded_for_now_or_for_a_later_pay_date():
    exchange = made()
    cash = exchange.venue.account.cash["USD"]
    act(operator(exchange), {"symbol": "AAPL", "dividend": "0.25"})
    assert exchange.venue.account.cash["USD"] == cash + 25
    act(operator(exchange), {"symbol": "AAPL", "dividend": 1, "pay_day": "2012-10-03"})
    assert exchange.venue.account.accrued() == {"USD": 100}
    assert exchange.venue.account.cash["USD"] == cash + 25


# --- another symbol -----------------------------------------------------------------------------

RENAME = f'[[rename]]\ncon_id = {AAPL}\nday = 2012-10-02\nsymbol = "APPL"\n'


@pytest.mark.parametrize("number", [AAPL, NEW])
def test_a_position_goes_on_under_another_symbol_and_orders_end(number):
    exchange = made(RENAME + (f"new_con_id = {number}\n" if number != AAPL else ""))
    assert details(exchange, symbol="AAPL") == [AAPL]
    assert details(exchange, symbol="APPL") == [200]
    cost = exchange.venue.account.held(AAPL).average_cost
    posted = exchange.command("next_open")
    assert statuses(posted, 2) == ["Cancelled"]
    assert statuses(posted, 3) == []
    assert (held(exchange)["APPL", number], details(exchange, symbol="APPL")) == (100, [number])
    assert details(exchange, symbol="AAPL") == [200]
    assert exchange.venue.account.held(number).average_cost == cost
    told = [r for _, r in posted if isinstance(r, Position)]
    assert ("APPL", 100) in {(r.contract.symbol, r.position) for r in told}
    if number != AAPL:
        assert ("AAPL", 0) in {(r.contract.symbol, r.position) for r in told}
        assert details(exchange, conId=AAPL) == [200]


def test_the_history_of_an_instrument_that_was_renamed_goes_back_before_it():
    exchange = made(RENAME + f"new_con_id = {NEW}\n")
    before = bars(exchange, APPLE)
    exchange.command("next_open")
    renamed = Contract(symbol="APPL", secType="STK", exchange="SMART", currency="USD")
    assert bars(exchange, renamed) >= before > 3


def test_an_order_under_the_new_symbol_trades_and_outlives_a_restart():
    exchange = made(RENAME + f"new_con_id = {NEW}\n")
    exchange.command("next_open")
    renamed = Contract(symbol="APPL", secType="STK", exchange="SMART", currency="USD")
    exchange.handle(1, order(4, side="SELL", contract=renamed))
    exchange.handle(1, order(5, "LMT", lmtPrice="1", tif="GTC", contract=renamed))
    assert not held(exchange).get(("APPL", NEW))
    again = resumed(json.loads(json.dumps(snapshot(exchange))))
    assert snapshot(again) == snapshot(exchange)
    assert [o.terms.orderId for o in again.orders.open_list] == [3, 5]
    again.connect(1, 178)
    assert details(again, symbol="APPL") == [NEW]


def test_who_starts_after_a_renaming_knows_the_new_symbol_alone():
    late = shipped_exchange(ExchangeSettings(universe=RENAME, start=date(2012, 10, 3)))
    late.connect(1, 178)
    assert (details(late, symbol="APPL"), details(late, symbol="AAPL")) == ([AAPL], [200])
    assert snapshot(resumed(snapshot(late))) == snapshot(late)


def test_orders_of_a_renamed_stock_are_still_at_work_after_a_restart():
    exchange = shipped_exchange(ExchangeSettings(start=date(2022, 6, 8)))
    exchange.connect(1, 178)
    exchange.command("next_open")
    meta = Contract(symbol="META", secType="STK", exchange="SMART", currency="USD")
    exchange.handle(1, order(1, "LMT", lmtPrice="1", tif="GTC", contract=meta))
    assert len(resumed(snapshot(exchange)).orders.open_list) == 1


def test_another_symbol_can_be_commanded():
    exchange = made()
    told = act(operator(exchange), {"symbol": "AAPL", "rename": "APPL", "new_con_id": True})
    assert told["symbol"] == "APPL"
    assert told["con_id"] != AAPL
    assert held(exchange)["APPL", told["con_id"]] == 100
    assert snapshot(resumed(snapshot(exchange))) == snapshot(exchange)


# --- the end of trading -------------------------------------------------------------------------

DELISTING = f"[[delisting]]\ncon_id = {AAPL}\nday = 2012-10-02\n"


def test_a_delisted_stock_is_not_found_and_its_orders_end():
    exchange = made(DELISTING)
    posted = exchange.command("next_open")
    assert statuses(posted, 2) == ["Cancelled"]
    assert details(exchange, symbol="AAPL") == [200]
    assert details(exchange, conId=AAPL) == [200]
    assert errors(exchange.handle(1, order(4))) == [(4, 200)]
    assert errors(exchange.handle(1, ReqMktData(7, APPLE))) == [(7, 200)]


def test_a_delisted_position_stays_at_its_last_price_without_quotes():
    exchange = made(DELISTING)
    exchange.command("close")
    last = exchange.venue.mark(exchange.venue.instrument(AAPL))
    exchange.handle(1, ReqMktData(7, APPLE))
    for _ in range(3):
        posted = exchange.command("next_open")
    ticks = [r for _, r in posted if isinstance(r, TickPrice) and r.reqId == 7]
    assert not ticks
    assert held(exchange)["AAPL", AAPL] == 100
    posted = exchange.handle(1, ReqAccountUpdates(True, ""))
    (row,) = [r for _, r in posted if isinstance(r, PortfolioValue)]
    assert (row.position, row.marketPrice) == (100, last)


def test_holders_of_what_is_bought_for_cash_get_it_and_hold_nothing():
    exchange = made(DELISTING + "cash = 99.5\n")
    account = exchange.venue.account
    cash, cost = account.cash["USD"], account.held(AAPL).cost
    posted = exchange.command("next_open")
    assert account.cash["USD"] == cash + 9_950
    assert account.held(AAPL).realized == 9_950 - cost
    told = [r for _, r in posted if isinstance(r, Position)]
    assert [(r.contract.symbol, r.position) for r in told] == [("AAPL", 0)]
    assert not exchange.state()["positions"]
    assert len(exchange.state()["executions"]) == 1


def test_a_delisting_outlives_a_restart_and_can_be_commanded():
    exchange = made()
    act(operator(exchange), {"symbol": "AAPL", "delist": True})
    again = resumed(json.loads(json.dumps(snapshot(exchange))))
    assert snapshot(again) == snapshot(exchange)
    again.connect(1, 178)
    assert details(again, symbol="AAPL") == [200]
    assert held(again) == {("AAPL", AAPL): 100}


def test_an_older_state_file_learns_of_what_the_universe_lists():
    exchange = made(RENAME)
    exchange.command("next_open")
    state = snapshot(exchange)
    del state["changes"]
    for account in state["accounts"]:
        del account["accruals"]
    again = resumed({**state, "splits": []})
    assert again.venue.universe.get(AAPL).symbol == "APPL"


# --- nonsense -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ({"symbol": "AAPL", "rename": "MSFT"}, "MSFT is the symbol of"),
        ({"symbol": "AAPL", "rename": "a b"}, "'a b' is no symbol"),
        ({"symbol": "AAPL", "delist": True, "cash": -1}, "-1 is no amount that holders get"),
        ({"symbol": "AAPL", "delist": False}, "is no action"),
        ({"symbol": "AAPL", "dividend": 0}, "0 is no dividend"),
        ({"symbol": "AAPL", "dividend": 1, "pay_day": "soon"}, "'soon' is no day"),
        ({"symbol": "AAPL", "dividend": 1, "pay_day": "2012-09-03"}, "is before 2012-10-01"),
        ({"symbol": "SPX", "delist": True}, "only stocks"),
    ],
)
def test_nonsense_is_answered_in_a_sentence_and_changes_nothing(command, sentence):
    exchange = made()
    before = snapshot(exchange)
    with pytest.raises(SettingsError, match=sentence):
        act(operator(exchange), command)
    assert snapshot(exchange) == before


@pytest.mark.parametrize("table", ["rename", "delisting"])
def test_a_universe_that_changes_what_is_not_listed_is_refused(table):
    row = f'[[{table}]]\ncon_id = 1\nday = 2012-10-02\nsymbol = "X"\n'
    with pytest.raises(SettingsError, match=rf"\[\[{table}\]\] of 1: no instrument"):
        shipped_universe(row)
