"""What can be traded: an instrument with its tick, lot, multiplier and exchange calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from hydra.errors import BadParameter

ONE = Decimal(1)


@dataclass(frozen=True)
class Instrument:
    """One contract. Prices and ticks are as the exchange quotes them; `multiplier` turns them
    into money of `currency`: 50 for a future of 50 units, 0.01 for a share quoted in pence.

    `symbol` is our name and unique within a run; the other names are IB's own. `con_id` is 0 until
    a gateway has qualified the contract. `ticks` are (lowest price, increment) in rising order,
    IB's market rule; without them `min_tick` holds at every price.
    """

    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    currency: str = "USD"
    primary_exchange: str = ""
    con_id: int = 0
    min_tick: Decimal = Decimal("0.01")
    lot_size: Decimal = ONE
    multiplier: Decimal = ONE
    calendar: str = "XNYS"
    expires: date | None = None
    """The last trading day of a contract that has one."""
