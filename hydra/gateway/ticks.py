"""Every tick: tick-by-tick streams, five-second bars and historical ticks, from the paths.

A path has one trade every five seconds, so each of its points is one tick and one real-time bar.
Sizes of trades are what the path trades in that step: they add up to the volume of the bars. A
step in which nothing is traded is no trade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.historian import NOT_SHOWN
from hydra.gateway.layout import Request, Response
from hydra.gateway.market import STEP_S, Path, Series, half_spread
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.times import epoch, parse_moment
from hydra.gateway.universe import Instrument
from hydra.gateway.values import (
    AllLastTick,
    HistoricalTick,
    HistoricalTickBidAsk,
    HistoricalTickLast,
    LastTick,
    MidpointTick,
    QuoteTick,
)
from hydra.gateway.venue import Venue

MAX_TICKS = 1000  # an answer's and a step's limit: of a long step only the last are sent
MAX_STREAMS = 5
TICK_TYPES: Mapping[str, int] = MappingProxyType(
    {"Last": 1, "AllLast": 2, "BidAsk": 3, "MidPoint": 4}
)
NOT_SUBSCRIBED = (  # recorded (ibkr-go, realtime_bars_api_error, 2026-04-12): bars are never late
    "Requested market data requires additional subscription for API. See link in 'Market Data "
    "Connections' dialog for more details."
)
SHOWN = ("TRADES", "MIDPOINT", "BID", "ASK")  # IB's page "Real Time Bars"
_TRADES = MappingProxyType({1: LastTick, 2: AllLastTick})


Maker = Callable[[Path, int], Response | None]  # of one step of a path, if it tells anything


@dataclass
class Stream:
    """A subscription; `told` is up to when, in epoch seconds, the client has heard."""

    instrument: Instrument
    make: Maker
    told: int


class TickDesk:
    """Answers what is asked tick by tick."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._ticks: dict[tuple[int, int], Stream] = {}
        self._bars: dict[tuple[int, int], Stream] = {}

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqTickByTickData: self.tick_by_tick,
            ask.CancelTickByTickData: self.cancel_ticks,
            ask.ReqRealTimeBars: self.real_time_bars,
            ask.CancelRealTimeBars: self.cancel_bars,
            ask.ReqHistoricalTicks: self.historical_ticks,
        }

    def tick_by_tick(self, client_id: int, request: ask.ReqTickByTickData) -> None:
        """Start a stream, with the last ticks before it when the client wants some."""
        one = self._found(client_id, request)
        number = TICK_TYPES.get(request.tickType)
        if one is None:
            return
        if number is None:
            cause = f"Tick type {request.tickType!r} is not one of {', '.join(TICK_TYPES)}"
            self._invalid(client_id, request.reqId, cause)
        elif number in _TRADES and not _has_trades(one):
            text = f"Failed to request tick-by-tick data.{_no_trades(one)}"
            self._venue.refuse(client_id, request.reqId, 10189, text)
        elif len(self._ticks) >= MAX_STREAMS:
            text = "Max number of tick-by-tick requests has been reached."
            self._venue.refuse(client_id, request.reqId, 10190, text)
        else:
            make = _tick_maker(request.reqId, number, one)
            now = self._venue.seconds
            stream = Stream(one, make, now - STEP_S * min(request.numberOfTicks, MAX_TICKS))
            self._ticks[client_id, request.reqId] = stream
            self._tell(client_id, stream)

    def cancel_ticks(self, client_id: int, request: ask.CancelTickByTickData) -> None:
        """End a stream; 300 when there is none."""
        self._cancel(self._ticks, client_id, request.reqId)

    def real_time_bars(self, client_id: int, request: ask.ReqRealTimeBars) -> None:
        """Start a stream of five-second bars."""
        one = self._found(client_id, request)
        if one is None:
            return
        refusal = _bar_refusal(request, one)
        if refusal is None and "delayed_data" in self._venue.real:
            refusal = 10089, NOT_SUBSCRIBED
        if refusal is not None:
            self._venue.refuse(client_id, request.reqId, *refusal)
            return
        make = _bar_maker(request.reqId, one, request.whatToShow)
        stream = Stream(one, make, self._venue.seconds)
        self._bars[client_id, request.reqId] = stream

    def cancel_bars(self, client_id: int, request: ask.CancelRealTimeBars) -> None:
        """End a stream; 300 when there is none."""
        self._cancel(self._bars, client_id, request.reqId)

    def historical_ticks(self, client_id: int, request: ask.ReqHistoricalTicks) -> None:
        """At most a thousand ticks from a start, or up to an end."""
        one = self._found(client_id, request)
        if one is None:
            return
        try:
            window = self._window(request, one)
        except ValueError as reason:
            self._invalid(client_id, request.reqId, str(reason))
            return
        if request.whatToShow == "TRADES" and not _has_trades(one):
            text = f"Failed to request historical ticks:{_no_trades(one)}"
            self._venue.refuse(client_id, request.reqId, 10187, text)
            return
        start, end, is_forward = window
        count = max(1, min(request.numberOfTicks, MAX_TICKS))
        if request.whatToShow == "TRADES":
            steps = self._trades(one, window, count)
        else:
            wanted = slice(0, count) if is_forward else slice(-count, None)
            steps = list(self._between(one, start, end, wanted))
        self._venue.post(client_id, _past_ticks(request, one, steps))

    def forget(self, client_id: int) -> None:
        """End all streams of a client that left."""
        self._ticks = {key: one for key, one in self._ticks.items() if key[0] != client_id}
        self._bars = {key: one for key, one in self._bars.items() if key[0] != client_id}

    def stream(self) -> None:
        """Send what happened since the last time."""
        for streams in (self._ticks, self._bars):
            for (client_id, _), stream in streams.items():
                self._tell(client_id, stream)

    def _tell(self, client_id: int, stream: Stream) -> None:
        now = self._venue.seconds
        last = slice(-MAX_TICKS, None)
        for path, step in self._between(stream.instrument, stream.told, now, last):
            tick = stream.make(path, step)
            if tick is not None:
                self._venue.post(client_id, tick)
        stream.told = now

    def _between(
        self, one: Instrument, after: int, until: int, wanted: slice
    ) -> Iterator[tuple[Path, int]]:
        """The wanted ones of the steps in (`after`, `until`], oldest first."""
        series = self._venue.market.series(one)
        spans = [] if series is None else _spans(series, after, until)
        first, stop, _ = wanted.indices(sum(len(steps) for _, steps in spans))
        for index, steps in spans:
            chosen = steps[max(first, 0) : max(stop, 0)]
            first, stop = first - len(steps), stop - len(steps)
            if chosen:
                path = self._venue.market.path(one, index)
                yield from ((path, step) for step in chosen)

    def _trades(
        self, one: Instrument, window: tuple[int, int, bool], count: int
    ) -> list[tuple[Path, int]]:
        """The first `count` steps of a window in which something is traded, or the last ones."""
        after, until, is_forward = window
        series = self._venue.market.series(one)
        spans = [] if series is None else _spans(series, after, until)
        order = 1 if is_forward else -1
        found: list[tuple[Path, int]] = []
        for index, steps in spans[::order]:
            path = self._venue.market.path(one, index)
            found += [(path, step) for step in steps[::order] if _traded(path, step)]
            if len(found) >= count:
                break
        return found[:count][::order]

    def _found(self, client_id: int, request: Any) -> Instrument | None:
        found = self._venue.find(request.contract)
        if len(found) == 1 and self._venue.market.series(found[0]) is not None:
            return found[0]
        self._venue.refuse(client_id, request.reqId, 200, NOT_FOUND)
        return None

    def _invalid(self, client_id: int, request_id: int, cause: str) -> None:
        text = f"Error validating request.-'bW' : cause - {cause}"
        self._venue.refuse(client_id, request_id, 321, text)

    def _cancel(self, streams: dict[tuple[int, int], Stream], client: int, number: int) -> None:
        if streams.pop((client, number), None) is None:
            self._venue.refuse(client, number, 300, f"Can't find EId with tickerId:{number}")

    def _window(self, request: ask.ReqHistoricalTicks, one: Instrument) -> tuple[int, int, bool]:
        """Start, end and whether to count from the start; exactly one of the two is given."""
        if bool(request.startDateTime) == bool(request.endDateTime):
            raise ValueError("Please specify start time or end time, not both")
        if request.whatToShow not in {"TRADES", "BID_ASK", "MIDPOINT"}:
            raise ValueError("Only TRADES, BID_ASK and MIDPOINT ticks can be shown")
        now, span = self._venue.seconds, MAX_TICKS * STEP_S + 7 * 86_400
        if request.startDateTime:
            start = epoch(parse_moment(request.startDateTime, one.zone))
            return start - 1, min(now, start + span), True
        end = min(epoch(parse_moment(request.endDateTime, one.zone)), now)
        return end - span, end, False


