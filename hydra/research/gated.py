"""The risk gate inside a backtest: the gate of a paper session, told what bars can tell.

An order is judged at the open of its session, before it trades there. The gate sees that open as
last price and as both sides of the quote, the holdings at their marks of that moment, and what a
day's volume was by the bars up to the decision. The account is a paper one and the connection is
up: there is none that could be lost. No order outlives its bar, so none is open when the next are
judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from hydra.clock import Sessions
from hydra.costs.liquidity import daily_volume_of
from hydra.domain.bars import Bars
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, Refusal
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Traffic
from hydra.risk._base import Context, SessionTimes, exit_of
from hydra.risk._gate import RiskGate

ZERO = Decimal(0)
ACCOUNT = "DU0000000"
"""A paper account's code: a backtest risks no money."""


@dataclass(eq=False)
class Judge:
    """One backtest's gate, what it was told before, and all that it refused."""

    gate: RiskGate
    strategy: str
    currency: str
    calendars: frozenset[str]
    opens: Sequence[datetime]
    closes: Sequence[datetime]
    volumes: Sequence[Mapping[Any, float]]
    traffic: Traffic = field(default_factory=Traffic)
    refusals: list[Refusal] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        gate: RiskGate | None,
        bars: Bars,
        instruments: Mapping[str, Instrument],
        strategy: str,
    ) -> Self | None:
        """None without a gate, or with one that checks nothing."""
        if gate is None or not gate.checks:
            return None
        calendars = [one.calendar for one in instruments.values()]
        return cls(
            gate,
            strategy,
            next(one.currency for one in instruments.values()),
            frozenset(calendars),
            _opens(bars, calendars[0]),
            [time.to_pydatetime() for time in bars.index],
            daily_volume_of(bars).to_dict("records"),
        )

    def admitted(
        self,
        row: int,
        requests: Sequence[OrderRequest],
        portfolio: Portfolio,
        prices: Mapping[str, Decimal],
    ) -> list[OrderRequest]:
        """Those of the requests that the gate admits at the open of `row`, each judged on the
        portfolio with all before it filled; `prices` are that row's opens by symbol."""
        context, passed = self._context(row, requests, portfolio, prices), []
        for request in requests:
            verdict = self.gate.review(request, context)
            if isinstance(verdict, Refusal):
                self.refusals.append(verdict)
                less = exit_of(request, context)
                if less is None or isinstance(self.gate.review(less, context), Refusal):
                    continue
                request = less
            context = context.after(request)
            passed.append(request)
        self.traffic = context.traffic
        return passed

    def _context(
        self,
        row: int,
        requests: Sequence[OrderRequest],
        portfolio: Portfolio,
        prices: Mapping[str, Decimal],
    ) -> Context:
        now = self.opens[row]
        pairs = (r.instrument for r in requests if r.instrument.sec_type == "CASH")
        rates = {one.currencies[0]: prices[one.symbol] for one in pairs if one.symbol in prices}
        held = replace(marked(portfolio, prices), rates=rates)
        # By the day before: of the bar that begins now the volume is not known yet.
        volumes = {r.instrument.symbol: self._volume(row - 1, r) for r in requests}
        times = SessionTimes(requests[0].session, now, self.closes[row])
        return Context(
            now=now,
            account=ACCOUNT,
            port=0,
            currency=self.currency,
            portfolio=held,
            quotes=prices,
            quoted_at=dict.fromkeys(prices, now),
            rates_at=dict.fromkeys(rates, now),
            connected=True,
            reconciled=True,
            bids=prices,
            asks=prices,
            sessions=dict.fromkeys(self.calendars, times),
            daily_volume=volumes,
            books={self.strategy: Portfolio(ZERO, held.positions, rates)},
            held={symbol: one.quantity for symbol, one in held.positions.items()},
            traffic=Traffic(self.traffic.sent, self.traffic.intents),
        )

    def _volume(self, row: int, request: OrderRequest) -> Decimal | None:
        volume = self.volumes[row][request.instrument.symbol]
        return Decimal(str(float(volume))) if volume > 0 else None


def marked(portfolio: Portfolio, prices: Mapping[str, Decimal]) -> Portfolio:
    """The same holdings at other prices; a symbol without one keeps its mark."""
    marks = {
        symbol: Position(one.instrument, one.quantity, prices.get(symbol, one.mark), cost=one.cost)
        for symbol, one in portfolio.positions.items()
    }
    return Portfolio(portfolio.cash, marks)


def _opens(bars: Bars, calendar: str) -> list[datetime]:
    """When each row's bar begins: the session's open for daily bars, else where the last ended.

    A daily bar of a day that is no session of the calendar begins where the last one ended, too.
    """
    ends = [time.to_pydatetime() for time in bars.index]
    begins = [ends[0], *ends[:-1]]
    if bars.bar_size != "1 day":
        return begins
    known = Sessions(calendar).opens_of([end.date() for end in ends])
    return [
        opened if opened and begin < opened < end else begin
        for begin, end, opened in zip(begins, ends, known, strict=True)
    ]
