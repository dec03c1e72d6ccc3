"""Market data lines: streams and snapshots of quotes, sent as the gateway's ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.generic_ticks import SHORTABLE, GenericTicks, has_quotes, refusal, wanted_of
from hydra.gateway.layout import Request, Response
from hydra.gateway.quote import Quote
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.universe import Instrument
from hydra.gateway.venue import Venue

MAX_LINES = 100
PLENTY = 10_000_000  # shares to borrow, where nothing limits them
LIVE, DELAYED = 1, 3
DELAY_S = 15 * 60
DISPLAYING_DELAYED = "Requested market data is not subscribed. Displaying delayed market data."
SNAPSHOT_PERMISSIONS = 3
BBO_EXCHANGE = "9c0001"


@dataclass
class Line:
    """One subscription and what it was told last."""

    instrument: Instrument
    told: Quote | None = None
    is_delayed: bool = False
    wanted: frozenset[int] = frozenset()  # generic ticks
    wants_quotes: bool = True
    told_generic: dict[int, Response] = field(default_factory=dict)  # by tick type
    told_shares: int | None = None


class QuoteDesk:
    """Answers reqMktData and keeps its streams up to date.

    `is_subscribed` is whether the user pays for live data; without it the client gets delayed
    data if it accepts them (types 3 and 4), else 354. While `is_frozen` no quote changes.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._generic = GenericTicks(venue)
        self._lines: dict[tuple[int, int], Line] = {}
        self._types: dict[int, int] = {}
        self.is_subscribed = True
        self.frozen_at: int | None = None  # epoch seconds; new lines too get quotes of then
        self._is_frozen = False

    @property
    def is_frozen(self) -> bool:
        """Whether quotes stand still."""
        return self._is_frozen

    def freeze(self, frozen: bool) -> None:
        """Let quotes stand at those of now, for lines that are opened later, too."""
        self._is_frozen = frozen
        self.frozen_at = self._venue.seconds if frozen else None

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqMktData: self.subscribe,
            ask.CancelMktData: self.unsubscribe,
            ask.ReqMarketDataType: self.market_data_type,
        }

    def subscribe(self, client_id: int, request: ask.ReqMktData) -> None:
        """The quote of now; then the stream, or the end of the snapshot."""
        found = self._venue.find(request.contract)
        refused = self._refusal(client_id, request, found)
        if refused is not None:
            self._venue.refuse(client_id, request.reqId, *refused)
            return
        wanted = wanted_of(request.genericTicks, found[0].secType) or frozenset()
        line = Line(found[0], wanted=wanted, wants_quotes=has_quotes(request.genericTicks))
        self._begin(client_id, request.reqId, line)
        if request.snapshot or request.regulatorySnapshot:
            self._venue.post(client_id, say.TickSnapshotEnd(request.reqId))
        else:
            self._lines[client_id, request.reqId] = line

    def unsubscribe(self, client_id: int, request: ask.CancelMktData) -> None:
        """End a stream; 300 when there is none."""
        if self._lines.pop((client_id, request.reqId), None) is None:
            text = f"Can't find EId with tickerId:{request.reqId}"
            self._venue.refuse(client_id, request.reqId, 300, text)

    def market_data_type(self, client_id: int, request: ask.ReqMarketDataType) -> None:
        """Remember what the client accepts when live data are not subscribed."""
        self._types[client_id] = request.marketDataType

    @property
    def open_lines(self) -> list[tuple[int, int]]:
        """Client and request number of every stream."""
        return list(self._lines)

    def forget(self, client_id: int) -> None:
        """End all streams of a client that left."""
        self._types.pop(client_id, None)
        self._lines = {key: line for key, line in self._lines.items() if key[0] != client_id}

    def stream(self) -> None:
        """Tell every line what has changed, unless quotes are frozen."""
        if self.is_frozen:
            return
        now = self._now
        for (client_id, request_id), line in self._lines.items():
            self._tell(client_id, request_id, line, now)

    def _refusal(
        self, client_id: int, request: ask.ReqMktData, found: list[Instrument]
    ) -> tuple[int, str] | None:
        if len(found) != 1:
            return 200, NOT_FOUND
        if (client_id, request.reqId) in self._lines:
            return 102, "Duplicate ticker id"
        refused = _refused_request(request, found[0])
        if refused is not None:
            return refused
        if not self._is_paid and not self._is_delayed(client_id):
            return 354, "Requested market data is not subscribed."
        if len(self._lines) >= MAX_LINES:
            return 101, "Max number of tickers has been reached"
        return None

    @property
    def _is_paid(self) -> bool:
        return self.is_subscribed and "delayed_data" not in self._venue.real

    def _is_delayed(self, client_id: int) -> bool:
        return not self._is_paid and self._types.get(client_id, LIVE) in {3, 4}

    def _begin(self, client_id: int, request_id: int, line: Line) -> None:
        line.is_delayed = self._is_delayed(client_id)
        if line.is_delayed:
            self._venue.refuse(client_id, request_id, 10167, DISPLAYING_DELAYED)
        kind = DELAYED if line.is_delayed else LIVE
        self._venue.post(client_id, say.MarketDataType(request_id, kind))
        tick = line.instrument.tick
        params = say.TickReqParams(request_id, tick, BBO_EXCHANGE, SNAPSHOT_PERMISSIONS)
        self._venue.post(client_id, params)
        self._tell(client_id, request_id, line, self._now)

    @property
    def _now(self) -> int:
        """The time of the quotes that are told, in epoch seconds."""
        return self._venue.seconds if self.frozen_at is None else self.frozen_at

    def _tell(self, client_id: int, request_id: int, line: Line, now: int) -> None:
        seconds = now - (DELAY_S if line.is_delayed else 0)
        if line.wanted:
            self._tell_shortable(client_id, request_id, line)
        quote = self._venue.market.quote(line.instrument, seconds) if line.wants_quotes else None
        if quote is not None and quote is not line.told and quote != line.told:
            for tick in ticks(request_id, line.instrument.secType, quote, line.told):
                self._venue.post(client_id, delayed(tick) if line.is_delayed else tick)
            line.told = quote
        if line.wanted:
            self._tell_generic(client_id, request_id, line, seconds)

    def _tell_generic(self, client_id: int, request_id: int, line: Line, seconds: int) -> None:
        """The generic ticks that the line asked for, those that have changed."""
        for tick in self._generic.told(request_id, line.instrument, seconds, line.wanted):
            if line.told_generic.get(tick.tickType) != tick:
                line.told_generic[tick.tickType] = tick
                self._venue.post(client_id, tick)

    def _tell_shortable(self, client_id: int, request_id: int, line: Line) -> None:
        """How readily and how many shares can be borrowed, to who asked for generic tick 236."""
        one = line.instrument
        if SHORTABLE not in line.wanted or one.secType != "STK":
            return
        lendable = self._venue.lendable_shares(one)
        shares = PLENTY if lendable is None else lendable
        if shares != line.told_shares:
            line.told_shares = shares
            level = say.TickGeneric(request_id, _SHORTABLE, _shortable_level(one, shares))
            self._venue.post(client_id, level)
            self._venue.post(client_id, say.TickSize(request_id, _SHARES, Decimal(shares)))


