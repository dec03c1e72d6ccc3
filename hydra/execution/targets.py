"""From target weights to quantities, and from quantities to order requests: pure, and the same
for backtest, replay and paper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import BadParameter

ZERO = Decimal(0)


def weights_to_quantities(
    weights: Mapping[str, float],
    nav: Decimal,
    prices: Mapping[str, Decimal],
    instruments: Mapping[str, Instrument],
) -> dict[str, Decimal]:
    """Signed target quantities: weight × NAV / (price × multiplier), rounded toward zero to lots.

    `weights` are signed fractions of `nav` (base currency), `prices` the decision prices. Raises
    `BadParameter` for a weight that is no number or a price that is not positive.
    """
    return {
        symbol: _quantity(symbol, weight, nav, prices[symbol], instruments[symbol])
        for symbol, weight in weights.items()
    }


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
    symbol: str, weight: float, nav: Decimal, price: Decimal, instrument: Instrument
) -> Decimal:
    if not math.isfinite(weight):
        raise BadParameter(f"{symbol}: the target weight is {weight}; it must be a finite number.")
    if not price > 0:
        raise BadParameter(f"{symbol}: the decision price is {price}; it must be > 0.")
    # str() gives the shortest text that is the same float, so a weight of 0.1 is exactly 0.1
    exact = Decimal(str(float(weight))) * nav / (price * instrument.multiplier)
    return instrument.round_quantity(exact)
