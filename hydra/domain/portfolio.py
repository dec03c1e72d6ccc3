"""Cash, positions and marks at one moment, and the portfolio that an order would make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest

ZERO = Decimal(0)


@dataclass(frozen=True)
class Position:
    """A signed quantity of one instrument, and the mark (price) it is valued at."""

    instrument: Instrument
    quantity: Decimal
    mark: Decimal

    @property
    def value(self) -> Decimal:
        """Signed market value in the instrument's currency."""
        return self.instrument.notional(self.quantity, self.mark)


@dataclass(frozen=True)
class Portfolio:
    """Cash in the base currency and positions by symbol.

    Its sums are reckoned once and carried along by `after`, so that judging one order after the
    other costs the same whether ten positions are held or a thousand.
    """

    cash: Decimal
    positions: Mapping[str, Position] = field(default_factory=dict)

    @cached_property
    def nav(self) -> Decimal:
        """Net asset value: cash plus the signed value of all positions."""
        return self.cash + self.net

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
        """The same by the instruments' currencies, each in its own money."""
        sums: dict[str, Decimal] = {}
        for position in self.positions.values():
            currency = position.instrument.currency
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

    def after(self, request: OrderRequest) -> Portfolio:
        """The proposed portfolio: as if the request had filled whole at its price."""
        symbol, mark = request.instrument.symbol, request.price
        quantity = self.quantity(symbol) + request.quantity
        position = Position(request.instrument, quantity, mark)
        proposed = Portfolio(self.cash - request.notional, {**self.positions, symbol: position})
        self._carry(proposed, position)
        return proposed

    def _carry(self, proposed: Portfolio, position: Position) -> None:
        """Give the proposed portfolio the sums of this one with one position exchanged."""
        symbol, currency = position.instrument.symbol, position.instrument.currency
        old, new = self.value(symbol), position.value
        grown = abs(new) - abs(old)
        net, sums = self.net + new - old, self.gross_by_currency
        # cached properties of a frozen value may only be put where they would put themselves
        proposed.__dict__.update(
            nav=proposed.cash + net,
            net=net,
            gross=self.gross + grown,
            gross_by_currency={**sums, currency: sums.get(currency, ZERO) + grown},
            _groups={g: v + grown if symbol in g else v for g, v in self._groups.items()},
        )
