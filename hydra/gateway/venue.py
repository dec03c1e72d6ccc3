"""What all desks of the gateway share: the time, the market, the account, who listens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from hydra.gateway.account import Account, Valuation, valuation
from hydra.gateway.clock import Calendar
from hydra.gateway.layout import Response
from hydra.gateway.market import Market
from hydra.gateway.responses import Error
from hydra.gateway.times import epoch
from hydra.gateway.universe import Instrument, Universe


@dataclass
class Outbox:
    """Responses in the order in which they are to leave, each with the client it is for."""

    _posted: list[tuple[int, Response]] = field(default_factory=list)

    def post(self, client_id: int, response: Response) -> None:
        """Queue `response` for a client."""
        self._posted.append((client_id, response))

    def drain(self) -> list[tuple[int, Response]]:
        """All that was posted since the last time."""
        posted, self._posted = self._posted, []
        return posted


@dataclass
class Venue:
    """The simulated world; only the exchange moves `now`."""

    now: datetime
    seed: int
    universe: Universe
    market: Market
    calendar: Calendar
    account: Account
    outbox: Outbox = field(default_factory=Outbox)
    versions: dict[int, int] = field(default_factory=dict)  # server version by connected client

    @property
    def seconds(self) -> int:
        """`now` in epoch seconds."""
        return epoch(self.now)

    def post(self, client_id: int, response: Response) -> None:
        """Queue a response; what is for a client who is not there is dropped."""
        if client_id in self.versions:
            self.outbox.post(client_id, response)

    def refuse(self, client_id: int, request_id: int, code: int, text: str) -> None:
        """Answer with an error."""
        self.post(client_id, Error(request_id, code, text))

    def mark(self, one: Instrument) -> Decimal:
        """The last price; 0 before the history begins."""
        return self.market.mark(one, self.seconds) or Decimal(0)

    def marks(self) -> dict[int, Decimal]:
        """The last prices of what is held, currencies apart, by conId."""
        held = (
            self.universe.get(con_id)
            for con_id, holding in self.account.holdings.items()
            if holding.quantity
        )
        return {one.conId: self.mark(one) for one in held if one and one.secType != "CASH"}

    def rates(self) -> dict[str, Decimal]:
        """What one unit of each currency of the account is worth in its base currency."""
        pairs = {one.symbol: one for one in self.universe.instruments if one.secType == "CASH"}
        rates = {self.account.base: Decimal(1)}
        for currency in self.account.cash:
            if currency not in rates:
                rates[currency] = self.mark(pairs[currency])
        return rates

    def valuation(self) -> Valuation:
        """The account at the prices of now."""
        return valuation(self.account, self.marks(), self.rates())
