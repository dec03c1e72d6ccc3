"""What contract details and the search for symbols tell, as recorded from real gateways."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.identifiers import check_digit, cusip_of, is_isin, isin_of
from hydra.gateway.listing import shipped_universe
from hydra.gateway.requests import ReqContractDetails, ReqMatchingSymbols, ReqPositions
from hydra.gateway.responses import ContractData, Position, SymbolSamples
from hydra.gateway.snapshot import resumed, snapshot
from hydra.gateway.universe import STOCK_EXCHANGES
from hydra.gateway.values import Contract, TagValue
from tests.gateway.flow import APPLE, errors, order

MICROSOFT = "US5949181045"


@pytest.fixture
def exchange():
    """A gateway at the open of 2012-10-01, a Monday, with a client."""
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    return exchange


def details(exchange, contract, **request):
    told = exchange.handle(1, ReqContractDetails(1, contract, **request))
    return [r for _, r in told if isinstance(r, ContractData)]


def future(symbol, month="201212", kind="FUT", **more):
    return Contract(symbol=symbol, secType=kind, lastTradeDateOrContractMonth=month, **more)


def by(kind, number, symbol=""):
    contract = Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
    return {"contract": contract, "secIdType": kind, "secId": number}


# --- identifiers --------------------------------------------------------------------------------


def test_details_of_a_stock_tell_its_isin(exchange):
    (told,) = details(exchange, APPLE)
    assert told.secIds == (TagValue("ISIN", "US0378331005"),)


def test_every_stock_has_an_isin_with_its_right_check_digit_and_of_its_own():
    stocks = [one for one in shipped_universe().instruments if one.secType == "STK"]
    isins = [isin_of(one) for one in stocks]
    assert [isin for isin in isins if not is_isin(isin)] == []
    assert len(set(isins)) == len(stocks)


def test_an_isin_that_is_made_up_has_a_country_that_there_is_not():
    (cinema,) = [one for one in shipped_universe().named("AMC") if not one.isin]
    assert isin_of(cinema) == "ZZ140070600" + check_digit("ZZ140070600")
    assert cusip_of(cinema) == ""


def test_what_is_no_stock_has_no_isin(exchange):
    for one in (future("ES"), Contract(symbol="EUR", secType="CASH", currency="USD")):
        assert details(exchange, one)[0].secIds == ()


@pytest.mark.parametrize(("kind", "number"), [("ISIN", MICROSOFT), ("CUSIP", "594918104")])
def test_a_stock_is_found_by_its_identifier_alone(exchange, kind, number):
    (told,) = details(exchange, **by(kind, number))
    assert told.symbol == "MSFT"


@pytest.mark.parametrize(
    "request_",
    [by("ISIN", MICROSOFT, "AAPL"), by("CUSIP", "594918104", "AAPL"), by("SEDOL", "2588173")],
)
def test_an_identifier_that_contradicts_or_is_unknown_finds_nothing(exchange, request_):
    told = exchange.handle(1, ReqContractDetails(1, **request_))
    assert errors(told) == [(1, 200)]


@pytest.mark.parametrize("text", ["US0378331006", "us0378331005", "US037833100", "100378331005"])
def test_a_wrong_isin_is_none(text):
    assert not is_isin(text)


# --- hours and order types ----------------------------------------------------------------------


def hours(exchange, contract):
    (told,) = details(exchange, contract)
    return told.tradingHours.split(";")[0], told.liquidHours.split(";")[0]


@pytest.mark.parametrize(
    ("contract", "whole", "liquid"),
    [
        (APPLE, "20121001:0400-20121001:2000", "20121001:0930-20121001:1600"),
        (future("ES"), "20120930:1700-20121001:1600", "20121001:0830-20121001:1600"),
        (future("CL"), "20120930:1800-20121001:1700", "20121001:0930-20121001:1700"),
        (future("ZC"), "20121001:0830-20121001:1320", "20121001:0830-20121001:1320"),
    ],
)
def test_trading_hours_are_the_whole_day_and_liquid_hours_its_regular_part(
    exchange, contract, whole, liquid
):
    assert hours(exchange, contract) == (whole, liquid)


def test_a_short_day_ends_four_hours_after_its_early_close():
    exchange = shipped_exchange(ExchangeSettings(start=date(2012, 11, 23)))
    exchange.connect(1, 178)
    assert hours(exchange, APPLE) == (
        "20121123:0400-20121123:1700",
        "20121123:0930-20121123:1300",
    )


@pytest.mark.parametrize(
    ("contract", "listed", "missing"),
    [
        (APPLE, {"STP", "TRAIL", "MOC", "MIDPX"}, {"LTH"}),
        (future("ES"), {"STP", "LTH", "MTL"}, {"MOC", "CASHQTY"}),
        (Contract(symbol="EUR", secType="CASH", currency="USD"), {"CASHQTY", "REL"}, {"MOC"}),
    ],
)
def test_order_types_are_those_that_were_recorded(exchange, contract, listed, missing):
    (told,) = details(exchange, contract)
    types = set(told.orderTypes.split(","))
    assert listed <= types
    assert not missing & types


# --- what a contract means ----------------------------------------------------------------------


def test_a_future_and_its_continuous_series_are_found_together(exchange):
    told = details(exchange, Contract(symbol="ES", secType="FUT+CONTFUT", exchange="CME"))
    kinds = [one.secType for one in told]
    assert kinds[-1] == "CONTFUT"
    assert set(kinds[:-1]) == {"FUT"}
    assert len(kinds) > 2


def test_expired_futures_are_known_for_two_years(exchange):
    told = details(exchange, future("ES", ""), includeExpired=True)
    assert min(one.lastTradeDate for one in told) == "20101217"
    exchange.advance(datetime(2012, 12, 20, tzinfo=UTC))
    told = details(exchange, future("ES", ""), includeExpired=True)
    assert min(one.lastTradeDate for one in told) == "20110318"


def test_a_currency_has_no_primary_exchange(exchange):
    (told,) = details(exchange, Contract(symbol="EUR", secType="CASH", currency="USD"))
    assert (told.exchange, told.primaryExchange) == ("IDEALPRO", "")


def test_matching_symbols_tell_what_is_written_on_a_stock(exchange):
    ((_, told),) = exchange.handle(1, ReqMatchingSymbols(1, "AAPL"))
    assert isinstance(told, SymbolSamples)
    assert told.samples[0].derivativeSecTypes == ("CFD", "OPT", "IOPT", "WAR", "BAG")
    ((_, told),) = exchange.handle(1, ReqMatchingSymbols(1, "EUR"))
    assert {one.derivativeSecTypes for one in told.samples if one.secType == "CASH"} == {()}


# --- names by date ------------------------------------------------------------------------------

FACEBOOK = 107113386


def stock(symbol):
    return Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")


@pytest.mark.parametrize(
    ("day", "named", "unknown"),
    [(date(2022, 6, 8), "FB", "META"), (date(2022, 6, 9), "META", "FB")],
)
def test_a_stock_has_the_symbol_of_its_day(day, named, unknown):
    exchange = shipped_exchange(ExchangeSettings(start=day))
    exchange.connect(1, 178)
    (told,) = details(exchange, stock(named))
    assert (told.conId, told.symbol, told.localSymbol) == (FACEBOOK, named, named)
    assert errors(exchange.handle(1, ReqContractDetails(1, stock(unknown)))) == [(1, 200)]
    ((_, samples),) = exchange.handle(1, ReqMatchingSymbols(1, named))
    assert FACEBOOK in {one.conId for one in samples.samples}


def test_a_position_lives_on_under_the_new_symbol_and_orders_in_the_old_one_end():
    exchange = shipped_exchange(ExchangeSettings(start=date(2022, 6, 8)))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, contract=stock("FB")))
    exchange.handle(1, order(2, "LMT", contract=stock("FB"), tif="GTC", lmtPrice="1.00"))
    assert errors(exchange.command("next_open")) == [(2, 202)]
    told = exchange.handle(1, ReqPositions())
    held = [r for _, r in told if isinstance(r, Position)]
    assert [(r.contract.conId, r.contract.symbol, r.position) for r in held] == [
        (FACEBOOK, "META", 100)
    ]
    exchange.handle(1, order(3, "MKT", "SELL", contract=stock("META")))
    assert exchange.venue.account.held(FACEBOOK).quantity == 0


def test_kept_books_resume_under_the_symbol_of_their_day():
    before = shipped_exchange(ExchangeSettings(start=date(2022, 6, 8)))
    before.advance(datetime(2022, 6, 10, 15, tzinfo=UTC))
    exchange = resumed(json.loads(json.dumps(snapshot(before))))
    exchange.connect(1, 178)
    assert details(exchange, stock("META"))[0].conId == FACEBOOK


def test_the_symbol_of_a_stock_alone_means_its_routes_and_then_all_its_exchanges(exchange):
    rows = details(exchange, Contract(symbol="AMD", secType="STK"))
    assert {row.conId for row in rows} == {4391}
    assert [row.exchange for row in rows] == STOCK_EXCHANGES.split(",")
    assert {row.primaryExchange for row in rows} == {"NASDAQ"}
    for narrower in ({"exchange": "SMART"}, {"primaryExchange": "NASDAQ"}):
        assert details(exchange, Contract(symbol="AMD", secType="STK", **narrower)) == rows[:1]
    assert details(exchange, Contract(conId=4391)) == rows[:1]
