"""Generic ticks of reqMktData: which numbers a list may hold, and what each tells of the market.

Numbers, tick types and meanings are those of Interactive Brokers' page on available tick types.
The text that refuses a list is a recorded one (`TOLD_OF`). A list is refused as a whole by one
wrong number, so that nothing in it is ignored. `NOT_OFFERED` are the numbers that are legal and
bring nothing here, each with the reason; a real gateway is as silent where the user has no
subscription for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

import numpy as np

from hydra.gateway import responses as say
from hydra.gateway.market import STEP_S, Floats, Path, Series
from hydra.gateway.quote import Quote
from hydra.gateway.times import from_epoch
from hydra.gateway.universe import Action, Instrument
from hydra.gateway.venue import Venue

Tick = say.TickPrice | say.TickSize | say.TickGeneric | say.TickString
NO_QUOTES = "mdoff"  # IB's page on news ticks: only what is listed, no bids, offers and trades
SHORTABLE = 236
_LISTED: Mapping[int, str] = MappingProxyType(
    {
        100: "100(Option Volume)",
        101: "101(Option Open Interest)",
        105: "105(Average Opt Volume)",
        106: "106(impvolat)",
        162: "162(Index Future Premium)",
        165: "165(Misc. Stats)",
        221: "221/220(Creditman Mark Price)",
        225: "225(Auction)",
        232: "232/221(Pl Price)",
        233: "233(RTVolume)",
        236: "236(inventory)",
        258: "258/47(Fundamentals)",
        292: "292(Wide_news)",
        293: "293(TradeCount)",
        294: "294(TradeRate)",
        295: "295(VolumeRate)",
        318: "318(LastRTHTrade)",
        375: "375(RTTrdVolume)",
        411: "411(rthistvol)",
        456: "456/59(IBDividends)",
        460: "460(Bond Factor Multiplier)",
        577: "577(EtfNavLast(navlast))",
        586: "586(IPOHLMPRC)",
        587: "587(Pl Price Delayed)",
        588: "588(Futures Open Interest)",
        595: "595(Short-Term Volume X Mins)",
        614: "614(EtfNavMisc(high/low))",
        619: "619(Creditman Slow Mark Price)",
        623: "623(EtfFrozenNavLast(fznavlast))",
    }
)
# The recorded list of a stock has no 162; the security types of the others are those of ibx #450.
_ONLY_FOR: Mapping[int, frozenset[str]] = MappingProxyType(
    {
        162: frozenset({"IND"}),
        456: frozenset({"STK", "FUT", "IND"}),
        595: frozenset({"STK", "FUT"}),
    }
)
_ALIASES: Mapping[int, int] = MappingProxyType({220: 221, 47: 258, 59: 456})
_UNLISTED = frozenset({104})  # IB's page has it, and gateways take it without listing it
TOLD_OF = (
    "Error validating request.-'bQ' : cause - Incorrect generic tick list of {}.  Legal ones for "
    "({}) are: {}"  # recorded for a stock (ibx #450, 2026-10-02; deephaven-ib #46 in 2022)
)
NOT_OFFERED: Mapping[int, str] = MappingProxyType(
    {
        162: "no index future premium is modelled",
        225: "no imbalance is told before an auction",
        258: "fundamental ratios need a subscription",
        292: "news need a subscription",
        460: "there are no bonds",
        577: "no net asset value of funds is modelled",
        586: "no stock is about to be listed",
        587: "no delayed mark price is told apart",
        588: "no open interest of futures is modelled",
        614: "no net asset value of funds is modelled",
        623: "no net asset value of funds is modelled",
    }
)

_YEAR_SESSIONS = 252
_MONTH_SESSIONS = 30
_TRADE = 100  # shares or contracts that count as one trade, as in real-time bars
_WEEKS = ((13, 15, 16), (26, 17, 18), (52, 19, 20))  # tick types of low and high
_STEPS_A_MINUTE = 60 // STEP_S


def wanted_of(text: str, sec_type: str) -> frozenset[int] | None:
    """The numbers in a list such as `233,456`, aliases resolved; None if one of them is wrong."""
    numbers = set()
    for word in text.split(","):
        name = word.strip().partition(":")[0]
        if not name or name.lower() == NO_QUOTES:
            continue
        if not (name.isascii() and name.isdecimal()):
            return None
        number = _ALIASES.get(int(name), int(name))
        if number not in _UNLISTED and number not in legal(sec_type):
            return None
        numbers.add(number)
    return frozenset(numbers)


def has_quotes(text: str) -> bool:
    """Whether a list leaves bids, offers and trades on."""
    return NO_QUOTES not in {word.strip().lower() for word in text.split(",")}


def legal(sec_type: str) -> dict[int, str]:
    """What a list may hold for a security type: numbers and how they are called."""
    return {
        number: name
        for number, name in _LISTED.items()
        if sec_type in _ONLY_FOR.get(number, {sec_type})
    }


def refusal(text: str, sec_type: str) -> tuple[int, str]:
    """Code and text for a list that cannot be."""
    return 321, TOLD_OF.format(text, sec_type, ",".join(legal(sec_type).values()))


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """The sessions before the present one, oldest first: days since 1970, prices and volumes."""

    session: Floats
    low: Floats
    high: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True)
class View:
    """What is to be seen of `one` at one moment."""

    one: Instrument
    quote: Quote
    past: Past
    path: Path
    step: int
    today: int  # days since 1970
    actions: tuple[Action, ...]

    def traded(self, minutes: int) -> int:
        """The volume of the last minutes."""
        first = max(self.step - minutes * _STEPS_A_MINUTE, 0)
        return int(self.path.traded[self.step] - self.path.traded[first])


class GenericTicks:
    """Makes the generic ticks of one venue's market."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._pasts: dict[int, tuple[Series, int, Past]] = {}

    def told(
        self, request_id: int, one: Instrument, seconds: int, wanted: frozenset[int]
    ) -> Iterator[Tick]:
        """The ticks of the numbers in `wanted`; none before the history begins."""
        makers = [_MAKERS[number] for number in sorted(wanted) if number in _MAKERS]
        view = self._view(one, seconds) if makers else None
        if view is None:
            return
        for make in makers:
            yield from make(request_id, view)

    def _view(self, one: Instrument, seconds: int) -> View | None:
        market = self._venue.market
        quote, series = market.quote(one, seconds), market.series(one)
        if quote is None or series is None:
            return None
        index = series.at(seconds)
        path = market.path(one, index)
        past = self._past(one, series, index)
        today = int(series.session[index])
        actions = self._venue.universe.actions
        return View(one, quote, past, path, path.step(seconds), today, actions)

    def _past(self, one: Instrument, series: Series, index: int) -> Past:
        """Kept by instrument until another session begins or the bars are others."""
        first = int(np.searchsorted(series.session, series.session[index]))
        kept = self._pasts.get(one.conId)
        if kept is not None and kept[0] is series and kept[1] == first:
            return kept[2]
        past = _sessions_before(series, first)
        self._pasts[one.conId] = series, first, past
        return past


