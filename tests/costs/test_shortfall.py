"""What a fill lost is split exactly, with one sign for buys and sells, and nothing is made up."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.shortfall import shortfall
from hydra.domain.events import OrderQuoted
from hydra.domain.orders import Fill

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
REF = "s:20130114:AAPL:0"

cents = st.integers(1, 10**7).map(lambda ticks: Decimal(ticks) / 100)
prices = st.decimals("0.0001", "99999", places=4)
quantities = st.integers(-(10**6), 10**6).map(Decimal)
multipliers = st.sampled_from([Decimal(1), Decimal(50), Decimal("0.1")])


def fill(quantity, price, multiplier=1):
    return Fill(
        "e1", REF, "AAPL", Decimal(quantity), Decimal(price), NOW, multiplier=Decimal(multiplier)
    )


def quote(bid, ask, delayed=False):
    return OrderQuoted(
        REF, None if bid is None else Decimal(bid), None if ask is None else Decimal(ask), None,
        delayed,
    )  # fmt: skip


def test_a_buy_reckoned_by_hand():
    # decided at 100, arrived at 100.10 / 100.20, filled at 100.26: 15 + 5 + 6 cents of 26
    lost = shortfall(fill(200, "100.26"), Decimal(100), quote("100.10", "100.20"))
    assert (lost.delay, lost.spread, lost.impact) == (Decimal(30), Decimal(10), Decimal(12))
    assert (lost.total, lost.notional, lost.reason) == (Decimal(52), Decimal(20_000), "")
    assert [lost.bps(part) for part in (lost.delay, lost.spread, lost.impact)] == [15.0, 5.0, 6.0]
    assert lost.bps(lost.total) == 26.0
    assert lost.execution_bps == pytest.approx(11 / 100.15 * 100)
    assert lost.half_spread_bps == pytest.approx(5 / 100.15 * 100)


def test_a_sell_inside_the_spread_has_a_negative_impact_and_a_falling_market_a_positive_delay():
    # decided at 100, arrived at 99.80 / 100.00, sold at 99.85: 10 delay, 10 spread, 5 got back
    lost = shortfall(fill(-10, "99.85"), Decimal(100), quote("99.80", "100.00"))
    assert (lost.delay, lost.spread, lost.impact) == (
        Decimal("1.00"), Decimal("1.00"), Decimal("-0.50"),
    )  # fmt: skip
    assert lost.total == Decimal("1.50")


def test_a_futures_money_counts_its_multiplier_and_its_bps_do_not():
    lost = shortfall(fill(2, "1501", 50), Decimal(1500), quote("1500.50", "1500.75"))
    assert lost.total == Decimal(100)
    assert lost.bps(lost.total) == pytest.approx(1 / 1500 * 1e4)


@given(quantities, prices, prices, cents, cents, multipliers)
def test_the_parts_add_up_to_the_whole_exactly(quantity, price, decision, one, other, multiplier):
    bid, ask = sorted((one, other))
    lost = shortfall(fill(quantity, price, multiplier), decision, quote(bid, ask))
    assert lost.delay + lost.spread + lost.impact == lost.total
    assert lost.total == quantity * multiplier * (price - decision)
    assert lost.spread >= 0


@given(quantities.filter(bool), prices, prices, cents, cents)
def test_a_sell_in_the_mirrored_market_loses_what_the_buy_lost(
    quantity, price, decision, one, other
):
    bid, ask = sorted((one, other))
    mirror = Decimal(10**6)
    lost = shortfall(fill(quantity, price), decision, quote(bid, ask))
    mirrored = shortfall(
        fill(-quantity, mirror - price), mirror - decision, quote(mirror - ask, mirror - bid)
    )
    assert (lost.delay, lost.spread, lost.impact, lost.total) == (
        mirrored.delay, mirrored.spread, mirrored.impact, mirrored.total,
    )  # fmt: skip


def test_nothing_traded_costs_nothing_and_has_no_bps():
    lost = shortfall(fill(0, 101), Decimal(100), quote(99, 101))
    assert lost.total == lost.delay == lost.spread == lost.impact == 0
    assert lost.bps(lost.total) is None
    assert lost.execution_bps is None


@pytest.mark.parametrize(
    ("market", "words"),
    [
        (None, "no quote at arrival"),
        (quote(None, "100.2"), "no bid at arrival"),
        (quote("100.1", None), "no ask at arrival"),
        (quote(None, None), "no bid and no ask at arrival"),
        (quote("-1", "100.2"), "no bid at arrival"),
        (quote("0", "100.2"), "no bid at arrival"),
        (quote("100.2", "100.1"), r"crossed (100.2 over 100.1)"),
        (quote("100.1", "100.2", delayed=True), "delayed"),
    ],
)
def test_without_a_market_at_arrival_there_is_a_reason_and_no_invented_number(market, words):
    lost = shortfall(fill(200, "100.26"), Decimal(100), market)
    assert words in lost.reason
    assert (lost.delay, lost.spread, lost.impact, lost.arrival_mid) == (None,) * 4
    assert (lost.execution_bps, lost.half_spread_bps) == (None, None)
    assert lost.bps(lost.total) == 26.0


def test_a_locked_market_has_no_spread_and_is_no_fault():
    lost = shortfall(fill(1, "100.10"), Decimal(100), quote("100.10", "100.10"))
    assert (lost.delay, lost.spread, lost.impact) == (Decimal("0.10"), 0, 0)
