"""Scale orders: components that work one after the other, each at a better price.

The first component, of the initial size, works at the order's limit. When it is filled the next
one, of the subsequent size, works one price increment better, until all of the order has traded
(TWS Users' Guide: ScaleTrader, example 4: after 400 at 413.02 the next 400 are sent at 413.00).
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

from hydra.gateway.account import ZERO
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.working_order import WorkingOrder

_RANDOM_SHARE = 0.55  # TWS Users' Guide, Basic Scale: component sizes plus or minus 55 percent


def component_limit(order: WorkingOrder) -> Decimal | None:
    """The limit of the component that is at work."""
    limit, step = order.terms.lmtPrice, order.terms.scalePriceIncrement
    return None if limit is None else limit - order.sign * (step or ZERO) * order.component


def start_components(order: WorkingOrder, seed: int) -> None:
    """Let the first component of a new scale order work."""
    order.component, order.component_left = 0, _component_size(order, seed)


def begin_next_component(order: WorkingOrder, seed: int) -> bool:
    """Let the next component work if the one before is filled; return whether it does."""
    if not order.is_scale or order.is_done or order.component_left:
        return False
    order.component += 1
    order.component_left = _component_size(order, seed)
    order.limit = component_limit(order)
    return True


def component_count(terms: PlaceOrder) -> int:
    """How many components an order has whose sizes are not random."""
    first = Decimal(terms.scaleInitLevelSize or 1)
    size = Decimal(terms.scaleSubsLevelSize or first)
    return 1 + max(int(-(-(terms.totalQuantity - first) // size)), 0)


def _component_size(order: WorkingOrder, seed: int) -> Decimal:
    terms = order.terms
    size = terms.scaleInitLevelSize or 0
    if order.component and terms.scaleSubsLevelSize:
        size = terms.scaleSubsLevelSize
    wanted = Decimal(size)
    if terms.scale.randomPercent:
        wanted = _randomized(order, size, seed)
    return min(wanted, order.remaining)


def _randomized(order: WorkingOrder, size: int, seed: int) -> Decimal:
    """A size within the random share of `size`, in round lots where it is one, drawn by `seed`."""
    draw = Random(f"{seed}/{order.perm_id}/{order.component}")
    lot = order.instrument.lot if order.instrument.secType == "STK" else 1
    share = 1 + draw.uniform(-_RANDOM_SHARE, _RANDOM_SHARE)
    return Decimal(max(round(size * share / lot), 1) * lot)
