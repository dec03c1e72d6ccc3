"""What is listed, and the seeded model that prices it where no history is shipped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.futures import energy, first_monday, third_friday
from hydra.gateway.history import read_history
from hydra.gateway.listing import parse_universe, shipped_universe
from hydra.gateway.requests import ReqContractDetails, ReqMarketRule
from hydra.gateway.responses import ContractData
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, errors, fills, order

TODAY = date(2012, 10, 1)
EXTRA = """
[[stock]]
con_id = 999
symbol = "MINE"
primary = "NYSE"
long_name = "MY OWN COMPANY"
price = 10.0
"""


def stock(symbol, exchange="SMART"):
    return Contract(symbol=symbol, secType="STK", exchange=exchange)


def future(symbol, month="", kind="FUT"):
    return Contract(symbol=symbol, secType=kind, lastTradeDateOrContractMonth=month)


def daily_returns(exchange, symbol, first, last):
    """Logarithmic returns by day of a stock."""
    (one,) = exchange.venue.find(stock(symbol))
    series = exchange.venue.market.series(one)
    days = series.session.astype("datetime64[D]")
    chosen = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
    return np.diff(np.log(series.close[chosen]))


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        *(("AAPL", 265598), ("MSFT", 272093), ("IBM", 8314), ("GOOG", 208813720)),
        *(("SPY", 756733), ("QQQ", 320227571), ("AMZN", 3691937), ("TSLA", 76792991)),
        *(("FB", 107113386), ("AMC", 140070600)),
    ],
)
def test_well_known_stocks_have_their_own_numbers(symbol, number):
    (one,) = shipped_universe().find(stock(symbol))
    assert one.conId == number


def test_no_number_is_given_twice():
    numbers = [one.conId for one in shipped_universe().instruments]
    assert len(set(numbers)) == len(numbers)


def test_every_instrument_is_priced_on_its_tick_grid(exchange):
    seconds = exchange.venue.seconds + 3600
    listed = [one for one in exchange.venue.universe.instruments if one.expiry is None]
    for one in listed:
        quote = exchange.venue.market.quote(one, seconds)
        if one.listed <= TODAY:
            assert quote is not None, one.symbol
            assert quote.bid < quote.ask
            assert quote.bid % one.tick == 0


def test_every_market_rule_that_is_named_can_be_asked_for(exchange):
    exchange.connect(1, 178)
    for rule in sorted({one.market_rule for one in exchange.venue.universe.instruments}):
        assert errors(exchange.handle(1, ReqMarketRule(rule))) == []


def test_every_step_of_a_market_rule_divides_the_tick_in_which_prices_are_made():
    for one in shipped_universe().instruments:
        assert all(one.tick % row.increment == 0 for row in one.steps), one.symbol


@pytest.mark.parametrize(
    ("price", "refused"),
    [("0.51", False), ("0.5001", True), ("1.01", False), ("80.005", True)],
)
def test_an_american_stock_s_price_moves_in_cents_at_every_level(exchange, price, refused):
    exchange.connect(1, 178)
    told = errors(exchange.handle(1, order(1, "LMT", lmtPrice=price)))
    assert ((1, 110) in told) == refused


@pytest.mark.parametrize(
    ("price", "refused"), [("41.705", False), ("41.702", True), ("60.005", True)]
)
def test_a_european_stock_s_step_grows_with_its_price(exchange, price, refused):
    exchange.connect(1, 178)
    asml = Contract(symbol="ASML", secType="STK", exchange="SMART", currency="EUR")
    told = errors(exchange.handle(1, order(1, "LMT", lmtPrice=price, contract=asml)))
    assert ((1, 110) in told) == refused


def test_the_steps_that_an_order_must_keep_are_those_that_the_market_rule_tells(exchange):
    exchange.connect(1, 178)
    ((_, told),) = exchange.handle(1, ReqMarketRule(1887))
    wanted = Contract(symbol="ASML", secType="STK", exchange="SMART", currency="EUR")
    (asml,) = exchange.venue.find(wanted)
    assert asml.steps == told.increments
    assert [asml.step(row.lowEdge) for row in told.increments] == [
        Decimal(step) for step in ("0.001", "0.002", "0.005", "0.01")
    ]


@pytest.mark.parametrize(
    ("rule", "step"), [(26, "0.01"), (32, "0.01"), (67, "0.25"), (635, "0.0001"), (2806, "0.25")]
)
def test_a_market_rule_is_the_one_that_foreign_clients_know(exchange, rule, step):
    exchange.connect(1, 178)
    ((_, told),) = exchange.handle(1, ReqMarketRule(rule))
    assert [(row.lowEdge, row.increment) for row in told.increments] == [(0, Decimal(step))]


def test_the_distance_of_a_trail_is_held_to_the_instrument_s_own_tick(exchange):
    exchange.connect(1, 178)
    told = errors(exchange.handle(1, order(1, "TRAIL", "SELL", auxPrice="0.005")))
    assert told == [(1, 110)]


def test_a_future_is_listed_by_its_coming_months(exchange):
    months = [one.month for one in exchange.venue.find(future("ES"))]
    assert months[:3] == ["201212", "201303", "201306"]
    assert [one.local for one in exchange.venue.find(future("CL", "201212"))] == ["CLZ2"]
    assert exchange.venue.find(future("ES", "201209")) == []
    assert len(exchange.venue.find(future("ES", "201209"), include_expired=True)) == 1


def test_a_continuous_future_is_the_front_month_for_data_alone(exchange):
    (front,) = exchange.venue.find(future("ES", kind="CONTFUT"))
    assert (front.secType, front.local) == ("CONTFUT", "ESZ2")
    exchange.connect(1, 178)
    wanted = Contract(symbol="ES", secType="CONTFUT", exchange="CME")
    assert errors(exchange.handle(1, order(1, contract=wanted))) == [(1, 387)]


@pytest.mark.parametrize(
    ("rule", "month", "day"),
    [
        (third_friday, (2012, 12), date(2012, 12, 21)),
        (third_friday, (2019, 3), date(2019, 3, 15)),
        (energy, (2012, 12), date(2012, 11, 16)),
        (energy, (2020, 5), date(2020, 4, 21)),
        (first_monday, (2012, 12), date(2012, 12, 3)),
    ],
)
def test_futures_expire_by_the_exchanges_rules(rule, month, day):
    assert abs((rule(*month) - day).days) <= 3
    assert rule(*month).weekday() < 5


@pytest.mark.parametrize(
    ("month", "day"),
    [
        *(("202506", "2025-07-01"), ("202507", "2025-07-29"), ("202509", "2025-09-30")),
        *(("202510", "2025-11-04"), ("202511", "2025-12-02"), ("202512", "2025-12-30")),
        *(("202601", "2026-02-03"), ("202602", "2026-03-03")),
    ],
)
def test_milk_stops_trading_on_the_days_that_were_recorded(month, day):
    (one,) = [one for one in shipped_universe().named("DA") if one.month == month]
    assert one.expiry == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("symbol", "kind", "exchange_", "local", "multiplier"),
    [
        *(("VIX", "IND", "CBOE", "VIX", ""), ("RUT", "IND", "RUSSELL", "RUT", "")),
        *((name, "STK", "SMART", name, "") for name in ("VTI", "AGG", "IEF", "EFA", "EEM", "GLD")),
        *((name, "STK", "SMART", name, "") for name in ("TLT", "SGOV", "BRK B", "ABNB")),
        *(("MES", "FUT", "CME", "MESZ2", "5"), ("MNQ", "FUT", "CME", "MNQZ2", "2")),
        *(("DAX", "FUT", "EUREX", "FDAXZ2", "25"), ("GBL", "FUT", "EUREX", "FGBLZ2", "1000")),
        *(("DA", "FUT", "CME", "DCU2", "2000"), ("ZM", "FUT", "CBOT", "ZMV2", "100")),
        *(("ZL", "FUT", "CBOT", "ZLV2", "60000"), ("KE", "FUT", "CBOT", "KEZ2", "5000")),
        *(("CC", "FUT", "NYBOT", "CCZ2", "10"), ("KC", "FUT", "NYBOT", "KCZ2", "37500")),
        *(("CT", "FUT", "NYBOT", "CTV2", "50000"), ("SB", "FUT", "NYBOT", "SBH3", "112000")),
        ("OJ", "FUT", "NYBOT", "OJX2", "15000"),
    ],
)
def test_what_examples_and_classic_portfolios_use_is_listed(
    exchange, symbol, kind, exchange_, local, multiplier
):
    found = exchange.venue.find(Contract(symbol=symbol, secType=kind, exchange=exchange_))
    contract = found[0].contract()
    assert (contract.localSymbol, contract.multiplier) == (local, multiplier)


def test_a_micro_future_has_the_prices_of_the_future_that_it_is_a_part_of(exchange):
    exchange.advance(datetime(2016, 5, 3, 15, tzinfo=UTC))
    for micro, whole in (("MES", "ES"), ("MNQ", "NQ")):
        small, large = (exchange.venue.find(future(name))[0] for name in (micro, whole))
        closes = [exchange.venue.market.series(one).close[-300:] for one in (small, large)]
        assert np.allclose(*closes, rtol=1e-3)


def test_every_currency_that_can_be_traded_has_a_rate(exchange):
    pairs = [one for one in exchange.venue.universe.instruments if one.secType == "CASH"]
    assert [one.local for one in pairs if not exchange.venue.rate(one.currency)] == []


def test_a_future_s_details_tell_multiplier_magnifier_and_month(exchange):
    exchange.connect(1, 178)
    wanted = Contract(symbol="LE", secType="FUT", lastTradeDateOrContractMonth="201212")
    told = exchange.handle(1, ReqContractDetails(1, wanted))
    details = next(r for _, r in told if isinstance(r, ContractData))
    assert (details.multiplier, details.priceMagnifier) == ("40000", 100)
    assert (details.minTick, details.contractMonth) == (Decimal("0.00025"), "201212")
    assert details.lastTradeDate == "20121231"


def test_the_model_moves_with_the_shipped_index(exchange):
    fund = daily_returns(exchange, "SPY", "2008-01-01", "2012-09-28")
    share = daily_returns(exchange, "JPM", "2008-01-01", "2012-09-28")
    (index,) = exchange.venue.find(Contract(symbol="SPX", secType="IND"))
    series = exchange.venue.market.series(index)
    days = series.session.astype("datetime64[D]")
    chosen = (days >= np.datetime64("2008-01-01")) & (days <= np.datetime64("2012-09-28"))
    real = np.diff(np.log(series.close[chosen]))
    assert np.corrcoef(fund, real)[0, 1] > 0.95
    assert 0.4 < np.corrcoef(share, real)[0, 1] < 0.95


def test_the_model_has_about_the_volatility_that_it_is_told_and_fat_tails(exchange):
    exchange.advance(datetime(2040, 1, 3, tzinfo=UTC))
    returns = daily_returns(exchange, "KO", "2019-01-01", "2039-12-31")
    assert 0.12 < returns.std() * np.sqrt(252) < 0.22
    kurtosis = ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2
    assert kurtosis > 3.5


def test_shipped_history_goes_on_without_a_break(exchange):
    exchange.advance(datetime(2014, 1, 3, tzinfo=UTC))
    (apple,) = exchange.venue.find(APPLE)
    series = exchange.venue.market.series(apple)
    last = int(np.searchsorted(series.session, (date(2013, 3, 1) - date(1970, 1, 1)).days))
    assert abs(np.log(series.close[last + 1] / series.close[last])) < 0.1
    assert series.session[-1] >= (date(2014, 12, 31) - date(1970, 1, 1)).days


def test_years_to_come_change_none_that_are_past():
    near, far = shipped_exchange(ExchangeSettings()), shipped_exchange(ExchangeSettings())
    far.advance(datetime(2030, 1, 3, tzinfo=UTC))
    span = ("2000-01-03", "2013-12-31")
    assert np.array_equal(daily_returns(near, "TSLA", *span), daily_returns(far, "TSLA", *span))


def test_another_seed_is_another_market():
    first, second = (shipped_exchange(ExchangeSettings(seed=seed)) for seed in (1, 2))
    span = ("2005-01-03", "2012-12-31")
    assert not np.array_equal(
        daily_returns(first, "AMZN", *span), daily_returns(second, "AMZN", *span)
    )


def test_a_gateway_can_start_long_after_the_shipped_history():
    exchange = shipped_exchange(ExchangeSettings(start=date(2026, 9, 28)))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, contract=stock("SPY")))
    assert len(fills(exchange, 1)) == 1


def test_a_split_of_a_modelled_stock_divides_its_price(exchange):
    exchange.advance(datetime(2022, 6, 7, tzinfo=UTC))
    returns = daily_returns(exchange, "AMZN", "2022-06-03", "2022-06-06")
    assert returns[0] == pytest.approx(-np.log(20), abs=0.2)


def test_a_user_s_file_adds_an_instrument():
    universe = shipped_universe(EXTRA)
    exchange = Exchange(ExchangeSettings(), universe, read_history(universe))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, contract=stock("MINE")))
    ((_, price),) = fills(exchange, 1)
    assert Decimal("8") < price < Decimal("12")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[stok]]\nsymbol = 'A'", "there is stock"),
        ("[[stock]]\nsymbol = 'A'", "lacks 'con_id'"),
        (EXTRA + "hours = 'MARS'", "hours MARS are none of NYSE"),
        (EXTRA + "colour = 'red'", "colour is no key"),
        ("nonsense", "is no TOML"),
    ],
)
def test_a_universe_that_cannot_be_read_says_what_is_wrong(text, told):
    with pytest.raises(SettingsError, match=told):
        parse_universe(text)
