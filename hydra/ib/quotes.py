"""Quotes over the API: market data subscriptions, and what their ticks tell."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ib_async import IB, Ticker

from hydra.config import Gateway
from hydra.domain.events import Warned
from hydra.domain.instruments import Instrument
from hydra.domain.quotes import Quote
from hydra.errors import GatewayUnreachable
from hydra.ib import codes
from hydra.ib.contracts import decimal, to_contract

DELAYED_TYPES = frozenset({3, 4})
LIVE_ELSE_DELAYED = 3
LOOK_AGAIN_S = 0.05
"""Pause between two looks for a first price."""
SHORTABLE_TICKS = "236"
"""The generic tick that asks for shortable shares (tick 89); IB has it for stocks alone."""
SHORTABLE_WAIT_S = 1.0
"""How long shortable shares are waited for once there are prices; some accounts are never told."""


@dataclass
class Line:
    """One market data subscription, and the code of the error that ended it, if one did."""

    instrument: Instrument
    ticker: Ticker
    request: int
    ended: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether a price is there, or will never come."""
        return bool(self.ended) or _has_last(self.ticker)

    @property
    def is_shortable_known(self) -> bool:
        """Whether shortable shares were told, or will never be."""
        stock = self.instrument.sec_type == "STK"
        return bool(self.ended) or not stock or _shortable(self.ticker) is not None

    def quote(self, now: datetime | None) -> Quote:
        """What was told up to now; `now` is the market's time, needed for a pair."""
        symbol = self.instrument.symbol
        if self.instrument.sec_type == "CASH":
            return _pair_quote(symbol, self.ticker, now)
        return _quote(symbol, self.ticker)


class QuoteFeed:
    """The market data subscriptions of one connection after the other.

    `ib` gives the connected client and raises `GatewayUnreachable` without one; `now` is the
    market's time, aware UTC; `settings` are those of the gateway: how long a first price may take
    and how many lines there are; `warn` takes what the gateway says of a subscription.
    """

    def __init__(
        self,
        ib: Callable[[], IB],
        now: Callable[[], Awaitable[datetime]],
        settings: Callable[[], Gateway],
        warn: Callable[[Warned], None],
    ) -> None:
        """Nothing is subscribed."""
        self._ib, self._now, self._settings, self._warn = ib, now, settings, warn
        self._lines: dict[str, Line] = {}
        self._symbols: dict[int, str] = {}
        """Whose price each request of this connection asked for; an error may come late."""
        self._warned: set[tuple[str, int]] = set()
        self._tells_shortable = True
        self._gone = asyncio.Event()

    def connected(self, ib: IB) -> None:
        """Begin with no subscriptions on a new connection; ask for delayed prices where there are
        no live ones."""
        self._gone.clear()
        self._symbols.clear()
        self._warned.clear()
        self._tells_shortable = True
        self._lines.clear()
        ib.reqMarketDataType(LIVE_ELSE_DELAYED)

    def disconnected(self) -> None:
        """End every wait for a price: the connection is lost."""
        self._gone.set()

    def forget(self) -> None:
        """Take all subscriptions for gone: the next question for quotes subscribes anew."""
        ib = self._ib()
        for symbol in list(self._lines):
            _drop(ib, self._lines.pop(symbol))

    def on_error(self, request: int, code: int, text: str) -> bool:
        """Take an error of a market data request; False for one of something else.

        Each is told once for a symbol and a connection, with the symbol's name.
        """
        symbol = self._symbols.get(request)
        if symbol is None:
            return False
        line = self._lines.get(symbol)
        if line and line.request == request and codes.ends_market_data(code, text):
            line.ended = code
        if (symbol, code) not in self._warned:
            self._warned.add((symbol, code))
            self._warn(Warned(code, f"{symbol}: {text}"))
        return True

    async def quotes(
        self, instruments: Sequence[Instrument], short: Collection[str] = ()
    ) -> dict[str, Quote]:
        """A quote of each instrument, by symbol; waits for a last price within the time-out.

        An instrument without one is returned with None: the gate refuses to trade on that. What
        the gateway says it has no price of is not waited for. `short` are symbols that are to be
        sold short: what can be borrowed of them is waited for, too. Where there are more
        instruments than market data lines, they are asked for in portions, one after the other.
        """
        wanted = {i.symbol: i for i in instruments}
        most = self._settings().market_data_lines
        if len(wanted) <= most:
            return await self._take(list(wanted.values()), short, most)
        quotes: dict[str, Quote] = {}
        for portion in _portions(list(wanted.values()), most):
            self.unsubscribe()
            quotes |= await self._take(portion, short, most)
        self.unsubscribe()
        return quotes

    def unsubscribe(self) -> None:
        """End all streams of prices; `quotes` begins them again."""
        self._end(list(self._lines))

    async def _take(
        self, instruments: Sequence[Instrument], short: Collection[str], most: int
    ) -> dict[str, Quote]:
        """The quotes of no more instruments than there are lines, which stay subscribed."""
        self._make_room(instruments, most)
        for instrument in instruments:
            if instrument.symbol not in self._lines:
                self._subscribe(instrument)
        lines = {i.symbol: self._lines[i.symbol] for i in instruments}
        timeout_s = self._settings().timeout_s
        await self._wait(lines.values(), lambda line: line.is_settled, timeout_s)
        await self._shortable([line for symbol, line in lines.items() if symbol in short])
        has_pair = any(i.sec_type == "CASH" for i in instruments)
        now = await self._now() if has_pair else None
        return {symbol: line.quote(now) for symbol, line in lines.items()}

    async def _shortable(self, lines: Sequence[Line]) -> None:
        """Wait for shortable shares; on a connection that told none in time, once only."""
        if not lines or not self._tells_shortable:
            return
        await self._wait(lines, lambda line: line.is_shortable_known, SHORTABLE_WAIT_S)
        self._tells_shortable = any(line.is_shortable_known for line in lines)

    def _make_room(self, instruments: Sequence[Instrument], most: int) -> None:
        """End what ended by an error, to ask again, and as many others as there is no line for."""
        self._end([symbol for symbol, line in self._lines.items() if line.ended])
        asked = {i.symbol for i in instruments}
        over = len(asked | self._lines.keys()) - most
        others = [symbol for symbol in self._lines if symbol not in asked]
        self._end(others[: max(over, 0)])

    def _subscribe(self, instrument: Instrument) -> None:
        ib = self._ib()
        generic = SHORTABLE_TICKS if instrument.sec_type == "STK" else ""
        ticker = ib.reqMktData(to_contract(instrument), generic, False, False)
        request = ib.wrapper.ticker2ReqId["mktData"].get(ticker, 0)
        self._symbols[request] = instrument.symbol
        self._lines[instrument.symbol] = Line(instrument, ticker, request)

    def _end(self, symbols: Sequence[str]) -> None:
        ib = self._ib()
        for symbol in symbols:
            line = self._lines.pop(symbol)
            _drop(ib, line)
            if line.ended in codes.STILL_SUBSCRIBED:
                ib.client.cancelMktData(line.request)  # type: ignore[no-untyped-call]

    async def _wait(
        self, lines: Iterable[Line], is_done: Callable[[Line], bool], timeout_s: float
    ) -> None:
        """Wait until every line is done, or the time-out has passed.

        ib_async tells of no update when a time alone comes, in a message after its price.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        missing = [line for line in lines if not is_done(line)]
        while missing and loop.time() < deadline:
            waits: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(_next_update(line.ticker)) for line in missing
            ]
            waits.append(asyncio.ensure_future(self._gone.wait()))
            try:
                done, _ = await asyncio.wait(
                    waits,
                    timeout=min(max(deadline - loop.time(), 0.0), LOOK_AGAIN_S),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:  # whoever asked may have lost patience
                for wait in waits:
                    wait.cancel()
            # A ticker's events end with the connection, by an exception or not at all.
            broken = [wait for wait in done if wait.exception()]
            if broken or self._gone.is_set():
                raise GatewayUnreachable("The connection to the gateway was lost (quotes).")
            missing = [line for line in missing if not is_done(line)]


def price_or_none(value: float | None) -> Decimal | None:
    """None for IB's ways to say "no price": NaN, −1 and 0."""
    return decimal(value) if value is not None and math.isfinite(value) and value > 0 else None


