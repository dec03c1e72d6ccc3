"""The books: commissions and margins by product, currencies, futures, dividends, accounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hydra.gateway.account import (
    Account,
    commission,
    initial_margin,
    maintenance_margin,
    valuation,
)
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.history import read_history
from hydra.gateway.listing import shipped_universe
from hydra.gateway.requests import ReqAccountSummary, ReqAccountUpdates, ReqPositions
from hydra.gateway.responses import AccountSummary, AccountValue, ManagedAccounts, Position
from hydra.gateway.universe import Action
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE, errors, fills, order

CRUDE = Contract(
    symbol="CL", secType="FUT", lastTradeDateOrContractMonth="201212", exchange="NYMEX"
)
CATTLE = Contract(
    symbol="LE", secType="FUT", lastTradeDateOrContractMonth="201212", exchange="CME"
)
SAP = Contract(symbol="SAP", secType="STK", exchange="IBIS", currency="EUR")
VODAFONE = Contract(symbol="VOD", secType="STK", exchange="LSE", currency="GBP")
EURO = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
YEN = Contract(symbol="USD", secType="CASH", exchange="IDEALPRO", currency="JPY")
FUND = Contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD")


def found(exchange, contract):
    (one,) = exchange.venue.find(contract)
    return one


@pytest.mark.parametrize(
    ("contract", "quantity", "price", "cost"),
    [
        (CRUDE, "3", "92.50", "7.05"),  # 2.35 a contract
        (SAP, "100", "55.60", "3.00"),  # the minimum
        (SAP, "1000", "55.60", "27.80"),  # five hundredths of a percent
        (VODAFONE, "10000", "177.00", "8.85"),  # quoted in pence, paid in pounds
        (EURO, "100000", "1.3", "2.60"),  # a fifth of a basis point
        (EURO, "20000", "1.3", "2.00"),
    ],
)
def test_commissions_follow_the_schedule_of_each_product(
    exchange, contract, quantity, price, cost
):
    one = found(exchange, contract)
    assert commission(one, Decimal(quantity), Decimal(price)) == Decimal(cost)


def test_margins_are_a_share_of_a_stock_s_value_and_so_much_a_future(exchange):
    apple, crude = found(exchange, APPLE), found(exchange, CRUDE)
    assert initial_margin(apple, Decimal(-100), Decimal(80)) == 4000
    assert maintenance_margin(apple, Decimal(100), Decimal(80)) == 2000
    assert initial_margin(crude, Decimal(-2), Decimal(90)) == 10_120
    assert maintenance_margin(crude, Decimal(2), Decimal(90)) == 9200


def test_a_future_costs_its_commission_alone_until_it_is_closed(exchange):
    account, crude = Account("DU1", {"USD": Decimal(10_000)}), found(exchange, CRUDE)
    account.trade(crude, Decimal(2), Decimal("92.00"), Decimal("4.70"))
    assert account.cash["USD"] == Decimal("9995.30")
    worth = valuation(account, [(crude, Decimal("93.00"), Decimal(1))], {"USD": Decimal(1)})
    assert worth.net_liquidation == Decimal("11995.30")
    profit = account.trade(crude, Decimal(-2), Decimal("91.00"), Decimal("4.70"))
    assert profit == Decimal("-2009.40")
    assert account.cash["USD"] == Decimal("7990.60")


def test_a_future_quoted_in_cents_is_worth_its_multiplier_over_its_magnifier(exchange):
    account, cattle = Account("DU1", {"USD": Decimal(0)}), found(exchange, CATTLE)
    account.trade(cattle, Decimal(1), Decimal("125.000"), Decimal(0))
    account.trade(cattle, Decimal(-1), Decimal("126.000"), Decimal(0))
    assert account.cash["USD"] == 400


def test_turning_a_future_s_position_over_pays_the_closed_part_only(exchange):
    account, crude = Account("DU1", {"USD": Decimal(0)}), found(exchange, CRUDE)
    account.trade(crude, Decimal(1), Decimal("90.00"), Decimal(0))
    account.trade(crude, Decimal(-3), Decimal("91.00"), Decimal(0))
    assert account.cash["USD"] == 1000
    assert account.held(crude.conId).paid == -2 * 91_000


def test_a_european_stock_is_paid_in_its_currency_and_valued_in_the_base(started):
    started.venue.now = started.venue.now.replace(hour=14, minute=0)
    started.handle(1, order(1, contract=SAP))
    ((quantity, price),) = fills(started, 1)
    cash = started.venue.account.cash
    assert cash["EUR"] == -quantity * price - Decimal("3.00")
    worth = started.venue.valuation()
    rate = started.venue.rate("EUR")
    mark = started.venue.mark(found(started, SAP))
    expected = 1_000_000 + (cash["EUR"] + 100 * mark) * rate
    assert worth.net_liquidation == expected.quantize(Decimal("0.01"))


def test_the_rate_of_a_currency_quoted_the_other_way_round_is_turned_over(started):
    started.handle(1, order(1, contract=YEN, size=100_000))
    assert set(started.venue.account.cash) == {"USD", "JPY"}
    assert abs(started.venue.valuation().net_liquidation - 1_000_000) < 100


def test_a_future_is_traded_on_margin(started):
    started.handle(1, order(1, contract=CRUDE, size=2))
    assert started.venue.valuation().initial_margin == Decimal("10120.00")
    assert errors(started.handle(1, order(2, contract=CRUDE, size=5000))) == [(2, 201)]


def test_an_expired_future_is_settled_at_its_last_price_and_takes_no_more_orders(started):
    started.handle(1, order(1, contract=CRUDE, size=1))
    ((_, price),) = fills(started, 1)
    started.handle(1, order(2, "LMT", size=1, contract=CRUDE, tif="GTC", lmtPrice="20.00"))
    crude = found(started, CRUDE)
    started.command("2012-11-26T15:00:00Z")
    account = started.venue.account
    last = started.venue.mark(crude)
    assert account.held(crude.conId).quantity == 0
    assert account.cash["USD"] == 1_000_000 - Decimal("2.35") + 1000 * (last - price)
    assert started.orders.is_idle
    by_number = Contract(conId=crude.conId, exchange="NYMEX")
    assert errors(started.handle(1, order(3, contract=by_number))) == [(3, 392)]


def test_a_dividend_is_paid_to_holders_and_by_the_short(started):
    started.handle(1, order(1, contract=FUND))
    before = started.venue.account.cash["USD"]
    started.command("2012-12-21T14:00:00Z")
    assert started.venue.account.cash["USD"] == before
    started.command("next_open")
    assert started.venue.account.cash["USD"] == before + Decimal("102.23")


def test_a_split_leaves_the_value_and_pays_out_fractions(exchange):
    account, apple = Account("DU1", {"USD": Decimal(0)}), found(exchange, APPLE)
    account.trade(apple, Decimal(101), Decimal("80.00"), Decimal(0))
    split = Action(apple.conId, date(2012, 10, 2), ratio=Decimal("1.5"))
    account.act(apple, split, Decimal("53.00"))
    assert account.held(apple.conId).quantity == 151
    assert account.cash["USD"] == -8080 + Decimal("26.50")


def test_a_split_ends_the_working_orders_of_the_stock():
    universe = shipped_universe("[[split]]\ncon_id = 756733\nday = 2012-10-02\nratio = 2")
    exchange = Exchange(ExchangeSettings(), universe, read_history(universe))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, "LMT", contract=FUND, tif="GTC", lmtPrice="50.00"))
    exchange.command("close")
    assert errors(exchange.command("next_open")) == [(1, 202)]


def test_several_accounts_keep_their_own_books():
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2"))
    welcome = exchange.connect(1, 178)
    assert (1, ManagedAccounts("DU1,DU2")) in welcome
    exchange.handle(1, order(1, account="DU2"))
    told = exchange.handle(1, ReqPositions())
    assert [r.account for _, r in told if isinstance(r, Position)] == ["DU2"]
    told = exchange.handle(1, ReqAccountUpdates(True, "DU1"))
    assert {r.account for _, r in told if isinstance(r, AccountValue)} == {"DU1"}
    told = exchange.handle(1, ReqAccountSummary(7, "All", "NetLiquidation"))
    worth = {r.account: r.value for _, r in told if isinstance(r, AccountSummary)}
    assert worth["DU1"] == "1000000.00" != worth["DU2"]


def test_two_accounts_trade_with_each_other_inside_the_book():
    exchange = shipped_exchange(ExchangeSettings(account="DU1,DU2"))
    exchange.connect(1, 178)
    exchange.handle(1, order(1, "LMT", account="DU1", lmtPrice="86.67"))
    exchange.handle(1, order(2, "MKT", "SELL", account="DU2"))
    assert fills(exchange, 1) == [(100, Decimal("86.67"))]
    assert fills(exchange, 2) == [(-100, Decimal("86.67"))]


def test_an_account_never_trades_with_itself(started):
    started.handle(1, order(1, "LMT", lmtPrice="86.67"))
    told = started.handle(1, order(2, "MKT", "SELL"))
    assert errors(told) == [(1, 202)]
    assert fills(started, 2) == [(-100, Decimal("86.66"))]


def test_stock_that_cannot_be_borrowed_is_not_sold_short(started):
    game = Contract(symbol="GME", secType="STK", exchange="SMART", currency="USD")
    assert errors(started.handle(1, order(1, side="SELL", contract=game))) == [(1, 201)]
    started.handle(1, order(2, contract=game))
    assert errors(started.handle(1, order(3, side="SELL", contract=game))) == []


def test_a_short_sale_beyond_the_shares_at_hand_waits_to_be_located():
    universe = shipped_universe(
        '[[stock]]\ncon_id = 999\nsymbol = "RARE"\nprimary = "NYSE"\nlong_name = "RARE INC"\n'
        "price = 10.0\nshortable = 50"
    )
    exchange = Exchange(ExchangeSettings(), universe, read_history(universe))
    exchange.connect(1, 178)
    rare = Contract(symbol="RARE", secType="STK", exchange="SMART", currency="USD")
    told = exchange.handle(1, order(1, side="SELL", contract=rare, tif="GTC"))
    assert errors(told) == [(1, 404)]
    assert exchange.orders.open_list[0].why_held == "locate"
    exchange.handle(1, order(2, contract=rare))
    exchange.command("next_open")
    assert fills(exchange, 1)[0][0] < 0
