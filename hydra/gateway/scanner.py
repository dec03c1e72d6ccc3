"""Market scans of the stocks of the US that are listed, and the XML that says what there is.

Offered are the scans and filters that quotes can answer; what a client asks beside them is refused
and named. Scans, locations and filters have Interactive Brokers' names (recorded in the scanners
notebook of ib_async); how often a real gateway repeats an answer is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from hydra.gateway import requests as ask
from hydra.gateway import responses as say
from hydra.gateway.layout import Request
from hydra.gateway.quote import Quote
from hydra.gateway.universe import Instrument
from hydra.gateway.values import ScannerRow
from hydra.gateway.venue import Venue

MAX_ROWS = 50  # IB's page on market scanners: at most fifty results of a scan
MAX_SCANS = 10  # and ten scans at a time (the same page)
REPEATS_EVERY_S = 30
_ERROR = "Historical Market Data Service error message:"
_TOO_MANY = (
    "Error processing request.-'bS' : cause - Only 10 simultaneous API scanner subscriptions are "
    "allowed."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A stock and its quote of now."""

    one: Instrument
    quote: Quote

    @property
    def change(self) -> float:
        """Since the last close, in percent; 0 where none is known."""
        before = self.quote.previous_close
        return float(self.quote.last / before - 1) * 100 if before else 0.0

    @property
    def change_since_open(self) -> float:
        """Since the session's open, in percent."""
        return float(self.quote.last / self.quote.open - 1) * 100 if self.quote.open else 0.0

    @property
    def turnover(self) -> float:
        """What was traded in the session, in USD."""
        return float(self.quote.last) * self.quote.volume


Figure = Callable[[Seen], float]
# By code: the name that people see, and the figure by which the highest come first.
SCANS: Mapping[str, tuple[str, Figure]] = MappingProxyType(
    {
        "TOP_PERC_GAIN": ("Top % Gainers", lambda seen: seen.change),
        "TOP_PERC_LOSE": ("Top % Losers", lambda seen: -seen.change),
        "TOP_OPEN_PERC_GAIN": ("Top % Gainers Since Open", lambda seen: seen.change_since_open),
        "TOP_OPEN_PERC_LOSE": ("Top % Losers Since Open", lambda seen: -seen.change_since_open),
        "MOST_ACTIVE": ("Most Active", lambda seen: float(seen.quote.volume)),
        "MOST_ACTIVE_USD": ("Most Active ($)", lambda seen: seen.turnover),
    }
)
# By code: the name, and the listing exchange; "" is any.
LOCATIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "STK.US": ("US Stocks", ""),
        "STK.US.MAJOR": ("Listed/NASDAQ", ""),
        "STK.NYSE": ("NYSE", "NYSE"),
        "STK.NASDAQ": ("NASDAQ", "NASDAQ"),
        "STK.ARCA": ("ARCA", "ARCA"),
    }
)
# By tag: the sign with which the figure has to reach the limit.
FILTERS: Mapping[str, tuple[int, Figure]] = MappingProxyType(
    {
        "priceAbove": (1, lambda seen: float(seen.quote.last)),
        "priceBelow": (-1, lambda seen: float(seen.quote.last)),
        "volumeAbove": (1, lambda seen: float(seen.quote.volume)),
        "changePercAbove": (1, lambda seen: seen.change),
        "changePercBelow": (-1, lambda seen: seen.change),
    }
)
_OWN_FIELDS = {
    "abovePrice": "priceAbove",
    "belowPrice": "priceBelow",
    "aboveVolume": "volumeAbove",
}
_READ = frozenset({"reqId", "numberOfRows", "instrument", "locationCode", "scanCode"})
_SAYS_NOTHING = frozenset({"", "0", "0.0", "ALL", "2147483647", "False"})


