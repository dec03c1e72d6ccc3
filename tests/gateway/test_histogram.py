"""Volume by price, against the bars of the same days."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from hydra.gateway.requests import ReqHistogramData
from hydra.gateway.responses import Error
from hydra.gateway.values import Contract
from tests.gateway.flow import APPLE

FUTURE = Contract(symbol="ES", secType="FUT", exchange="CME", localSymbol="ESZ2")


def histogram(exchange, period, contract=APPLE, regular=True):
    """Size by price, or the error."""
    request = ReqHistogramData(7, contract, False, regular, period)
    ((_, answer),) = exchange.handle(1, request)
    assert answer.reqId == 7
    if isinstance(answer, Error):
        return answer
    assert [one.price for one in answer.buckets] == sorted(one.price for one in answer.buckets)
    return {one.price: one.size for one in answer.buckets}


def test_the_sizes_of_a_day_are_those_of_its_bar_at_prices_between_low_and_high(started):
    started.advance(started.venue.now + timedelta(hours=6, minutes=40))
    apple = started.venue.find(APPLE)[0]
    series = started.venue.market.series(apple)
    index = series.at(started.venue.seconds)
    told = histogram(started, "8 hours")
    assert min(told) == pytest.approx(Decimal(str(series.low[index])), abs=Decimal("0.02"))
    assert max(told) == pytest.approx(Decimal(str(series.high[index])), abs=Decimal("0.02"))
    assert float(sum(told.values())) == pytest.approx(series.volume[index], rel=0.02)


@pytest.mark.parametrize(("short", "long"), [("1 day", "4 days"), ("4 days", "1 week")])
def test_a_longer_period_has_more_volume(started, short, long):
    started.command("close")
    assert sum(histogram(started, short).values()) < sum(histogram(started, long).values())


def test_regular_hours_of_an_index_future_are_part_of_all(started):
    started.command("close")
    regular = sum(histogram(started, "1 day", FUTURE).values())
    whole = sum(histogram(started, "1 day", FUTURE, regular=False).values())
    assert 0 < regular < whole * Decimal("0.6")  # eight hours of twenty-three


@pytest.mark.parametrize("period", ["", "week", "3 fortnights", "0 days", "2 years"])
def test_what_is_no_period_is_refused_and_named(started, period):
    refused = histogram(started, period)
    assert refused.code == 321
    assert repr(period) in refused.text


def test_there_is_no_volume_of_currencies_and_none_of_what_is_unknown(started):
    euro = Contract(symbol="EUR", secType="CASH", exchange="IDEALPRO", currency="USD")
    assert histogram(started, "3 days", euro).code == 162
    assert histogram(started, "3 days", Contract(symbol="FOO", secType="STK")).code == 200
