"""Working orders and when they trade: pure functions of an order, a quote, a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.gateway.account import ZERO
from hydra.gateway.market import Market, Quote, Touch
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument

ORDER_TYPES = frozenset({"MKT", "LMT"})
TIMES_IN_FORCE = frozenset({"DAY", "GTC", "IOC"})
DONE = frozenset({"Filled", "Cancelled", "Inactive"})


@dataclass
class WorkingOrder:
    """One order of one client, from its acceptance on; quantities unsigned, `sign` is the side."""

    client_id: int
    terms: PlaceOrder
    instrument: Instrument
    perm_id: int
    status: str = "PreSubmitted"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO
    last_price: Decimal = ZERO
    why_held: str = ""
    completed_at: str = ""
    completed_status: str = ""

    @property
    def sign(self) -> int:
        """1 to buy, -1 to sell."""
        return 1 if self.terms.action == "BUY" else -1

    @property
    def remaining(self) -> Decimal:
        """What has not traded yet."""
        return self.terms.totalQuantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """The mean price of what traded; 0 before."""
        return self.value / self.filled if self.filled else ZERO

    @property
    def is_done(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in DONE

    @property
    def time_in_force(self) -> str:
        """DAY unless the client said otherwise."""
        return self.terms.tif or "DAY"


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade of `quantity` (unsigned) at `price`; `time` in epoch seconds."""

    order: WorkingOrder
    time: int
    quantity: Decimal
    price: Decimal


def fill_at_quote(order: WorkingOrder, quote: Quote, seconds: int) -> Fill | None:
    """What an order trades at once on the far side of an open market's quote."""
    far = quote.ask if order.sign > 0 else quote.bid
    limit = order.terms.lmtPrice
    if order.terms.orderType == "LMT" and limit is not None:
        within = far <= limit if order.sign > 0 else far >= limit
        if not within:
            return None
    return Fill(order, seconds, order.remaining, far)


def fill_between(market: Market, order: WorkingOrder, after: int, until: int) -> Fill | None:
    """The first trade of a resting order in (`after`, `until`]."""
    touch = _touch(market, order, after, until)
    return None if touch is None else Fill(order, touch.time, order.remaining, touch.price)


def _touch(market: Market, order: WorkingOrder, after: int, until: int) -> Touch | None:
    if order.terms.orderType == "LMT" and order.terms.lmtPrice is not None:
        return market.reach(order.instrument, order.terms.lmtPrice, order.sign > 0, after, until)
    opening = market.next_open(order.instrument, after)
    if opening is None or opening > until:
        return None
    quote = market.quote(order.instrument, opening)
    if quote is None:
        return None
    return Touch(opening, quote.ask if order.sign > 0 else quote.bid)
