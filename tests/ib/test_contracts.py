"""What orders are multiples of, and prices lie on, as the gateway tells of a contract."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from ib_async import Contract, ContractDetails

from hydra.config import Settings, Trading
from hydra.domain.events import Warned
from hydra.domain.instruments import Instrument
from hydra.errors import UnknownInstrument
from hydra.ib.contracts import RULES, identified, named, symbol_of, to_contract, with_details
from hydra.wiring import research_instruments
from tests.ib.feeds import feed

D = Decimal
UNSET = 1.7976931348623157e308


async def test_a_us_stock_that_is_listed_in_parts_of_a_share_is_ordered_in_whole_ones():
    async with feed() as one:
        assert (await one.broker.qualify(["AAPL"]))["AAPL"].lot_size == 1


async def test_an_account_that_may_trade_parts_of_a_share_has_them_as_its_lot():
    async with feed(fractional=True) as one:
        assert (await one.broker.qualify(["AAPL"]))["AAPL"].lot_size == D("0.0001")


@pytest.mark.parametrize(
    ("sec_type", "smallest", "step", "fractional", "lot"),
    [
        ("STK", 0.0001, 0.0001, False, D(1)),
        ("STK", 0.0001, 0.0001, True, D("0.0001")),
        ("STK", 1.0, 1.0, False, D(1)),
        ("STK", 100.0, 100.0, False, D(100)),
        ("STK", 100.0, 1.0, False, D(100)),
        ("STK", UNSET, UNSET, False, D(1)),
        ("STK", 0.0, 0.0, True, D(1)),
        ("CASH", 0.01, 0.01, False, D("0.01")),
        ("FUT", 1.0, 1.0, False, D(1)),
        ("CRYPTO", 0.0001, 1e-08, False, D("1E-8")),
    ],
)
def test_a_lot_is_a_whole_share_at_least_and_what_is_no_stock_keeps_its_steps(
    sec_type, smallest, step, fractional, lot
):
    details = ContractDetails(
        contract=Contract(conId=7), minSize=smallest, sizeIncrement=step, minTick=0.01
    )
    one = with_details(Instrument("X", sec_type=sec_type), details, fractional=fractional)
    assert one.lot_size == lot


@pytest.mark.parametrize(("fractional", "lot"), [(False, D(1)), (True, D("0.0001"))])
def test_a_backtest_reckons_in_the_lots_that_are_ordered(fractional, lot):
    settings = Settings(trading=Trading(fractional_shares=fractional))
    known = research_instruments(settings, ["AAPL", "7203.TSEJ", "EUR.USD"])
    assert [known[s].lot_size for s in ("AAPL", "7203.TSEJ", "EUR.USD")] == [lot, 100, 1]


async def test_a_market_rule_that_takes_longer_than_a_second_is_waited_for():
    async with feed("slow_market_rules", scale=0.4, timeout_s=10.0) as one:
        assert (await one.broker.qualify(["AAPL"]))["AAPL"].ticks
        assert not one.told()


async def test_a_market_rule_that_never_comes_leaves_the_contract_s_smallest_step_and_says_so():
    async with feed("slow_market_rules", scale=0.2, timeout_s=0.2) as one:
        found = (await one.broker.qualify(["AAPL"]))["AAPL"]
        assert (found.ticks, found.min_tick) == ((), D("0.01"))
        [warned] = one.told()
        assert isinstance(warned, Warned)
        assert "market rule" in warned.text
        one.broker.settings = one.broker.settings.__class__(port=one.server.port, timeout_s=5.0)
        await one.broker.qualify(["AAPL"])
        assert not one.told()


async def test_a_market_rule_that_comes_late_is_taken_when_it_is_asked_for_again():
    async with feed("slow_market_rules", scale=0.2, timeout_s=0.2) as one:
        await one.broker.qualify(["AAPL"])
        answer = next(iter(RULES[one.broker.ib]._asked.values()))
        await answer
        assert (await one.broker.qualify(["AAPL"]))["AAPL"].ticks


@pytest.mark.parametrize("written", ["BRK.B", "BRK-B", "BRK/B"])
def test_a_class_of_shares_has_one_name_and_others_are_answered_with_it(written):
    with pytest.raises(UnknownInstrument, match="did you mean 'BRK B'"):
        named(written)


@pytest.mark.parametrize(
    ("symbol", "listed_as", "place"),
    [
        ("SAP.IBIS", "SAP", "IBIS"),
        ("ERIC.B.SFB", "ERIC.B", "SFB"),
        ("BP..LSE", "BP.", "LSE"),
        ("ABI.ENEXT.BE", "ABI", "ENEXT.BE"),
    ],
)
def test_a_share_abroad_may_have_a_point_in_its_name(symbol, listed_as, place):
    one = named(symbol)
    assert (one.symbol, one.listed_as, one.primary_exchange) == (symbol, listed_as, place)


async def test_a_symbol_with_a_blank_is_known_to_the_gateway_and_comes_back_as_it_is():
    async with feed() as one:
        found = (await one.broker.qualify(["BRK B"]))["BRK B"]
        assert (found.symbol, found.primary_exchange) == ("BRK B", "NYSE")
        assert symbol_of(to_contract(found)) == "BRK B"
        assert (await one.broker.quotes([found]))["BRK B"].last is not None


async def test_a_share_that_is_traded_in_lots_of_a_hundred_has_them():
    async with feed() as one:
        toyota = replace(named("7203.TSEJ"), exchange="TSEJ")
        assert (await identified(one.broker.ib, toyota, 5.0)).lot_size == 100
