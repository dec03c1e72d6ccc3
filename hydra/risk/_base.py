"""What a check is, and all that it may know: a pure look at one request in its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from hydra.domain.orders import Objection, OrderRequest
from hydra.domain.portfolio import Portfolio
from hydra.domain.traffic import Traffic
from hydra.errors import BadParameter

ZERO = Decimal(0)
ONE = Decimal(1)
NOTHING = Portfolio(ZERO)


@dataclass(frozen=True)
class SessionTimes:
    """The session of an exchange that is on, or comes next; its open and close, aware UTC."""

    session: date
    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class Margin:
    """What the broker's what-if tells of one order, in the account's currency.

    `initial` is the whole account's initial margin with the order, `equity` what is there for it.
    """

    initial: Decimal
    equity: Decimal


@dataclass
class _Judged:
    """The request that is judged now, and what was reckoned of it."""

    request: OrderRequest | None = None
    proposed: Portfolio = NOTHING
    one_sided: Decimal = ZERO
    book: Portfolio | None = None


@dataclass(frozen=True)
class Context:
    """The moment an order is judged in. Money is in `currency`, times are aware UTC.

    `portfolio` is what is held with all working orders and those admitted before this one filled,
    `books` the same for each strategy alone (no cash), and `held` what has filled, signed, both
    sides' working orders left out. `quotes` are last prices by symbol, `quoted_at` their times,
    `bids` and `asks` the two sides, None where there is none; `delayed` are the symbols whose
    prices are old, `trading_halts` those whose trading the exchange has halted, `shortable` how
    many shares can be borrowed. `sessions` are by calendar, `daily_volume` is the mean of a day's
    volume in units, `rates_at` when the rate of another currency was told, `margins` the
    broker's what-if by order reference where it was asked. `halted` and `reduce_only` are the
    reasons while trading is halted, or while orders may only reduce; `no_entries` is the reason
    why this request, which would open a position, may not. What is not known is left out, and a
    check that needs it objects.
    """

    now: datetime
    account: str
    port: int
    currency: str
    portfolio: Portfolio
    quotes: Mapping[str, Decimal | None]
    quoted_at: Mapping[str, datetime | None]
    halted: str | None = None
    reduce_only: str | None = None
    no_entries: str | None = None
    connected: bool = False
    reconciled: bool = False
    bids: Mapping[str, Decimal | None] = field(default_factory=dict)
    asks: Mapping[str, Decimal | None] = field(default_factory=dict)
    delayed: frozenset[str] = frozenset()
    trading_halts: frozenset[str] = frozenset()
    shortable: Mapping[str, Decimal] = field(default_factory=dict)
    sessions: Mapping[str, SessionTimes] = field(default_factory=dict)
    daily_volume: Mapping[str, Decimal | None] = field(default_factory=dict)
    rates_at: Mapping[str, datetime] = field(default_factory=dict)
    margins: Mapping[str, Margin] = field(default_factory=dict)
    books: Mapping[str, Portfolio] = field(default_factory=dict)
    held: Mapping[str, Decimal] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    contested: Mapping[str, str] = field(default_factory=dict)
    """Why no order in a symbol may leave: its position changed without an execution."""
    unbacked: frozenset[str] = frozenset()
    """Strategies whose books the account does not back."""
    _judged: _Judged = field(default_factory=_Judged, init=False, repr=False, compare=False)

    def proposed(self, request: OrderRequest) -> Portfolio:
        """The whole portfolio as if the request had filled at its price."""
        return self._judge(request).proposed

    def one_sided(self, request: OrderRequest) -> Decimal:
        """The signed quantity if the request and all that works on its side fill, and nothing on
        the other side: how far the order can go at worst."""
        return self._judge(request).one_sided

    def _judge(self, request: OrderRequest) -> _Judged:
        """Reckoned once for all checks that look at the request."""
        judged = self._judged
        if judged.request is not request:
            judged.proposed = self.portfolio.after(request)
            judged.one_sided = self._one_sided(request)
            judged.book = None
            judged.request = request
        return judged

    def _one_sided(self, request: OrderRequest) -> Decimal:
        symbol, traffic = request.instrument.symbol, self.traffic
        left = request.quantity
        if request.parent:  # it works only once its parent has filled
            return self.portfolio.quantity(symbol) + left
        resting = traffic.same_side(symbol, left)
        if own := traffic.working.get(request.order_ref):
            left -= own.filled
            resting -= own.left
        return self.held.get(symbol, ZERO) + resting + left

    def book(self, strategy: str) -> Portfolio:
        """One strategy's own positions."""
        found = self.books.get(strategy)
        return Portfolio(ZERO, rates=self.portfolio.rates) if found is None else found

    def book_after(self, request: OrderRequest) -> Portfolio:
        """The strategy's own positions as if the request, or the change of its order, had
        filled."""
        judged = self._judge(request)
        if judged.book is None:
            book = self.book(request.strategy)
            if own := self.traffic.working.get(request.order_ref):
                book = book.after(replace(request, quantity=-own.quantity))
            judged.book = book.after(request)
        return judged.book

    def rate(self, currency: str) -> Decimal | None:
        """What one unit of a currency is worth in the account's; None when nobody knows."""
        return ONE if currency == self.currency else self.portfolio.rates.get(currency)

    def notional(self, request: OrderRequest) -> Decimal:
        """The request's signed value at its price, in the account's currency."""
        return request.notional * self.portfolio.rate(request.instrument.currency)

    def after(self, request: OrderRequest) -> Context:
        """The context of the next request, once this one was admitted."""
        book = self.book_after(request)
        later = object.__new__(Context)  # `replace` takes longer than all checks together
        later.__dict__.update(
            self.__dict__,
            portfolio=self.proposed(request),
            books={**self.books, request.strategy: book},
            traffic=self.traffic.after(
                request, self.now, self.portfolio.rate(request.instrument.currency)
            ),
            _judged=_Judged(),
        )
        return later


