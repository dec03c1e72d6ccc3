"""A cost model held against fills, and fitted to them; pure, `hydra.research.cost_file` keeps it.

Half spreads are measured directly: the median of what was quoted when the orders arrived, by
instrument. The coefficient of the square root impact is one for all instruments (Tóth et al. 2011
find it near 1 wherever they look) and fitted through the origin with Huber's weights, so that a few
wild fills do not decide it; it is held between 0 and `MAX_COEFFICIENT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from hydra.costs.impact import square_root_impact_bps
from hydra.costs.model import MAX_COEFFICIENT, CostModel
from hydra.errors import BadParameter

MIN_FILLS = 20
MIN_FILLS_OF_INSTRUMENT = 3
"""With fewer an instrument takes the half spread of all."""
MAX_BIAS_BPS = 0.5
MIN_CORRELATION = 0.3
HUBER = 1.345
"""Huber's constant: 95 % efficient where errors are normal (Huber 1964)."""
DEVIATION_OF_MAD = 1.4826
"""A normal deviation as a multiple of the median absolute one."""


@dataclass(frozen=True)
class Sample:
    """One fill as a cost model sees it: its order's size, the market then, and what it cost.

    `quantity` is the whole order's, signed; costs are bps of the arrival mid, paying up > 0.
    """

    symbol: str
    time: datetime
    quantity: float
    half_spread_bps: float
    execution_bps: float
    volatility_bps: float
    daily_volume: float


@dataclass(frozen=True)
class Agreement:
    """Predicted against actual over `fills`, in bps; errors are actual less predicted.

    A figure is None where it cannot be told: none without fills, no correlation where one side
    does not vary.
    """

    fills: int
    bias_bps: float | None
    rmse_bps: float | None
    correlation: float | None

    @property
    def is_calibrated(self) -> bool:
        """Whether the model may be called calibrated: |bias| < 0.5 bps and correlation > 0.3, over
        no fewer fills than a calibration takes."""
        if self.bias_bps is None or self.correlation is None or self.fills < MIN_FILLS:
            return False
        return abs(self.bias_bps) < MAX_BIAS_BPS and self.correlation > MIN_CORRELATION


@dataclass(frozen=True)
class Calibration:
    """A fitted model and what it was fitted to: fills from `first` to `last` (aware UTC).

    `agreement` is that of the very fills it was fitted to, and so the best it will ever look.
    `fills_of` counts the fills by instrument.
    """

    model: CostModel
    first: datetime
    last: datetime
    agreement: Agreement
    fills_of: dict[str, int]


def agreement(predicted: Sequence[float], actual: Sequence[float]) -> Agreement:
    """Bias, root mean square error and Pearson's correlation of predicted and actual costs, bps."""
    guess, cost = np.asarray(predicted, dtype=float), np.asarray(actual, dtype=float)
    if not len(cost):
        return Agreement(0, None, None, None)
    error = cost - guess
    bias, rmse = float(error.mean()), float(np.sqrt((error**2).mean()))
    return Agreement(len(cost), bias, rmse, _correlation(guess, cost))


def agreement_of(model: CostModel, samples: Sequence[Sample]) -> Agreement:
    """How well a model predicts these fills."""
    predicted = [
        float(model.distance_bps(s.quantity, s.symbol, s.volatility_bps, s.daily_volume))
        for s in samples
    ]
    return agreement(predicted, [s.execution_bps for s in samples])


def calibrate(samples: Sequence[Sample], commission: str = "fixed") -> Calibration:
    """Fit half spreads and the impact coefficient; raises `BadParameter` for too few samples."""
    if len(samples) < MIN_FILLS:
        raise BadParameter(
            f"A cost model is calibrated from {MIN_FILLS} fills or more that have a live quote at "
            f"arrival and a known daily volume; there are {len(samples)}."
        )
    first, last = min(s.time for s in samples), max(s.time for s in samples)
    model = CostModel(
        commission,
        half_spread_bps=_median(samples),
        impact_coefficient=_coefficient(samples),
        half_spreads_bps=_half_spreads(samples),
        source=calibrated_source(last, len(samples)),
    )
    counts = {symbol: len(of) for symbol, of in sorted(_by_symbol(samples).items())}
    return Calibration(model, first, last, agreement_of(model, samples), counts)


def calibrated_source(last: datetime, fills: int) -> str:
    """What a report says of a calibrated model: `calibrated 2013-01-18, 25 fills`."""
    return f"calibrated {last:%Y-%m-%d}, {fills} fills"


def _coefficient(samples: Sequence[Sample]) -> float:
    """The slope through the origin of impact over σ√(Q/V), by iterated Huber weights."""
    size = square_root_impact_bps(
        [s.quantity for s in samples],
        [s.volatility_bps for s in samples],
        [s.daily_volume for s in samples],
        1.0,
    )
    impact = np.array([s.execution_bps - s.half_spread_bps for s in samples])
    weight = np.ones_like(impact)
    slope = 0.0
    for _ in range(50):
        slope = float((weight * size * impact).sum() / (weight * size**2).sum())
        weight = _huber_weights(impact - slope * size)
    return min(max(slope, 0.0), MAX_COEFFICIENT)


def _huber_weights(error: np.ndarray) -> np.ndarray:
    """1 for errors within Huber's bound, less the further out they are."""
    bound = HUBER * DEVIATION_OF_MAD * float(np.median(np.abs(error)))
    if bound == 0.0:
        return np.ones_like(error)
    return np.minimum(1.0, bound / np.maximum(np.abs(error), bound))


def _half_spreads(samples: Sequence[Sample]) -> dict[str, float]:
    return {
        symbol: _median(of)
        for symbol, of in sorted(_by_symbol(samples).items())
        if len(of) >= MIN_FILLS_OF_INSTRUMENT
    }


def _by_symbol(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.symbol, []).append(sample)
    return groups


def _median(samples: Sequence[Sample]) -> float:
    return float(np.median([s.half_spread_bps for s in samples]))


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """None where one side does not vary by more than rounding."""
    for side in (one, other):
        if side.std() <= 1e-9 * max(float(np.abs(side).max()), 1.0):
            return None
    return float(np.corrcoef(one, other)[0, 1])
