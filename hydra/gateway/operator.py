"""What a person, a broker or an exchange does to the account and its instruments by hand.

Each method changes the world at the time of now and queues what followers hear of it; none of it
is an execution. Symbols name exactly one instrument; SettingsError says so if they do not.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hydra.gateway.account import Holding
from hydra.gateway.corporate_actions import adjust_holdings, adjust_market, planned_split
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import FOR_EVER, Exchange
from hydra.gateway.times import epoch
from hydra.gateway.universe import Instrument
from hydra.gateway.values import Contract


class Operator:
    """Acts on one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._venue = exchange.venue

    def split(
        self, symbol: str, numerator: int, denominator: int, new_con_id: bool = False
    ) -> Instrument:
        """Turn each `denominator` shares into `numerator`, now; returns what is listed then.

        Raises SettingsError for what cannot be split.
        """
        old = self.only(symbol)
        split = planned_split(self._venue, old, numerator, denominator, renumbers=new_con_id)
        self._exchange.orders.end_all_in(old)
        new = adjust_market(self._venue, split)
        adjust_holdings(self._venue, split, new)
        self._changed(old, new)
        return new

    def reset(self, cash: Decimal | int = 1_000_000) -> None:
        """Reset the paper account: no positions, `cash` in its base currency and nothing else.

        Working orders stay: whether a real reset ends them is unknown.
        """
        account = self._venue.account
        held = [self._venue.instrument(con_id) for con_id in account.holdings]
        account.holdings.update({con_id: Holding() for con_id in list(account.holdings)})
        account.cash = {account.base: Decimal(cash)}
        account.commissions, account.dividends = {}, {}
        self._changed(*(one for one in held if one is not None))
        self._exchange.statements.new_day()

    def transfer(self, symbol: str, quantity: Decimal | int) -> None:
        """Change a position by `quantity` (out < 0) at the last price; no cash moves."""
        one = self.only(symbol)
        unit = one.value(Decimal(1), self._venue.mark(one))
        self._venue.account.holdings[one.conId].trade(Decimal(quantity), unit, Decimal(0))
        self._changed(one)

    def move_cash(self, amount: Decimal | int, currency: str = "USD") -> None:
        """Deposit, or withdraw below 0; dividends and fees, too. Cash may go below 0."""
        if not self._venue.rate(currency):
            raise SettingsError(f"{currency!r} is no currency that the gateway has a rate of")
        self._venue.account.pay(currency, Decimal(amount))
        self._changed()

    def set_ready(self, ready: bool, for_s: int | None = None) -> None:
        """Whether account values are ready; `for_s` seconds of market time not, or for ever."""
        now = self._venue.now
        until = FOR_EVER if for_s is None else epoch(now + timedelta(seconds=for_s))
        self._venue.ready_at = 0 if ready else until
        self._changed()

    def only(self, symbol: str) -> Instrument:
        """The instrument of a symbol; SettingsError if it is not exactly one."""
        return self._exchange.only(Contract(symbol=symbol))

    def _changed(self, *instruments: Instrument) -> None:
        """Tell the followers of the account, and mark the books as changed."""
        self._venue.revision += 1
        for one in dict.fromkeys(instruments):
            self._exchange.statements.traded(one)
        self._exchange.statements.stream()
        self._exchange.quotes.stream()