def _refused_request(request: ask.ReqMktData, one: Instrument) -> tuple[int, str] | None:
    """The objection to what is asked for of `one`."""
    if one.secType == "CONTFUT":
        # IB's page on contracts: continuous futures have history alone. The code is unknown.
        cause = "Continuous futures have no streaming data; ask for a contract month (FUT)"
        return 321, f"Error validating request.-'bQ' : cause - {cause}"
    if request.snapshot and request.genericTicks:
        cause = "Snapshot market data subscription is not applicable to generic ticks"
        return 321, f"Error validating request.-'bW' : cause - {cause}"
    if wanted_of(request.genericTicks, one.secType) is None:
        return refusal(request.genericTicks, one.secType)
    return None


def _shortable_level(one: Instrument, shares: int) -> float:
    """IB's page on tick types: above 2.5 at least 1000 shares are there, above 1.5 they may be
    located, else they cannot be borrowed."""
    if one.shortable == 0:
        return 1.0
    return 3.0 if shares >= 1000 else 2.0


def delayed(tick: Any) -> Response:
    """`tick` under the number that stands for it in delayed data."""
    late: Response = replace(tick, tickType=_DELAYED_OF.get(tick.tickType, tick.tickType))
    return late


def ticks(request_id: int, sec_type: str, quote: Quote, told: Quote | None) -> Iterator[Response]:
    """The ticks that bring a client who knows `told` to `quote`."""
    if told is None or told.figures != quote.figures:  # mostly the volume alone has changed
        yield from _price_ticks(request_id, sec_type, quote, told)
    if sec_type == "STK":
        yield say.TickSize(request_id, _VOLUME, Decimal(quote.volume))
    if sec_type != "CASH":
        yield _timestamp(request_id, quote.time)
    if told is None or told.is_halted != quote.is_halted:
        yield say.TickGeneric(request_id, _HALTED, int(quote.is_halted))


