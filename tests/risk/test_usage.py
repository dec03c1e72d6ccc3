"""How much of a limit is taken is what the check itself measures an order against."""

from dataclasses import replace
from decimal import Decimal

import pytest

from hydra.domain.instruments import Instrument
from hydra.domain.portfolio import Portfolio, Position
from hydra.risk._base import weighed
from hydra.risk._gate import gate_of
from tests.risk.contexts import context, holding, request, sent

GROUPS = {"group_exposure": {"groups": {"AAPL": "tech"}}, "capital_share": {"shares": {"s": 0.5}}}
CHECKS = gate_of(GROUPS).checks


def uses(check, moment):
    return {one.of: (round(one.figure, 6), one.limit) for one in CHECKS[check].usage(moment)}


@pytest.mark.parametrize(
    ("check", "moment", "expected"),
    [
        ("position_weight", holding(250), {"AAPL": (0.2, 0.30)}),
        ("position_weight", holding(-250, cash=150_000), {"AAPL": (-0.2, 0.30)}),
        ("gross_exposure", holding(-250, cash=150_000), {"account": (0.2, 1.75)}),
        ("net_exposure", holding(-250, cash=150_000), {"account": (-0.2, 1.25)}),
        ("group_exposure", holding(250), {"tech": (0.2, 0.60)}),
        ("capital_share", holding(250), {"s": (0.2, 0.5)}),
        ("free_margin", holding(250), {"account": (0.1, 0.90)}),
        ("currency_exposure", holding(250), {}),
        ("open_orders", holding(250, working=5), {"account": (1, 1000)}),
        ("order_rate", sent(orders=7), {"account": (7, 1000)}),
        ("orders_per_day", sent(orders=7), {"account": (7, 5000)}),
        ("modify_rate", sent(changes=7), {"account": (7, 300)}),
        ("turnover_per_day", sent(orders=1, turnover=50_000), {"account": (0.5, 4.0)}),
    ],
)
def test_what_is_taken_of_each_limit(check, moment, expected):
    assert uses(check, moment) == expected


def test_foreign_money_counts_at_its_rate_and_is_left_out_without_one():
    vod, rate = Instrument("VOD", currency="GBP"), Decimal("1.5")
    pounds = Position(vod, Decimal(100), Decimal(100), rate)
    unknown = Portfolio(Decimal(85_000), {"VOD": pounds})
    assert uses("currency_exposure", context(portfolio=unknown)) == {}
    known = replace(unknown, rates={"GBP": rate})
    assert uses("currency_exposure", context(portfolio=known)) == {"GBP": (0.15, 0.50)}


@pytest.mark.parametrize("check", ["position_weight", "gross_exposure", "net_exposure"])
def test_a_limit_that_is_full_admits_nothing_that_adds_to_it(check):
    limit = CHECKS[check].limit_weight
    shares = int(limit * 1000)  # of 100 each, at a NAV of 100,000
    full = holding(shares, cash=100_000 - shares * 100)
    (use,) = CHECKS[check].usage(full)
    assert use.use == pytest.approx(1)
    assert CHECKS[check].objection(request(1), full) is not None


def test_without_a_net_asset_value_any_position_is_beyond_every_limit():
    assert weighed("account", Decimal(1), Decimal(1), Decimal(0)).use == float("inf")
    assert weighed("account", Decimal(0), Decimal(1), Decimal(0)).use == 0
