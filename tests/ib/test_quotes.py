"""Quotes over the API: delayed, halted, refused, and more of them than there are lines."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import accumulate

import pytest

from hydra.domain.events import Warned
from tests.ib.feeds import feed

FIVE = ["AAPL", "GOOG", "IBM", "MSFT", "EUR.USD"]
LONG_S = 60.0
"""A time-out that no test would sit out."""


async def quote_of(one, symbol="AAPL"):
    found = await one.broker.qualify([symbol])
    return (await one.broker.quotes(list(found.values())))[symbol]


def most_lines(one) -> int:
    """How many market data lines were taken at the same time."""
    steps = {"reqMktData": 1, "cancelMktData": -1}
    names = [m["name"] for m in one.server.record.after(0) if m["name"] in steps]
    return max(accumulate(steps[name] for name in names))


async def test_a_delayed_quote_comes_without_waiting_and_says_when_its_last_trade_was():
    async with feed("delayed_data", timeout_s=LONG_S) as one:
        one.server.deliver(one.server.world.command("2012-10-01T14:30:00+00:00"))
        async with asyncio.timeout(10):
            quote = await quote_of(one)
        now = await one.broker.time()
        assert quote.delayed
        assert quote.last is not None
        assert timedelta(minutes=15) <= now - quote.time < timedelta(minutes=16)


async def test_that_prices_are_delayed_is_told_once_with_the_symbol_s_name():
    async with feed("delayed_data") as one:
        await quote_of(one)
        one.broker.unsubscribe()
        await quote_of(one)
        [warned] = [w for w in one.warned() if w.code == 10167]
        assert warned.text.startswith("AAPL: ")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (101, "Max number of tickers has been reached"),
        (200, "No security definition has been found for the request"),
        (354, "Requested market data is not subscribed."),
        (10089, "Requested market data requires additional subscription for API."),
        (10168, "Requested market data is not subscribed. Delayed market data is not enabled."),
        (10197, "No market data during competing live session"),
    ],
)
async def test_a_price_that_can_never_come_is_not_waited_for_and_says_why(code, text):
    async with feed(timeout_s=LONG_S) as one:
        one.arm(on="reqMktData", do="say", code=code, text=text, instead=True)
        async with asyncio.timeout(10):
            quote = await quote_of(one)
        assert quote.last is None
        assert one.warned() == [Warned(code, f"AAPL: {text}")]


async def test_what_had_no_price_is_asked_for_again():
    async with feed(timeout_s=LONG_S) as one:
        one.arm(on="reqMktData", do="say", code=354, text="not subscribed", instead=True)
        assert (await quote_of(one)).last is None
        assert (await quote_of(one)).last is not None
        assert not one.heard("cancelMktData")


@pytest.mark.parametrize("code", [10089, 10090, 10091, 10167])
async def test_a_price_that_is_to_come_after_a_warning_is_waited_for(code):
    text = "Delayed market data is available."
    async with feed(timeout_s=LONG_S) as one:
        one.arm(on="reqMktData", do="say", code=code, text=text)
        assert (await quote_of(one)).last is not None
        assert one.warned() == [Warned(code, f"AAPL: {text}")]


async def test_prices_that_another_session_took_over_are_asked_for_anew():
    async with feed(timeout_s=LONG_S) as one:
        before = await quote_of(one)
        one.arm(at="2012-10-01T13:30:01Z", do="take_over")
        one.server.deliver(one.server.world.command("2012-10-01T13:30:02Z"))
        await one.broker.time()
        assert before.last is not None
        assert [w.code for w in one.warned()] == [10197]
        await quote_of(one)
        assert len(one.heard("reqMktData")) == 2


async def test_more_instruments_than_lines_are_quoted_in_portions():
    async with feed(market_data_lines=2) as one:
        found = await one.broker.qualify(FIVE)
        quotes = await one.broker.quotes(list(found.values()))
        assert [symbol for symbol, quote in quotes.items() if quote.last] == FIVE
        assert len(one.heard("reqMktData")) == 5
        await one.broker.time()
        assert not one.server.exchange.quotes.open_lines
        assert most_lines(one) == 2
        assert not one.warned()


async def test_a_new_instrument_takes_the_line_of_one_that_is_not_asked_for():
    async with feed(market_data_lines=2) as one:
        for symbol in FIVE[:3]:
            assert (await quote_of(one, symbol)).last is not None
        await one.broker.time()
        assert len(one.server.exchange.quotes.open_lines) == 2
        assert len(one.heard("cancelMktData")) == 1


async def test_prices_of_before_a_loss_of_data_are_not_those_of_after_it():
    async with feed() as one:
        before = await quote_of(one)
        one.arm(at="2012-10-01T13:30:01Z", do="freeze")
        one.arm(at="2012-10-01T13:30:02Z", do="say", code=1101)
        one.server.deliver(one.server.world.command("2012-10-01T15:00:00Z"))
        await one.broker.time()
        one.server.exchange.quotes.freeze(False)
        after = await quote_of(one)
        assert after.time > before.time


async def test_stocks_ask_for_shortable_shares_and_pairs_do_not():
    async with feed() as one:
        await quote_of(one, "AAPL")
        await quote_of(one, "EUR.USD")
        assert [m["genericTicks"] for m in one.heard("reqMktData")] == ["236", ""]


async def test_how_many_shares_can_be_borrowed_is_told_with_the_quote_of_a_short():
    async with feed() as one:
        one.arm(on="reqMktData", do="say", code=10090, text="nothing of that")
        [aapl] = (await one.broker.qualify(["AAPL"])).values()
        [line] = [one.broker._feed._lines[s] for s in await one.broker.quotes([aapl])]
        one.broker.ib.wrapper.tickSize(line.request, 89, 12500.0)
        quote = (await one.broker.quotes([aapl], {"AAPL"}))["AAPL"]
        assert quote.shortable == 12_500


@pytest.mark.parametrize(("tick", "halted"), [(0, False), (1, True), (2, True)])
async def test_a_quote_says_whether_the_exchange_has_halted_trading(tick, halted):
    async with feed() as one:
        await quote_of(one)
        line = one.broker._feed._lines["AAPL"]
        one.broker.ib.wrapper.tickGeneric(line.request, 49, float(tick))
        assert (await quote_of(one)).halted is halted
