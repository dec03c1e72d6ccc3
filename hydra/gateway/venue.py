"""What all desks of the gateway share: the time, the market, the account, who listens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from hydra.gateway.account import Account, Marked, Valuation, valuation
from hydra.gateway.clock import Calendar
from hydra.gateway.layout import Response
from hydra.gateway.market import Market
from hydra.gateway.responses import Error
from hydra.gateway.times import EASTERN, epoch, zone
from hydra.gateway.universe import Instrument, Universe
from hydra.gateway.values import Contract
from hydra.gateway.variants import variant

if TYPE_CHECKING:
    from hydra.gateway.corporate_actions import Change

_RATE_STEP = Decimal("0.0000000001")


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
    others: dict[str, Account] = field(default_factory=dict)  # further accounts by their code
    latency_s: int = 0  # what orders and cancels take to the exchange
    is_always_open: bool = False  # every instrument keeps the sessions of `calendar`
    real: frozenset[str] = frozenset()  # how it is set up, by `realism.BEHAVIOURS`
    master_client_id: int | None = None  # hears of the orders of all clients
    outbox: Outbox = field(default_factory=Outbox)
    versions: dict[int, int] = field(default_factory=dict)  # server version by connected client
    changes: list[Change] = field(default_factory=list)  # splits and of listings, oldest first
    retired: dict[int, Instrument] = field(default_factory=dict)  # renumbered: as they were
    ready_at: int = 0  # until then (epoch seconds) account values are not ready
    lendable: dict[int, int] = field(default_factory=dict)  # shares to borrow, told by hand
    revision: int = 0  # counts what was done to the books by hand
    _calendars: dict[str, Calendar] = field(default_factory=dict)

    def audience(self, client_id: int) -> tuple[int, ...]:
        """Who hears of the orders of a client: itself, and the master client if there is one."""
        master = self.master_client_id
        if master is None or master == client_id:
            return (client_id,)
        return client_id, master

    def variant(self, question: str) -> str:
        """How this gateway behaves where sources differ: an answer of `variants.VARIANTS`."""
        return variant(self.seed, question)

    @property
    def seconds(self) -> int:
        """`now` in epoch seconds."""
        return epoch(self.now)

    @property
    def accounts(self) -> dict[str, Account]:
        """All accounts by their code, the first one first."""
        return {self.account.code: self.account, **self.others}

    def find(self, wanted: Contract, include_expired: bool = False) -> list[Instrument]:
        """All instruments that a client's contract can mean today."""
        today = self.now.astimezone(zone(EASTERN)).date()
        return self.universe.find(wanted, today, include_expired)

    def instrument(self, con_id: int) -> Instrument | None:
        """What has this number, or had it before a split."""
        return self.universe.get(con_id) or self.retired.get(con_id)

    def lendable_shares(self, one: Instrument) -> int | None:
        """How many shares can be borrowed to sell short; None is enough for anybody."""
        return self.lendable.get(one.conId, one.shortable)

    def calendar_of(self, one: Instrument) -> Calendar:
        """The sessions of the market on which `one` trades."""
        if self.is_always_open:
            return self.calendar
        if one.hours not in self._calendars:
            self._calendars[one.hours] = Calendar(one.hours)
        return self._calendars[one.hours]

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

    def marked(self, account: Account) -> list[Marked]:
        """What an account holds or held, with last prices and its currencies' rates."""
        rows = []
        for con_id, holding in sorted(account.holdings.items()):
            one = self.universe.get(con_id)
            if one is not None:
                mark = self.mark(one) if holding.quantity else Decimal(0)
                rows.append((one, mark, self.rate(one.currency)))
        return rows

    def rates(self, account: Account | None = None) -> dict[str, Decimal]:
        """What one unit of each currency of an account (the first) is worth in its base."""
        account = account or self.account
        rates = {account.base: Decimal(1)}
        for currency in [*account.cash, *account.accrued()]:
            if currency not in rates:
                rates[currency] = self.rate(currency)
        return rates

    def rate(self, currency: str) -> Decimal:
        """What one unit of `currency` is worth in the base currency of the accounts."""
        base = self.account.base
        if currency == base:
            return Decimal(1)
        for one in self.universe.named(currency) + self.universe.named(base):
            if (one.secType, one.symbol, one.currency) == ("CASH", currency, base):
                return self.mark(one)
            if (one.secType, one.symbol, one.currency) == ("CASH", base, currency):
                return (1 / (self.mark(one) or Decimal(1))).quantize(_RATE_STEP)
        return Decimal(0)

    def valuation(self, account: Account | None = None) -> Valuation:
        """An account (the first) at the prices of now."""
        account = account or self.account
        now = valuation(account, self.marked(account), self.rates(account))
        if account.accruals and self.variant("accrued_dividends") == "in_net_liquidation":
            return replace(now, accrued=self.accrued(account))
        return now

    def accrued(self, account: Account) -> Decimal:
        """Dividends to be paid, in the account's base currency."""
        rates = self.rates(account)
        owed = account.accrued().items()
        return sum((amount * rates[currency] for currency, amount in owed), Decimal(0))
