"""Faults on command: what goes wrong, when, and what a client then meets.

A script is TOML; each `[[fault]]` has one trigger and one effect::

    [[fault]]
    on = "placeOrder"         # a request or response by its name …
    nth = 2                   # … the second one (default: the first)
    times = 0                 # how often from then on (default 1; 0 is always)
    probability = 0.1         # drawn by the gateway's seed (default 1)
    client = 7                # of this client only (default: any)
    do = "lose"

    [[fault]]
    at = 2012-10-01T15:00:00Z # or: symbol = "AAPL" with below = "85.50" or above = "87"
    do = "say"
    code = 1100

Effects stand in `EFFECTS`. Nothing here does I/O: what the shell must do to a socket is returned
among the responses (`Disconnect`, `Silence`, `Chop`, `Merge`).
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from hydra.gateway import responses as say
from hydra.gateway.clock import commanded_time
from hydra.gateway.errors import SettingsError
from hydra.gateway.exchange import ALREADY_IN_USE, Exchange
from hydra.gateway.layout import Request, Response
from hydra.gateway.market import STEP_S, Market
from hydra.gateway.messages import REQUESTS, RESPONSES
from hydra.gateway.orders import PlaceOrder, open_order
from hydra.gateway.requests import CancelOrder
from hydra.gateway.responses import Error
from hydra.gateway.times import epoch, from_epoch
from hydra.gateway.universe import Instrument

SCENARIOS = Path(__file__).parent / "scenarios"  # one script for each way that users got hurt
EVERYBODY = -1  # stands for all connected clients
_READ_ONLY = "The API interface is currently in Read-Only mode."
_RESTORED = "Connectivity between IB and Trader Workstation has been restored"
TEXTS: Mapping[int, str] = MappingProxyType(
    {
        110: "The price does not conform to the minimum price variation for this contract.",
        162: "Historical Market Data Service error message:"
        "Historical data request pacing violation",
        200: "No security definition has been found for the request",
        201: "Order rejected - reason:The exchange is closed.",
        321: f"Error validating request.-'bN' : cause - {_READ_ONLY}",
        326: ALREADY_IN_USE,
        354: "Requested market data is not subscribed.",
        1100: "Connectivity between IB and Trader Workstation has been lost.",
        1101: f"{_RESTORED} - data lost.",
        1102: f"{_RESTORED} - data maintained. All data farms are connected: usfarm; ushmds.",
        1300: "Socket port has been reset and this connection is being dropped. "
        "Please reconnect on the new port -4002",
        2103: "Market data farm connection is broken:usfarm",
        2104: "Market data farm connection is OK:usfarm",
        2105: "HMDS data farm connection is broken:ushmds",
        2106: "HMDS data farm connection is OK:ushmds",
        2107: "HMDS data farm connection is inactive but should be available upon demand.ushmds",
        2108: "Market data farm connection is inactive but should be available upon demand.usfarm",
        2110: "Connectivity between Trader Workstation and server is broken. "
        "It will be restored automatically.",
        2157: "Sec-def data farm connection is broken:secdefil",
        2158: "Sec-def data farm connection is OK:secdefil",
        10167: "Requested market data is not subscribed. Displaying delayed market data.",
        10197: "No market data during competing live session",
        10349: "Order TIF was set to DAY based on order preset.",
    }
)
_SYSTEM = frozenset({326, 1100, 1101, 1102, 1300, *range(2100, 2109), 2110, 2157, 2158})


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the client's socket, after what was said before."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Keep the client's socket open, and never read or write again."""


@dataclass(frozen=True, slots=True)
class Chop:
    """Write to the client in pieces of `size` bytes from now on."""

    size: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Write to the client only every `seconds` (of the wall clock) from now on."""

    seconds: float


Command = Disconnect | Silence | Chop | Merge
Item = tuple[int, Response | Command]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a fault strikes: on a message, at a time, or at a price."""

    on: str = ""
    nth: int = 1
    times: int = 1
    probability: float = 1.0
    client: int | None = None
    at: datetime | None = None
    symbol: str = ""
    below: Decimal | None = None
    above: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A trigger, the name of an effect and the effect's parameters."""

    trigger: Trigger
    do: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the message that a fault struck, and what goes before and after it."""

    kept: Request | Response | None
    before: tuple[Item, ...] = ()
    after: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that strikes now, the client whom it hits, and the message that it struck."""

    fault: Fault
    client_id: int
    message: Request | Response | None

    @property
    def number(self) -> int:
        """The request or order number that the message is about; -1 without."""
        for name in ("orderId", "reqId"):
            found = getattr(self.message, name, None)
            if isinstance(found, int):
                return found
        return -1

    def get(self, name: str, default: Any) -> Any:
        """One of the effect's parameters."""
        return self.fault.parameters.get(name, default)


