"""Ticks, lots and signs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter

prices = st.decimals(min_value="0.01", max_value="100000", places=6)
ticks = st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.00005"), Decimal("0.25")])
quantities = st.decimals(min_value="-100000", max_value="100000", places=3).filter(bool)


@given(prices, ticks, quantities)
def test_a_rounded_price_lies_on_the_tick_and_never_pays_more_than_was_meant(
    price, tick, quantity
):
    instrument = Instrument("X", min_tick=tick)
    rounded = instrument.round_price(price, quantity)
    assert instrument.on_tick(rounded)
    assert abs(rounded - price) < tick
    assert rounded <= price if quantity > 0 else rounded >= price


@given(quantities, st.sampled_from([Decimal(1), Decimal(100), Decimal("0.5")]))
def test_a_rounded_quantity_is_whole_lots_of_the_same_side_and_no_larger(quantity, lot):
    instrument = Instrument("X", lot_size=lot)
    rounded = instrument.round_quantity(quantity)
    assert instrument.in_lots(rounded)
    assert abs(quantity) - lot < abs(rounded) <= abs(quantity)
    assert rounded * quantity >= 0


@pytest.mark.parametrize("wrong", [{"min_tick": Decimal(0)}, {"lot_size": Decimal(-1)}])
def test_a_size_that_is_not_positive_is_refused_by_name(wrong):
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        Instrument("X", **wrong)


def test_an_instrument_without_a_symbol_is_refused():
    with pytest.raises(BadParameter, match="needs a symbol"):
        Instrument(" ")


LONDON = Instrument(
    "VOD",
    ticks=tuple(
        (Decimal(low), Decimal(step))
        for low, step in [("0", "0.001"), ("5", "0.005"), ("20", "0.01"), ("50", "0.05")]
    ),
)


@given(prices, quantities)
def test_a_price_is_rounded_to_the_grid_of_its_level(price, quantity):
    rounded = LONDON.round_price(price, quantity)
    assert LONDON.on_tick(rounded)
    assert rounded <= price if quantity > 0 else rounded >= price


def test_each_level_of_prices_has_its_own_increment():
    assert [LONDON.tick_at(Decimal(p)) for p in ("1", "5", "19.99", "20", "177")] == [
        Decimal(t) for t in ("0.001", "0.005", "0.005", "0.01", "0.05")
    ]
    assert not LONDON.on_tick(Decimal("177.01"))
    assert LONDON.on_tick(Decimal("4.321"))
