"""Generic ticks: each number of a list is told or refused, with values that fit the market."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from hydra.gateway import generic_ticks
from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, errors, order

COKE = Contract(symbol="KO", secType="STK", exchange="SMART", currency="USD")
EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
INDEX = Contract(symbol="SPX", secType="IND", exchange="CBOE", currency="USD")
FRONT = Contract(symbol="ES", secType="FUT", lastTradeDateOrContractMonth="201212")
# The text that a gateway gave for a stock on 2026-10-02 (ibx #450).
LEGAL = (
    "Legal ones for (STK) are: 100(Option Volume),101(Option Open Interest),"
    "105(Average Opt Volume),106(impvolat),165(Misc. Stats),221/220(Creditman Mark Price),"
    "225(Auction),232/221(Pl Price),233(RTVolume),236(inventory),258/47(Fundamentals),"
    "292(Wide_news),293(TradeCount),294(TradeRate),295(VolumeRate),318(LastRTHTrade),"
    "375(RTTrdVolume),411(rthistvol),456/59(IBDividends),460(Bond Factor Multiplier),"
    "577(EtfNavLast(navlast)),586(IPOHLMPRC),587(Pl Price Delayed),588(Futures Open Interest),"
    "595(Short-Term Volume X Mins),614(EtfNavMisc(high/low)),619(Creditman Slow Mark Price),"
    "623(EtfFrozenNavLast(fznavlast))"
)


@pytest.fixture
def exchange():
    """A gateway two hours after the open of 2012-10-01, with a client."""
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    exchange.advance(exchange.venue.now + timedelta(hours=2))
    return exchange


def asked(exchange, ticks, contract=APPLE, number=5):
    return exchange.handle(1, ask.ReqMktData(number, contract, genericTicks=ticks))


def told(posted):
    """Price, size, number or text by tick type."""
    values = {}
    for _, one in posted:
        if isinstance(one, say.TickPrice):
            values[one.tickType] = one.price
        elif isinstance(one, say.TickSize):
            values[one.tickType] = one.size
        elif isinstance(one, say.TickGeneric | say.TickString):
            values[one.tickType] = one.value
    return values


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        *((100, {29, 30}), (101, {27, 28}), (104, {23}), (105, {87}), (106, {24})),
        *((165, {15, 16, 17, 18, 19, 20, 21}), (221, {37}), (220, {37}), (232, {37})),
        *((233, {48}), (293, {54}), (294, {55}), (295, {56}), (318, {57})),
        *((375, {77}), (411, {58}), (456, {59}), (59, {59}), (595, {63, 64, 65}), (619, {79})),
    ],
)
def test_a_number_brings_the_tick_types_of_ib_s_table(exchange, number, kinds):
    plain = set(told(asked(exchange, "", number=4)))
    assert set(told(asked(exchange, str(number)))) - plain == kinds


def test_every_legal_number_is_offered_or_says_why_it_is_not():
    every = {number for kind in ("STK", "IND", "FUT") for number in generic_ticks.legal(kind)}
    assert every | {104} == generic_ticks.OFFERED | set(generic_ticks.NOT_OFFERED)
    assert not generic_ticks.OFFERED & set(generic_ticks.NOT_OFFERED)


@pytest.mark.parametrize("ticks", ["999", "233,999", "abc", "233;236", "162", "-1", "1e3"])
def test_a_wrong_number_refuses_the_whole_list_in_the_recorded_words(exchange, ticks):
    posted = asked(exchange, ticks)
    assert errors(posted) == [(5, 321)]
    ((_, error),) = posted
    assert error.text == (
        "Error validating request.-'bQ' : cause - Incorrect generic tick list of "
        f"{ticks}.  {LEGAL}"
    )


@pytest.mark.parametrize(
    ("contract", "ticks", "refused"),
    [
        *((INDEX, "162", False), (EURO, "456", True), (EURO, "595", True), (INDEX, "595", True)),
        *((INDEX, "456", False), (FRONT, "595", False), (APPLE, " 233, 236 ,", False)),
    ],
)
def test_which_numbers_are_legal_depends_on_the_security_type(exchange, contract, ticks, refused):
    assert (errors(asked(exchange, ticks, contract)) == [(5, 321)]) == refused


def test_mdoff_leaves_only_what_is_listed(exchange):
    assert set(told(asked(exchange, "mdoff,233"))) == {48}


def test_the_volume_of_trades_agrees_with_the_quote(exchange):
    values = told(asked(exchange, "233,293,375"))
    price, size, time, volume, mean, single = values[48].split(";")
    assert (Decimal(price), Decimal(volume)) == (values[4], values[8])
    assert (size, time, single) == ("100", f"{values[45]}000", "true")
    assert values[7] <= Decimal(mean) <= values[6]
    assert values[54] == int(volume) // 100
    assert values[77] == values[48]


def test_extremes_hold_the_day_and_grow_with_the_weeks(exchange):
    values = told(asked(exchange, "165"))
    assert values[19] <= values[17] <= values[15] <= values[7]
    assert values[20] >= values[18] >= values[16] >= values[6]
    (apple,) = exchange.venue.find(APPLE)
    series = exchange.venue.market.series(apple)
    index = series.at(exchange.venue.seconds)
    year = series.session >= series.session[index] - 364
    assert values[20] == Decimal(f"{max(series.high[:index][year[:index]]):.2f}")
    quarter = series.session[:index] >= series.session[index] - 90
    assert values[21] == int(series.volume[:index][quarter].mean()) // 100


def test_volatility_is_that_of_the_last_thirty_sessions(exchange):
    values = told(asked(exchange, "104,106"))
    (apple,) = exchange.venue.find(APPLE)
    series = exchange.venue.market.series(apple)
    closes = series.close[: series.at(exchange.venue.seconds)][-31:]
    expected = np.diff(np.log(closes)).std(ddof=1) * np.sqrt(252)
    assert values[23] == values[24] == pytest.approx(expected, abs=1e-6)


def test_dividends_of_a_year_and_the_next_one_are_told(exchange):
    assert told(asked(exchange, "456", COKE))[59] == ",0.535,20121128,0.255"
    assert told(asked(exchange, "456", number=6))[59] == ",,,"


def test_a_generic_tick_is_told_again_only_when_it_has_changed(exchange):
    asked(exchange, "104,165,233")
    values = told(exchange.advance(exchange.venue.now + timedelta(minutes=1)))
    assert 48 in values
    assert 23 not in values


def test_a_currency_has_no_trades_to_tell_of(exchange):
    assert {48, 54, 21} & set(told(asked(exchange, "165,233,293", EURO))) == set()


def test_a_continuous_future_has_no_stream(exchange):
    wanted = Contract(symbol="ES", secType="CONTFUT", exchange="CME")
    assert errors(asked(exchange, "", wanted)) == [(5, 321)]
    (front,) = exchange.venue.find(wanted)
    qualified = front.contract()
    assert errors(asked(exchange, "", qualified)) == [(5, 321)]
    assert errors(exchange.handle(1, order(1, contract=qualified))) == [(1, 387)]
