"""Cash, positions and marks at one moment, and the portfolio that an order would make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

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
    """Cash in the base currency and positions by symbol."""

    cash: Decimal
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def nav(self) -> Decimal:
        """Net asset value: cash plus the signed value of all positions."""
        return self.cash + sum((p.value for p in self.positions.values()), ZERO)

    @property
    def gross(self) -> Decimal:
        """Sum of the sizes of all positions' values."""
        return sum((abs(p.value) for p in self.positions.values()), ZERO)

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
        return replace(
            self,
            cash=self.cash - request.notional,
            positions={**self.positions, symbol: position},
        )