@lru_cache(maxsize=1024)  # it is told again with each change of the volume
def _timestamp(request_id: int, time: int) -> say.TickString:
    return say.TickString(request_id, _LAST_TIMESTAMP, str(time))


def _price_ticks(
    request_id: int, sec_type: str, quote: Quote, told: Quote | None
) -> Iterator[Response]:
    """Prices and sizes that have changed."""
    figures: tuple[Any, ...] = quote
    for number, price, size in _SHOWN.get(sec_type, _ALL_SHOWN):
        if quote[price] is None or (told is not None and _is_same(quote, told, price, size)):
            continue
        shown = Decimal(0) if size is None else Decimal(figures[size])
        yield say.TickPrice(request_id, number, figures[price], shown, _mask(number))
        if number in _SIZE_OF:
            yield say.TickSize(request_id, _SIZE_OF[number], shown)


def _is_same(quote: Quote, told: Quote, price: int, size: int | None) -> bool:
    return bool(quote[price] == told[price] and (size is None or quote[size] == told[size]))


_BID, _ASK, _LAST, _HIGH, _LOW, _CLOSE, _OPEN = 1, 2, 4, 6, 7, 9, 14
_VOLUME, _LAST_TIMESTAMP, _HALTED = 8, 45, 49
_SHORTABLE, _SHARES = 46, 89
_DELAYED_OF = {
    1: 66,
    2: 67,
    4: 68,
    0: 69,
    3: 70,
    5: 71,
    6: 72,
    7: 73,
    8: 74,
    9: 75,
    14: 76,
    45: 88,
    49: 90,
}
_SIZE_OF = {_BID: 0, _ASK: 3, _LAST: 5}

# Tick types with the places of price and size in a quote; an index has no quote, a pair no trades.
_PLACE = {name: at for at, name in enumerate(Quote._fields)}
_BOOK = (
    (_BID, _PLACE["bid"], _PLACE["bid_size"]),
    (_ASK, _PLACE["ask"], _PLACE["ask_size"]),
)
_DAY = (
    (_HIGH, _PLACE["high"], None),
    (_LOW, _PLACE["low"], None),
    (_CLOSE, _PLACE["previous_close"], None),
)
_OPENING = (_OPEN, _PLACE["open"], None)
_SHOWN: Mapping[str, tuple[tuple[int, int, int | None], ...]] = {
    "CASH": (*_BOOK, *_DAY),
    "IND": ((_LAST, _PLACE["last"], None), *_DAY, _OPENING),
}
_ALL_SHOWN = (*_BOOK, (_LAST, _PLACE["last"], _PLACE["last_size"]), *_DAY, _OPENING)


def _mask(number: int) -> int:
    """Quotes can be executed automatically."""
    return 1 if number in {_BID, _ASK} else 0