class FaultyExchange:
    """An exchange seen through a fault script; without faults it is the exchange itself."""

    def __init__(self, exchange: Exchange, faults: Iterable[Fault] = ()) -> None:
        self.exchange = exchange
        self.shut_until: datetime | None = None
        self.is_deaf = False
        self._armed: list[Armed] = []
        self._muted: dict[int, datetime | None] = {}
        self._held: list[tuple[int, Item]] = []
        for fault in faults:
            self.arm(fault)

    def arm(self, fault: Fault) -> None:
        """Add a fault to those that wait for their trigger."""
        seed = f"{self.exchange.venue.seed}/{len(self._armed)}"
        self._armed.append(Armed(fault, random.Random(seed)))

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self.exchange.venue.now

    @property
    def is_shut(self) -> bool:
        """Whether connections are refused, as during a restart."""
        return self.shut_until is not None and self.now < self.shut_until

    # --- the exchange's own methods, seen through the script --------------------------------

    def connect(self, client_id: int, version: int, request: Request) -> list[Item] | None:
        """Start a client's session; None when its number is taken."""
        self._muted.pop(client_id, None)
        outcome = self._struck(client_id, request)
        if outcome.kept is None:
            return [*outcome.before, *outcome.after]
        posted = self.exchange.connect(client_id, version)
        if posted is None:
            return None
        return [*outcome.before, *self._outgoing(posted), *outcome.after]

    def welcome(self, client_id: int) -> list[Item]:
        """Answer a repeated startApi."""
        return self._outgoing(self.exchange.welcome(client_id))

    def disconnect(self, client_id: int) -> None:
        """End a client's session."""
        self.exchange.disconnect(client_id)

    def handle(self, client_id: int, request: Request) -> list[Item]:
        """Answer one request."""
        outcome = self._struck(client_id, request)
        posted: list[Item] = list(outcome.before)
        if isinstance(outcome.kept, Request):
            posted += self._outgoing(self.exchange.handle(client_id, outcome.kept))
        return posted + self._addressed(outcome.after)

    def command(self, to: str) -> list[Item]:
        """Advance to `open`, `close`, `next_open` or an ISO time; SettingsError on nonsense."""
        return self.advance(commanded_time(self.exchange.venue.calendar, self.now, to))

    def advance(self, to: datetime) -> list[Item]:
        """Let time pass until `to`, stopping at every time and price at which a fault strikes."""
        posted: list[Item] = []
        while (due := self._next_due(to)) is not None:
            moment, armed = due
            posted += self._pass(max(moment, self.now))
            if armed is None:
                continue
            armed.is_spent = True
            strike = Strike(armed.fault, armed.fault.trigger.client or EVERYBODY, None)
            outcome = EFFECTS[armed.fault.do].strike(self, strike)
            posted += self._addressed([*outcome.before, *outcome.after])
        return posted + self._pass(to)

    def _pass(self, to: datetime) -> list[Item]:
        """Let time pass without a fault at a time; who is muted when it begins hears nothing."""
        begun = self.now
        return self._outgoing(self.exchange.advance(to), begun)

    def tell(self, posted: Iterable[tuple[int, Response]]) -> list[Item]:
        """What leaves of that which was done by hand."""
        return self._outgoing(posted)

    # --- how faults find their moment -------------------------------------------------------

    def _struck(self, client_id: int, message: Request | Response) -> Outcome:
        outcome = Outcome(message)
        for armed in self._armed:
            if outcome.kept is None or not armed.is_due(client_id, outcome.kept):
                continue
            strike = Strike(armed.fault, client_id, outcome.kept)
            more = EFFECTS[armed.fault.do].strike(self, strike)
            before, after = outcome.before + more.before, more.after + outcome.after
            outcome = Outcome(more.kept, before, after)
        return outcome

    def _next_due(self, to: datetime) -> tuple[datetime, Armed | None] | None:
        """The next moment up to `to` at which a fault strikes or a mute ends (None)."""
        due: list[tuple[datetime, Armed | None]] = [
            (until, None) for until in self._muted.values() if until and self.now < until <= to
        ]
        for armed in self._armed:
            moment = None if armed.is_spent else self._moment(armed, to)
            if moment is not None:
                due.append((moment, armed))
        return min(due, key=lambda pair: pair[0], default=None)

    def _moment(self, armed: Armed, to: datetime) -> datetime | None:
        trigger = armed.fault.trigger
        if trigger.at is not None:
            return trigger.at if trigger.at <= to else None
        price = trigger.below if trigger.below is not None else trigger.above
        if price is None:
            return None
        venue = self.exchange.venue
        named = [one for one in venue.universe.instruments if one.symbol == trigger.symbol]
        first, last = epoch(self.now), epoch(to)
        is_below = trigger.below is not None
        touched = (_touched(venue.market, one, price, is_below, first, last) for one in named)
        times = [seconds for seconds in touched if seconds is not None]
        return from_epoch(min(times)) if times else None

    # --- what leaves ------------------------------------------------------------------------

    def _outgoing(
        self, posted: Iterable[tuple[int, Response]], as_of: datetime | None = None
    ) -> list[Item]:
        """What leaves of `posted`, said at `as_of` (now) or later."""
        if not (self._armed or self._muted or self._held):
            return list(posted)
        items: list[Item] = []
        for client_id, response in posted:
            outcome = self._struck(client_id, response)
            items += outcome.before
            if isinstance(outcome.kept, Response):
                items += self._with_held((client_id, outcome.kept))
            items += outcome.after
        return self._addressed(items, as_of)

    def _with_held(self, item: Item) -> list[Item]:
        """`item`, and after it what was held back for so many messages."""
        waiting = [(count - 1, held) for count, held in self._held]
        self._held = [(count, held) for count, held in waiting if count > 0]
        return [item, *(held for count, held in waiting if count <= 0)]

    def _addressed(self, items: Iterable[Item], as_of: datetime | None = None) -> list[Item]:
        """For each client by name, without those to whom nothing gets through."""
        clients = list(self.exchange.venue.versions)
        spread = [
            (client_id, what)
            for addressee, what in items
            for client_id in (clients if addressee == EVERYBODY else [addressee])
        ]
        return [item for item in spread if not self._is_muted(item, as_of or self.now)]

    def _is_muted(self, item: Item, as_of: datetime) -> bool:
        client_id, what = item
        key = EVERYBODY if EVERYBODY in self._muted else client_id
        if key not in self._muted or isinstance(what, Command):
            return False
        until = self._muted[key]
        if until is None or as_of < until:
            return True
        del self._muted[key]
        return False

    def mute(self, client_id: int, until: datetime | None) -> None:
        """Lose everything that is said to a client until then, or until it reconnects."""
        self._muted[client_id] = until

    def hold(self, item: Item, count: int) -> None:
        """Keep `item` back for `count` messages."""
        self._held.append((count, item))


