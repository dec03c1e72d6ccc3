"""From target weights to quantities, and from quantities to order requests: pure, and the same
for backtest, replay and paper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hydra.domain.instruments import ONE, Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter

ZERO = Decimal(0)


def weights_to_quantities(
    weights: Mapping[str, float],
    nav: Decimal,
    prices: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
    rates: Mapping[str, Decimal] | None = None,
) -> dict[str, Decimal]:
    """Signed target quantities: weight × NAV / (price × multiplier × rate), rounded toward zero to
    lots.

    `weights` are signed fractions of `nav` (base currency), `prices` the decision prices, `rates`
    what one unit of each symbol's currency is worth in the base (None: all are in it). Raises
    `BadParameter` for a weight that is no number or a price or rate that is not positive.
    """
    return {
        symbol: _quantity(
            symbol,
            weight,
            nav,
            prices[symbol],
            instruments[symbol],
            ONE if rates is None else rates[symbol],
        )
        for symbol, weight in weights.items()
    }


def unit_values(
    prices: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
    rates: Mapping[str, Decimal] | None = None,
) -> dict[str, Decimal]:
    """The money of one unit of each symbol in the base currency; maps as above."""
    return {
        s: instruments[s].notional(ONE, price) * (ONE if rates is None else rates[s])
        for s, price in prices.items()
    }


@dataclass(frozen=True)
class TradeLimits:
    """How much one session may trade; what only reduces a position passes both.

    `max_turnover` is the sum of all trades' sizes as a fraction of NAV (2 turns a fully invested
    portfolio over). `max_impact_bps` is how far one trade may move its price by the square root
    law with `impact_coefficient`.
    """

    max_turnover: float = 2.0
    max_impact_bps: float = 100.0
    impact_coefficient: float = 1.0

    def __post_init__(self) -> None:
        """Refuse limits that would hold nothing."""
        for name in ("max_turnover", "max_impact_bps", "impact_coefficient"):
            if not getattr(self, name) > 0:
                raise BadParameter(f"{name} is {getattr(self, name)}; it must be above 0.")

    def largest_trade(self, volatility_bps: float, daily_volume: float) -> Decimal:
        """The size (> 0) whose impact is `max_impact_bps`: the law solved for the quantity.

        `volatility_bps` is the deviation of a day's return, `daily_volume` a day's mean volume.
        """
        if not volatility_bps > 0:
            return Decimal(str(daily_volume))
        share = (self.max_impact_bps / (self.impact_coefficient * volatility_bps)) ** 2
        return Decimal(str(daily_volume * min(share, 1.0)))

    def reachable(
        self,
        targets: Mapping[str, Decimal],
        held: Mapping[str, Decimal],
        values: Mapping[str, Decimal],
        instruments: Mapping[str, Instrument],
        nav: Decimal,
        known: Mapping[str, tuple[float, float] | None],
    ) -> dict[str, Decimal]:
        """What of the targets one session may trade towards: see `limited`.

        `nav` is the money that turnover is a fraction of, `known` a day's volatility (bps) and
        mean volume by symbol; what is not known limits nothing.
        """
        largest = {s: self.largest_trade(*one) for s, one in known.items() if one}
        room = Decimal(str(self.max_turnover)) * nav
        return limited(targets, held, values, instruments, largest, room)


def limited(
    targets: Mapping[str, Decimal],
    held: Mapping[str, Decimal],
    values: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
    largest: Mapping[str, Decimal],
    room: Decimal,
) -> dict[str, Decimal]:
    """Targets that a session may reach from what is held, in whole lots.

    `values` are the money of one unit (> 0), `largest` the largest trades that add to a position
    (a symbol that is not there is not limited), `room` the money that all trades may add up to.
    Reductions come first and whole; what is left of the room the additions share in proportion.
    """
    cuts, adds = {}, {}
    for symbol, target in targets.items():
        now = held.get(symbol, ZERO)
        through_zero = now * target < 0
        kept = ZERO if through_zero else min(target, now, key=abs)
        cuts[symbol] = kept - now
        most = largest.get(symbol)
        add = target - kept
        adds[symbol] = add if most is None else max(-most, min(most, add))
    left = room - sum((abs(q) * values[s] for s, q in cuts.items()), ZERO)
    wanted = sum((abs(q) * values[s] for s, q in adds.items()), ZERO)
    share = min(Decimal(1), max(left, ZERO) / wanted) if wanted else ZERO
    return {
        s: held.get(s, ZERO) + cuts[s] + instruments[s].round_quantity(adds[s] * share)
        for s in targets
    }


def tracking_error(
    weights: Mapping[str, float], quantities: Mapping[str, Decimal], values: Mapping[str, float]
) -> float:
    """How far the targets are from the wanted weights: root of the summed squared differences.

    `values` are one unit's money value as a fraction of NAV; the result is a fraction of NAV.
    """
    off = [weights[s] - float(quantities[s]) * values[s] for s in weights]
    return math.sqrt(sum(difference * difference for difference in off))


def quantities_to_requests(
    strategy: str,
    session: date,
    targets: Mapping[str, Decimal],
    held: Mapping[str, Decimal],
    prices: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
) -> list[OrderRequest]:
    """One market request for each instrument whose holding is not its target; sells come first.

    Sells first, so that a rotation frees its cash before it is spent. What is held and has no
    target is left alone: to leave an instrument, give it the target 0.
    """
    deltas = {s: instruments[s].round_quantity(q - held.get(s, ZERO)) for s, q in targets.items()}
    requests = [
        OrderRequest(strategy, session, instruments[symbol], delta, prices[symbol])
        for symbol, delta in deltas.items()
        if delta
    ]
    return sorted(requests, key=lambda r: (r.quantity > 0, r.instrument.symbol))


def _quantity(
    symbol: str,
    weight: float,
    nav: Decimal,
    price: Decimal,
    instrument: Instrument,
    rate: Decimal,
) -> Decimal:
    if not math.isfinite(weight):
        raise BadParameter(f"{symbol}: the target weight is {weight}; it must be a finite number.")
    for name, value in (("decision price", price), ("rate of exchange", rate)):
        if not value > 0:
            raise BadParameter(f"{symbol}: the {name} is {value}; it must be > 0.")
    # str() gives the shortest text that is the same float, so a weight of 0.1 is exactly 0.1
    exact = Decimal(str(float(weight))) * nav / (price * instrument.multiplier * rate)
    return instrument.round_quantity(exact)