def _drop(ib: IB, line: Line) -> None:
    """Have ib_async forget a ticker: it would hand out the same again, with the prices of then."""
    ib.wrapper.endTicker(line.ticker, "mktData")
    ib.wrapper.tickers.pop(hash(line.ticker.contract), None)


def _portions(instruments: Sequence[Instrument], most: int) -> Iterator[Sequence[Instrument]]:
    for start in range(0, len(instruments), most):
        yield instruments[start : start + most]


def _quote(symbol: str, ticker: Ticker) -> Quote:
    return Quote(
        symbol,
        bid=price_or_none(ticker.bid),
        ask=price_or_none(ticker.ask),
        last=price_or_none(ticker.last),
        time=_last_time(ticker),
        delayed=ticker.marketDataType in DELAYED_TYPES,
        halted=_halted(ticker),
        shortable=_shortable(ticker),
    )


def _last_time(ticker: Ticker) -> datetime | None:
    """When the last trade was: tick 45, of delayed data 88 (IB's page "Available Tick Types")."""
    is_delayed = ticker.marketDataType in DELAYED_TYPES
    time = ticker.lastTimestamp
    if is_delayed and ticker.delayedLastTimestamp:
        time = ticker.delayedLastTimestamp
    return time.astimezone(UTC) if time else None


def _halted(ticker: Ticker) -> bool | None:
    """Tick 49, of delayed data 90: 0 is not halted, 1 a regulatory halt, 2 one for volatility
    (IB's page "Available Tick Types"). ib_async makes 0 of −1, "not available"."""
    told = [v for v in (ticker.halted, ticker.delayedHalted) if not math.isnan(v)]
    return any(value > 0 for value in told) if told else None


def _shortable(ticker: Ticker) -> Decimal | None:
    """Tick 89: how many shares can be borrowed; 0 is none."""
    shares = ticker.shortableShares
    return decimal(shares) if math.isfinite(shares) and shares >= 0 else None


def _pair_quote(symbol: str, ticker: Ticker, now: datetime | None) -> Quote:
    """A currency pair has no trades: the middle of its sides, as old as their last change.

    Only this machine's clock tells of a change; its age by that clock is taken off the market's
    time `now`.
    """
    quote = _quote(symbol, ticker)
    if quote.bid is None or quote.ask is None or now is None or ticker.time is None:
        return replace(quote, last=None, time=None)
    age = max(datetime.now(UTC) - ticker.time.astimezone(UTC), timedelta(0))
    return replace(quote, last=(quote.bid + quote.ask) / 2, time=now - age)


def _has_last(ticker: Ticker) -> bool:
    if ticker.contract is not None and ticker.contract.secType == "CASH":
        return price_or_none(ticker.bid) is not None and price_or_none(ticker.ask) is not None
    return price_or_none(ticker.last) is not None and _last_time(ticker) is not None


async def _next_update(ticker: Ticker) -> None:
    await ticker.updateEvent
