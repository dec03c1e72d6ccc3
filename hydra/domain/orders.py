"""From what we want to what was traded: request → order or refusal → fill → commission."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hydra.domain.instruments import Instrument
from hydra.errors import BadParameter


class OrderType(StrEnum):
    """How an order asks to be priced; the values are IB's own names."""

    MARKET = "MKT"
    LIMIT = "LMT"


@dataclass(frozen=True)
class OrderRequest:
    """What a strategy wants: a signed quantity of one instrument in one session.

    `decision_price` is the close that the decision was made on; slippage is measured from it.
    `step` tells apart several orders of one strategy in one instrument and session.
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
        self._check_limit_price()

    def _check_limit_price(self) -> None:
        limited = self.order_type is OrderType.LIMIT
        if limited != (self.limit_price is not None):
            raise BadParameter(
                f"{self.order_ref}: a {self.order_type} order "
                f"{'needs a' if limited else 'takes no'} limit price; given {self.limit_price}."
            )
        if self.limit_price is not None and not self.instrument.on_tick(self.limit_price):
            raise BadParameter(
                f"{self.order_ref}: limit price {self.limit_price} is off the tick of "
                f"{self.instrument.min_tick}; the nearest is "
                f"{self.instrument.round_price(self.limit_price, self.quantity)}."
            )

    @property
    def order_ref(self) -> str:
        """The order's name everywhere: same strategy, session, instrument and step, same name."""
        return f"{self.strategy}:{self.session:%Y%m%d}:{self.instrument.symbol}:{self.step}"

    @property
    def price(self) -> Decimal:
        """The price to reckon with before a fill is known: the limit, else the decision price."""
        return self.limit_price if self.limit_price is not None else self.decision_price

    @property
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

    @property
    def cash(self) -> Decimal:
        """What the fill does to cash, commission apart: a buy is negative."""
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
