"""The seeded market has one past, whatever day it is seen from."""

from datetime import date, timedelta

import numpy as np
import pytest

from hydra.gateway.history import read_history
from hydra.gateway.listing import shipped_universe
from hydra.gateway.model import ModelledMarket

EPOCH = date(1970, 1, 1)
UNIVERSE = shipped_universe(None)
SHIPPED = read_history(UNIVERSE)
SPOT = [one for one in UNIVERSE.instruments if one.model is not None and one.expiry is None]


def seen_from(one, year):
    """Its daily bars at the end of a year."""
    return ModelledMarket(0, None, UNIVERSE.actions).series(one, SHIPPED.get(one.conId), year)


def listed(symbol, sec_type, currency="USD"):
    (found,) = [
        one
        for one in SPOT
        if (one.symbol, one.secType, one.currency) == (symbol, sec_type, currency)
    ]
    return found


@pytest.mark.parametrize("one", SPOT, ids=lambda one: f"{one.symbol}.{one.currency}")
def test_years_to_come_change_none_that_are_past(one):
    early, late = seen_from(one, 2012), seen_from(one, 2016)
    end = (date(2012, 12, 31) - EPOCH).days
    for name in ("session", "open", "high", "low", "close", "volume"):
        now, then = getattr(early, name), getattr(late, name)
        assert np.array_equal(now[early.session <= end], then[late.session <= end])


def test_a_pair_goes_through_its_price_of_2012_and_into_the_shipped_hours_without_a_jump():
    euro = listed("EUR", "CASH")
    series = seen_from(euro, 2018)
    days = [EPOCH + timedelta(days=int(day)) for day in series.session]
    assert series.close[days.index(date(2012, 10, 1))] == pytest.approx(1.289, abs=0.0001)
    first = int(np.searchsorted(series.session, SHIPPED[euro.conId].session[0]))
    assert abs(np.log(series.close[first] / series.close[first - 1])) < 0.02
