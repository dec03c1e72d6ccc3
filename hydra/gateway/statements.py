"""Statements of the account: values, portfolio, summary, positions, profit and loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.account import ZERO, Account, Valuation, cents
from hydra.gateway.day_start import DayStart, day_starts, gain
from hydra.gateway.layout import Request, Response
from hydra.gateway.times import from_epoch, zone
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue

Value = tuple[str, str, str]  # key, value, currency
Key = tuple[int, int]  # client and request number

_LEDGER = frozenset(
    {
        "AccruedCash",
        "CashBalance",
        "Currency",
        "ExchangeRate",
        "FuturesPNL",
        "NetDividend",
        "NetLiquidationByCurrency",
        "RealizedPnL",
        "RealCurrency",
        "StockMarketValue",
        "TotalCashBalance",
        "UnrealizedPnL",
    }
)


@dataclass
class Streams:
    """Who follows what; keys are clients, or client and request number."""

    updates: dict[int, str] = field(default_factory=dict)  # the account that a client follows
    shown: dict[int, set[int]] = field(default_factory=dict)
    """Contracts of which each client was told a position; it hears once when one is closed."""
    positions: set[int] = field(default_factory=set)
    summaries: dict[Key, ask.ReqAccountSummary] = field(default_factory=dict)
    multi: dict[Key, ask.ReqAccountUpdatesMulti] = field(default_factory=dict)
    positions_multi: dict[Key, ask.ReqPositionsMulti] = field(default_factory=dict)
    pnl: dict[Key, ask.ReqPnL] = field(default_factory=dict)
    pnl_single: dict[Key, ask.ReqPnLSingle] = field(default_factory=dict)

    def forget(self, client_id: int) -> None:
        """Drop everything that a client followed."""
        self.updates.pop(client_id, None)
        self.positions.discard(client_id)
        self.shown.pop(client_id, None)
        keyed: tuple[dict[Key, Any], ...] = (
            self.summaries,
            self.multi,
            self.positions_multi,
            self.pnl,
            self.pnl_single,
        )
        for streams in keyed:
            for key in [key for key in streams if key[0] == client_id]:
                del streams[key]


@dataclass(frozen=True, slots=True)
class Cycle:
    """An account's values as they were at `time` ("HH:MM", New York)."""

    time: str
    values: tuple[Value, ...]


