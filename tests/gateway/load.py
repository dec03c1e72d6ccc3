"""Two clients that trade all day, and what they were told of it: for tests and benchmarks."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from hydra.gateway.exchange import Exchange
from hydra.gateway.requests import CancelOrder
from hydra.gateway.responses import CommissionReport, ExecutionDetails
from hydra.gateway.values import Contract
from tests.gateway.flow import order

SYMBOLS = ("AAPL", "MSFT", "IBM", "GOOG")
CLIENTS = (1, 2)
SESSION_MINUTES = 390


@dataclass
class Heard:
    """What the clients' own books say, by the messages that they were sent."""

    positions: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    cash: Decimal = Decimal(0)
    exec_ids: Counter = field(default_factory=Counter)
    perm_ids: set[int] = field(default_factory=set)

    def take(self, posted) -> None:
        """Book live executions and their commissions."""
        for _, message in posted:
            if isinstance(message, ExecutionDetails) and message.reqId == -1:
                sign = 1 if message.side == "BOT" else -1
                self.exec_ids[message.execId] += 1
                self.perm_ids.add(message.permId)
                self.positions[message.contract.symbol] += sign * message.shares
                self.cash -= sign * message.shares * message.price
            elif isinstance(message, CommissionReport):
                self.cash -= Decimal(str(message.commission))


@dataclass
class Load:
    """An exchange on which two clients place, fill, rest and cancel orders session by session."""

    exchange: Exchange
    orders_a_session: int = 120
    heard: Heard = field(default_factory=Heard)
    number: int = 0

    def log_on(self) -> None:
        """Connect both clients."""
        for client in CLIENTS:
            self.exchange.connect(client, 178)

    def session(self) -> None:
        """One session, with orders at even distances; then the next open."""
        gap = timedelta(minutes=SESSION_MINUTES) / (self.orders_a_session + 1)
        for count in range(self.orders_a_session):
            self._trade(CLIENTS[count % 2], count)
            self.heard.take(self.exchange.advance(self.exchange.venue.now + gap))
        self.heard.take(self.exchange.command("close"))
        self.heard.take(self.exchange.command("next_open"))

    def _trade(self, client: int, count: int) -> None:
        """Mostly market orders by turns, some limits that rest, some of them cancelled."""
        self.number += 1
        symbol = SYMBOLS[count // 4 % len(SYMBOLS)]
        contract = Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")
        side = "BUY" if count // 2 % 2 else "SELL"
        if count % 5 == 4:
            limit = "1" if side == "BUY" else "9999"
            tif = "GTC" if count % 2 else "DAY"
            resting = order(
                self.number, "LMT", side, 10, lmtPrice=limit, tif=tif, contract=contract
            )
            self.heard.take(self.exchange.handle(client, resting))
            if tif == "GTC":
                self.heard.take(self.exchange.handle(client, CancelOrder(self.number)))
        else:
            market = order(self.number, side=side, size=10 + count % 7, contract=contract)
            self.heard.take(self.exchange.handle(client, market))
