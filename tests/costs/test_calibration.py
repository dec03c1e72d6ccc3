"""A model fitted to orders finds what made them cost, and says how far it can be trusted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.costs.calibration import MIN_FILLS, Agreement, Sample, agreement_of, calibrate
from hydra.costs.model import MAX_COEFFICIENT, CostModel
from hydra.errors import BadParameter

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)


def sample(number=0, symbol="AAPL", quantity=10_000.0, half=2.0, cost=22.0, fills=1):
    """At 200 bps a day and 1,000,000 shares a day, 10,000 shares have √(Q/V) = 0.1."""
    time = NOW + timedelta(days=number)
    return Sample(symbol, time, fills, quantity, half, cost, 200.0, 1e6)


def market(coefficient: float, noise: float = 0.0, orders: int = 60) -> list[Sample]:
    """Orders of a market with a known coefficient, half spreads 1 (AAPL) and 4 bps (IBM)."""
    random = np.random.default_rng(3)
    samples = []
    for number in range(orders):
        symbol, half = (("AAPL", 1.0), ("IBM", 4.0))[number % 2]
        quantity = float(random.integers(10, 50_000) * (-1) ** (number // 2))
        impact = coefficient * 200.0 * np.sqrt(abs(quantity) / 1e6)
        cost = half + impact + noise * random.standard_normal()
        samples.append(sample(number, symbol, quantity, half, cost))
    return samples


def test_errors_are_actual_less_predicted_reckoned_by_hand():
    samples = [sample(cost=c, quantity=q) for c, q in ((24, 10_000), (46, -40_000), (2, 0.0))]
    found = agreement_of(CostModel("none", 2.0, impact_coefficient=1.0), samples)
    # predicted 22, 42, 2: errors 2, 4, 0
    assert found.bias_bps == pytest.approx(2.0)
    assert found.rmse_bps == pytest.approx(np.sqrt(20 / 3))
    assert found.correlation == pytest.approx(np.corrcoef([22, 42, 2], [24, 46, 2])[0, 1])
    assert (found.orders, found.fills) == (3, 3)


def test_no_orders_and_no_variation_give_no_figure_instead_of_a_zero():
    assert agreement_of(CostModel(), []) == Agreement(0, 0, None, None, None)
    flat = agreement_of(CostModel(), [sample(), sample(1, cost=30.0)])
    assert flat.correlation is None
    assert not flat.is_calibrated


@given(st.floats(0.0, 9.0))
def test_without_noise_the_fit_is_the_market(coefficient):
    found = calibrate(market(coefficient))
    if coefficient * 200 * np.sqrt(0.05) < 200:  # beyond a day's volatility it is cut
        assert found.model.impact_coefficient == pytest.approx(coefficient, abs=1e-9)
        assert found.agreement.rmse_bps == pytest.approx(0.0, abs=1e-6)
    assert dict(found.model.half_spreads_bps) == {"AAPL": 1.0, "IBM": 4.0}


def test_with_noise_the_fit_is_near_and_called_calibrated():
    found = calibrate(market(0.8, noise=1.0))
    assert found.model.impact_coefficient == pytest.approx(0.8, abs=0.05)
    assert abs(found.agreement.bias_bps) < 0.5
    assert found.agreement.is_calibrated
    assert not agreement_of(CostModel(), market(0.8, noise=1.0)).is_calibrated


def test_one_wild_order_moves_the_fit_by_no_more_than_a_days_volatility_would():
    clean = market(0.8)
    wild = [*clean, sample(99, cost=5_000.0)]
    cut = [*clean, sample(99, cost=202.0)]
    assert calibrate(wild).model.impact_coefficient == pytest.approx(
        calibrate(cut).model.impact_coefficient
    )


def test_the_coefficient_stays_within_its_bounds():
    better = [replace(s, execution_bps=-50.0) for s in market(0.8)]
    assert calibrate(better).model.impact_coefficient == 0.0
    tiny = [replace(s, daily_volume=1e12, execution_bps=150.0) for s in market(0.8)]
    assert calibrate(tiny).model.impact_coefficient == MAX_COEFFICIENT


def test_an_instrument_with_few_orders_takes_the_half_spread_of_all():
    samples = [*market(0.8), sample(1, "GOOG", half=300.0), sample(2, "GOOG", half=300.0)]
    model = calibrate(samples).model
    assert "GOOG" not in model.half_spreads_bps
    assert model.half_spread_of("GOOG") == model.half_spread_bps < 300.0


def test_too_few_fills_are_refused_with_how_many_there_are_and_just_enough_are_not():
    enough = market(0.8)[:MIN_FILLS]
    assert calibrate(enough).agreement.fills == MIN_FILLS
    with pytest.raises(BadParameter, match=f"{MIN_FILLS} fills or more .* there are 19"):
        calibrate(enough[:-1])
    calibrate([*enough[:-2], replace(enough[-1], fills=2)])


def test_a_calibration_says_what_it_was_fitted_to():
    samples = [*market(0.8)[:24], sample(30, "MSFT", fills=3)]
    found = calibrate(samples, "tiered")
    assert (found.first, found.last) == (NOW, NOW + timedelta(days=30))
    assert found.fills_of == {"AAPL": 12, "IBM": 12, "MSFT": 3}
    assert str(found.model) == "calibrated 2013-02-13, 27 fills"
    assert found.model.commission == "tiered"


@pytest.mark.parametrize(
    ("bias", "correlation", "fills", "calibrated"),
    [
        (0.49, 0.31, 20, True),
        (-0.49, 0.31, 20, True),
        (0.5, 0.9, 100, False),
        (-0.5, 0.9, 100, False),
        (0.0, 0.3, 100, False),
        (0.0, None, 100, False),
        (0.0, 0.9, 19, False),
    ],
)
def test_calibrated_is_a_bias_under_half_a_bp_and_a_correlation_over_three_tenths(
    bias, correlation, fills, calibrated
):
    assert Agreement(fills, fills, bias, 1.0, correlation).is_calibrated is calibrated
