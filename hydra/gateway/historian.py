"""Historical bars: which the client asks for, cut from the history and the paths of the market.

Bars as long as the history's own report the history's figures; shorter ones are cut from the
paths. While a session is open the last bar is the one in the making, as the real gateway sends
it: a client that wants completed bars drops it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any

import numpy as np

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.bar_source import DAY_S, HOUR_S, BarSource, Span, offset
from hydra.gateway.continuous import CONTINUOUS, NO_END, continuous, day_before
from hydra.gateway.layout import Request
from hydra.gateway.market import Series, half_spread
from hydra.gateway.reference import NOT_FOUND
from hydra.gateway.times import epoch, from_epoch, moment_text, parse_moment, zone
from hydra.gateway.universe import Instrument
from hydra.gateway.values import HistoricalBar, ScheduleSession
from hydra.gateway.venue import Venue
from hydra.gateway.volatility import VOLATILITIES, volatility

_ERROR = "Historical Market Data Service error message:"
WEEK_S = 7 * DAY_S
MONTH_S = 30 * DAY_S
BAR_SIZES: Mapping[str, int] = MappingProxyType(
    {
        **{"1 secs": 1, "5 secs": 5, "10 secs": 10, "15 secs": 15, "30 secs": 30},
        **{"1 min": 60, "2 mins": 120, "3 mins": 180, "5 mins": 300, "10 mins": 600},
        **{"15 mins": 900, "20 mins": 1200, "30 mins": 1800, "1 hour": 3600},
        **{"2 hours": 7200, "3 hours": 10_800, "4 hours": 14_400, "8 hours": 28_800},
        **{"1 day": DAY_S, "1 week": WEEK_S, "1W": WEEK_S, "1 month": MONTH_S, "1M": MONTH_S},
    }
)
SCHEDULE = "SCHEDULE"
MAX_UPDATES = 100  # of the bars that a long step completes, the last so many are sent
SHOWN = ("TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST", *VOLATILITIES, SCHEDULE)
# The sentence of a real gateway for real-time bars (ib_async #35).
NOT_SHOWN = "What to show field is missing or incorrect."
MAX_BARS = 50_000
NO_DATA = _ERROR + "HMDS query returned no data: {}@{} {}"

_DURATION = re.compile(r"(\d{1,6}) ([SDWMY])\Z")


@dataclass(frozen=True, slots=True)
class Window:
    """What a request covers, in epoch seconds: bars that begin in [`start`, `limit`).

    `end` is excluded (published: @stoqey/ib's suite, "30 S" of seconds is 30 bars); where it is
    now, the bar in the making that begins with this second belongs to the answer.
    """

    start: int
    end: int
    limit: int


class Refusal(Exception):
    """A query that cannot be answered: the error's code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Live:
    """A query that is kept up to date, and the bar that it was told last."""

    request: ask.ReqHistoricalData
    since: int
    told: HistoricalBar | None = None


class HistoryDesk:
    """Answers reqHistoricalData."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._live: dict[tuple[int, int], Live] = {}

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqHistoricalData: self.historical_data,
            ask.CancelHistoricalData: self.cancel,
        }

    def historical_data(self, client_id: int, request: ask.ReqHistoricalData) -> None:
        """One historicalData (or schedule), or the error that the query deserves."""
        try:
            answer = self._answer(client_id, request)
        except Refusal as refusal:
            self._venue.refuse(client_id, request.reqId, refusal.code, str(refusal))
            return
        self._venue.post(client_id, answer)
        if request.keepUpToDate and isinstance(answer, say.HistoricalData):
            live = Live(request, self._venue.seconds, answer.bars[-1])
            self._live[client_id, request.reqId] = live

    def of_what_is_shown(self, answer: Callable[[int, Any], None]) -> Callable[[int, Any], None]:
        """`answer` to reqHeadTimestamp, which refuses to tell where no such bars begin (321)."""

        def head_timestamp(client_id: int, request: ask.ReqHeadTimestamp) -> None:
            if request.whatToShow in SHOWN and request.whatToShow != SCHEDULE:
                answer(client_id, request)
                return
            refusal = _invalid(NOT_SHOWN)
            self._venue.refuse(client_id, request.reqId, refusal.code, str(refusal))

        return head_timestamp

    def cancel(self, client_id: int, request: ask.CancelHistoricalData) -> None:
        """End a query that is kept up to date (162); 366 when there is none."""
        number = request.reqId
        if self._live.pop((client_id, number), None) is None:
            text = f"No historical data query found for ticker id:{number}"
            self._venue.refuse(client_id, number, 366, text)
            return
        text = f"{_ERROR}API historical data query cancelled: {number}"
        self._venue.refuse(client_id, number, 162, text)

    def forget(self, client_id: int) -> None:
        """End all queries of a client that left."""
        self._live = {key: live for key, live in self._live.items() if key[0] != client_id}

    def stream(self) -> None:
        """Send the bars in the making, and those that were completed since the last time."""
        for (client_id, number), live in list(self._live.items()):
            try:
                news = self._news(client_id, live)
            except Refusal as refusal:  # its contract has another number since a split
                del self._live[client_id, number]
                self._venue.refuse(client_id, number, refusal.code, str(refusal))
                continue
            for bar in news:
                self._venue.post(client_id, _update(number, bar))

    def _news(self, client_id: int, live: Live) -> list[HistoricalBar]:
        source = self._source(live.request)
        now = self._venue.seconds
        window = Window(live.since - _bar_size(live.request.barSize) + 1, now, now + 1)
        bars = self._written_bars(client_id, live.request, source, window)[-MAX_UPDATES:]
        live.since = self._venue.seconds
        news = [bar for bar in bars if live.told is None or bar.date >= live.told.date]
        if not news or news[-1] == live.told:
            return []
        live.told = news[-1]
        return news

    def _answer(
        self, client_id: int, request: ask.ReqHistoricalData
    ) -> say.HistoricalData | say.HistoricalSchedule:
        source = self._source(request)
        one = source.one
        end = self._end(request, one)
        limit = epoch(end) + (0 if request.endDateTime and end < self._venue.now else 1)
        start = _start(source, request.duration, end, limit)
        version = self._venue.versions.get(client_id, 0)
        if request.whatToShow == SCHEDULE:
            return _schedule(request, one, source.series, (start, end))
        window = Window(epoch(start), epoch(end), limit)
        written = self._written_bars(client_id, request, source, window)
        if not written:
            what = request.whatToShow.title()
            route = request.contract.exchange or one.route
            raise Refusal(162, NO_DATA.format(one.symbol, route, what))
        first, last = (moment_text(when, one.zone, version) for when in (start, end))
        return say.HistoricalData(request.reqId, first, last, tuple(written))

    def _written_bars(
        self, client_id: int, request: ask.ReqHistoricalData, source: BarSource, window: Window
    ) -> list[HistoricalBar]:
        size = _bar_size(request.barSize)
        version = self._venue.versions.get(client_id, 0)
        bars = _bars(source, size, window)
        return [_written(bar, source.one, request, size, version) for bar in bars]

    def _source(self, request: ask.ReqHistoricalData) -> BarSource:
        found = self._venue.find(request.contract)
        series = self._venue.market.series(found[0]) if len(found) == 1 else None
        if series is None:
            raise Refusal(200, NOT_FOUND)
        one = found[0]
        _check_shown(request, one)
        is_whole = BAR_SIZES.get(request.barSize, 0) >= DAY_S or request.whatToShow == SCHEDULE
        source = BarSource(
            one,
            series,
            partial(self._venue.market.path, one),
            is_regular=request.useRTH,
            is_whole=is_whole,
        )
        if request.contract.secType == CONTINUOUS:
            source = self._continuous(source, request)
        if request.whatToShow in VOLATILITIES:
            source = volatility(source, request.whatToShow)
        return source

    def _continuous(self, source: BarSource, request: ask.ReqHistoricalData) -> BarSource:
        if request.endDateTime:
            raise Refusal(10339, NO_END)
        count, unit = _duration(request.duration)
        if unit == "D":
            since = day_before(self._venue.now.date(), count)
        else:
            since = _back(self._venue.now, count, unit).date()
        return continuous(source, self._venue, since)

    def _end(self, request: ask.ReqHistoricalData, one: Instrument) -> datetime:
        if not request.endDateTime:
            return self._venue.now
        try:
            return min(parse_moment(request.endDateTime, one.zone), self._venue.now)
        except ValueError:
            text = (
                "The date, time, or time-zone entered is invalid. The correct format is "
                "yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd and xx/xxxx are optional."
            )
            raise _invalid(text) from None


def _bars(source: BarSource, size: int, window: Window) -> list[Span]:
    """The bars of `size` seconds that begin in `window`, oldest first."""
    series = source.series
    chosen = range(source.first_after(window.start), source.at(window.limit - 1) + 1)
    if source.is_derived:  # of a session that is not over nothing is known
        chosen = range(chosen.start, int(np.searchsorted(series.end, window.end, side="right")))
    if not len(chosen):
        return []
    length = int(series.end[chosen[-1]] - series.start[chosen[-1]])
    if size < length or (length > HOUR_S and size < DAY_S):
        covered = min(len(chosen) * length, window.limit - window.start)
        if covered / size > MAX_BARS:
            raise Refusal(162, f"{_ERROR}Time length exceed max.")
        return _pieces(source, chosen, size, window)
    whole = [source.whole(index, window.end) for index in chosen]
    key = _bucket(size, source.one)
    return [_joined(list(spans)) for _, spans in groupby(whole, key)]


def _pieces(source: BarSource, chosen: range, size: int, window: Window) -> list[Span]:
    return [
        span
        for index in chosen
        for part in source.parts(index)
        for span in part.cut(size, window.end, source.one)
        if window.start <= span.start < window.limit
    ]


def _bucket(size: int, one: Instrument) -> Callable[[Span], object]:
    """What spans of one bar have in common."""
    if size < DAY_S:
        return lambda span: (span.start + offset(one, span.start)) // size
    if size == DAY_S:
        return lambda span: span.session
    if size == WEEK_S:
        return lambda span: (span.session + 3) // 7  # 1970 began on a Thursday
    return lambda span: np.datetime64(span.session, "D").astype("datetime64[M]")


def _joined(spans: list[Span]) -> Span:
    first, last = spans[0], spans[-1]
    return Span(
        first.start,
        last.session if len(spans) > 1 else first.session,
        first.open,
        max(span.high for span in spans),
        min(span.low for span in spans),
        last.close,
        sum(span.volume for span in spans),
    )


def _written(
    bar: Span, one: Instrument, request: ask.ReqHistoricalData, size: int, version: int
) -> HistoricalBar:
    prices = _shown_prices(bar, request.whatToShow, float(one.tick))
    is_trade = request.whatToShow in {"TRADES", "ADJUSTED_LAST"}
    average = round((bar.high + bar.low + bar.close) / 3, 4)
    return HistoricalBar(
        _date_text(bar, one, request, size, version),
        *prices,
        volume=bar.volume if is_trade else -1,
        wap=average if is_trade else -1,
        count=max(1, bar.volume // 100) if is_trade else -1,
    )


def _date_text(
    bar: Span, one: Instrument, request: ask.ReqHistoricalData, size: int, version: int
) -> str:
    if size >= DAY_S:
        return from_epoch(bar.session * DAY_S).strftime("%Y%m%d")
    if request.formatDate == 2:
        return str(bar.start)
    return moment_text(from_epoch(bar.start), one.zone, version)


def _shown_prices(bar: Span, what: str, tick: float) -> tuple[float, float, float, float]:
    """Open, high, low and close; BID_ASK is average bid, highest ask, lowest bid, average ask."""
    half = half_spread(round(bar.close / tick)) * tick
    signs = {"BID": (-1, -1, -1, -1), "ASK": (1, 1, 1, 1), "BID_ASK": (-1, 1, -1, 1)}
    prices = (bar.open, bar.high, bar.low, bar.close)
    if what not in signs:
        return prices
    shifted = (round(p + s * half, 10) for p, s in zip(prices, signs[what], strict=True))
    return next(shifted), next(shifted), next(shifted), next(shifted)


def _duration(text: str) -> tuple[int, str]:
    match = _DURATION.match(text)
    if match is None or not int(match[1]):
        raise _invalid(
            "Historical data query duration must be a number and one of S, D, W, M, Y, such as 1 Y"
        )
    return int(match[1]), match[2]


def _start(source: BarSource, duration: str, end: datetime, limit: int) -> datetime:
    """The moment that a duration before `end` means; days are trading days.

    Weeks, months and years are whole days of the instrument's zone (published: @stoqey/ib's suite,
    "1 M" has five bars of a week).
    """
    count, unit = _duration(duration)
    if unit == "D":
        return _sessions_back(source, count, limit - 1)
    start = _back(end, count, unit)
    if unit == "S":
        return start
    local = start.astimezone(zone(source.one.zone))
    return from_epoch(epoch(local.replace(hour=0, minute=0, second=0, microsecond=0)))


def _back(end: datetime, count: int, unit: str) -> datetime:
    if unit in "MY":
        return _months_back(end, count * (12 if unit == "Y" else 1))
    return end - timedelta(seconds=count * {"S": 1, "W": WEEK_S}[unit])


def _sessions_back(source: BarSource, count: int, end: int) -> datetime:
    if count > 365:
        raise _invalid(
            "Historical data requests for durations longer than 365 days must be made in years."
        )
    series = source.series
    sessions = np.unique(series.session[: source.at(end) + 1])
    if not len(sessions):
        return from_epoch(end)
    first = sessions[max(len(sessions) - count, 0)]
    return from_epoch(source.begins(int(np.searchsorted(series.session, first))))


def _months_back(end: datetime, months: int) -> datetime:
    index = max(end.year * 12 + end.month - 1 - months, 12 * 1900)
    year, month = divmod(index, 12)
    day = end.day
    while True:
        try:
            return end.replace(year=year, month=month + 1, day=day)
        except ValueError:  # the shorter month has no such day
            day -= 1


def _bar_size(text: str) -> int:
    size = BAR_SIZES.get(text)
    if size is None:
        legal = ", ".join(BAR_SIZES)
        raise _invalid(f"Historical data bar size setting is invalid. Legal ones are: {legal}")
    return size


def _check_shown(request: ask.ReqHistoricalData, one: Instrument) -> None:
    what = request.whatToShow
    if what not in SHOWN:
        raise _invalid(f"What to show {what!r} is not one of {', '.join(SHOWN)}")
    if request.keepUpToDate:
        _check_kept(request)
    if what == "ADJUSTED_LAST" and request.endDateTime:
        raise _invalid("End Date/Time: The date and time cannot be set for adjusted last.")
    if what in VOLATILITIES:
        _check_volatility(request, one)
    if one.secType == "CASH" and what in {"TRADES", "ADJUSTED_LAST"}:
        text = (
            f"{_ERROR}No historical market data for "
            f"{one.symbol}/CASH@{one.route} Last {BAR_SIZES.get(request.barSize, 0)}"
        )
        raise Refusal(162, text)


def _check_volatility(request: ask.ReqHistoricalData, one: Instrument) -> None:
    if one.secType not in {"STK", "IND"}:
        raise _invalid(f"{request.whatToShow} is for stocks and indices; {one.symbol} is neither.")
    if _bar_size(request.barSize) < DAY_S:
        text = f"{request.whatToShow} bars are of 1 day, 1 week or 1 month in this gateway"
        raise _invalid(f"{text}; {request.barSize} is shorter.")


def _check_kept(request: ask.ReqHistoricalData) -> None:
    if request.endDateTime:
        raise _invalid("End Date/Time: cannot be set for a query that is kept up to date.")
    if request.whatToShow in {"BID_ASK", "ADJUSTED_LAST", *VOLATILITIES, SCHEDULE}:
        raise _invalid(f"{request.whatToShow} bars cannot be kept up to date.")


def _update(number: int, bar: HistoricalBar) -> say.HistoricalDataUpdate:
    return say.HistoricalDataUpdate(
        number, bar.count, bar.date, bar.open, bar.close, bar.high, bar.low, bar.wap, bar.volume
    )


def _schedule(
    request: ask.ReqHistoricalData,
    one: Instrument,
    series: Series,
    window: tuple[datetime, datetime],
) -> say.HistoricalSchedule:
    """The sessions that begin in `window`; times in the instrument's zone.

    Recorded on 2026-04-11 (ibkr-go, historical_schedule_aapl): a month ends with the last session
    and begins with the first that opens after the same time of the month before, not of its day,
    and the answer begins and ends with them.
    """
    if request.barSize != "1 day":
        raise _invalid("Only 1 day bars are supported for SCHEDULE.")
    count, unit = _duration(request.duration)
    start, end = window if unit == "D" else (_back(window[1], count, unit), window[1])
    first, last = epoch(start), epoch(end)
    sessions = []
    for day in np.unique(series.session):
        rows = np.flatnonzero(series.session == day)
        opens, closes = int(series.start[rows[0]]), int(series.end[rows[-1]])
        if first <= opens <= last:
            date = from_epoch(int(day) * DAY_S).strftime("%Y%m%d")
            sessions.append(ScheduleSession(_dashed(opens, one), _dashed(closes, one), date))
    if sessions:
        begins, ends = sessions[0].start, sessions[-1].end
    else:
        begins, ends = _dashed(first, one), _dashed(last, one)
    return say.HistoricalSchedule(request.reqId, begins, ends, one.zone, tuple(sessions))


def _dashed(seconds: int, one: Instrument) -> str:
    """`20121001-09:30:00` in the instrument's zone."""
    return from_epoch(seconds).astimezone(zone(one.zone)).strftime("%Y%m%d-%H:%M:%S")


def _invalid(cause: str) -> Refusal:
    return Refusal(321, f"Error validating request.-'bW' : cause - {cause}")
