"""A cost model held against orders and fitted to them; pure: `hydra.execution.cost_file` keeps it.

The unit is the order, at the average of its fills: a model predicts an order's average, while its
fills walk up the book. Half spreads are measured directly: the median of what was quoted when the
orders arrived, by instrument. The coefficient of the square root impact is one for all instruments
(Tóth et al. 2011 find it near 1 wherever they look), by least squares through the origin, held
between 0 and `MAX_COEFFICIENT`. Weights that fade out large errors would take the few large orders
for outliers, which alone tell the coefficient; so an order's impact is cut at one day's volatility
instead: what is further away is the market's move, not the order's.
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
MIN_ORDERS_OF_INSTRUMENT = 3
"""With fewer an instrument takes the half spread of all."""
MAX_BIAS_BPS = 0.5
MIN_CORRELATION = 0.3


@dataclass(frozen=True)
class Sample:
    """One order as a cost model sees it: its size, the market then, and what it cost on average.

    `quantity` is what filled, signed, in `fills` executions, the last at `time` (aware UTC); costs
    are bps of the arrival mid, paying up > 0.
    """

    symbol: str
    time: datetime
    fills: int
    quantity: float
    half_spread_bps: float
    execution_bps: float
    volatility_bps: float
    daily_volume: float


@dataclass(frozen=True)
class Agreement:
    """Predicted against actual over `orders`, in bps; errors are actual less predicted.

    A figure is None where it cannot be told: none without orders, no correlation where one side
    does not vary.
    """

    orders: int
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

    `agreement` is that of the very orders it was fitted to, and so the best it will ever look.
    `fills_of` counts the fills by instrument.
    """

    model: CostModel
    first: datetime
    last: datetime
    agreement: Agreement
    fills_of: dict[str, int]


def predicted_bps(model: CostModel, sample: Sample) -> float:
    """What a model expects an order to cost, spread and impact, in bps of the arrival mid."""
    known = (sample.volatility_bps, sample.daily_volume)
    return float(model.distance_bps(sample.quantity, sample.symbol, *known))


def agreement_of(model: CostModel, samples: Sequence[Sample]) -> Agreement:
    """How well a model predicts these orders: bias, root mean square error, Pearson's correlation.

    Each order counts once, whatever its size.
    """
    if not samples:
        return Agreement(0, 0, None, None, None)
    guess = np.array([predicted_bps(model, s) for s in samples])
    cost = np.array([s.execution_bps for s in samples])
    bias, rmse = float((cost - guess).mean()), float(np.sqrt(((cost - guess) ** 2).mean()))
    fills = sum(s.fills for s in samples)
    return Agreement(len(samples), fills, bias, rmse, _correlation(guess, cost))


def calibrate(samples: Sequence[Sample], commission: str = "fixed") -> Calibration:
    """Fit half spreads and the impact coefficient; raises `BadParameter` for too few samples."""
    fills = sum(s.fills for s in samples)
    if fills < MIN_FILLS:
        raise BadParameter(
            f"A cost model is calibrated from {MIN_FILLS} fills or more that have a live quote at "
            f"arrival and a known daily volume; there are {fills}."
        )
    first, last = min(s.time for s in samples), max(s.time for s in samples)
    model = CostModel(
        commission,
        half_spread_bps=_median(samples),
        impact_coefficient=_coefficient(samples),
        half_spreads_bps=_half_spreads(samples),
        source=calibrated_source(last, fills),
    )
    counts = {
        symbol: sum(s.fills for s in of) for symbol, of in sorted(_by_symbol(samples).items())
    }
    return Calibration(model, first, last, agreement_of(model, samples), counts)


def calibrated_source(last: datetime, fills: int) -> str:
    """What a report says of a calibrated model: `calibrated 2013-01-18, 25 fills`."""
    return f"calibrated {last:%Y-%m-%d}, {fills} fills"


def _coefficient(samples: Sequence[Sample]) -> float:
    """The slope through the origin of impact over σ√(Q/V)."""
    volatility = np.array([s.volatility_bps for s in samples])
    quantity, volume = [s.quantity for s in samples], [s.daily_volume for s in samples]
    size = square_root_impact_bps(quantity, volatility, volume, 1.0)
    impact = np.array([s.execution_bps - s.half_spread_bps for s in samples])
    impact = np.clip(impact, -volatility, volatility)
    squares = float((size**2).sum())
    slope = float((size * impact).sum()) / squares if squares else 0.0
    return min(max(slope, 0.0), MAX_COEFFICIENT)


def _half_spreads(samples: Sequence[Sample]) -> dict[str, float]:
    return {
        symbol: _median(of)
        for symbol, of in sorted(_by_symbol(samples).items())
        if len(of) >= MIN_ORDERS_OF_INSTRUMENT
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
