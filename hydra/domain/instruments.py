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
    ticks: tuple[tuple[Decimal, Decimal], ...] = ()
    expires: date | None = None
    """The last trading day of a contract that has one."""
    first_notice: date | None = None
    """From when on a holder of it may be made to take delivery, where that is known."""
    listed_as: str = ""
    """IB's symbol where ours is another: SAP of SAP.IBIS, EUR of 6E.201212."""

    def __post_init__(self) -> None:
        """Refuse what no exchange lists: no name, or a size that is not positive."""
        if not self.symbol.strip():
            raise BadParameter("An instrument needs a symbol; it was given an empty one.")
        for name in ("min_tick", "lot_size", "multiplier"):
            value = getattr(self, name)
            if not isinstance(value, Decimal) or not value > 0:
                raise BadParameter(
                    f"{self.symbol}: {name} is {value!r}; it must be a Decimal > 0."
                )
        if any(not increment > 0 for _, increment in self.ticks):
            raise BadParameter(f"{self.symbol}: ticks are {self.ticks}; each must be > 0.")

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies that a position in it is exposed to: two for a pair such as EUR.USD."""
        return currencies_of(self.sec_type, self.symbol, self.currency)

    def round_price(self, price: Decimal, quantity: Decimal) -> Decimal:
        """The nearest price on the tick grid that is no worse for the order's owner.

        A buy (quantity > 0) is rounded down, a sell up, so that rounding never pays more than was
        meant; quantity 0 rounds to the nearest tick.
        """
        rounding = ROUND_HALF_EVEN
        if quantity:
            rounding = ROUND_FLOOR if quantity > 0 else ROUND_CEILING
        tick = self.tick_at(price)
        rounded = (price / tick).to_integral_value(rounding) * tick
        # A sell can be rounded up into the next level, whose grid is coarser.
        coarser = self.tick_at(rounded)
        return (rounded / coarser).to_integral_value(rounding) * coarser

    def tick_at(self, price: Decimal) -> Decimal:
        """The increment that prices of that level move by."""
        reached = [increment for lowest, increment in self.ticks if lowest <= price]
        return reached[-1] if reached else self.min_tick

    def on_tick(self, price: Decimal) -> bool:
        """Whether the price lies on the tick grid of its level."""
        return price % self.tick_at(price) == 0

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """The largest whole number of lots not beyond `quantity` in size; the sign is kept."""
        lots = (quantity / self.lot_size).to_integral_value(ROUND_DOWN)
        return lots * self.lot_size

    def in_lots(self, quantity: Decimal) -> bool:
        """Whether the quantity is a whole number of lots."""
        return quantity % self.lot_size == 0

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Signed money value of a quantity at a price, in `currency`."""
        return quantity * price * self.multiplier


def currencies_of(sec_type: str, symbol: str, currency: str) -> tuple[str, ...]:
    """The currencies that money moves in: the one that a pair buys comes first."""
    if sec_type != "CASH":
        return (currency,)
    return symbol.partition(".")[0], currency
