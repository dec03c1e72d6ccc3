"""Quotes over the API: market data subscriptions, and what their ticks tell."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ib_async import IB, Ticker

from hydra.domain.instruments import Instrument
from hydra.domain.quotes import Quote
from hydra.errors import GatewayUnreachable
from hydra.ib.contracts import decimal, to_contract

DELAYED_TYPES = frozenset({3, 4})
LIVE_ELSE_DELAYED = 3
LOOK_AGAIN_S = 0.05
"""Pause between two looks for a first price."""


class QuoteFeed:
    """The market data subscriptions of one connection after the other.

    `ib` gives the connected client and raises `GatewayUnreachable` without one; `now` is the
    market's time, aware UTC; `timeout_s` is how long a first price may take.
    """

    def __init__(
        self, ib: Callable[[], IB], now: Callable[[], Awaitable[datetime]], timeout_s: float
    ) -> None:
        """Nothing is subscribed."""
        self._ib, self._now, self._timeout_s = ib, now, timeout_s
        self._tickers: dict[str, Ticker] = {}
        self._gone = asyncio.Event()

    def connected(self, ib: IB) -> None:
        """Begin with no subscriptions on a new connection; ask for delayed prices where there are
        no live ones."""
        self._gone.clear()
        self._tickers.clear()
        ib.reqMarketDataType(LIVE_ELSE_DELAYED)

    def disconnected(self) -> None:
        """End every wait for a price: the connection is lost."""
        self._gone.set()

    def forget(self) -> None:
        """Take all subscriptions for gone: the next question for quotes subscribes anew."""
        self._tickers.clear()

    async def quotes(self, instruments: Sequence[Instrument]) -> dict[str, Quote]:
        """Subscribe where we are not yet, and wait for a last price of each within the time-out.

        An instrument without one is returned with None: the gate refuses to trade on that.
        """
        for instrument in instruments:
            if instrument.symbol not in self._tickers:
                ticker = self._ib().reqMktData(to_contract(instrument), "", False, False)
                self._tickers[instrument.symbol] = ticker
        tickers = {i.symbol: self._tickers[i.symbol] for i in instruments}
        await self._first_prices(tickers.values())
        pairs = {i.symbol for i in instruments if i.sec_type == "CASH"}
        now = await self._now() if pairs else None
        return {
            symbol: _pair_quote(symbol, ticker, now) if symbol in pairs else _quote(symbol, ticker)
            for symbol, ticker in tickers.items()
        }

    def unsubscribe(self) -> None:
        """End all streams of prices; `quotes` begins them again."""
        ib = self._ib()
        for ticker in self._tickers.values():
            if ticker.contract is not None:
                ib.cancelMktData(ticker.contract)
                # ib_async would hand out the same ticker again, with the prices of then
                ib.wrapper.tickers.pop(hash(ticker.contract), None)
        self._tickers.clear()

    async def _first_prices(self, tickers: Iterable[Ticker]) -> None:
        """Wait until every ticker has a last price and its time, or the time-out has passed.

        ib_async tells of no update when a time alone comes, in a message after its price.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        missing = [t for t in tickers if not _has_last(t)]
        while missing and loop.time() < deadline:
            waits: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(_next_update(t)) for t in missing
            ]
            waits.append(asyncio.ensure_future(self._gone.wait()))
            done, late = await asyncio.wait(
                waits,
                timeout=min(max(deadline - loop.time(), 0.0), LOOK_AGAIN_S),
                return_when=asyncio.FIRST_COMPLETED,
            )
            for wait in late:
                wait.cancel()
            # A ticker's events end with the connection, by an exception or not at all.
            broken = [wait for wait in done if wait.exception()]
            if broken or self._gone.is_set():
                raise GatewayUnreachable("The connection to the gateway was lost (quotes).")
            missing = [t for t in missing if not _has_last(t)]


def price_or_none(value: float | None) -> Decimal | None:
    """None for IB's ways to say "no price": NaN, −1 and 0."""
    return decimal(value) if value is not None and math.isfinite(value) and value > 0 else None


def _quote(symbol: str, ticker: Ticker) -> Quote:
    return Quote(
        symbol,
        bid=price_or_none(ticker.bid),
        ask=price_or_none(ticker.ask),
        last=price_or_none(ticker.last),
        time=ticker.lastTimestamp.astimezone(UTC) if ticker.lastTimestamp else None,
        delayed=ticker.marketDataType in DELAYED_TYPES,
    )


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
    return price_or_none(ticker.last) is not None and ticker.lastTimestamp is not None


async def _next_update(ticker: Ticker) -> None:
    await ticker.updateEvent