class ScannerDesk:
    """Answers scans, again and again while they are subscribed to."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._scans: dict[tuple[int, int], tuple[ask.ReqScannerSubscription, int]] = {}

    @property
    def answers(self) -> Mapping[type[Request], Callable[[int, Any], None]]:
        """What it answers, and how."""
        return {
            ask.ReqScannerParameters: self.parameters,
            ask.ReqScannerSubscription: self.subscribe,
            ask.CancelScannerSubscription: self.cancel,
        }

    def parameters(self, client_id: int, request: ask.ReqScannerParameters) -> None:
        """What can be scanned, as XML."""
        self._venue.post(client_id, say.ScannerParameters(_parameters()))

    def subscribe(self, client_id: int, request: ask.ReqScannerSubscription) -> None:
        """The rows of a scan; 162 for what is not offered, 322 for one scan too many."""
        if sum(client == client_id for client, _ in self._scans) >= MAX_SCANS:
            self._venue.refuse(client_id, request.reqId, 322, _TOO_MANY)
            return
        try:
            self._tell(client_id, request)
        except ValueError as reason:
            self._venue.refuse(client_id, request.reqId, 162, f"{_ERROR}{reason}")
            return
        self._scans[client_id, request.reqId] = request, self._venue.seconds

    def cancel(self, client_id: int, request: ask.CancelScannerSubscription) -> None:
        """End a scan (162, recorded in the scanners notebook of ib_async); 365 for none."""
        number = request.reqId
        if self._scans.pop((client_id, number), None) is None:
            text = f"No scanner subscription found for ticker id:{number}"
            self._venue.refuse(client_id, number, 365, text)
            return
        text = f"{_ERROR}API scanner subscription cancelled: {number}"
        self._venue.refuse(client_id, number, 162, text)

    def forget(self, client_id: int) -> None:
        """End all scans of a client that left."""
        self._scans = {key: scan for key, scan in self._scans.items() if key[0] != client_id}

    def stream(self) -> None:
        """Scan again where it is time to."""
        now = self._venue.seconds
        for key, (request, told) in list(self._scans.items()):
            if now - told >= REPEATS_EVERY_S:
                self._tell(key[0], request)
                self._scans[key] = request, now

    def _tell(self, client_id: int, request: ask.ReqScannerSubscription) -> None:
        found = self._found(request)
        rows = tuple(_row(rank, seen.one) for rank, seen in enumerate(found))
        self._venue.post(client_id, say.ScannerData(request.reqId, rows))

    def _found(self, request: ask.ReqScannerSubscription) -> list[Seen]:
        """What the scan finds, the highest first; ValueError for what is not offered."""
        _, figure = _known("scan code", request.scanCode, SCANS)
        _, exchange = _known("location code", request.locationCode, LOCATIONS)
        _known("instrument", request.instrument, {"STK": None})
        limits = list(_limits(request))
        found = [
            seen
            for seen in self._stocks()
            if exchange in {"", seen.one.primary}
            and all(sign * (measure(seen) - limit) >= 0 for sign, measure, limit in limits)
        ]
        rows = int(request.numberOfRows or -1)
        count = min(rows, MAX_ROWS) if rows > 0 else MAX_ROWS
        return sorted(found, key=lambda seen: (-figure(seen), seen.one.symbol))[:count]

    def _stocks(self) -> Iterator[Seen]:
        for one in self._venue.universe.instruments:
            if one.secType == "STK" and one.hours == "NYSE":
                quote = self._venue.market.quote(one, self._venue.seconds)
                if quote is not None:
                    yield Seen(one, quote)


def _known(what: str, name: str, offered: Mapping[str, Any]) -> Any:
    if name not in offered:
        raise ValueError(f"{what} {name!r} is not available; there is {', '.join(offered)}")
    return offered[name]


def _limits(request: ask.ReqScannerSubscription) -> Iterator[tuple[int, Figure, float]]:
    """Sign, figure and limit of each filter; ValueError for one that is not offered."""
    given = dict(_tags(request.filterOptions))
    for one in fields(request):
        value = getattr(request, one.name)
        if one.name in _OWN_FIELDS and _says(value):
            given[_OWN_FIELDS[one.name]] = value
        elif one.name not in _READ | {"filterOptions"} | set(_OWN_FIELDS) and _says(value):
            raise ValueError(f"filter {one.name} is not available; there is {', '.join(FILTERS)}")
    for tag, value in given.items():
        sign, figure = _known("filter", tag, FILTERS)
        try:
            yield sign, figure, float(value)
        except ValueError:
            raise ValueError(f"filter {tag} is no number: {value!r}") from None


def _says(value: str) -> bool:
    """Whether a field is set: clients write several things for one that is not."""
    return value not in _SAYS_NOTHING and not value.upper().startswith("1.7976931348623157E")


def _tags(text: str) -> Iterator[tuple[str, str]]:
    """`tag=value;` and so on, as clients write pairs."""
    for pair in text.split(";"):
        tag, _, value = pair.partition("=")
        if tag:
            yield tag, value


def _row(rank: int, one: Instrument) -> ScannerRow:
    contract = one.contract(one.route)
    names = (contract.localSymbol, contract.tradingClass, contract.tradingClass)
    return ScannerRow(
        *(rank, one.conId, one.symbol, one.secType, "", contract.strike, ""),
        *(one.route, one.currency, *names, "", "", "", ""),
    )


def _parameters() -> str:
    def location(code: str, inner: str = "") -> str:
        name, _ = LOCATIONS[code]
        escaped = name.replace("&", "&amp;")
        return (
            f"<Location><displayName>{escaped}</displayName><locationCode>{code}</locationCode>"
            f"<instruments>STK</instruments><access>unrestricted</access>{inner}</Location>"
        )

    below = "".join(location(code) for code in LOCATIONS if code != "STK.US")
    scans = "".join(
        f"<ScanType><displayName>{name}</displayName><scanCode>{code}</scanCode>"
        "<instruments>STK</instruments><access>unrestricted</access></ScanType>"
        for code, (name, _) in SCANS.items()
    )
    filters = "".join(
        f"<SimpleFilter><id>{tag}</id><AbstractField><code>{tag}</code></AbstractField>"
        "</SimpleFilter>"
        for tag in FILTERS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ScanParameterResponse>'
        '<InstrumentList varName="instrumentList"><Instrument><name>US Stocks</name>'
        f"<type>STK</type><filters>{','.join(FILTERS)}</filters></Instrument></InstrumentList>"
        f'<LocationTree varName="locationTree">'
        f"{location('STK.US', f'<LocationTree>{below}</LocationTree>')}</LocationTree>"
        f'<ScanTypeList varName="scanTypeList">{scans}</ScanTypeList>'
        f'<FilterList varName="filterList">{filters}</FilterList></ScanParameterResponse>'
    )
