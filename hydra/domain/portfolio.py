"""Cash, positions and marks at one moment, and the portfolio that an order would make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from hydra.domain.cost_basis import averaged
from hydra.domain.instruments import ONE, Instrument
from hydra.domain.orders import OrderRequest

ZERO = Decimal(0)


@dataclass(frozen=True)
class Position:
    """A signed quantity of one instrument, and the mark (price) it is valued at.

    `rate` is what one unit of the instrument's currency is worth in the account's, and `cost` what
    a future cost (its price): the profit since then is all that it adds to the account.
    """

    instrument: Instrument
    quantity: Decimal
    mark: Decimal
    rate: Decimal = ONE
    cost: Decimal = ZERO

    @cached_property
    def value(self) -> Decimal:
        """Signed size in the account's currency, a future's whole notional: what is exposed."""
        return self.instrument.notional(self.quantity, self.mark) * self.rate

    @property
    def equity(self) -> Decimal:
        """What it adds to the cash, in the account's currency: a share its value, a future what
        it has gained, a currency pair nothing, for both of its currencies are in the cash."""
        if self.instrument.sec_type == "FUT":
            return self.instrument.notional(self.quantity, self.mark - self.cost) * self.rate
        return ZERO if self.instrument.sec_type == "CASH" else self.value


@dataclass(frozen=True)
class Portfolio:
    """Cash of all currencies together in the account's, and positions by symbol.

    `rates` are what one unit of each other currency is worth in the account's; one that is not
    there counts 1, and the gate lets no order in it pass. The sums are reckoned once and carried
    along by `after`, so that judging one order after the other costs the same whether ten
    positions are held or a thousand.
    """

    cash: Decimal
    positions: Mapping[str, Position] = field(default_factory=dict)
    rates: Mapping[str, Decimal] = field(default_factory=dict)

    @cached_property
    def nav(self) -> Decimal:
        """Net asset value: cash plus what all positions add to it."""
        return self.cash + sum((p.equity for p in self.positions.values()), ZERO)

    @cached_property
    def net(self) -> Decimal:
        """Sum of the signed values of all positions."""
        return sum((p.value for p in self.positions.values()), ZERO)

    @cached_property
    def gross(self) -> Decimal:
        """Sum of the sizes of all positions' values."""
        return sum((abs(p.value) for p in self.positions.values()), ZERO)

    @cached_property
    def gross_by_currency(self) -> Mapping[str, Decimal]:
        """The same by the currencies that positions are exposed to, in the account's money."""
        sums: dict[str, Decimal] = {}
        for position in self.positions.values():
            for currency in position.instrument.currencies:
                sums[currency] = sums.get(currency, ZERO) + abs(position.value)
        return sums

    @cached_property
    def _groups(self) -> dict[frozenset[str], Decimal]:
        """What `gross_of` was asked for so far."""
        return {}

    def gross_of(self, symbols: frozenset[str]) -> Decimal:
        """Sum of the sizes of those symbols' values."""
        if symbols not in self._groups:
            self._groups[symbols] = sum((abs(self.value(s)) for s in symbols), ZERO)
        return self._groups[symbols]

    def quantity(self, symbol: str) -> Decimal:
        """Signed quantity held; 0 for a symbol that is not held."""
        position = self.positions.get(symbol)
        return position.quantity if position else ZERO

    def value(self, symbol: str) -> Decimal:
        """Signed value held; 0 for a symbol that is not held."""
        position = self.positions.get(symbol)
        return position.value if position else ZERO

    def weight(self, symbol: str) -> Decimal:
        """Signed fraction of NAV in one symbol; 0 when the NAV is not positive."""
        return self.value(symbol) / self.nav if self.nav > 0 else ZERO

    def rate(self, currency: str) -> Decimal:
        """What one unit of a currency is worth in the account's."""
        return self.rates.get(currency, ONE)

    def after(self, request: OrderRequest) -> Portfolio:
        """The proposed portfolio: as if the request had filled whole at its price."""
        symbol = request.instrument.symbol
        position, cash = self._traded(self.positions.get(symbol), request, request.quantity)
        positions = {**self.positions, symbol: position}
        proposed = Portfolio(self.cash + cash, positions, self.rates)
        self._carry(proposed, position)
        return proposed

    def after_all(self, trades: Iterable[tuple[OrderRequest, Decimal]]) -> Portfolio:
        """As if of each request that quantity (signed) had filled, at the request's price."""
        cash, positions = self.cash, dict(self.positions)
        for request, quantity in trades:
            symbol = request.instrument.symbol
            held = positions.get(symbol)
            positions[symbol], paid = self._traded(held, request, quantity)
            cash += paid
        return Portfolio(cash, positions, self.rates)

    def _traded(
        self, held: Position | None, request: OrderRequest, quantity: Decimal
    ) -> tuple[Position, Decimal]:
        """The position after a trade at the request's price, and what it does to the cash."""
        return self.traded(held, request.instrument, quantity, request.price)

    def traded(
        self, held: Position | None, one: Instrument, quantity: Decimal, price: Decimal
    ) -> tuple[Position, Decimal]:
        """What a position becomes by a trade (signed quantity), and what that does to the cash."""
        rate = self.rate(one.currency)
        before, cost = (held.quantity, held.cost) if held else (ZERO, ZERO)
        if one.sec_type == "FUT":
            cost, gain = averaged(before, cost, quantity, price)
            cash = gain * one.multiplier * rate
        elif one.sec_type == "CASH":
            bought = self.rate(one.currencies[0])
            cash = quantity * bought - one.notional(quantity, price) * rate
        else:
            cash = -one.notional(quantity, price) * rate
        return Position(one, before + quantity, price, rate, cost), cash

    def _carry(self, proposed: Portfolio, position: Position) -> None:
        """Give the proposed portfolio the sums of this one with one position exchanged."""
        symbol = position.instrument.symbol
        held = self.positions.get(symbol)
        old, new = self.value(symbol), position.value
        grown = abs(new) - abs(old)
        sums = dict(self.gross_by_currency)
        for currency in position.instrument.currencies:
            sums[currency] = sums.get(currency, ZERO) + grown
        equity = self.nav - self.cash - (held.equity if held else ZERO) + position.equity
        # cached properties of a frozen value may only be put where they would put themselves
        proposed.__dict__.update(
            nav=proposed.cash + equity,
            net=self.net + new - old,
            gross=self.gross + grown,
            gross_by_currency=sums,
            _groups={g: v + grown if symbol in g else v for g, v in self._groups.items()},
        )
