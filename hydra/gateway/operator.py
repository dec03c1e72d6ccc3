"""What a person, a broker or an exchange does to the account and its instruments by hand.

Each method changes the world at the time of now and queues what followers hear of it; none of it
is an execution. Symbols name exactly one instrument; SettingsError says so if they do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from hydra.gateway.account import Holding
from hydra.gateway.corporate_actions import (
    adjust_holdings,
    adjust_market,
    next_con_id,
    planned_split,
    require_stock,
)
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import FOR_EVER, Exchange
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.times import epoch
from hydra.gateway.universe import Action, Instrument
from hydra.gateway.values import Contract
from hydra.gateway.working_order import WorkingOrder

FLOOD_CLIENT = 9_999
FROZEN_TEXTS: Mapping[int, str] = MappingProxyType(
    {
        2103: "Market data farm connection is broken:usfarm",
        2104: "Market data farm connection is OK:usfarm",
        10197: "No market data during competing live session",
    }
)


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

    def dividend(
        self, symbol: str, amount: Decimal | int, pay_day: date | None = None
    ) -> Instrument:
        """Let a stock pay `amount` a share, in its currency: ex-dividend now.

        It is paid at the open of `pay_day`, or now without one. Its price does not fall for it.
        Raises SettingsError for what pays none, an amount that is not above 0, or a day before
        today.
        """
        one, today = self.only(symbol), self._venue.now.date()
        require_stock(one, "paid dividends on")
        if Decimal(amount) <= 0:
            raise SettingsError(f"{amount} is no dividend; give an amount a share above 0")
        if pay_day is not None and pay_day < today:
            raise SettingsError(
                f"{pay_day} is before {today}; give today or a later day to pay on"
            )
        action = Action(one.conId, today, amount=Decimal(amount), pay_day=pay_day)
        self._exchange.corporate.act(action)
        self._changed()
        return one

    def rename(self, symbol: str, new: str, new_con_id: bool = False) -> Instrument:
        """Give a stock another symbol, now, and another number with `new_con_id`.

        Raises SettingsError for a symbol that is taken or none.
        """
        one = self.only(symbol)
        number = next_con_id(self._venue) if new_con_id else 0
        touched = self._exchange.corporate.rename(one, new, number)
        self._changed(*touched)
        return touched[-1]

    def delist(self, symbol: str, cash: Decimal | int | None = None) -> Instrument:
        """End the trading of a stock, now; holders get `cash` a share or keep the position.

        Raises SettingsError for what is no stock, or for cash below 0.
        """
        one = self.only(symbol)
        require_stock(one, "delisted")
        paid = None if cash is None else Decimal(cash)
        self._changed(*self._exchange.corporate.delist(one, paid))
        return one

    def reset(self, cash: Decimal | int = 1_000_000) -> None:
        """Reset the paper account: no positions, `cash` in its base currency and nothing else.

        Working orders stay: whether a real reset ends them is unknown.
        """
        account = self._venue.account
        held = [self._venue.instrument(con_id) for con_id in account.holdings]
        account.holdings.update({con_id: Holding() for con_id in list(account.holdings)})
        account.cash = {account.base: Decimal(cash)}
        account.commissions, account.dividends, account.accruals = {}, {}, []
        self._changed(*(one for one in held if one is not None))
        self._exchange.statements.count_from(self._venue.seconds)

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

    def halt_stock(self, symbol: str, halted: bool = True) -> None:
        """Halt trading in a stock, or let it go on; tick 49 tells its followers."""
        contract = Contract(symbol=symbol)
        if halted:
            self._exchange.halt(contract)
        else:
            self._exchange.resume(contract)
        self._changed()

    def set_shortable(self, symbol: str, shares: int) -> None:
        """How many shares can be borrowed to sell a stock short, from now on."""
        if shares < 0:
            raise SettingsError(
                f"{shares} is no number of shares that can be lent; give 0 or more"
            )
        self._venue.lendable[self.only(symbol).conId] = shares
        self._changed()

    def locate(self, symbol: str) -> None:
        """The shares that orders of a stock wait for have been found."""
        before = len(self._exchange.orders.executions)
        self._exchange.orders.locate(self.only(symbol))
        self._exchange.state_trades(before)
        self._changed()

    def freeze(self, frozen: bool = True, code: int = 10197) -> None:
        """Let quotes stand still while time goes on, or go on.

        `code` says why: 10197 (another session of the user has the data) at each line, or 2103
        (the farm is broken) at each client, with 2104 when it ends.
        """
        if code not in {10197, 2103}:
            raise SettingsError(f"quotes are frozen by 10197 or 2103, not by {code}")
        quotes, says = self._exchange.quotes, self._venue.refuse
        if code == 2103:
            told = 2103 if frozen else 2104
            for client_id in self._venue.versions:
                says(client_id, -1, told, FROZEN_TEXTS[told])
        elif frozen:
            for client_id, request_id in quotes.open_lines:
                says(client_id, request_id, code, FROZEN_TEXTS[code])
        quotes.freeze(frozen)
        self._changed()

    def zero_mark(self, symbol: str) -> None:
        """Tell one portfolio row with price and value 0, up to the second download."""
        self._exchange.statements.zero_mark(self.only(symbol))
        self._changed()

    def inactivate(self, symbol: str) -> None:
        """Let the working orders of a symbol be Inactive: still in the book, not at work."""
        awake = [order for order in self._orders_of(symbol) if not order.sleeps]
        for order in awake:
            self._exchange.orders.put_to_sleep(order, "Inactive")
        self._changed()

    def activate(self, symbol: str) -> None:
        """Let the Inactive orders of a symbol work again."""
        before = len(self._exchange.orders.executions)
        for order in self._orders_of(symbol):
            if order.shown_status == "Inactive":
                self._exchange.orders.wake(order)
        self._exchange.state_trades(before)
        self._changed()

    def flood(self, orders: int, symbol: str = "AAPL") -> None:
        """Put so many working orders of another client into the book; none of them trades."""
        if orders < 1:
            raise SettingsError(f"{orders} is no number of orders; give 1 or more")
        one = self.only(symbol)
        first = self._exchange.orders.next_order_id(FLOOD_CLIENT)
        known = PlaceOrder(
            first,
            one.contract(),
            action="BUY",
            totalQuantity=Decimal(1),
            orderType="LMT",
            lmtPrice=one.step(Decimal(1)),
            tif="GTC",
        )
        for number in range(first, first + orders):
            self._exchange.orders.add_foreign(FLOOD_CLIENT, one, replace(known, orderId=number))
        self._changed()

    def _orders_of(self, symbol: str) -> list[WorkingOrder]:
        con_id = self.only(symbol).conId
        working = self._exchange.orders.open_list
        return [order for order in working if order.instrument.conId == con_id]

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