class StatementDesk:
    """Answers about the account and keeps its streams up to date."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._streams = Streams()
        self._told: dict[Key, object] = {}
        self._closed: dict[str, DayStart] = {}  # by account, as of the last close
        self._day_start: dict[str, DayStart] = {}
        self._cycle: dict[str, Cycle] = {}
        self._zero_marks: dict[int, bool] = {}  # whether a download has told it
        self.count_from(venue.seconds)
        self.refresh()

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqManagedAccts: self.managed_accounts,
            ask.ReqAccountUpdates: self.account_updates,
            ask.ReqAccountUpdatesMulti: self.updates_multi,
            ask.CancelAccountUpdatesMulti: self.cancel_updates_multi,
            ask.ReqAccountSummary: self.summary,
            ask.CancelAccountSummary: self.cancel_summary,
            ask.ReqPositions: self.positions,
            ask.CancelPositions: self.cancel_positions,
            ask.ReqPositionsMulti: self.positions_multi,
            ask.CancelPositionsMulti: self.cancel_positions_multi,
            ask.ReqPnL: self.pnl,
            ask.CancelPnL: self.cancel_pnl,
            ask.ReqPnLSingle: self.pnl_single,
            ask.CancelPnLSingle: self.cancel_pnl_single,
        }

    # --- answers ----------------------------------------------------------------------------

    def managed_accounts(self, client_id: int, request: ask.ReqManagedAccts) -> None:
        """The account codes."""
        self._venue.post(client_id, say.ManagedAccounts(",".join(self._venue.accounts)))

    def account_updates(self, client_id: int, request: ask.ReqAccountUpdates) -> None:
        """Values, portfolio, time and end; then the stream, or its end."""
        if not request.subscribe:
            self._streams.updates.pop(client_id, None)
            return
        account = self._asked(request.account)
        self._streams.updates[client_id] = account.code
        self._zero_marks = {one: False for one, told in self._zero_marks.items() if not told}
        self._post_updates(client_id, account)
        self._zero_marks = dict.fromkeys(self._zero_marks, True)
        self._venue.post(client_id, say.AccountDownloadEnd(account.code))

    def updates_multi(self, client_id: int, request: ask.ReqAccountUpdatesMulti) -> None:
        """Values and end; then the stream."""
        self._streams.multi[client_id, request.reqId] = request
        self._post_multi(client_id, request)
        self._venue.post(client_id, say.AccountUpdateMultiEnd(request.reqId))

    def cancel_updates_multi(self, client_id: int, request: ask.CancelAccountUpdatesMulti) -> None:
        """End the stream."""
        self._streams.multi.pop((client_id, request.reqId), None)

    def summary(self, client_id: int, request: ask.ReqAccountSummary) -> None:
        """The asked tags and end; then the stream."""
        self._streams.summaries[client_id, request.reqId] = request
        self._post_summary(client_id, request)
        self._venue.post(client_id, say.AccountSummaryEnd(request.reqId))

    def cancel_summary(self, client_id: int, request: ask.CancelAccountSummary) -> None:
        """End the stream."""
        self._streams.summaries.pop((client_id, request.reqId), None)

    def positions(self, client_id: int, request: ask.ReqPositions) -> None:
        """Positions and end; then the stream."""
        self._streams.positions.add(client_id)
        for account in self._venue.accounts.values():
            for one in self._held(account):
                self._venue.post(client_id, _position(account, one))
        self._venue.post(client_id, say.PositionEnd())

    def cancel_positions(self, client_id: int, request: ask.CancelPositions) -> None:
        """End the stream."""
        self._streams.positions.discard(client_id)

    def positions_multi(self, client_id: int, request: ask.ReqPositionsMulti) -> None:
        """Positions and end; then the stream."""
        self._streams.positions_multi[client_id, request.reqId] = request
        account = self._asked(request.account)
        for one in self._held(account):
            self._venue.post(client_id, _position_multi(account, request, one))
        self._venue.post(client_id, say.PositionMultiEnd(request.reqId))

    def cancel_positions_multi(self, client_id: int, request: ask.CancelPositionsMulti) -> None:
        """End the stream."""
        self._streams.positions_multi.pop((client_id, request.reqId), None)

    def pnl(self, client_id: int, request: ask.ReqPnL) -> None:
        """Profit and loss of now; then the stream."""
        self._streams.pnl[client_id, request.reqId] = request
        self._told.pop((client_id, request.reqId), None)
        self._tell_once((client_id, request.reqId), client_id, self._pnl(request))

    def cancel_pnl(self, client_id: int, request: ask.CancelPnL) -> None:
        """End the stream; 10185 when there is none."""
        if self._streams.pnl.pop((client_id, request.reqId), None) is None:
            text = "Failed to cancel PNL (not subscribed)"
            self._venue.refuse(client_id, request.reqId, 10185, text)

    def pnl_single(self, client_id: int, request: ask.ReqPnLSingle) -> None:
        """One position's profit and loss of now; then the stream."""
        self._streams.pnl_single[client_id, request.reqId] = request
        self._told.pop((client_id, request.reqId), None)
        self._tell_once((client_id, request.reqId), client_id, self._pnl_single(request))
        if not self._asked(request.account).held(request.conId).quantity:
            text = "Invalid position trade derived value"
            self._venue.refuse(client_id, request.reqId, 2150, text)

    def cancel_pnl_single(self, client_id: int, request: ask.CancelPnLSingle) -> None:
        """End the stream; 10186 when there is none."""
        if self._streams.pnl_single.pop((client_id, request.reqId), None) is None:
            text = "Failed to cancel PNL single (not subscribed)"
            self._venue.refuse(client_id, request.reqId, 10186, text)

    # --- streams ----------------------------------------------------------------------------

    def forget(self, client_id: int) -> None:
        """End all streams of a client that left."""
        self._streams.forget(client_id)
        self._told = {key: told for key, told in self._told.items() if key[0] != client_id}

    def traded(self, one: Instrument) -> None:
        """Tell the followers of positions about a trade in `one`."""
        for client_id in sorted(self._streams.positions):
            for account in self._venue.accounts.values():
                if one.conId in account.holdings:
                    self._venue.post(client_id, _position(account, one))
        for (client_id, _), request in self._streams.positions_multi.items():
            account = self._asked(request.account)
            self._venue.post(client_id, _position_multi(account, request, one))

    def stream(self) -> None:
        """Send the account's values again to those who follow them."""
        for client_id, code in sorted(self._streams.updates.items()):
            self._post_updates(client_id, self._venue.accounts[code])
        for (client_id, _), summary in self._streams.summaries.items():
            self._post_summary(client_id, summary)
        for (client_id, _), multi in self._streams.multi.items():
            self._post_multi(client_id, multi)

    def stream_pnl(self) -> None:
        """Send the profit and loss to those who follow it, when it changed."""
        for key, request in self._streams.pnl.items():
            self._tell_once(key, key[0], self._pnl(request))
        for key, single in self._streams.pnl_single.items():
            self._tell_once(key, key[0], self._pnl_single(single))

    def close_day(self, seconds: int) -> None:
        """Keep what the accounts are worth at a close, in epoch seconds, with what they hold."""
        self._closed = day_starts(self._venue, seconds)

    def new_day(self) -> None:
        """Daily profit and loss count from the close that was kept last."""
        self._day_start = self._closed

    def count_from(self, seconds: int) -> None:
        """Daily profit and loss count from `seconds`, with what is held now."""
        self.close_day(seconds)
        self.new_day()

    def zero_mark(self, one: Instrument) -> None:
        """Tell the portfolio's row of `one` with price and value 0, up to the second download."""
        self._zero_marks[one.conId] = False

    def refresh(self) -> None:
        """Account values are those of now, until this is called again."""
        for code, account in self._venue.accounts.items():
            self._cycle[code] = Cycle(self._clock_text(), tuple(self._values_of_now(account)))

    def values(self, account: Account) -> list[Value]:
        """All account values, by key in alphabetical order, as the gateway sends them."""
        cycle = self._cycle[account.code]
        ready = self._readiness()
        return [ready if row[0] == ready[0] else row for row in cycle.values]

    def _values_of_now(self, account: Account) -> list[Value]:
        now = self._venue.valuation(account)
        base = account.base
        plain = [("AccountCode", account.code, ""), self._readiness()]
        plain += [("AccountType", "INDIVIDUAL", ""), ("Cushion", _cushion(now), "")]
        plain += [("Leverage", _ratio(now.gross, now.net_liquidation), "")]
        gains = self._futures(account)
        amounts = _amounts(now, gains["BASE"])
        amounts["AccruedDividend"] = cents(self._venue.accrued(account))
        money = [(key, str(amount), base) for key, amount in amounts.items()]
        return sorted(plain + money + self._ledger(account, now, gains))

    def _readiness(self) -> Value:
        is_ready = self._venue.seconds >= self._venue.ready_at
        return "AccountReady", "true" if is_ready else "false", ""

    # --- how they are made ------------------------------------------------------------------

    def _asked(self, code: str) -> Account:
        """The account of this code; the first for an empty or unknown one."""
        return self._venue.accounts.get(code, self._venue.account)

    def _held(self, account: Account) -> Iterator[Instrument]:
        for con_id, holding in sorted(account.holdings.items()):
            one = self._venue.universe.get(con_id)
            if one is not None and holding.quantity:
                yield one

    def _shown(self, client_id: int, account: Account) -> Iterator[Instrument]:
        """What is held, and what this client was told of and is closed since: once, with 0."""
        held = {one.conId for one in self._held(account)}
        before = self._streams.shown.get(client_id, set())
        self._streams.shown[client_id] = held
        for con_id in sorted(held | before):
            one = self._venue.instrument(con_id)
            if one is not None:
                yield one

    def _futures(self, account: Account) -> dict[str, Decimal]:
        """What open futures have gained, by currency and in all: the gateway counts it as cash."""
        gains = {"BASE": ZERO}
        for one, mark, rate in self._venue.marked(account):
            holding = account.held(one.conId)
            if one.secType == "FUT" and holding.quantity:
                gain = one.value(holding.quantity, mark) - holding.paid
                gains[one.currency] = gains.get(one.currency, ZERO) + gain
                gains["BASE"] += gain * rate
        return gains

    def _ledger(
        self, account: Account, now: Valuation, gains: Mapping[str, Decimal]
    ) -> list[Value]:
        base = account.base
        owed, accrued = account.accrued(), self._venue.accrued(account)
        rows: list[Value] = []
        for name, rate in [("BASE", Decimal(1)), *self._venue.rates(account).items()]:
            futures = gains.get(name, ZERO)
            cash = (now.cash if name == "BASE" else account.cash.get(name, ZERO)) + futures
            stock = now.stock - gains["BASE"] if name in {"BASE", base} else ZERO
            gain = now.unrealized if name in {"BASE", base} else ZERO
            realized = now.realized if name in {"BASE", base} else ZERO
            figures = {
                "CashBalance": cents(cash),
                "ExchangeRate": rate,
                "FuturesPNL": cents(futures),
                "NetDividend": cents(accrued if name == "BASE" else owed.get(name, ZERO)),
                "NetLiquidationByCurrency": cents(cash + stock),
                "RealizedPnL": cents(realized),
                "StockMarketValue": cents(stock),
                "TotalCashBalance": cents(cash),
                "UnrealizedPnL": cents(gain),
            }
            rows += [("Currency", name, name), ("RealCurrency", name, name)]
            rows += [(key, str(amount), name) for key, amount in figures.items()]
        return rows

    def _post_updates(self, client_id: int, account: Account) -> None:
        for key, value, currency in self.values(account):
            self._venue.post(client_id, say.AccountValue(key, value, currency, account.code))
        for one in self._shown(client_id, account):
            self._venue.post(client_id, self._portfolio(account, one))
        self._venue.post(client_id, say.AccountUpdateTime(self._cycle[account.code].time))

    def _post_multi(self, client_id: int, request: ask.ReqAccountUpdatesMulti) -> None:
        account = self._asked(request.account)
        for key, value, currency in self.values(account):
            if request.ledgerAndNLV and key not in _LEDGER | {"NetLiquidation"}:
                continue
            update = say.AccountUpdateMulti(
                request.reqId, account.code, request.modelCode, key, value, currency
            )
            self._venue.post(client_id, update)

    def _post_summary(self, client_id: int, request: ask.ReqAccountSummary) -> None:
        wanted = {tag.strip() for tag in request.tags.split(",")}
        ledger = {tag for tag in wanted if tag.startswith("$LEDGER")}
        for account in self._venue.accounts.values():
            for key, value, currency in self.values(account):
                is_ledger = currency == "BASE" or key in _LEDGER
                if _in(ledger, currency) if is_ledger else key in wanted - ledger:
                    row = say.AccountSummary(request.reqId, account.code, key, value, currency)
                    self._venue.post(client_id, row)

    def _portfolio(self, account: Account, one: Instrument) -> say.PortfolioValue:
        holding = account.held(one.conId)
        mark = ZERO if one.conId in self._zero_marks else self._venue.mark(one)
        value = cents(one.value(holding.quantity, mark))
        return say.PortfolioValue(
            one.held(),
            holding.quantity,
            mark,
            value,
            _short(holding.average_cost),
            cents(value - holding.cost),
            cents(holding.realized),
            account.code,
        )

    def _pnl(self, request: ask.ReqPnL) -> say.PnL:
        account = self._asked(request.account)
        now = self._venue.valuation(account)
        daily = now.net_liquidation - self._day_start[account.code].net_liquidation
        return say.PnL(request.reqId, daily, cents(now.unrealized), cents(now.realized))

    def _pnl_single(self, request: ask.ReqPnLSingle) -> say.PnLSingle:
        one = self._venue.universe.get(request.conId)
        account = self._asked(request.account)
        holding = account.held(request.conId)
        if one is None or not holding.quantity:
            return say.PnLSingle(request.reqId, ZERO, None, None, None, None)
        mark = self._venue.mark(one)
        value = cents(one.value(holding.quantity, mark))
        before = self._day_start[account.code].gains.get(one.conId, ZERO)
        daily = cents(gain(account, one, mark) - before)
        open_gain = cents(value - holding.cost)
        return say.PnLSingle(
            request.reqId, holding.quantity, daily, open_gain, cents(holding.realized), value
        )

    def _tell_once(self, key: Key, client_id: int, response: Response) -> None:
        if self._told.get(key) != response:
            self._told[key] = response
            self._venue.post(client_id, response)

    def _clock_text(self) -> str:
        eastern = from_epoch(self._venue.seconds).astimezone(zone("US/Eastern"))
        return eastern.strftime("%H:%M")