@dataclass
class Armed:
    """A fault that waits for its trigger; counts the messages that it has seen."""

    fault: Fault
    chance: random.Random
    seen: int = 0
    struck: int = 0
    is_spent: bool = False

    def is_due(self, client_id: int, message: Request | Response) -> bool:
        """Whether the fault strikes at `message`, which is counted."""
        trigger = self.fault.trigger
        if self.is_spent or not trigger.on or message_name(type(message)) != trigger.on:
            return False
        if trigger.client not in {None, client_id}:
            return False
        self.seen += 1
        if self.seen < trigger.nth or self.chance.random() >= trigger.probability:
            return False
        self.struck += 1
        self.is_spent = self.struck == trigger.times
        return True


def _touched(
    market: Market, one: Instrument, price: Decimal, is_below: bool, after: int, until: int
) -> int | None:
    """When in (`after`, `until`] the last trade is first at `price` or beyond; None if never."""
    series, wanted = market.series(one), int(price / one.tick)
    first = 0 if series is None else max(series.at(after), 0)
    stop = 0 if series is None else series.at(until) + 1
    for index in range(first, stop):
        path = market.path(one, index)
        begin = 0 if path.start > after else path.step(after) + 1
        seen = path.ticks[begin : path.step(until) + 1]
        hits = np.flatnonzero(seen <= wanted if is_below else seen >= wanted)
        if len(hits):
            return path.start + (begin + int(hits[0])) * STEP_S
    return None


