"""The account's books in exact decimals: cash by currency, positions at cost, commissions.

Commissions are IB's fixed schedule (stocks: 0.005 USD a share, at least 1.00, at most 1 % of the
trade's value; FX: 0.2 basis points of the value, at least 2.00), rounded to the cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from hydra.gateway.universe import Instrument

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
    value = size * price
    if one.secType == "CASH":
        return cents(max(value * Decimal("0.00002"), Decimal(2)))
    return cents(min(max(size * Decimal("0.005"), Decimal(1)), value * Decimal("0.01")))


def initial_margin(one: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What opening a position takes: half of its value (Regulation T); nothing for currencies."""
    if one.secType == "CASH":
        return ZERO
    return abs(one.value(quantity, price)) * INITIAL_MARGIN


def maintenance_margin(one: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """What keeping a position takes: a quarter of its value; nothing for currencies."""
    if one.secType == "CASH":
        return ZERO
    return abs(one.value(quantity, price)) * MAINTENANCE_MARGIN


@dataclass
class Holding:
    """One position: signed quantity and what it cost, commissions included (sign of quantity)."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO

    @property
    def average_cost(self) -> Decimal:
        """Cost of one share; 0 when flat."""
        return self.cost / self.quantity if self.quantity else ZERO

    def trade(self, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal | None:
        """Add a signed trade; return the profit realised, or None when it only opened."""
        closing = _closing(self.quantity, quantity)
        if not closing:
            self.quantity += quantity
            self.cost += quantity * price + fee
            return None
        fee_closing = (fee * closing / quantity).quantize(_COST_STEP)
        released = (-self.cost * closing / self.quantity).quantize(_COST_STEP)
        profit = -closing * price - released - fee_closing
        opening = quantity - closing
        self.quantity += quantity
        self.cost += -released + opening * price + (fee - fee_closing if opening else ZERO)
        self.realized += profit
        return profit


def _closing(held: Decimal, traded: Decimal) -> Decimal:
    """The part of `traded` (its sign) that reduces `held`."""
    if held * traded >= 0:
        return ZERO
    return traded if abs(traded) <= abs(held) else -held


@dataclass
class Account:
    """One account's books; `holdings` by conId, `cash` by currency."""

    code: str
    cash: dict[str, Decimal]
    base: str = "USD"
    holdings: dict[int, Holding] = field(default_factory=lambda: defaultdict(Holding))
    realized: Decimal = ZERO
    commissions: Decimal = ZERO

    def trade(
        self, one: Instrument, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal | None:
        """Book a signed trade and its commission; return the profit realised, if any."""
        self._pay(one.currency, -quantity * price - fee)
        if one.secType == "CASH":
            self._pay(one.symbol, quantity)
        profit = self.holdings[one.conId].trade(quantity, price, fee)
        self.realized += profit or ZERO
        self.commissions += fee
        return profit

    def held(self, con_id: int) -> Holding:
        """The position in an instrument; flat when there is none."""
        return self.holdings.get(con_id) or Holding()

    def _pay(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] = self.cash.get(currency, ZERO) + amount


@dataclass(frozen=True, slots=True)
class Valuation:
    """The account at one moment's prices, in the base currency, unrounded."""

    cash: Decimal
    stock: Decimal
    gross: Decimal
    unrealized: Decimal
    realized: Decimal

    @property
    def net_liquidation(self) -> Decimal:
        """Cash and positions together, to the cent."""
        return cents(self.cash + self.stock)

    @property
    def initial_margin(self) -> Decimal:
        """What opening the positions takes."""
        return cents(self.gross * INITIAL_MARGIN)

    @property
    def maintenance_margin(self) -> Decimal:
        """What keeping the positions takes."""
        return cents(self.gross * MAINTENANCE_MARGIN)

    @property
    def available(self) -> Decimal:
        """Equity that no margin binds."""
        return self.net_liquidation - self.initial_margin

    @property
    def excess(self) -> Decimal:
        """Equity above the maintenance margin."""
        return self.net_liquidation - self.maintenance_margin


def valuation(
    account: Account, stocks: Mapping[int, Decimal], rates: Mapping[str, Decimal]
) -> Valuation:
    """The account at `stocks`' marks (by conId) and `rates` (base currency for one unit)."""
    cash = sum((amount * rates[name] for name, amount in account.cash.items()), ZERO)
    values = [account.holdings[con_id].quantity * mark for con_id, mark in stocks.items()]
    cost = sum((account.holdings[con_id].cost for con_id in stocks), ZERO)
    stock = sum(values, ZERO)
    gross = sum((abs(value) for value in values), ZERO)
    return Valuation(cash, stock, gross, stock - cost, account.realized)