def _spans(series: Series, after: int, until: int) -> list[tuple[int, range]]:
    """Which steps of which bars lie in (`after`, `until`]; a bar's last one is its close."""
    spans = []
    for index in range(max(series.at(after), 0), series.at(until) + 1):
        start, end = int(series.start[index]), int(series.end[index])
        first = 0 if start > after else (after - start) // STEP_S + 1
        stop = min((until - start) // STEP_S + 1, (end - start) // STEP_S)
        spans.append((index, range(first, max(first, stop))))
    return spans


def _time(path: Path, step: int) -> int:
    return path.start + step * STEP_S


def _price(one: Instrument, path: Path, step: int) -> Decimal:
    return int(path.ticks[step]) * one.tick


def _quote(one: Instrument, path: Path, step: int) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Bid, ask and their sizes."""
    last = int(path.ticks[step])
    half = half_spread(last)
    bid_size, ask_size = Decimal(int(path.sizes[step])), Decimal(int(path.sizes[-1 - step]))
    return (last - half) * one.tick, (last + half) * one.tick, bid_size, ask_size


def _traded(path: Path, step: int) -> int:
    """What is traded in a step."""
    return int(path.traded[step + 1] - path.traded[step])


def _has_trades(one: Instrument) -> bool:
    """Currencies have quotes alone (IB's page "Historical Bar Data": no TRADES for Forex)."""
    return one.secType != "CASH"


def _no_trades(one: Instrument) -> str:
    """As historical bars say it; the sentence of a real gateway's other requests is unknown."""
    return f"No historical market data for {one.symbol}/CASH@{one.route} Last"


def _bar_refusal(request: ask.ReqRealTimeBars, one: Instrument) -> tuple[int, str] | None:
    if request.barSize not in {0, STEP_S}:
        return 420, "Invalid Real-time Query:Only 5 sec bars are supported."
    if request.whatToShow not in SHOWN:
        return 321, f"Error validating request.-'bY' : cause - {NOT_SHOWN}"
    if request.whatToShow == "TRADES" and not _has_trades(one):
        return 420, f"Invalid Real-time Query:{_no_trades(one)}"
    return None


def _tick_maker(request_id: int, number: int, one: Instrument) -> Maker:
    def trade(path: Path, step: int) -> Response | None:
        size = _traded(path, step)
        if not size:
            return None
        price = _price(one, path, step)
        kind = _TRADES[number]
        tick = kind(_time(path, step), price, Decimal(size), 0, one.primary)
        return say.TickByTick(request_id, tick)

    def quote(path: Path, step: int) -> Response:
        tick = QuoteTick(_time(path, step), *_quote(one, path, step))
        return say.TickByTick(request_id, tick)

    def midpoint(path: Path, step: int) -> Response:
        # The spread is the same on both sides of the last trade.
        return say.TickByTick(request_id, MidpointTick(_time(path, step), _price(one, path, step)))

    return {3: quote, 4: midpoint}.get(number, trade)


def _bar_maker(request_id: int, one: Instrument, what: str) -> Maker:
    """Bars of what was traded; those of quotes have no volume, average and count: -1 (recorded).

    A step is one price, so a bar's four prices are the same.
    """
    side = {"BID": -1, "ASK": 1}.get(what, 0)

    def make(path: Path, step: int) -> Response:
        price = float(
            _price(one, path, step) + side * half_spread(int(path.ticks[step])) * one.tick
        )
        time = _time(path, step)
        if what != "TRADES":
            return say.RealTimeBar(request_id, time, price, price, price, price, -1, -1, -1)
        volume = _traded(path, step)
        count = max(1, volume // 100)
        return say.RealTimeBar(request_id, time, price, price, price, price, volume, price, count)

    return make


def _past_ticks(
    request: ask.ReqHistoricalTicks, one: Instrument, steps: list[tuple[Path, int]]
) -> Response:
    number = request.reqId
    timed = [(_time(path, step), path, step) for path, step in steps]
    if request.whatToShow == "MIDPOINT":
        middles = (HistoricalTick(t, 0, _price(one, p, s), Decimal(0)) for t, p, s in timed)
        return say.HistoricalTicks(number, tuple(middles), done=True)
    if request.whatToShow == "BID_ASK":
        quotes = (HistoricalTickBidAsk(t, 0, *_quote(one, p, s)) for t, p, s in timed)
        return say.HistoricalTicksBidAsk(number, tuple(quotes), done=True)
    trades = (
        HistoricalTickLast(t, 0, _price(one, p, s), Decimal(_traded(p, s)), one.route, "")
        for t, p, s in timed
    )
    return say.HistoricalTicksLast(number, tuple(trades), done=True)