def message_name(cls: type) -> str:
    """`placeOrder` for PlaceOrder: how scripts call a message."""
    return cls.__name__[0].lower() + cls.__name__[1:]


# --- effects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does: the function, its parameters by type, and whether it needs a message."""

    strike: Callable[[FaultyExchange, Strike], Outcome]
    parameters: Mapping[str, type]
    needs_message: bool = False
    about: str = ""


def _say(world: FaultyExchange, strike: Strike) -> Outcome:
    code = strike.get("code", 0)
    text = strike.get("text", TEXTS.get(code, ""))
    number = -1 if code in _SYSTEM else strike.number
    item = (strike.client_id, Error(number, code, text))
    if strike.get("instead", False):
        return Outcome(None, after=(item,))
    if strike.get("before", False):
        return Outcome(strike.message, before=(item,))
    return Outcome(strike.message, after=(item,))


def _lose(world: FaultyExchange, strike: Strike) -> Outcome:
    return Outcome(None)


def _repeat(world: FaultyExchange, strike: Strike) -> Outcome:
    count = strike.get("count", 1)
    copy = strike.message
    again = ((strike.client_id, copy),) * count if isinstance(copy, Response) else ()
    return Outcome(copy, after=again)


def _hold(world: FaultyExchange, strike: Strike) -> Outcome:
    if isinstance(strike.message, Response):
        world.hold((strike.client_id, strike.message), strike.get("count", 1))
    return Outcome(None)


def _disconnect(world: FaultyExchange, strike: Strike) -> Outcome:
    target = EVERYBODY if strike.get("everybody", False) else strike.client_id
    item: Item = (target, Disconnect())
    if strike.get("before", False):
        return Outcome(None, before=(item,))
    return Outcome(strike.message, after=(item,))


def _on_socket(make: Callable[[Strike], Command]) -> Callable[[FaultyExchange, Strike], Outcome]:
    return lambda world, strike: Outcome(strike.message, after=((strike.client_id, make(strike)),))


def _mute(world: FaultyExchange, strike: Strike) -> Outcome:
    seconds = strike.get("seconds", 0)
    until = world.now + timedelta(seconds=seconds) if seconds else None
    world.mute(strike.client_id, until)
    return Outcome(strike.message)


def _refuse_client(world: FaultyExchange, strike: Strike) -> Outcome:
    told = (strike.client_id, Error(-1, 326, ALREADY_IN_USE))
    return Outcome(None, after=(told, (strike.client_id, Disconnect())))


def _reject_order(world: FaultyExchange, strike: Strike) -> Outcome:
    """The real gateway's sequence: 5 and 3 Inactive, 201, 5 and 3 Inactive; nothing is booked."""
    terms = strike.message
    if not isinstance(terms, PlaceOrder):
        return Outcome(terms)
    client_id, perm_id = strike.client_id, 2_000_000_000 + terms.orderId
    found = world.exchange.venue.find(terms.contract)
    contract = found[0].contract(terms.contract.exchange) if found else terms.contract
    known = {"clientId": client_id, "permId": perm_id, "status": "Inactive"}
    opened = open_order(replace(terms, contract=contract), **known)
    zero, size = Decimal(0), terms.totalQuantity
    status = say.OrderStatus(
        terms.orderId, "Inactive", zero, size, zero, perm_id, 0, zero, client_id
    )
    text = f"Order rejected - reason:{strike.get('text', 'The exchange is closed.')}"
    error = Error(terms.orderId, 201, text)
    told = (opened, status, error, opened, status)
    return Outcome(None, after=tuple((client_id, response) for response in told))


def _cancel_order(world: FaultyExchange, strike: Strike) -> Outcome:
    posted = world.exchange.handle(strike.client_id, CancelOrder(strike.number))
    return Outcome(strike.message, after=tuple(posted))


def _roll_back_ids(world: FaultyExchange, strike: Strike) -> Outcome:
    if not isinstance(strike.message, say.NextValidId):
        return Outcome(strike.message)
    return Outcome(say.NextValidId(max(1, strike.message.orderId - strike.get("by", 1))))


def _restart(world: FaultyExchange, strike: Strike) -> Outcome:
    """Everybody is dropped, and nobody gets in for so many simulated seconds."""
    world.shut_until = world.now + timedelta(seconds=strike.get("seconds", 60))
    return Outcome(strike.message, after=((EVERYBODY, Disconnect()),))


