"""Cash of an account that holds futures: a lag behind the marks is told from cash that moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hydra.domain.instruments import Instrument
from hydra.execution.broker import Account
from hydra.execution.futures_cash import FuturesCash

NOON = datetime(2013, 1, 14, 17, tzinfo=UTC)
ES = Instrument(
    "ES.201303",
    con_id=1,
    sec_type="FUT",
    multiplier=Decimal(50),
    expires=date(2013, 3, 15),
)
ACCOUNT = Account(
    code="DU1",
    port=4002,
    currency="USD",
    cash=Decimal(100_000),
    net_liquidation=Decimal(100_000),
    positions={"ES.201303": Decimal(2)},
    marks={"ES.201303": Decimal(1400)},
    costs={"ES.201303": Decimal(1390)},
    instruments={"ES.201303": ES},
)
OURS = {"USD": Decimal(99_000)}


def told(gap, of_cycle=777):
    """Cash by the marks of now, and by the gain that is told with it: so far from ours."""
    return {"USD": OURS["USD"] + Decimal(gap)}, {"USD": OURS["USD"] + Decimal(of_cycle)}


def test_nothing_lags_where_both_ways_agree():
    assert not FuturesCash().lags(ACCOUNT, OURS, told(500, 500), NOON)


def test_all_of_it_is_a_lag_where_the_cash_of_the_cycle_is_ours():
    cash = FuturesCash()
    for minute in range(30):
        assert cash.lags(ACCOUNT, OURS, told(9_000, 0), NOON + timedelta(minutes=minute))


def test_a_difference_that_the_future_can_have_made_is_a_lag():
    assert FuturesCash().lags(ACCOUNT, OURS, told(1425), NOON)


def test_a_difference_beyond_what_the_future_can_have_made_is_cash_that_moved():
    # 2 % of two contracts at 1,400 points of 50 USD are 2,800 USD.
    assert FuturesCash().lags(ACCOUNT, OURS, told(2_800), NOON)
    assert not FuturesCash().lags(ACCOUNT, OURS, told(2_801), NOON)


def test_a_difference_that_stays_to_the_cent_for_longer_than_a_cycle_is_cash_that_moved():
    cash = FuturesCash()
    looks = [cash.lags(ACCOUNT, OURS, told(500), NOON + timedelta(minutes=m)) for m in (0, 3, 6)]
    assert looks == [True, True, False]


def test_a_difference_that_moves_with_the_marks_stays_a_lag():
    cash = FuturesCash()
    for minute in range(30):
        at = NOON + timedelta(minutes=minute)
        assert cash.lags(ACCOUNT, OURS, told(500 + minute % 7), at)


@pytest.mark.parametrize("gap", [1, 1425])
def test_without_a_future_nothing_is_a_lag_of_one(gap):
    flat = replace(ACCOUNT, positions={}, costs={})
    assert not FuturesCash().lags(flat, OURS, told(gap), NOON)


def test_a_currency_without_a_future_is_not_excused_by_one_in_another():
    by_marks, by_cycle = told(5)
    euros = {"EUR": Decimal(9)}
    both = {**by_marks, **euros}, {**by_cycle, **euros}
    assert not FuturesCash().lags(ACCOUNT, {**OURS, "EUR": Decimal(0)}, both, NOON)
