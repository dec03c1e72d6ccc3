"""From what we want to what was traded: request → order or refusal → fill → commission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter


class OrderType(StrEnum):
    """How an order asks to be priced; the values are IB's own names."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    MARKET_ON_CLOSE = "MOC"
    LIMIT_ON_CLOSE = "LOC"


LIMITED = frozenset({OrderType.LIMIT, OrderType.LIMIT_ON_CLOSE})
"""Order types that take a limit price."""


@dataclass(frozen=True)
class OrderRequest:
    """What a strategy wants: a signed quantity of one instrument in one session.

    `decision_price` is the close that the decision was made on; slippage is measured from it.
    `step` tells apart several orders of one strategy in one instrument and session, and `child`
    (from 1 on) the orders by which an algorithm works one of them. `algo` names that algorithm.
    `broker_algo` is one that the broker runs (IB's Adaptive, Twap, Vwap) with its parameters.
    `parent` is the reference of the order whose fill brings this one to life, and of orders in one
    `oca_group` a fill of one takes the others back. `flatten` marks an order that closes a
    position while trading is halted: the gate lets it pass only where it reduces.
    """

    strategy: str
    session: date
    instrument: Instrument
    quantity: Decimal
    decision_price: Decimal
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    time_in_force: str = "DAY"
    step: int = 0
    stop_price: Decimal | None = None
    algo: str = ""
    child: int = 0
    broker_algo: str = ""
    broker_algo_parameters: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    oca_group: str = ""
    flatten: bool = False

    def __post_init__(self) -> None:
        """Refuse a request that no exchange could hold, before any check sees it."""
        if not self.quantity:
            raise BadParameter(f"{self.order_ref}: an order's quantity is 0; it must not be.")
        if not self.instrument.in_lots(self.quantity):
            lot = self.instrument.lot_size
            raise BadParameter(
                f"{self.order_ref}: quantity {self.quantity} is not in whole lots of {lot}."
            )
        if not self.decision_price > 0:
            raise BadParameter(
                f"{self.order_ref}: decision price {self.decision_price} is not > 0."
            )
        self._check_price("limit", self.limit_price, self.order_type in LIMITED)
        self._check_price("stop", self.stop_price, self.order_type is OrderType.STOP)

    def _check_price(self, kind: str, price: Decimal | None, needed: bool) -> None:
        if needed != (price is not None):
            raise BadParameter(
                f"{self.order_ref}: a {self.order_type} order "
                f"{'needs a' if needed else 'takes no'} {kind} price; given {price}."
            )
        if price is not None and not self.instrument.on_tick(price):
            raise BadParameter(
                f"{self.order_ref}: {kind} price {price} is off the tick of "
                f"{self.instrument.tick_at(price)}; the nearest is "
                f"{self.instrument.round_price(price, self.quantity)}."
            )

    @cached_property
    def order_ref(self) -> str:
        """The order's name everywhere: same strategy, session, instrument, step and child."""
        day = self.session.isoformat().replace("-", "")
        name = f"{self.strategy}:{day}:{self.instrument.symbol}:{self.step}"
        return f"{name}.{self.child}" if self.child else name

    @cached_property
    def price(self) -> Decimal:
        """The price to reckon with before a fill is known: limit, else stop, else decision."""
        if self.limit_price is not None:
            return self.limit_price
        return self.decision_price if self.stop_price is None else self.stop_price

    @cached_property
    def notional(self) -> Decimal:
        """Signed money value at `price`, in the instrument's currency."""
        return self.instrument.notional(self.quantity, self.price)


@dataclass(frozen=True)
class Order:
    """A request that the risk gate admitted; only `hydra.risk._gate` makes one."""

    request: OrderRequest
    admitted_at: datetime
    checks: tuple[str, ...]

    @property
    def order_ref(self) -> str:
        """The request's name."""
        return self.request.order_ref


@dataclass(frozen=True)
class Objection:
    """Why one check refuses: its name, the figure it found, the limit, and one sentence."""

    check: str
    figure: str
    limit: str
    sentence: str


@dataclass(frozen=True)
class Refusal:
    """A request that did not become an order, with every objection against it."""

    request: OrderRequest
    objections: tuple[Objection, ...]

    def __str__(self) -> str:
        """One line for people: the order and all objections."""
        return f"{self.request.order_ref} refused: " + " ".join(
            o.sentence for o in self.objections
        )


@dataclass(frozen=True)
class Fill:
    """One execution as the broker reported it; `quantity` sell < 0, `time` aware UTC."""

    exec_id: str
    order_ref: str
    symbol: str
    quantity: Decimal
    price: Decimal
    time: datetime
    currency: str = "USD"
    multiplier: Decimal = Decimal(1)
    sec_type: str = "STK"

    @property
    def cash(self) -> Decimal:
        """What the fill does to the cash of its currency, commission and a future's profit apart:
        a buy is negative; a future costs nothing to hold."""
        if self.sec_type == "FUT":
            return Decimal(0)
        return -self.quantity * self.price * self.multiplier

    @property
    def revision(self) -> tuple[str, int]:
        """The execution's stem and its revision: IB counts corrections up in the id's last part.

        Source: IB's page on executions, "a correction has an execId that differs only in the
        digits after the final period". An id without a numbered last part is revision 1.
        """
        stem, dot, last = self.exec_id.rpartition(".")
        return (stem, int(last)) if dot and last.isdigit() else (self.exec_id, 1)

    def at_revision(self, number: int) -> str:
        """The exec id of another revision of this execution."""
        return f"{self.revision[0]}.{number:02d}"


@dataclass(frozen=True)
class Commission:
    """What the broker charged for one execution; a cost is positive."""

    exec_id: str
    amount: Decimal
    currency: str
