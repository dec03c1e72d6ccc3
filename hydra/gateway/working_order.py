"""A working order: what is known of it from its acceptance on, and what it may trade now."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from hydra.gateway.account import ZERO
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.universe import Instrument

STOPS = frozenset({"STP", "STP LMT", "TRAIL", "TRAIL LIMIT"})
TRAILS = frozenset({"TRAIL", "TRAIL LIMIT"})
TOUCHES = frozenset({"MIT", "LIT"})
AT_CLOSE = frozenset({"MOC", "LOC"})
PEGS = frozenset({"REL", "MIDPRICE", "PEG MID"})
LIMITED = frozenset({"LMT", "STP LMT", "LIT", "LOC", "TRAIL LIMIT"})
ORDER_TYPES = frozenset({"MKT", "LMT"}) | STOPS | TOUCHES | AT_CLOSE | PEGS
TIMES_IN_FORCE = frozenset({"DAY", "GTC", "IOC", "FOK", "GTD", "OPG"})
DONE = frozenset({"Filled", "Cancelled", "Inactive"})


class Stage(StrEnum):
    """How far an order has come on its way into the book."""

    HELD = "held"  # by its parent, a later time, conditions, or for shares to be located
    ARMED = "armed"  # until its stop or touch price is seen
    LIVE = "live"


@dataclass
class WorkingOrder:
    """One order of one client, from its acceptance on; quantities unsigned, `sign` is the side.

    `followed` is the time up to which the queue and the trail are worked out, `seen` the time of
    what happened to it last.
    """

    client_id: int
    terms: PlaceOrder
    instrument: Instrument
    perm_id: int
    account: str = ""
    status: str = "PreSubmitted"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fees: Decimal = ZERO
    last_price: Decimal = ZERO
    completed_at: str = ""
    completed_status: str = ""
    stage: Stage = Stage.HELD
    sequence: int = 0  # time priority among orders at one price
    awaits_parent: bool = False
    awaits_shares: bool = False
    release_at: int = 0
    cancel_at: int | None = None
    expires_at: int | None = None
    has_arrived: bool = False
    queue_ahead: int = 0
    extreme: int | None = None  # the trail's best price so far, in ticks
    stop: Decimal | None = None  # the stop price of now
    limit: Decimal | None = None  # the limit price of now; None trades at any price
    slices: tuple[tuple[int, Decimal], ...] = ()  # when an algorithm wants how much done
    followed: int = 0
    seen: int = 0
    executions_before: int = 0  # how many executions there were when it was accepted
    sleeps: bool = False  # takes no part in trading, until somebody wakes it
    shown_status: str = ""  # what is told of it instead of its status while it is not done

    @property
    def key(self) -> tuple[int, int]:
        """Client and order number, by which clients know it."""
        return self.client_id, self.terms.orderId

    @property
    def sign(self) -> int:
        """1 to buy, -1 to sell."""
        return 1 if self.terms.action == "BUY" else -1

    @property
    def works_outside(self) -> bool:
        """Whether it trades in the extended hours too: US stocks have them."""
        one = self.instrument
        return self.terms.outsideRth and one.secType == "STK" and one.currency == "USD"

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
    def told_status(self) -> str:
        """Its status as clients are told it."""
        return self.status if self.is_done else self.shown_status or self.status

    @property
    def time_in_force(self) -> str:
        """DAY unless the client said otherwise."""
        return self.terms.tif or "DAY"

    @property
    def order_type(self) -> str:
        """Its type as the gateway names it."""
        return self.terms.orderType

    @property
    def needs_trigger(self) -> bool:
        """Whether it waits for a stop or touch price before it works."""
        return self.order_type in STOPS | TOUCHES

    @property
    def is_auction(self) -> bool:
        """Whether it trades in an auction only."""
        return self.order_type in AT_CLOSE or self.time_in_force == "OPG"

    @property
    def why_held(self) -> str:
        """The gateway's words for what an order waits for."""
        if self.is_done or self.stage is Stage.LIVE:
            return ""
        trigger = ["trigger"] if self.order_type in STOPS else []
        locate = ["locate"] if self.awaits_shares else []
        child = ["child"] if self.awaits_parent else []
        return ",".join(child + locate + trigger)

    @property
    def rank(self) -> tuple[int, int]:
        """Price, then time: the better price and the earlier order trade first."""
        price = 0 if self.limit is None else int(self.limit / self.instrument.tick)
        return -self.sign * price, self.sequence


def within_limit(order: WorkingOrder, price: int) -> bool:
    """Whether the order may trade at `price` (ticks)."""
    if order.limit is None:
        return True
    return order.sign * price * order.instrument.tick <= order.sign * order.limit


def in_ticks_of(order: WorkingOrder, price: Decimal) -> int:
    """`price` in whole ticks, rounded to where the order does not pay more."""
    rounding = ROUND_FLOOR if order.sign > 0 else ROUND_CEILING
    return int((price / order.instrument.tick).to_integral_value(rounding))
