"""Answers as a real gateway was recorded to give them, in April 2026 at server version 200.

The conversations are those of ibkr-go's transcripts; what is compared here are their facts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.requests import ReqHistoricalData, ReqIds, ReqRealTimeBars
from hydra.gateway.responses import Error, HistoricalData, HistoricalSchedule, NextValidId
from tests.gateway.flow import APPLE


def on(when: datetime, **settings):
    """An exchange at a time, with client 1."""
    exchange = shipped_exchange(ExchangeSettings(start=date(2026, 4, 1), **settings))
    exchange.connect(1, 178)
    exchange.advance(when)
    return exchange


def asked(exchange, request) -> list:
    """What one request gets."""
    return [response for _, response in exchange.handle(1, request)]


def test_a_month_of_the_schedule_is_that_which_was_recorded():
    exchange = on(datetime(2026, 4, 11, 17, 52, 12, tzinfo=UTC))  # a Saturday
    request = ReqHistoricalData(1, APPLE, False, "", "1 day", "1 M", True, "SCHEDULE", 1)
    (told,) = asked(exchange, request)
    assert isinstance(told, HistoricalSchedule)
    assert (told.start, told.end) == ("20260312-09:30:00", "20260410-16:00:00")
    assert len(told.sessions) == 21
    first, last = told.sessions[0], told.sessions[-1]
    assert (first.start, first.end, first.refDate) == (
        "20260312-09:30:00",
        "20260312-16:00:00",
        "20260312",
    )
    assert last.refDate == "20260410"
    assert "20260403" not in {session.refDate for session in told.sessions}  # Good Friday


def test_the_bars_of_an_hour_are_those_which_were_recorded():
    exchange = on(datetime(2026, 4, 5, 21, 50, 55, tzinfo=UTC))  # the Sunday after Good Friday
    request = ReqHistoricalData(1, APPLE, False, "", "1 hour", "1 D", True, "TRADES", 1)
    (told,) = asked(exchange, request)
    assert isinstance(told, HistoricalData)
    assert [bar.date for bar in told.bars] == [
        f"20260402 {hour} US/Eastern"
        for hour in (
            *("09:30:00", "10:00:00", "11:00:00", "12:00:00"),
            *("13:00:00", "14:00:00", "15:00:00"),
        )
    ]


@pytest.mark.parametrize("real", [frozenset(), frozenset({"delayed_data"})])
def test_real_time_bars_without_a_subscription_are_refused(real):
    exchange = on(datetime(2026, 4, 13, 15, 0, tzinfo=UTC), real=real)
    told = asked(exchange, ReqRealTimeBars(1, APPLE, 5, "TRADES", True))
    refusals = [(r.reqId, r.code) for r in told if isinstance(r, Error)]
    assert refusals == ([(1, 10089)] if real else [])


def test_a_client_that_asks_for_its_next_number_is_told_one():
    exchange = on(datetime(2026, 4, 13, 15, 0, tzinfo=UTC))
    (told,) = asked(exchange, ReqIds(1))
    assert isinstance(told, NextValidId)