def _log_off(world: FaultyExchange, strike: Strike) -> Outcome:
    """The weekly log-off: everybody is dropped; the port accepts and then says nothing."""
    world.is_deaf = True
    return Outcome(strike.message, after=((EVERYBODY, Disconnect()),))


def _log_on(world: FaultyExchange, strike: Strike) -> Outcome:
    world.is_deaf = False
    return Outcome(strike.message)


def _take_over(world: FaultyExchange, strike: Strike) -> Outcome:
    """Another session of the same user takes the market data; quotes stop, each line is told."""
    quotes = world.exchange.quotes
    quotes.freeze(True)
    told = [
        (client_id, Error(request_id, 10197, TEXTS[10197]))
        for client_id, request_id in quotes.open_lines
    ]
    return Outcome(strike.message, after=tuple(told))


def _freeze(world: FaultyExchange, strike: Strike) -> Outcome:
    world.exchange.quotes.freeze(True)
    return Outcome(strike.message)


def _thaw(world: FaultyExchange, strike: Strike) -> Outcome:
    world.exchange.quotes.freeze(False)
    return Outcome(strike.message)


def _unsubscribe(world: FaultyExchange, strike: Strike) -> Outcome:
    world.exchange.quotes.is_subscribed = False
    return Outcome(strike.message)


def _shift_price(world: FaultyExchange, strike: Strike) -> Outcome:
    """Move one kind of price tick; a bid above the ask crosses the quote."""
    tick = strike.message
    if not isinstance(tick, say.TickPrice) or tick.tickType != strike.get("tick_type", 1):
        return Outcome(tick)
    return Outcome(replace(tick, price=tick.price + Decimal(strike.get("by", "1"))))


def _skew(world: FaultyExchange, strike: Strike) -> Outcome:
    told = strike.message
    if not isinstance(told, say.CurrentTime):
        return Outcome(told)
    return Outcome(say.CurrentTime(told.time + strike.get("seconds", 60)))


def _correct(world: FaultyExchange, strike: Strike) -> Outcome:
    """A corrected execution follows the first one: next revision of its execId, another price."""
    told = strike.message
    if not isinstance(told, say.ExecutionDetails):
        return Outcome(told)
    price = told.price + Decimal(strike.get("by", "0.01"))
    posted = world.exchange.revise(told.execId, price)
    return Outcome(told, after=tuple(posted))


def _bust(world: FaultyExchange, strike: Strike) -> Outcome:
    """The trade is taken back: next revision of its execId with no shares; the books follow."""
    told = strike.message
    if not isinstance(told, say.ExecutionDetails):
        return Outcome(told)
    return Outcome(told, after=tuple(world.exchange.revise(told.execId, None)))


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "say": Effect(
            _say,
            {"code": int, "text": str, "instead": bool, "before": bool},
            about="an error, after the message, before it or instead of it",
        ),
        "lose": Effect(_lose, {}, True, "the message never arrives"),
        "repeat": Effect(_repeat, {"count": int}, True, "the response is sent again"),
        "hold": Effect(_hold, {"count": int}, True, "the response comes that many later"),
        "disconnect": Effect(
            _disconnect,
            {"before": bool, "everybody": bool},
            about="the socket is closed after the message or, before it, with it lost",
        ),
        "silence": Effect(
            _on_socket(lambda strike: Silence()), {}, about="the socket stays open and dead"
        ),
        "chop": Effect(
            _on_socket(lambda strike: Chop(max(1, strike.get("size", 1)))),
            {"size": int},
            about="frames are cut into pieces of that many bytes",
        ),
        "merge": Effect(
            _on_socket(lambda strike: Merge(strike.get("seconds", 0.05))),
            {"seconds": float},
            about="frames are written together, every so many seconds of the wall clock",
        ),
        "mute": Effect(
            _mute, {"seconds": int}, about="all responses are lost for that simulated time"
        ),
        "refuse_client": Effect(_refuse_client, {}, True, "326, and the socket is closed"),
        "reject_order": Effect(_reject_order, {"text": str}, True, "Inactive with 201"),
        "cancel_order": Effect(_cancel_order, {}, True, "the exchange cancels: 202"),
        "roll_back_ids": Effect(_roll_back_ids, {"by": int}, True, "nextValidId falls back"),
        "restart": Effect(_restart, {"seconds": int}, about="all are dropped, the port is shut"),
        "log_off": Effect(_log_off, {}, about="all are dropped, the port accepts and is dead"),
        "log_on": Effect(_log_on, {}, about="ends log_off"),
        "take_over": Effect(_take_over, {}, about="10197 on every line, quotes stop"),
        "freeze": Effect(_freeze, {}, about="quotes stop without a word"),
        "thaw": Effect(_thaw, {}, about="ends take_over and freeze"),
        "unsubscribe": Effect(_unsubscribe, {}, about="live data are no longer paid for"),
        "shift_price": Effect(
            _shift_price, {"by": str, "tick_type": int}, True, "a price tick is moved"
        ),
        "skew": Effect(_skew, {"seconds": int}, True, "the gateway's clock is off"),
        "correct": Effect(_correct, {"by": str}, True, "an execution is corrected"),
        "bust": Effect(_bust, {}, True, "an execution is taken back"),
    }
)