def _sessions_before(series: Series, index: int) -> Past:
    """The year of sessions that ends before bar `index`, a session's bars taken together."""
    first = int(np.searchsorted(series.session, series.session[index] - 366))
    days, starts = np.unique(series.session[first:index], return_index=True)
    if not len(days):
        nothing = np.empty(0)
        return Past(nothing, nothing, nothing, nothing, nothing)
    span = slice(first, index)
    ends = np.append(starts[1:], index - first) - 1
    return Past(
        days.astype(np.float64),
        np.minimum.reduceat(series.low[span], starts),
        np.maximum.reduceat(series.high[span], starts),
        series.close[span][ends],
        np.add.reduceat(series.volume[span], starts).astype(np.float64),
    )


def _in_ticks_of(one: Instrument, price: float) -> Decimal:
    return round(price / float(one.tick)) * one.tick


def _volatility(closes: Floats) -> float | None:
    """A year's, as a fraction, of the last thirty daily returns; None with fewer than two."""
    returns = np.diff(np.log(closes[-_MONTH_SESSIONS - 1 :]))
    if len(returns) < 2:
        return None
    return round(float(returns.std(ddof=1)) * float(np.sqrt(_YEAR_SESSIONS)), 6)


Maker = Callable[[int, View], Iterator[Tick]]


def _no_options(*numbers: int) -> Maker:
    """Volume and open interest of a stock's options: none are listed, so that it is 0."""

    def make(request_id: int, view: View) -> Iterator[Tick]:
        if view.one.secType == "STK":
            for number in numbers:
                yield say.TickSize(request_id, number, Decimal(0))

    return make


def _past_volatility(number: int) -> Maker:
    """Of the last thirty sessions; the options of this market imply what has been."""

    def make(request_id: int, view: View) -> Iterator[Tick]:
        value = _volatility(view.past.close)
        if value is not None:
            yield say.TickGeneric(request_id, number, value)

    return make