@dataclass(frozen=True)
class Usage:
    """How much of a limit is taken by what is held and under way, without any new request.

    `of` says whose figure it is where a check has several: a symbol, a group, a strategy. Figure
    and limit are both fractions of NAV or both counts, as `unit` says.
    """

    of: str
    figure: float
    limit: float
    unit: str = "of NAV"

    @property
    def use(self) -> float:
        """The figure's size as a fraction of the limit: from 1 on it is full."""
        return abs(self.figure) / self.limit if self.limit else 0.0


def weighed(of: str, size: Decimal, limit: Decimal, nav: Decimal) -> Usage:
    """A size in money beside a limit in multiples of NAV; a NAV that is not positive is used up
    by anything."""
    figure = float(size / nav) if nav > 0 else (float("inf") if size else 0.0)
    return Usage(of, figure, float(limit))


class Check(Protocol):
    """One objection: a frozen dataclass of its limits, in a file of its own."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Why the request must not leave, or None. Pure; judges the proposed portfolio.

        A check with a limit on what is held or sent may have `usage(context)`, too: what is taken
        of it now, one `Usage` a figure. One that lets an order pass and has something to say of it
        may have `warning(request, context)`: a sentence, or None.
        """


def reduces(request: OrderRequest, context: Context) -> bool:
    """Whether the request can only shrink what is held, whatever else fills or does not.

    Such exits pass limits on exposure: nobody may be kept in a position by a limit. What has
    filled counts, and all that works on the same side: two exits for one position are one too
    many.
    """
    held = context.held.get(request.instrument.symbol, ZERO)
    return held * request.quantity < 0 and held * context.one_sided(request) >= 0


EXIT_STEP = 5_000
"""Steps from here on belong to orders that only leave a position that was to be turned over."""


def exit_of(request: OrderRequest, context: Context) -> OrderRequest | None:
    """The part of a request that leaves its strategy's position, where it was to turn it over.

    It is what may still leave when the whole is refused: nobody is kept in a position because the
    next one may not be opened. An order that flattens has its size from the position, or is wrong.
    """
    if request.flatten:
        return None
    held = context.book(request.strategy).quantity(request.instrument.symbol)
    if not (held * request.quantity < 0 and abs(request.quantity) > abs(held)):
        return None
    return replace(request, quantity=-held, step=EXIT_STEP + request.step)


def positive(check: str, **limits: Decimal | float) -> None:
    """Refuse a limit that would refuse everything, or mean nothing, without saying so."""
    for name, value in limits.items():
        if not (Decimal(value).is_finite() and value > 0):
            raise BadParameter(f"{name} is {value}; the check {check} needs it to be > 0.")


def fraction(check: str, highest: Decimal, **limits: Decimal) -> None:
    """Refuse a percentage given as a fraction: 30 for 30 % would switch the check off unseen."""
    for name, value in limits.items():
        if not (value.is_finite() and 0 < value <= highest):
            raise BadParameter(
                f"{name} is {value}; the check {check} takes a fraction in (0, {highest}], "
                "so 30 % is 0.30."
            )
