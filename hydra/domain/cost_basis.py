"""The average cost method: what a trade does to the cost of a position, and what it realises."""

from __future__ import annotations

from decimal import Decimal

ZERO = Decimal(0)


def averaged(
    held: Decimal, cost: Decimal, traded: Decimal, price: Decimal
) -> tuple[Decimal, Decimal]:
    """The cost of a unit once `traded` (signed) is in, and what the trade realised.

    `cost` and `price` are as quoted, commissions apart; the gain (loss < 0) is price × quantity,
    the multiplier apart. Through zero is two steps: all of the old closed, the rest opened anew.
    """
    quantity = held + traded
    if held * traded >= 0:
        return ((held * cost + traded * price) / quantity if quantity else ZERO), ZERO
    closed = min(abs(traded), abs(held))
    gain = (closed if held > 0 else -closed) * (price - cost)
    if held * quantity < 0:
        return price, gain
    return (cost if quantity else ZERO), gain
