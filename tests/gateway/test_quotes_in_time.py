"""Quotes that are carried on from second to second are those that are made anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra.gateway.errors import UnencodableValue
from hydra.gateway.exchange import ExchangeSettings, shipped_exchange
from hydra.gateway.market import Market
from hydra.gateway.messages import encode
from hydra.gateway.requests import ReqMktData
from hydra.gateway.responses import TickString
from hydra.gateway.server import LONGEST_TICK_S, TICK_S, GatewayServer, GatewaySettings
from hydra.gateway.times import epoch
from hydra.gateway.values import Contract

EXCHANGE = shipped_exchange(ExchangeSettings())
APPLE = EXCHANGE.venue.universe.get(265598)
OPENS = epoch(EXCHANGE.venue.now)
NIGHT = 86_400


def anew(seconds: int):
    """The quote that a market tells which was asked nothing before."""
    market = EXCHANGE.venue.market
    market._quotes.clear()
    return market.quote(APPLE, seconds)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3600, 2 * NIGHT), min_size=2, max_size=12))
def test_a_quote_does_not_depend_on_what_was_asked_before(offsets):
    expected = [anew(OPENS + offset) for offset in offsets]
    EXCHANGE.venue.market._quotes.clear()
    assert [EXCHANGE.venue.market.quote(APPLE, OPENS + offset) for offset in offsets] == expected


def test_high_and_low_are_those_of_the_session_so_far():
    market, path = EXCHANGE.venue.market, EXCHANGE.venue.market.path
    index = market.series(APPLE).at(OPENS)
    ticks = path(APPLE, index).ticks
    for step in range(0, len(ticks), 97):
        quote = market.quote(APPLE, OPENS + 5 * step)
        seen = ticks[: step + 1]
        assert quote.high == int(seen.max()) * APPLE.tick
        assert quote.low == int(seen.min()) * APPLE.tick
        assert quote.last == int(ticks[step]) * APPLE.tick


def test_a_quote_that_holds_is_told_as_the_very_same():
    market = EXCHANGE.venue.market
    closed = OPENS + 7 * 3600
    assert market.quote(APPLE, closed) is market.quote(APPLE, closed + 600)
    assert market.quote(APPLE, OPENS + 60) is not market.quote(APPLE, OPENS + 65)


def test_a_hundred_lines_make_no_day_twice(monkeypatch):
    exchange = shipped_exchange(ExchangeSettings())
    exchange.connect(1, 178)
    listed = [one for one in exchange.venue.universe.instruments if one.secType != "FUT"][:100]
    for number, one in enumerate(listed):
        exchange.handle(1, ReqMktData(number, Contract(conId=one.conId, exchange=one.route)))
    made = []
    unfold = Market._unfold
    monkeypatch.setattr(Market, "_unfold", lambda *a: made.append(a[1].conId) or unfold(*a))
    for _ in range(5):
        exchange.advance(exchange.venue.now + timedelta(seconds=1))
    assert not made


def test_the_quotes_that_are_kept_have_a_bound():
    exchange = shipped_exchange(ExchangeSettings())
    market, seconds = exchange.venue.market, exchange.venue.seconds
    futures = [one for one in exchange.venue.universe.instruments if one.secType == "FUT"]
    for one in [one for one in futures if one.expiry.year == 2012] * 2:
        market.quote(one, seconds)
    assert 64 < len(market._quotes) <= 128


def paused(speed: float, microsecond: int, **how) -> float:
    """How long a clock waits that stands at a part of a second."""
    server = GatewayServer(GatewaySettings(port=0, control_port=0, speed=speed, **how))
    server.exchange.venue.now = server.exchange.venue.now.replace(microsecond=microsecond)
    return server._pause_s()


@pytest.mark.parametrize(
    ("speed", "microsecond", "expected"),
    [(1, 0, 1.0), (1, 250_000, 0.75), (2, 0, 0.5), (600, 0, TICK_S), (0.1, 0, LONGEST_TICK_S)],
)
def test_the_clock_wakes_when_market_time_has_another_second(speed, microsecond, expected):
    assert paused(speed, microsecond) == pytest.approx(expected)


def test_a_clock_at_the_wall_s_time_wakes_within_a_second():
    assert TICK_S <= paused(0, 0, keeps_wall_time=True) <= LONGEST_TICK_S


def test_a_tick_with_a_nul_in_its_text_is_never_sent():
    with pytest.raises(UnencodableValue, match="NUL"):
        encode(TickString(1, 45, "1\x002"), 178)
