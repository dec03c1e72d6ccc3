"""Weights become quantities that never spend more than they may, and requests that reach them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.impact import square_root_impact_bps
from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter
from hydra.execution.targets import (
    TradeLimits,
    limited,
    quantities_to_requests,
    tracking_error,
    unit_values,
    weights_to_quantities,
)

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


AAPL, LOTS = Instrument("AAPL"), Instrument("LOTS", lot_size=Decimal(10))
UNIT = {"AAPL": Decimal(100), "LOTS": Decimal(10)}
BOTH = {"AAPL": AAPL, "LOTS": LOTS}
quantities = st.integers(-1000, 1000).map(Decimal)


def reach(targets, held, largest=None, room=10**9):
    return limited(targets, held, UNIT, BOTH, largest or {}, Decimal(room))


def test_within_its_limits_a_session_reaches_its_targets():
    assert reach({"AAPL": Decimal(7), "LOTS": Decimal(-30)}, {}) == {"AAPL": 7, "LOTS": -30}


def test_additions_share_what_reductions_leave_of_the_turnover():
    held = {"AAPL": Decimal(10)}
    made = reach({"AAPL": Decimal(5), "LOTS": Decimal(100)}, held, room=1000)
    assert made == {"AAPL": 5, "LOTS": 50}


def test_a_reduction_passes_also_where_no_turnover_is_left():
    assert reach({"AAPL": Decimal(0)}, {"AAPL": Decimal(10)}, room=0) == {"AAPL": 0}


def test_a_trade_through_zero_is_a_reduction_and_then_an_addition():
    assert reach({"AAPL": Decimal(-5)}, {"AAPL": Decimal(10)}, room=1000) == {"AAPL": 0}


def test_the_largest_trade_limits_what_is_added_and_not_what_is_reduced():
    most = {"AAPL": Decimal(3)}
    assert reach({"AAPL": Decimal(9)}, {}, most) == {"AAPL": 3}
    assert reach({"AAPL": Decimal(0)}, {"AAPL": Decimal(9)}, most) == {"AAPL": 0}


@given(
    st.dictionaries(st.sampled_from(["AAPL", "LOTS"]), quantities, min_size=1),
    st.dictionaries(st.sampled_from(["AAPL", "LOTS"]), quantities),
    st.integers(0, 200_000),
)
def test_no_session_adds_beyond_its_turnover_nor_goes_past_a_target(targets, held, room):
    held = {s: BOTH[s].round_quantity(q) for s, q in held.items()}
    targets = {s: BOTH[s].round_quantity(q) for s, q in targets.items()}
    made = reach(targets, held, room=room)
    traded = added = Decimal(0)
    for symbol, target in targets.items():
        now, then = held.get(symbol, Decimal(0)), made[symbol]
        assert min(now, target) <= then <= max(now, target)
        assert BOTH[symbol].in_lots(then)
        traded += abs(then - now) * UNIT[symbol]
        cut = abs(now) if now * target < 0 else max(abs(now) - abs(target), Decimal(0))
        added += max(abs(then - now) - cut, Decimal(0)) * UNIT[symbol]
    assert not added or traded <= room


def test_the_largest_trade_has_the_impact_that_is_allowed():
    limits = TradeLimits(max_impact_bps=20.0, impact_coefficient=0.8)
    size = limits.largest_trade(150.0, 1e6)
    impact = square_root_impact_bps(float(size), 150.0, 1e6, 0.8)
    assert float(impact) == pytest.approx(20.0)


def test_rounding_to_lots_is_told_as_a_distance_from_the_wanted_weights():
    error = tracking_error({"A": 0.5, "B": 0.2}, {"A": Decimal(49), "B": Decimal(20)}, UNITS)
    assert error == pytest.approx(0.01)


UNITS = {"A": 0.01, "B": 0.01}


@pytest.mark.parametrize("name", ["max_turnover", "max_impact_bps", "impact_coefficient"])
def test_a_limit_that_would_hold_nothing_is_refused(name):
    with pytest.raises(BadParameter, match=name):
        TradeLimits(**{name: 0.0})


ABROAD = {
    "VOD.LSE": Instrument("VOD.LSE", currency="GBP", multiplier=Decimal("0.01")),
    "ES.201303": Instrument("ES.201303", "FUT", multiplier=Decimal(50)),
    "EUR.USD": Instrument("EUR.USD", "CASH"),
    "7203.TSEJ": Instrument("7203.TSEJ", currency="JPY", lot_size=Decimal(100)),
}


@given(
    st.fixed_dictionaries({s: st.floats(-2, 2) for s in ABROAD}),
    st.fixed_dictionaries(
        {s: st.decimals(min_value="0.5", max_value="9000", places=4) for s in ABROAD}
    ),
    st.fixed_dictionaries(
        {s: st.decimals(min_value="0.005", max_value="3", places=6) for s in ABROAD}
    ),
)
def test_money_abroad_is_never_more_than_its_weight_of_the_base_currency(weights, prices, rates):
    nav = Decimal(1_000_000)
    quantities = weights_to_quantities(weights, nav, prices, ABROAD, rates)
    for symbol, worth in unit_values(prices, ABROAD, rates).items():
        wanted, quantity = Decimal(str(weights[symbol])) * nav, quantities[symbol]
        one = ABROAD[symbol]
        assert worth == prices[symbol] * one.multiplier * rates[symbol]
        assert abs(quantity) * worth <= abs(wanted) * (1 + Decimal("1e-20"))
        assert abs(wanted) - abs(quantity) * worth <= worth * one.lot_size
        assert quantity % one.lot_size == 0
        assert quantity * wanted >= 0


def test_a_rate_that_is_none_is_refused():
    with pytest.raises(BadParameter, match=r"VOD\.LSE: the rate of exchange is 0; it must be > 0"):
        weights_to_quantities(
            {"VOD.LSE": 0.1}, Decimal(1), {"VOD.LSE": Decimal(1)}, ABROAD, {"VOD.LSE": Decimal(0)}
        )
