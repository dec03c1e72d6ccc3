"""The deterministic core: requests and time go in, responses go out; no socket, no wall clock.

The same settings, requests and times give the same responses, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.account import Account, Holding, cents
from hydra.gateway.account_codes import AccountCodes
from hydra.gateway.clock import Calendar, commanded_time
from hydra.gateway.continuous import without_streams
from hydra.gateway.corporate_calendar import CorporateCalendar
from hydra.gateway.desk import OrderDesk
from hydra.gateway.errors import SettingsError
from hydra.gateway.histogram import HistogramDesk
from hydra.gateway.historian import HistoryDesk
from hydra.gateway.history import read_history
from hydra.gateway.hours import ALWAYS_OPEN
from hydra.gateway.layout import Request, Response
from hydra.gateway.listing import shipped_universe
from hydra.gateway.market import Market, Series
from hydra.gateway.model import ModelledMarket
from hydra.gateway.order_past import plain_number
from hydra.gateway.quotes import QuoteDesk
from hydra.gateway.realism import chosen, is_unanswered, read_only_refusal
from hydra.gateway.reference import ReferenceDesk
from hydra.gateway.scanner import ScannerDesk
from hydra.gateway.statements import StatementDesk
from hydra.gateway.tape import parse_tapes
from hydra.gateway.ticks import TickDesk
from hydra.gateway.times import epoch, from_epoch
from hydra.gateway.universe import Instrument, Universe
from hydra.gateway.unoffered import UnofferedDesk
from hydra.gateway.values import Contract
from hydra.gateway.venue import Venue
from hydra.gateway.working_order import WorkingOrder

Posted = list[tuple[int, Response]]

FIRST_SESSION = date(2012, 10, 1)
COMMON_FACTOR = "SPX"  # the index with which modelled instruments move
ALREADY_IN_USE = (
    "Unable to connect as the client id is already in use. Retry with a unique client id."
)
FOR_EVER = 1 << 40  # epoch seconds, later than any session
_STATEMENT_EVERY_S = 180  # the gateway sends account values every three minutes
_MARKET_DATA = 2104, "Market data farm connection is OK:usfarm"
FARM_CONNECTED = 2106, "HMDS data farm connection is OK:ushmds"
FARM_INACTIVE = (
    2107,
    "HMDS data farm connection is inactive but should be available upon demand.ushmds",
)
_DEFINITIONS = 2158, "Sec-def data farm connection is OK:secdefil"


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """What the simulated world starts from; `start` is a session of the history.

    Raises SettingsError for a name in `real` that is no behaviour.
    """

    start: date = FIRST_SESSION
    seed: int = 0
    account: str = "DU1234567"  # or several, separated by commas
    cash: Decimal = Decimal(1_000_000)
    universe: str = ""  # TOML that adds to what is listed
    latency_s: int = 0  # what orders and cancels take to the exchange
    ticks: str = ""  # a tape of trades, as CSV, that is replayed as it was
    real: frozenset[str] = frozenset()  # behaviours of real gateways, by `realism.BEHAVIOURS`
    master_client_id: int | None = None
    is_always_open: bool = False  # no market ever closes, on Sundays neither

    def __post_init__(self) -> None:
        object.__setattr__(self, "real", chosen(self.real))


def _opened(
    settings: ExchangeSettings, universe: Universe, history: Mapping[int, Series]
) -> Venue:
    """The simulated world at the open of its first session.

    Raises SettingsError for a tape that does not fit.
    """
    calendar = Calendar(ALWAYS_OPEN) if settings.is_always_open else Calendar()
    first, *others = (
        Account(code, {"USD": settings.cash}) for code in settings.account.split(",")
    )
    tapes = parse_tapes(settings.ticks, universe) if settings.ticks else {}
    factor = next((i.conId for i in universe.instruments if i.symbol == COMMON_FACTOR), 0)
    modelled = ModelledMarket(
        settings.seed, history.get(factor), universe.actions, settings.is_always_open
    )
    venue = Venue(
        now=from_epoch(calendar.on(settings.start).opens),
        seed=settings.seed,
        universe=universe,
        market=Market(
            history,
            settings.seed,
            modelled.series,
            tapes,
        ),
        calendar=calendar,
        account=first,
        others={account.code: account for account in others},
        latency_s=settings.latency_s,
        real=settings.real,
        master_client_id=settings.master_client_id,
        is_always_open=settings.is_always_open,
    )
    years = (from_epoch(int(tape.times[-1])).year for tape in tapes.values())
    venue.market.reach(max([settings.start.year + 1, *years]))
    for one in universe.instruments:
        if one.conId in tapes:
            venue.market.series(one)  # a tape that does not fit is refused now
    return venue


class Exchange:
    """All sessions' requests meet here; every method returns what is to be sent, in order."""

    def __init__(
        self, settings: ExchangeSettings, universe: Universe, history: Mapping[int, Series]
    ) -> None:
        self.settings = settings
        self.venue = _opened(settings, universe, history)
        self.orders = OrderDesk(self.venue)
        self.corporate = CorporateCalendar(self.venue, self.orders)
        self.quotes = QuoteDesk(self.venue)
        self.statements = StatementDesk(self.venue)
        self._history = HistoryDesk(self.venue)
        self._ticks = TickDesk(self.venue)
        self._scanner = ScannerDesk(self.venue)
        self._reference = ReferenceDesk(self.venue)
        self._account_codes = AccountCodes(self.venue)
        self._stated_at = self.venue.now
        self._traded_to = self.venue.seconds
        self._closed_at = self.venue.seconds  # of the day whose figures were kept last
        self.corporate.list_as_of(settings.start)
        self.answers: dict[type[Request], Callable[[int, Any], None]] = {
            **self.orders.answers,
            **self.quotes.answers,
            **self.statements.answers,
            **self._history.answers,
            **self._ticks.answers,
            **self._scanner.answers,
            **HistogramDesk(self.venue).answers,
            **UnofferedDesk(self.venue).answers,
            **self._reference.answers,
            ask.ReqCurrentTime: self._current_time,
        }
        self.answers |= without_streams(self.venue, self.answers)
        head = self.answers[ask.ReqHeadTimestamp]
        self.answers[ask.ReqHeadTimestamp] = self._history.of_what_is_shown(head)

    # --- clients ----------------------------------------------------------------------------

    def connect(self, client_id: int, version: int) -> Posted | None:
        """Start a client's session; None when its number is taken."""
        if client_id in self.venue.versions:
            return None
        self.venue.versions[client_id] = version
        return self.welcome(client_id)

    def welcome(self, client_id: int) -> Posted:
        """What the gateway says when a client starts."""
        self.venue.post(client_id, say.ManagedAccounts(",".join(self.venue.accounts)))
        self.venue.post(client_id, say.NextValidId(self.orders.next_order_id(client_id)))
        history = FARM_INACTIVE if self.farm_sleeps else FARM_CONNECTED
        for code, text in (_MARKET_DATA, history, _DEFINITIONS):
            self.venue.refuse(client_id, -1, code, text)
        return self.venue.outbox.drain()

    @property
    def farm_sleeps(self) -> bool:
        """Whether a client's first request for history must wake the farm."""
        return self.venue.variant("historical_farm") == "inactive"

    def disconnect(self, client_id: int) -> None:
        """End a client's session; its orders live on."""
        self.venue.versions.pop(client_id, None)
        self.quotes.forget(client_id)
        self._history.forget(client_id)
        self._ticks.forget(client_id)
        self._scanner.forget(client_id)
        self.statements.forget(client_id)
        self._account_codes.forget(client_id)

    def handle(self, client_id: int, request: Request) -> Posted:
        """Answer one request at the time of now."""
        answer = self.answers.get(type(request))
        refusal = read_only_refusal(self.venue.real, request)
        refusal = refusal or self._account_codes.refusal(client_id, request)
        if refusal is not None:
            self.venue.refuse(client_id, *refusal)
        elif is_unanswered(self.venue.real, request):
            pass
        elif answer is None:
            self._refuse_unknown(client_id, request)
        else:
            before = len(self.orders.executions)
            answer(client_id, request)
            self.state_trades(before)
        return self.venue.outbox.drain()

    def halt(self, contract: Contract, until: datetime | None = None) -> None:
        """Stop trading in an instrument from now `until` (aware, later than now), or `resume`.

        Raises SettingsError for another time, or if the contract means not exactly one.
        """
        one = self.only(contract)
        if until is not None and until <= self.venue.now:
            raise SettingsError(f"a halt from {self.venue.now} cannot end at {until}")
        last = FOR_EVER if until is None else epoch(until)
        self.venue.market.halt(one, self.venue.seconds, last)

    def resume(self, contract: Contract) -> None:
        """Let an instrument trade again from now on; SettingsError as for `halt`."""
        now, halts = self.venue.seconds, self.venue.market.halts
        one = self.only(contract)
        halts[one.conId] = [(first, min(last, now)) for first, last in halts.get(one.conId, [])]

    def only(self, contract: Contract) -> Instrument:
        """The instrument that a contract means; SettingsError if it means not exactly one."""
        found = self.venue.find(contract)
        if len(found) != 1:
            raise SettingsError(f"{contract.symbol or contract.conId} names no one instrument")
        return found[0]

    def revise(self, exec_id: str, price: Decimal | None) -> Posted:
        """Correct an execution's price, or take the trade back (None)."""
        self.orders.revise(exec_id, price)
        self.statements.stream()
        return self.venue.outbox.drain()

    # --- time -------------------------------------------------------------------------------

    def resume_at(self, now: datetime) -> None:
        """Stand at `now` (aware, UTC) without letting the time before it happen."""
        self.venue.now = self._stated_at = now
        self.venue.market.reach(now.year + 1)
        self._traded_to = self._closed_at = self.venue.seconds
        today = self.venue.calendar.latest(self.venue.seconds).day
        self.corporate.resume((), today, is_complete=False)
        self.statements.count_from(self._last_close(self.venue.seconds))
        self.statements.refresh()

    def command(self, to: str) -> Posted:
        """Advance to `open`, `close`, `next_open` or an ISO time; SettingsError on nonsense."""
        return self.advance(commanded_time(self.venue.calendar, self.venue.now, to))

    def advance(self, to: datetime) -> Posted:
        """Let time pass until `to` (aware, not before now): sessions open and orders trade."""
        if to < self.venue.now:
            raise SettingsError(f"time cannot go back from {self.venue.now} to {to}")
        self.venue.market.reach(to.year + 1)
        for session in self.venue.calendar.between(self.venue.seconds, epoch(to)):
            if self.venue.seconds < session.opens:
                # What opens at a moment trades at that very moment: trading stops just before.
                self._trade_until(session.opens - 1)
                self._close_day(session.opens - 1)
                self.venue.now = from_epoch(session.opens)
                self._open()
        self._trade_until(epoch(to))
        self._close_day(epoch(to))
        self.venue.now = to
        self._stream()
        return self.venue.outbox.drain()

    def _last_close(self, seconds: int) -> int:
        """The last moment up to `seconds` at which a session closed, in epoch seconds."""
        session = self.venue.calendar.latest(seconds)
        if seconds < session.closes:
            session = self.venue.calendar.latest(session.opens - 1)
        return min(session.closes, seconds)

    def _close_day(self, until: int) -> None:
        """Keep the figures of the last close up to `until`, before anything later is traded."""
        closed = self._last_close(until)
        if closed > self._closed_at:
            self._closed_at = closed
            self.statements.close_day(closed)

    def _open(self) -> None:
        self.orders.forget_old()
        self.venue.market.forget_halts(self.venue.seconds)
        self.statements.new_day()
        self._act()
        self._settle_futures()
        self.orders.locate_shares()

    def _act(self) -> None:
        """Corporate actions that take effect today; who follows positions is told of them."""
        touched = self.corporate.open_day(self.venue.calendar.latest(self.venue.seconds).day)
        for one in touched:
            self.statements.traded(one)
        if touched:
            self.statements.stream()

    def _settle_futures(self) -> None:
        """Futures that have expired are settled in cash at their last price, and leave."""
        today = self.venue.calendar.latest(self.venue.seconds).day
        for account in self.venue.accounts.values():
            for con_id, holding in list(account.holdings.items()):
                one = self.venue.universe.get(con_id)
                if one and one.expiry and one.expiry < today and holding.quantity:
                    account.trade(one, -holding.quantity, self.venue.mark(one), Decimal(0))
        for order in self.orders.open_list:
            expiry = order.instrument.expiry
            if expiry and expiry < today and not order.is_done:
                self.orders.end_all_in(order.instrument)

    def _trade_until(self, until: int) -> None:
        """Let happen what does up to `until`, one by one as each may change the rest."""
        while not self.orders.is_idle:
            happening = self.orders.next_happening(self._traded_to, until)
            if happening is None:
                self.orders.follow(until)
                break
            self._close_day(happening.time - 1)  # what happens at a close is of its day
            before = len(self.orders.executions)
            self.venue.now = from_epoch(happening.time)
            self.orders.happen(happening)
            self.state_trades(before)
            # What else happens at that second follows in its order.
            self._traded_to = happening.time - 1
        self._traded_to = until

    def _stream(self) -> None:
        self.quotes.stream()
        self._ticks.stream()
        self._scanner.stream()
        self._history.stream()
        self.statements.stream_pnl()
        if self.venue.now - self._stated_at >= timedelta(seconds=_STATEMENT_EVERY_S):
            self._stated_at = self.venue.now
            self.statements.refresh()
            self.statements.stream()

    def state_trades(self, before: int) -> None:
        """Tell the followers of the account about executions since the `before`-th."""
        traded = self.orders.executions[before:]
        for done in traded:
            self.statements.traded(done.order.instrument)
        if traded and self.venue.variant("account_values") == "with_the_trade":
            self.statements.refresh()
        if traded:
            self.statements.stream()

    # --- answers ----------------------------------------------------------------------------

    def _current_time(self, client_id: int, request: ask.ReqCurrentTime) -> None:
        self.venue.post(client_id, say.CurrentTime(self.venue.seconds))

    def _refuse_unknown(self, client_id: int, request: Request) -> None:
        """What is not offered is refused, never met with silence."""
        request_id = getattr(request, "reqId", -1)
        name = type(request).__name__
        text = f"Error processing request.-'bT' : cause - {name} is not supported by this gateway"
        self.venue.refuse(client_id, request_id, 322, text)

    # --- the books --------------------------------------------------------------------------

    def clock_state(self) -> dict[str, str]:
        """Time, session and phase."""
        seconds = self.venue.seconds
        return {
            "time": self.venue.now.isoformat().replace("+00:00", "Z"),
            "session": self.venue.calendar.latest(seconds).day.isoformat(),
            "phase": self.venue.calendar.phase(seconds),
        }

    def state(self) -> dict[str, Any]:
        """The books as plain data: money and quantities are decimal texts, sells negative."""
        now = self.venue.valuation()
        return {
            **self.clock_state(),
            "account": self.venue.account.code,
            "net_liquidation": str(now.net_liquidation),
            "cash": str(cents(now.cash)),
            "balances": {name: str(cents(a)) for name, a in self.venue.account.cash.items()},
            "positions": self._positions(),
            "open_orders": [_order_state(order) for order in self.orders.open_list],
            "executions": self.orders.execution_rows,
            "clients": sorted(self.venue.versions),
        }

    def _positions(self) -> list[dict[str, Any]]:
        held = [
            (code, con_id, holding)
            for code, account in self.venue.accounts.items()
            for con_id, holding in sorted(account.holdings.items())
            if holding.quantity
        ]
        return [self._position(*row) for row in held if self.venue.universe.get(row[1])]

    def _position(self, code: str, con_id: int, holding: Holding) -> dict[str, Any]:
        one = self.venue.universe.get(con_id)
        return {
            "account": code,
            "symbol": one.symbol if one else "",
            "con_id": con_id,
            "quantity": plain_number(holding.quantity),
            "average_cost": plain_number(holding.average_cost),
            "paid": plain_number(holding.paid),
            "currency": one.currency if one else "",
            "sec_type": one.secType if one else "",
            "mark": plain_number(self.venue.mark(one)) if one else "",
        }


def shipped_exchange(settings: ExchangeSettings) -> Exchange:
    """An exchange on the shipped universe and history."""
    universe = shipped_universe(settings.universe)
    return Exchange(settings, universe, read_history(universe))


def _order_state(order: WorkingOrder) -> dict[str, Any]:
    terms = order.terms
    return {
        "order_ref": terms.orderRef,
        "client_id": order.client_id,
        "order_id": terms.orderId,
        "perm_id": order.perm_id,
        "symbol": order.instrument.symbol,
        "quantity": plain_number(terms.totalQuantity * order.sign),
        "filled": plain_number(order.filled * order.sign),
        "order_type": terms.orderType,
        "limit_price": None if terms.lmtPrice is None else plain_number(terms.lmtPrice),
        "status": order.told_status,
    }