# --- scripts -------------------------------------------------------------------------------------

_TRIGGERS: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "on": str,
        "nth": int,
        "times": int,
        "probability": (int, float),
        "client": int,
        "at": (datetime, str),
        "symbol": str,
        "below": (str, int, float),
        "above": (str, int, float),
    }
)
NAMES = frozenset(message_name(cls) for cls in (*REQUESTS.values(), *RESPONSES.values()))


def parse_script(text: str) -> list[Fault]:
    """The faults of a TOML script; raises SettingsError naming what is wrong and what is near."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as reason:
        raise SettingsError(f"the fault script is no TOML: {reason}") from None
    unknown = set(table) - {"fault", "title"}
    if unknown or not isinstance(table.get("fault", []), list):
        raise SettingsError("a fault script holds a title and [[fault]] tables, nothing else")
    return [parse_fault(one) for one in table.get("fault", [])]


def parse_fault(table: Mapping[str, Any]) -> Fault:
    """One fault from a plain table; raises SettingsError naming what is wrong."""
    do = table.get("do")
    if not isinstance(do, str) or do not in EFFECTS:
        raise SettingsError(f"do = {do!r} is no effect{_near(do, EFFECTS)}")
    effect = EFFECTS[do]
    _check_types(table, {**_TRIGGERS, **effect.parameters, "do": str})
    known = {name: table[name] for name in table if name in _TRIGGERS}
    trigger = _trigger(known)
    if effect.needs_message and not trigger.on:
        raise SettingsError(f"do = {do!r} needs a message: say which with on = …")
    if do == "say" and not table.get("text") and table.get("code") not in TEXTS:
        raise SettingsError("do = 'say' needs a code that is known here, or a code and a text")
    parameters = {name: table[name] for name in table if name in effect.parameters}
    return Fault(trigger, do, parameters)


def _trigger(known: Mapping[str, Any]) -> Trigger:
    kinds = [name for name in ("on", "at", "symbol") if name in known]
    if len(kinds) != 1:
        raise SettingsError("a fault has exactly one trigger: on = message, at = time or symbol")
    if "on" in known and known["on"] not in NAMES:
        raise SettingsError(f"on = {known['on']!r} is no message{_near(known['on'], NAMES)}")
    if "symbol" in known and ("below" in known) == ("above" in known):
        raise SettingsError("a fault on a symbol strikes below or above a price, not both")
    prices = {name: _price(known[name]) for name in ("below", "above") if name in known}
    moment = {"at": _moment(known["at"])} if "at" in known else {}
    return Trigger(**{**known, **prices, **moment})


def _check_types(table: Mapping[str, Any], allowed: Mapping[str, Any]) -> None:
    for name, value in table.items():
        if name not in allowed:
            raise SettingsError(f"a fault has no {name!r}{_near(name, allowed)}")
        kind = (int, float) if allowed[name] is float else allowed[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise SettingsError(f"{name} = {value!r} of a fault has the wrong type")


def _price(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise SettingsError(f"{value!r} is no price") from None


def _moment(value: datetime | str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise SettingsError(f"at = {value!r} is no time such as 2012-10-01T15:00:00Z") from None
    if moment.tzinfo is None:
        raise SettingsError(f"at = {value} has no time zone; end it with Z for UTC")
    return moment.astimezone(UTC)


def _near(given: object, allowed: Iterable[str]) -> str:
    found = get_close_matches(str(given), list(allowed), 1, 0.5)
    return (
        f"; did you mean {found[0]!r}?" if found else f"; there are {', '.join(sorted(allowed))}"
    )