def _present_volatility(request_id: int, view: View) -> Iterator[Tick]:
    value = _volatility(np.append(view.past.close, float(view.quote.last)))
    if value is not None:
        yield say.TickGeneric(request_id, 58, value)


def _statistics(request_id: int, view: View) -> Iterator[Tick]:
    """Lows and highs of 13, 26 and 52 weeks; a stock's mean volume of 90 days in hundreds."""
    past, quote = view.past, view.quote
    for weeks, low, high in _WEEKS:
        recent = past.session >= view.today - 7 * weeks
        lowest = min([float(quote.low), *past.low[recent]])
        highest = max([float(quote.high), *past.high[recent]])
        for number, price in ((low, lowest), (high, highest)):
            yield say.TickPrice(request_id, number, _in_ticks_of(view.one, price), Decimal(0))
    recent = past.session >= view.today - 90
    if view.one.secType == "STK" and recent.any():
        yield say.TickSize(request_id, 21, Decimal(int(past.volume[recent].mean()) // 100))


def _last(number: int) -> Maker:
    """A price that is that of the last trade: it lies between bid and offer."""

    def make(request_id: int, view: View) -> Iterator[Tick]:
        yield say.TickPrice(request_id, number, view.quote.last, Decimal(0))

    return make


def _trades(number: int) -> Maker:
    """`price;size;milliseconds;volume;average price;whether one trade`, of the last trade."""

    def make(request_id: int, view: View) -> Iterator[Tick]:
        quote, step = view.quote, view.step
        if not _is_traded(view.one):
            return
        done = np.diff(view.path.traded[: step + 1])
        paid = float((view.path.ticks[1 : step + 1] * done).sum()) * float(view.one.tick)
        mean = paid / float(done.sum()) if done.sum() else float(quote.last)
        row = (quote.last, quote.last_size, quote.time * 1000, quote.volume, f"{mean:.8f}", "true")
        yield say.TickString(request_id, number, ";".join(str(cell) for cell in row))

    return make


def _counted(number: int, figure: Callable[[View], int]) -> Maker:
    """A count of trades or of volume, where there are trades."""

    def make(request_id: int, view: View) -> Iterator[Tick]:
        if _is_traded(view.one):
            yield say.TickGeneric(request_id, number, figure(view))

    return make


def _short_term(request_id: int, view: View) -> Iterator[Tick]:
    """The volume of the last three, five and ten minutes."""
    for number, minutes in ((63, 3), (64, 5), (65, 10)):
        yield say.TickSize(request_id, number, Decimal(view.traded(minutes)))


def _dividends(request_id: int, view: View) -> Iterator[Tick]:
    """`past year's,next year's,next day,next amount`; empty where none is known."""
    today = from_epoch(view.today * 86_400).date()
    year = timedelta(days=365)
    own = [one for one in view.actions if one.con_id == view.one.conId and one.amount]
    past = sum((one.amount for one in own if today - year < one.day <= today), Decimal(0))
    coming = sorted((one for one in own if today < one.day <= today + year), key=lambda x: x.day)
    sums = [f"{amount:f}" if amount else "" for amount in (past, sum(x.amount for x in coming))]
    upcoming = [f"{coming[0].day:%Y%m%d}", f"{coming[0].amount:f}"] if coming else ["", ""]
    yield say.TickString(request_id, 59, ",".join(sums + upcoming))


def _is_traded(one: Instrument) -> bool:
    """Whether trades are told of it: of a currency there are quotes alone, of an index neither."""
    return one.secType not in {"CASH", "IND"}


_MAKERS: Mapping[int, Maker] = MappingProxyType(
    {
        100: _no_options(29, 30),
        101: _no_options(27, 28),
        104: _past_volatility(23),
        105: _no_options(87),
        106: _past_volatility(24),
        165: _statistics,
        221: _last(37),
        232: _last(37),
        233: _trades(48),
        293: _counted(54, lambda view: view.quote.volume // _TRADE),
        294: _counted(55, lambda view: view.traded(1) // _TRADE),
        295: _counted(56, lambda view: view.traded(1)),
        318: _last(57),
        375: _trades(77),
        411: _present_volatility,
        456: _dividends,
        595: _short_term,
        619: _last(79),
    }
)
OFFERED = frozenset(_MAKERS) | {SHORTABLE}
