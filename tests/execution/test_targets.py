"""Weights become quantities that never spend more than they may, and requests that reach them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter
from hydra.execution.targets import quantities_to_requests, weights_to_quantities

SYMBOLS = ("AAPL", "IBM", "MSFT")
INSTRUMENTS = {s: Instrument(s) for s in SYMBOLS}
DAY = date(2013, 1, 14)
weights = st.fixed_dictionaries({s: st.floats(-1, 1) for s in SYMBOLS})
prices = st.fixed_dictionaries(
    {s: st.decimals(min_value="0.5", max_value="900", places=4) for s in SYMBOLS}
)
held = st.fixed_dictionaries({s: st.integers(-900, 900).map(Decimal) for s in SYMBOLS})


@given(weights, prices)
def test_a_target_is_worth_no_more_than_its_weight_and_less_than_a_lot_below_it(weights, prices):
    nav = Decimal(1_000_000)
    for symbol, quantity in weights_to_quantities(weights, nav, prices, INSTRUMENTS).items():
        wanted = Decimal(str(weights[symbol])) * nav
        reached = quantity * prices[symbol]
        assert abs(reached) <= abs(wanted) + Decimal("1e-18")
        assert abs(wanted - reached) <= prices[symbol] * (1 + Decimal("1e-20"))


@given(weights, prices, held)
def test_what_is_held_and_what_is_requested_add_up_to_the_target(weights, prices, held):
    targets = weights_to_quantities(weights, Decimal(100_000), prices, INSTRUMENTS)
    requests = quantities_to_requests("s", DAY, targets, held, prices, INSTRUMENTS)
    after = dict(held)
    for request in requests:
        after[request.instrument.symbol] += request.quantity
    assert after == targets


def test_sells_come_before_buys_and_nothing_is_asked_where_nothing_changes():
    targets = {"AAPL": Decimal(5), "IBM": Decimal(0), "MSFT": Decimal(3)}
    held = {"AAPL": Decimal(1), "IBM": Decimal(9), "MSFT": Decimal(3)}
    price = dict.fromkeys(SYMBOLS, Decimal(10))
    requests = quantities_to_requests("s", DAY, targets, held, price, INSTRUMENTS)
    assert [(r.instrument.symbol, r.quantity) for r in requests] == [("IBM", -9), ("AAPL", 4)]


@pytest.mark.parametrize(
    ("weight", "price", "word"),
    [(float("nan"), "10", "finite"), (float("inf"), "10", "finite"), (0.5, "0", "> 0")],
)
def test_a_weight_or_price_that_is_no_figure_is_refused_by_symbol(weight, price, word):
    with pytest.raises(BadParameter, match=f"AAPL.*{word}"):
        weights_to_quantities({"AAPL": weight}, Decimal(1), {"AAPL": Decimal(price)}, INSTRUMENTS)
