"""What the steps of one check share: the engine, what was found so far, what is still possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hydra import wiring
from hydra.clock import Sessions
from hydra.config import Settings
from hydra.domain.events import Halted, Reconciled
from hydra.domain.instruments import Instrument
from hydra.domain.quotes import Quote
from hydra.errors import BadParameter, HydraError
from hydra.execution.broker import Account
from hydra.execution.engine import OrderEngine
from hydra.ib.contracts import named
from hydra.ib.products import continuous_root
from hydra.paper_check.own_orders import OwnOrders
from hydra.paper_check.probe import Probe
from hydra.paper_check.sizes import ConfiguredSize

ZERO = Decimal(0)
TIME_NEEDED = timedelta(minutes=15)
"""The check begins no later than this before the close."""


class CheckRefused(HydraError):
    """The check is not made on this account now; nothing was sent."""


@dataclass
class CheckContext:
    """The state of one check. `symbol` is empty for one of the settings."""

    settings: Settings
    engine: OrderEngine
    probe: Probe
    orders: OwnOrders
    symbol: str = ""
    compared_between: tuple[datetime, datetime] | None = None
    """This machine's time before and after the gateway told its own."""
    market_time: datetime | None = None
    not_compared: str = "the check has not logged on"
    """Why journal and account were not compared; empty once they were."""
    was_compared_before: bool = False
    """Whether the journal knew the account before this check."""
    instrument: Instrument | None = None
    quote: Quote | None = None
    liquidity: tuple[float, float] | None = None
    """A day's volatility in bps and volume of the symbol, where its history is known."""
    size: ConfiguredSize | None = None
    no_orders: str = ""
    """Why no further order is sent; empty while orders are possible."""
    own_halt: int = 0
    """The place in the journal of the halt that the check made and has not lifted; 0 for none."""
    positions_before: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """The account as last compared; raises `CheckRefused` where it was not."""
        if self.engine.account is None:
            raise CheckRefused(f"Journal and account were not compared: {self.not_compared}")
        return self.engine.account

    @property
    def timeout_s(self) -> float:
        """How long one answer of the gateway may take."""
        return self.settings.gateway.timeout_s

    def traded(self) -> tuple[Instrument, Decimal]:
        """The instrument of the check and its last price; raises `CheckRefused` without them."""
        if self.instrument is None or self.quote is None or self.quote.last is None:
            raise CheckRefused("There is no symbol with a price to check with.")
        return self.instrument, self.quote.last

    def why_not(self, need: str) -> str:
        """Why a need of a step is not met; empty where it is."""
        if need == "connection":
            return "" if self.compared_between else self.not_compared
        reasons = {
            "books": self.not_compared,
            "instrument": self._no_instrument(),
            "size": self._no_size(),
            "orders": self.no_orders,
        }
        return reasons[need]

    def _no_instrument(self) -> str:
        has_price = self.instrument and self.quote and self.quote.last
        return "" if has_price else "there is no symbol with a price to check with"

    def _no_size(self) -> str:
        if self.size is None:
            return "the configured size is not known"
        return "" if self.size.quantity else f"{self.size.bound} leaves room for no share"

    def last_comparison(self) -> Reconciled | None:
        """The newest comparison of journal and account."""
        found = None
        for record in self.engine.journal.read(kinds=[Reconciled]):
            if isinstance(record.event, Reconciled):
                found = record.event
        return found

    def halted_by_others(self) -> bool:
        """Whether somebody else has halted trading since the check did."""
        later = self.engine.journal.read(after=self.own_halt, kinds=[Halted])
        return any(True for _ in later)


def candidates(settings: Settings, symbol: str) -> Iterator[tuple[str, str]]:
    """Symbols that the check could use, each with its exchange calendar: the one given, else the
    stocks of the settings in their order.

    Raises `BadParameter` where there is none: a check of futures or currencies is not made.
    """
    found = False
    for name in (symbol,) if symbol else settings.trading.symbols:
        if not continuous_root(name) and named(name).sec_type == "STK":
            found = True
            yield name, wiring.calendar_of(settings, [name])
    if not found:
        given = symbol or ", ".join(settings.trading.symbols)
        raise BadParameter(
            f"The paper check trades one share of a stock, and {given} is none; give one with "
            "--symbol, such as AAPL."
        )


def closed_sentence(calendars: Mapping[str, str], now: datetime) -> str:
    """Why the check is not made at `now` (aware): every exchange is closed, or closes soon.

    Empty where one of them is open long enough. `calendars` are by symbol.
    """
    names = sorted(set(calendars.values()))
    if any(is_open_for_check(name, now) for name in names):
        return ""
    opens, calendar = min((_next_open(name, now), name) for name in names)
    sessions = Sessions(calendar)
    local = opens.astimezone(sessions.zone)
    is_closing = any(Sessions(name).is_open(now) for name in names)
    state = "closes within 15 minutes" if is_closing else "is closed"
    return (
        f"The exchange ({calendar}) {state}: the gateway's clock says {now:%Y-%m-%d %H:%M} UTC. "
        f"It opens on {local:%Y-%m-%d} at {local:%H:%M} {local.tzname()} "
        f"({opens.astimezone(UTC):%H:%M} UTC), in {_span(opens - now)}; "
        "start the check then."
    )


def is_open_for_check(calendar: str, now: datetime) -> bool:
    """Whether the session is on and goes on for as long as a check takes."""
    sessions = Sessions(calendar)
    closes = sessions.closes(sessions.session_at(now))
    return sessions.is_open(now) and closes - now >= TIME_NEEDED


def _next_open(calendar: str, now: datetime) -> datetime:
    sessions = Sessions(calendar)
    session = sessions.session_at(now)
    return sessions.opens(sessions.next(session) if sessions.is_open(now) else session)


def _span(span: timedelta) -> str:
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    return " ".join(
        part
        for part in (f"{days} d" * bool(days), f"{hours} h" * bool(hours), f"{minutes} min")
        if part
    )
