"""Historical bars over the API: a farm that sleeps, pacing, and days that no calendar knows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from ib_async import BarData

from hydra.clock import Sessions
from hydra.config import Gateway as GatewaySettings
from hydra.data.gateway import Gateway
from hydra.errors import BarsError, BrokerError, GatewayUnreachable
from hydra.gateway.variants import seed_with
from hydra.ib.bar_requests import BarRequests, BarsWanted
from hydra.ib.history import completed
from hydra.ib.pacing import IDENTICAL_S, Pacing
from tests.ib.feeds import feed
from tests.ib.test_pacing import Clock

NOW = datetime(2013, 2, 19, 12, 0, tzinfo=UTC)


def source_of(one, tmp_path, clock=None, **settings):
    """The data source of a paper session, whose waits pass in no time."""
    clock = clock or Clock()
    pacing = Pacing(tmp_path / "pacing.db", clock, clock.pause)
    gateway = GatewaySettings(port=one.server.port, **{"timeout_s": 5.0, **settings})
    return Gateway(gateway, lambda: one.broker.ib, pacing)


async def test_history_has_more_time_than_other_answers_while_its_farm_wakes(tmp_path):
    async with feed(seed=seed_with(historical_farm="inactive"), scale=0.05, is_fast=False) as one:
        source = source_of(one, tmp_path, timeout_s=0.3, history_timeout_s=30.0)
        assert len(await source.last_bars(["AAPL"], 5)) == 5


async def test_a_request_that_is_given_up_is_cancelled_and_not_repeated_at_once(tmp_path):
    clock = Clock()
    async with feed() as one:
        one.arm(on="reqHistoricalData", do="lose", times=2)
        source = source_of(one, tmp_path, clock, history_timeout_s=0.1)
        began = clock.now
        for given_up in (1, 2):
            with pytest.raises(GatewayUnreachable, match="daily bars of AAPL"):
                await source.last_bars(["AAPL"], 5)
            await one.broker.held_orders()
            assert len(one.heard("cancelHistoricalData")) == given_up
            assert clock.now - began == pytest.approx(IDENTICAL_S * (given_up - 1))
        await source.last_bars(["GOOG"], 5)
        assert clock.now - began == pytest.approx(IDENTICAL_S)


async def test_a_pacing_violation_is_waited_out_and_the_request_made_once_more(tmp_path):
    clock = Clock()
    text = "Historical Market Data Service error message:Historical data request pacing violation"
    async with feed(scale=0.0) as one:
        one.arm(on="reqHistoricalData", do="say", code=162, text=text, instead=True)
        began = clock.now
        bars = await source_of(one, tmp_path, clock).last_bars(["AAPL"], 5)
        assert len(bars) == 5
        assert clock.now - began == pytest.approx(IDENTICAL_S)
        assert len(one.heard("reqHistoricalData")) == 2


@pytest.mark.parametrize(("paced", "asked"), [(True, 2), (False, 41)])
async def test_pacing_violations_without_end_are_an_error(tmp_path, paced, asked):
    clock = Clock()
    async with feed(scale=0.0) as one:
        refusal = {"do": "say", "code": 162, "text": "pacing violation", "instead": True}
        one.arm(on="reqHistoricalData", times=100, **refusal)
        wanted = BarsWanted((await one.broker.qualify(["AAPL"]))["AAPL"], "5 D")
        pacing = Pacing(tmp_path / "pacing.db", clock, clock.pause)
        with pytest.raises(BrokerError, match="pacing violation"):
            await BarRequests(one.broker.ib, 5.0, pacing, paced=paced).bars(wanted)
        assert len(one.heard("reqHistoricalData")) == asked


async def test_a_refusal_for_another_reason_is_not_asked_again(tmp_path):
    async with feed() as one:
        one.arm(on="reqHistoricalData", do="say", code=162, text="no data", instead=True)
        with pytest.raises(BrokerError, match="no data"):
            await source_of(one, tmp_path).last_bars(["AAPL"], 5)
        assert len(one.heard("reqHistoricalData")) == 1


async def test_a_request_that_was_given_up_by_one_process_waits_in_another(tmp_path):
    clock = Clock()
    path = tmp_path / "pacing.db"
    async with feed() as one:
        [aapl] = (await one.broker.qualify(["AAPL"])).values()
        wanted = BarsWanted(aapl, "5 D")
        Pacing(path, clock, clock.pause).note_given_up(wanted.asked)
        clock.now += 5
        other = Pacing(path, clock, clock.pause)
        await BarRequests(one.broker.ib, 5.0, other, paced=False).bars(wanted)
        assert clock.now == pytest.approx(1_000_000 + IDENTICAL_S)


def bar(day: date) -> BarData:
    return BarData(day, 10.0, 11.0, 9.0, 10.5, 100.0)


def test_a_bar_of_a_day_that_the_calendar_has_not_is_left_out_with_a_warning(caplog):
    days = [date(2013, 2, 15), date(2013, 2, 18), date(2013, 2, 19)]
    rows = completed([bar(day) for day in days], Sessions("XNYS"), NOW)
    assert list(rows.index.date) == [date(2013, 2, 15)]
    assert "without a session in the calendar XNYS and left out: 2013-02-18" in caplog.text


SHUT = date(2012, 9, 20)


@pytest.fixture
def closure(monkeypatch):
    """An exchange that was closed on a day of its calendar: nobody has a bar of it."""
    ask = BarRequests.bars
    without: dict[str, set[date]] = {}

    async def bars(self, wanted):
        told = await ask(self, wanted)
        gone = without.get(wanted.instrument.symbol, set())
        return [b for b in told if b.date not in gone]

    monkeypatch.setattr(BarRequests, "bars", bars)
    return without


async def test_a_day_without_a_bar_of_any_instrument_is_a_closure_and_trading_goes_on(
    tmp_path, closure
):
    closure.update({symbol: {SHUT} for symbol in ("AAPL", "IBM")})
    told: list[str] = []
    async with feed() as one:
        source = source_of(one, tmp_path)
        object.__setattr__(source, "warn", told.append)
        bars = await source.last_bars(["AAPL", "IBM"], 10)
        assert SHUT not in bars.index.date
        assert len(bars) == 10
        [sentence] = told
        assert "2012-09-20" in sentence
        assert "closed in [calendar]" in sentence


async def test_a_day_on_which_only_one_instrument_has_no_bar_is_a_hole(tmp_path, closure):
    closure["AAPL"] = {SHUT}
    async with feed() as one:
        with pytest.raises(BarsError, match="AAPL has no bar for the XNYS session 2012-09-20"):
            await source_of(one, tmp_path).last_bars(["AAPL", "IBM"], 10)


async def test_more_closures_than_an_exchange_ever_had_are_a_gap_of_the_source(tmp_path, closure):
    week = {date(2012, 9, day) for day in (13, 14, 17, 18, 19, 20)}
    closure["AAPL"] = week
    async with feed() as one:
        with pytest.raises(BarsError, match="No symbol has a bar of 6 XNYS sessions"):
            await source_of(one, tmp_path).last_bars(["AAPL"], 15)
