"""The account's books in exact decimals: cash by currency, positions at cost, commissions.

Commissions are IB's fixed schedules, rounded to the cent: US stocks 0.005 USD a share, at least
1.00, at most 1 % of the trade's value; European stocks 0.05 % of the value, at least 3.00 in
their currency; futures a fee a contract, the exchange's included; currencies 0.2 basis points of
the value, at least 2.00. Margins are Regulation T's half of a stock's value to open and a quarter
to keep it, and so much a contract for futures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from hydra.gateway.universe import Action, Instrument

CENT = Decimal("0.01")
ZERO = Decimal(0)
INITIAL_MARGIN = Decimal("0.5")  # Regulation T, of the position's value
MAINTENANCE_MARGIN = Decimal("0.25")
_COST_STEP = Decimal("0.00000001")


def cents(amount: Decimal) -> Decimal:
    """`amount` rounded to the cent, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def commission(one: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What an order for `quantity` (any sign) filled at `price` costs in all, to the cent."""
    size = abs(quantity)
    value = one.value(size, price)
    if one.fee is not None:
        return cents(size * one.fee)
    if one.secType == "CASH":
        return cents(max(value * Decimal("0.00002"), Decimal(2)))
    if one.hours != "NYSE":
        return cents(max(value * Decimal("0.0005"), Decimal(3)))
    return cents(min(max(size * Decimal("0.005"), Decimal(1)), value * Decimal("0.01")))


def initial_margin(one: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What opening a position takes, in its currency; nothing for currencies."""
    return _margin(one, quantity, price, INITIAL_MARGIN, 0)


def maintenance_margin(one: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What keeping a position takes, in its currency; nothing for currencies."""
    return _margin(one, quantity, price, MAINTENANCE_MARGIN, 1)


def _margin(
    one: Instrument, quantity: Decimal, price: Decimal, share: Decimal, of_contract: int
) -> Decimal:
    if one.secType == "CASH":
        return ZERO
    if one.margin is not None:
        return abs(quantity) * one.margin[of_contract]
    return abs(one.value(quantity, price)) * share


@dataclass
class Holding:
    """One position: signed quantity and what it cost, commissions included (sign of quantity).

    `paid` is the cost without commissions, from which a future's gain is counted.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    paid: Decimal = ZERO
    realized: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        """Cost of one share or contract; 0 when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    def trade(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
        """Add a signed trade at the value of one unit; return the profit, None if it opened."""
        closing = _closing(self.quantity, quantity)
        if not closing:
            self.quantity += quantity
            self.cost += quantity * price + fee
            self.paid += quantity * price
            return None
        fee_closing = (fee * closing / quantity).quantize(_COST_STEP)
        released = self._released(self.cost, closing)
        profit = -closing * price - released - fee_closing
        opening = quantity - closing
        self.paid += opening * price - self._released(self.paid, closing)
        self.quantity += quantity
        self.cost += -released + opening * price + (fee - fee_closing if opening else ZERO)
        self.realized += profit
        return profit

    def split(self, new: Decimal, old: Decimal, unit: Decimal) -> Decimal:
        """Turn `old` shares into `new`; return what the fraction left over is worth at `unit`.

        Its part of the cost leaves with it, and what it brings is realised.
        """
        exact = self.quantity * new / old
        self.quantity = exact.to_integral_value(ROUND_DOWN)
        left = exact - self.quantity
        if not left:
            return ZERO
        released, paid = (
            (cost * left / exact).quantize(_COST_STEP) for cost in (self.cost, self.paid)
        )
        self.cost -= released
        self.paid -= paid
        self.realized += left * unit - released
        return left * unit

    def _released(self, cost: Decimal, closing: Decimal) -> Decimal:
        """The part of a cost that goes with what is closed."""
        return (-cost * closing / self.quantity).quantize(_COST_STEP)


def _closing(held: Decimal, traded: Decimal) -> Decimal:
    """The part of `traded` (its sign) that reduces `held`."""
    if held * traded >= 0:
        return ZERO
    return traded if abs(traded) <= abs(held) else -held


@dataclass(frozen=True, slots=True)
class Accrual:
    """A dividend that is owed from its ex-date until it is paid; below 0 of a short position."""

    currency: str
    amount: Decimal
    pay_day: date


@dataclass
class Account:
    """One account's books; `holdings` by conId, `cash` by currency."""

    code: str
    cash: dict[str, Decimal]
    base: str = "USD"
    holdings: dict[int, Holding] = field(default_factory=lambda: defaultdict(Holding))
    commissions: dict[str, Decimal] = field(default_factory=dict)
    dividends: dict[str, Decimal] = field(default_factory=dict)
    accruals: list[Accrual] = field(default_factory=list)  # to be paid, oldest first

    def trade(
        self, one: Instrument, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal | None:
        """Book a signed trade and its commission; return the profit realised, if any.

        A future costs nothing to hold: its gain or loss is paid when it is closed.
        """
        holding = self.holdings[one.conId]
        paid_before = holding.paid
        profit = holding.trade(quantity, one.value(Decimal(1), price), fee)
        value = one.value(quantity, price)
        spent = value - (holding.paid - paid_before) if one.secType == "FUT" else value
        self.pay(one.currency, -spent - fee)
        if one.secType == "CASH":
            self.pay(one.symbol, quantity)
        self.commissions[one.currency] = self.commissions.get(one.currency, ZERO) + fee
        return profit

    def act(self, one: Instrument, action: Action, price: Decimal) -> None:
        """Book a dividend, or a split whose left-over fraction is paid out at `price`."""
        holding = self.held(one.conId)
        if not holding.quantity:
            return
        amount = cents(holding.quantity * action.amount)
        if action.amount and action.pay_day is not None and action.pay_day > action.day:
            self.accruals.append(Accrual(one.currency, amount, action.pay_day))
            amount = ZERO
        elif action.amount:
            self._book_dividend(one.currency, amount)
        if action.ratio != 1:
            amount += cents(holding.split(action.ratio, Decimal(1), one.value(Decimal(1), price)))
        self.pay(one.currency, amount)

    def pay_accruals(self, day: date) -> None:
        """Pay the dividends whose pay date has come."""
        due = [accrual for accrual in self.accruals if accrual.pay_day <= day]
        self.accruals = [accrual for accrual in self.accruals if accrual.pay_day > day]
        for accrual in due:
            self._book_dividend(accrual.currency, accrual.amount)
            self.pay(accrual.currency, accrual.amount)

    def accrued(self) -> dict[str, Decimal]:
        """Dividends to be paid, by currency; those on short positions are below 0."""
        sums: dict[str, Decimal] = {}
        for accrual in self.accruals:
            sums[accrual.currency] = sums.get(accrual.currency, ZERO) + accrual.amount
        return sums

    def _book_dividend(self, currency: str, amount: Decimal) -> None:
        self.dividends[currency] = self.dividends.get(currency, ZERO) + amount

    def held(self, con_id: int) -> Holding:
        """The position in an instrument; flat when there is none."""
        return self.holdings.get(con_id) or Holding()

    def pay(self, currency: str, amount: Decimal) -> None:
        """Add to the cash in a currency."""
        self.cash[currency] = self.cash.get(currency, ZERO) + amount


@dataclass(frozen=True, slots=True)
class Valuation:
    """The account at one moment's prices, in the base currency, unrounded.

    `stock` is what the positions add to the equity: a stock's value, a future's open gain.
    """

    cash: Decimal
    stock: Decimal
    gross: Decimal
    unrealized: Decimal
    realized: Decimal
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    accrued: Decimal = ZERO  # dividends to be paid, where they count

    @property
    def net_liquidation(self) -> Decimal:
        """Cash and positions together, to the cent, and dividends to be paid where they count."""
        return cents(self.cash + self.stock + self.accrued)

    @property
    def initial_margin(self) -> Decimal:
        """What opening the positions takes."""
        return cents(self.initial)

    @property
    def maintenance_margin(self) -> Decimal:
        """What keeping the positions takes."""
        return cents(self.maintenance)

    @property
    def available(self) -> Decimal:
        """Equity that no margin binds."""
        return self.net_liquidation - self.initial_margin

    @property
    def excess(self) -> Decimal:
        """Equity above the maintenance margin."""
        return self.net_liquidation - self.maintenance_margin


Marked = tuple[Instrument, Decimal, Decimal]  # with its last price and its currency's rate


def valuation(
    account: Account, marked: Iterable[Marked], rates: Mapping[str, Decimal]
) -> Valuation:
    """The account at its holdings' marks and `rates` (base currency for one unit)."""
    rows = [_valued(account.held(one.conId), one, mark, rate) for one, mark, rate in marked]
    cash = sum((amount * rates[name] for name, amount in account.cash.items()), ZERO)
    columns = [sum(column, ZERO) for column in zip(*rows, strict=True)] or [ZERO] * 6
    return Valuation(cash, *columns)


def _valued(
    holding: Holding, one: Instrument, mark: Decimal, rate: Decimal
) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal, Decimal]:
    """What one holding adds to equity, gross value, open and realised gain, and both margins."""
    quantity = holding.quantity
    if one.secType == "CASH" or not quantity:
        return ZERO, ZERO, ZERO, holding.realized * rate, ZERO, ZERO
    value = one.value(quantity, mark)
    equity = value - holding.paid if one.secType == "FUT" else value
    return (
        equity * rate,
        abs(value) * rate,
        (value - holding.cost) * rate,
        holding.realized * rate,
        initial_margin(one, quantity, mark) * rate,
        maintenance_margin(one, quantity, mark) * rate,
    )