def _amounts(now: Valuation, futures: Decimal) -> dict[str, Decimal]:
    """The values in the base currency by tag; `futures` is what open ones have gained."""
    equity, initial, maintenance = now.net_liquidation, now.initial_margin, now.maintenance_margin
    return {
        "AccruedCash": Decimal("0.00"),
        "AvailableFunds": now.available,
        "BuyingPower": max(now.available, ZERO) * 4,
        "EquityWithLoanValue": equity,
        "ExcessLiquidity": now.excess,
        "FullAvailableFunds": now.available,
        "FullExcessLiquidity": now.excess,
        "FullInitMarginReq": initial,
        "FullMaintMarginReq": maintenance,
        "GrossPositionValue": cents(now.gross),
        "InitMarginReq": initial,
        "LookAheadAvailableFunds": now.available,
        "LookAheadExcessLiquidity": now.excess,
        "LookAheadInitMarginReq": initial,
        "LookAheadMaintMarginReq": maintenance,
        "MaintMarginReq": maintenance,
        "NetLiquidation": equity,
        "PreviousDayEquityWithLoanValue": equity,
        "RegTEquity": equity,
        "RegTMargin": initial,
        "SMA": now.available,
        "TotalCashValue": cents(now.cash + futures),
    }


def _in(ledger: set[str], currency: str) -> bool:
    """Whether `$LEDGER`, `$LEDGER:EUR` or `$LEDGER:ALL` asks for this currency's rows."""
    wanted = {tag.partition(":")[2] or "BASE" for tag in ledger}
    return bool(wanted) and ("ALL" in wanted or currency in wanted)


def _cushion(now: Valuation) -> str:
    return _ratio(now.excess, now.net_liquidation)


def _ratio(part: Decimal, whole: Decimal) -> str:
    return str((part / whole).quantize(Decimal("0.000001"))) if whole else "0"


def _short(price: Decimal) -> Decimal:
    """An average cost with at most eight decimals."""
    return price.quantize(Decimal("0.00000001"))


def _position(account: Account, one: Instrument) -> say.Position:
    holding = account.held(one.conId)
    return say.Position(account.code, one.held(), holding.quantity, _short(holding.average_cost))


def _position_multi(
    account: Account, request: ask.ReqPositionsMulti, one: Instrument
) -> say.PositionMulti:
    holding = account.held(one.conId)
    return say.PositionMulti(
        request.reqId,
        account.code,
        one.held(),
        holding.quantity,
        _short(holding.average_cost),
        request.modelCode,
    )
