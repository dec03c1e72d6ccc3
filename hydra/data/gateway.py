"""Historical bars from the gateway, over the API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from hydra.config import Gateway as GatewaySettings
from hydra.domain.bars import Bars
from hydra.errors import BadParameter, BarsError
from hydra.ib.products import PRODUCTS, Product, continuous_root, product_named

if TYPE_CHECKING:
    from ib_async import IB

    from hydra.ib.bar_requests import BarRequests
    from hydra.ib.pacing import Pacing

log = logging.getLogger(__name__)

YEAR_ROWS = 252
ROLL_ROWS = 60
"""So many sessions are looked at to tell which contract is traded, however few are wanted: a roll
whose volume was the larger for a day only is one from then on."""


@dataclass(frozen=True)
class Gateway:
    """Daily bars of completed sessions; over `ib` where one is given, else its own logon.

    `ib` is asked for the connection each time: it may have been made anew since. Requests take
    their turns by `pacing`, which all processes share. ES.C is the series of the contracts of ES,
    which follow one another as `products` says.
    """

    settings: GatewaySettings = field(default_factory=GatewaySettings)
    ib: Callable[[], IB] | None = None
    pacing: Pacing | None = None
    products: Mapping[str, Product] = field(default_factory=lambda: PRODUCTS)
    warn: Callable[[str], None] = log.warning
    """Takes a sentence about bars that are not as the calendar says."""

    async def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        bar_size: str = "1 day",
    ) -> Bars:
        """Bars of sessions from `start` to `end` (both included); without `start`, one year.

        Raises `GatewayUnreachable`, `UnknownInstrument`, or `BarsError` when there is none.
        """
        if bar_size != "1 day":
            raise BadParameter(f"bar_size is {bar_size!r}; the gateway source serves '1 day'.")
        from hydra.ib.connection import connect, log_off

        ib = self.ib() if self.ib else await connect(self.settings, to_trade=False)
        try:
            return await self._bars(ib, symbols, start, end)
        finally:
            if self.ib is None:
                log_off(ib)

    async def last_bars(self, symbols: Sequence[str], rows: int) -> Bars:
        """The last `rows` completed sessions, for a connected `ib`."""
        if self.ib is None:
            raise BadParameter("last_bars needs a connected gateway; none was given.")
        return await self._last(self.ib(), symbols, rows)

    async def _bars(
        self, ib: IB, symbols: Sequence[str], start: date | None, end: date | None
    ) -> Bars:
        bars = await self._last(ib, symbols, await self._rows(ib, start))
        if start:
            bars = bars.since(datetime.combine(start, time(), UTC))
        if end:
            bars = bars.until(datetime.combine(end + timedelta(days=1), time(), UTC))
        if not len(bars):
            raise BarsError(f"The gateway has no bars of {', '.join(symbols)} in that time.")
        return bars

    async def _rows(self, ib: IB, start: date | None) -> int:
        if start is None:
            return YEAR_ROWS
        from hydra.ib.gateway_clock import clock_of

        now = await clock_of(ib, self.settings.timeout_s).now()
        return max((now.date() - start).days, 1)

    async def _last(self, ib: IB, symbols: Sequence[str], rows: int) -> Bars:
        from hydra.data._chains import in_order
        from hydra.data._validate import checked

        parts = [await self._plain(ib, [s for s in symbols if not continuous_root(s)], rows)]
        for symbol in symbols:
            if root := continuous_root(symbol):
                product = product_named(root, self.products)
                parts.append(await self._series(ib, symbol, product, rows))
        return checked(in_order(symbols, [part for part in parts if part is not None]).last(rows))

    async def _plain(self, ib: IB, symbols: Sequence[str], rows: int) -> Bars | None:
        if not symbols:
            return None
        from hydra.data._validate import checked, without_unknown_holes
        from hydra.ib.contracts import qualify
        from hydra.ib.gateway_clock import clock_of
        from hydra.ib.history import daily_bars

        timeout_s = self.settings.timeout_s
        instruments = [await qualify(ib, s, timeout_s, self.products) for s in symbols]
        now = await clock_of(ib, timeout_s).now()
        bars = checked(await daily_bars(self._requests(ib, now), instruments, rows, now))
        # A pair's market has no calendar of its own: 24/5 knows no holiday.
        for calendar in {one.calendar for one in instruments if one.sec_type != "CASH"}:
            mine = [one.symbol for one in instruments if one.calendar == calendar]
            without_unknown_holes(bars.select(mine), calendar, self.warn)
        return bars

    async def _series(self, ib: IB, symbol: str, product: Product, rows: int) -> Bars:
        """The series of a future over the last `rows` sessions, from its contracts."""
        from hydra.data._chains import rule_of
        from hydra.data._futures import continuous
        from hydra.ib.chains import between, chain
        from hydra.ib.gateway_clock import clock_of
        from hydra.ib.history import contract_bars

        timeout_s = self.settings.timeout_s
        now = await clock_of(ib, timeout_s).now()
        rows = max(rows, ROLL_ROWS)
        first = now.date() - timedelta(days=10 + rows * 3 // 2)
        listed = between(await chain(ib, product, timeout_s), first, now.date())
        raw = await contract_bars(self._requests(ib, now), listed, rows, now)
        return continuous(symbol, raw, listed, rule_of(product), product.adjust)

    def _requests(self, ib: IB, now: datetime) -> BarRequests:
        from hydra.ib.bar_requests import BarRequests
        from hydra.ib.history import is_simulated

        timeout_s = self.settings.history_timeout_s
        return BarRequests(ib, timeout_s, self.pacing, paced=not is_simulated(now))
