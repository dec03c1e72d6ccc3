"""A paper session, step by step, as the notebook calls it: each step one call.

connect → reconcile → bars → signals → targets → orders → wait for fills → report. Decisions use
bars up to the last completed session; orders work in the session that follows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from hydra.algos._base import Algo
from hydra.algos.market import Market
from hydra.clock import Sessions
from hydra.costs.liquidity import WINDOW_BARS, daily_volume_of, liquidity_of
from hydra.domain.bars import Bars
from hydra.domain.events import (
    Decided,
    OrderAdmitted,
    OrderRefused,
    SessionEnded,
    SessionStarted,
    TargetSet,
    decision_key,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import BarsError, UnknownInstrument, UnknownName
from hydra.execution.broker import Account
from hydra.execution.desk import has_children
from hydra.execution.engine import OrderEngine, Traded
from hydra.execution.floor import Floor
from hydra.execution.report import SessionReport, make_report
from hydra.execution.supervisor import Patience, Supervisor
from hydra.execution.targets import (
    TradeLimits,
    quantities_to_requests,
    unit_values,
    weights_to_quantities,
)
from hydra.journal.fold import State
from hydra.risk._base import EXIT_STEP
from hydra.strategies._base import checked_signals

if TYPE_CHECKING:
    import pandas as pd

    from hydra.sizing._base import Sizing
    from hydra.strategies._base import Strategy

ZERO = Decimal(0)
SPARE_ROWS = 10
VOLUME_BARS = 20
"""Sessions over which an average day's volume is taken."""


class BarSource(Protocol):
    """Where a paper session's bars come from."""

    async def last_bars(self, symbols: Sequence[str], rows: int) -> Bars:
        """The last `rows` completed sessions of the symbols."""


@dataclass(frozen=True)
class Plan:
    """What a session is to do: who decides, over which symbols, and how long it may wait."""

    name: str
    """The strategy's name in the journal and in order references."""
    strategy: Strategy
    sizing: Sizing
    symbols: tuple[str, ...]
    fill_timeout_s: float
    calendar: str = "XNYS"
    algo_name: str = "market"
    algo: Algo = field(default_factory=Market)
    """How orders are worked; `market` alone sends a basket at once."""
    limits: TradeLimits = field(default_factory=TradeLimits)
    """How much the session may trade."""


@dataclass(frozen=True)
class Targets:
    """What is wanted: signals, weights, signed quantities and decision prices, by symbol."""

    signals: Mapping[str, float]
    weights: Mapping[str, float]
    quantities: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]


class PaperSession:
    """One strategy's cycle in one exchange session; an async context manager."""

    def __init__(
        self,
        plan: Plan,
        engine: OrderEngine,
        source: BarSource,
        patience: Patience | None = None,
    ) -> None:
        """Use `hydra.open_paper_session`."""
        self.plan = plan
        self.engine = engine
        self.supervisor = Supervisor(engine, patience)
        self.source = source
        self.floor = Floor(self.supervisor, Sessions(plan.calendar))
        self.session: date | None = None
        self._instruments: dict[str, Instrument] = {}
        self._quoted: Bars | None = None
        """The last bars with prices as the exchanges quote them."""
        self._traded = Traded((), (), ())
        self._first_seq = engine.journal.last_seq()

    async def connect(self) -> Account:
        """Log on, reconcile, and open the session that the market's clock stands in or before."""
        return await self.begin(await self.supervisor.start())

    async def begin(self, account: Account) -> Account:
        """The same on a connection that stands and was just compared."""
        self.session = Sessions(self.plan.calendar).session_at(self.engine.clock.now())
        self.engine.record(
            SessionStarted(
                self.plan.name,
                self.session,
                account.code,
                {
                    "strategy": repr(self.plan.strategy),
                    "sizing": repr(self.plan.sizing),
                    "symbols": ",".join(self.plan.symbols),
                    "algo": repr(self.plan.algo),
                },
            )
        )
        await self.engine.mark(account)  # what the session's loss is measured from
        await self.floor.sweep(self.plan.name)
        return account

    @property
    def state(self) -> State:
        """What the journal says now."""
        return self.engine.state

    async def bars(self) -> Bars:
        """As many completed sessions as the strategy and the sizing need to be exact.

        Raises `UnknownInstrument`, and `BarsError` when the newest bar is not the last completed
        session: a decision on yesterday's bars would be a different strategy.
        """
        bars = await self.supervisor.steady(self._bars)
        sessions = Sessions(self.plan.calendar)
        expected = sessions.closes(sessions.previous(self._session()))
        if bars.index[-1] != expected:
            raise BarsError(
                f"The newest bar ended at {bars.index[-1]} and the last completed session at "
                f"{expected}; nothing is decided on old bars. If {self.plan.calendar} was closed "
                f"on {expected:%Y-%m-%d}, add that day to closed in [calendar] of hydra.toml."
            )
        volumes = daily_volume_of(real_of(bars)).iloc[-1].to_dict()
        self.engine.daily_volume.update(
            {str(s): Decimal(str(float(v))) for s, v in volumes.items() if v > 0}
        )
        return bars

    async def _bars(self) -> Bars:
        named = [s for s in self.plan.symbols if not is_series(s)]
        self._instruments = await self.engine.broker.qualify(named)
        lookbacks = self.plan.strategy.lookback_bars, self.plan.sizing.lookback_bars
        rows = max(*lookbacks, WINDOW_BARS + 1)  # a window of returns needs one price more
        bars = await self.source.last_bars(self.plan.symbols, rows)
        for known in bars.contracts.values():
            self._instruments |= known.instruments
        await self.engine.learn_rates(self._instruments.values())
        self.floor.volumes = _mean_volumes(bars)
        self._quoted = bars
        return await self._in_base(bars, rows)

    async def _in_base(self, bars: Bars, rows: int) -> Bars:
        """What is decided on, in the account's currency as a backtest has it; orders are priced as
        quoted. The price of a pair is a rate itself and stays."""
        from hydra.data._currency import pairs_for, to_base

        account = self.engine.account
        base = account.currency if account else ""
        currencies = {s: self._currency_of(s, bars, base) for s in bars.symbols}
        names = pairs_for(currencies, base)
        if not names:
            return bars
        from hydra.data._futures import beside

        told = [await self._pair(pair, rows) for pair in names.values()]
        return to_base(bars, currencies, beside([p for p in told if p] or [bars]), base)

    def _currency_of(self, symbol: str, bars: Bars, base: str) -> str:
        if symbol in bars.contracts:
            return next(iter(bars.contracts[symbol].instruments.values())).currency
        one = self._instruments[symbol]
        return base if one.sec_type == "CASH" else one.currency

    async def _pair(self, names: tuple[str, str], rows: int) -> Bars | None:
        """The bars of whichever way round the pair is listed; a few more, for its sessions are
        not those of the exchange."""
        for name in names:
            with suppress(UnknownInstrument, UnknownName):
                return await self.source.last_bars([name], rows + SPARE_ROWS)
        return None

    def signals(self, bars: Bars) -> pd.DataFrame:
        """The strategy's signals in [-1, 1], one row a bar; refused when they are not."""
        return checked_signals(self.plan.strategy, bars)

    def targets(self, signals: pd.DataFrame, bars: Bars) -> Targets:
        """Target weights and quantities from the last bar; journalled for each symbol."""
        weights = self.plan.sizing.weights(signals, bars).iloc[-1]
        wanted, latest = {}, {}
        for s in self.plan.symbols:
            for symbol in self._ordered(s, bars):
                first = symbol == s or symbol == bars.contracts[s].later.iloc[-1]
                wanted[symbol] = float(weights[s]) if first else 0.0
                latest[symbol] = float(signals[s].iloc[-1]) if first else 0.0
        prices = {s: p for s in wanted if (p := self._price(s, bars)) is not None}
        wanted = {s: weight for s, weight in wanted.items() if s in prices}
        targets = Targets(
            {s: latest[s] for s in wanted},
            wanted,
            self._reachable(wanted, prices, bars),
            prices,
        )
        self._journal_targets(targets)
        return targets

    def _ordered(self, symbol: str, bars: Bars) -> list[str]:
        """What is ordered for a symbol of the plan: itself, or of a series the contract that is
        traded now and every other that this strategy still holds, to leave it."""
        known = bars.contracts.get(symbol)
        if known is None:
            return [symbol]
        now, root = str(known.later.iloc[-1]), symbol.partition(".")[0]
        mine = {s for who, s in self.state.holdings if who == self.plan.name}
        held = {s for s in mine if self._held(s)}
        for one in held - self._instruments.keys():
            self._instruments[one] = self.state.instruments[one]
        others = held - {now, *self.plan.symbols}
        return [now, *sorted(s for s in others if s.startswith(f"{root}."))]

    def _price(self, symbol: str, bars: Bars) -> Decimal | None:
        """The close that a decision on it is made at, a contract's own; None before it was
        listed. A contract that has no bar any more has the account's mark."""
        quoted = bars if self._quoted is None else self._quoted
        for source in (quoted, *(known.bars for known in quoted.contracts.values())):
            if symbol in source.close:
                close = float(source.close[symbol].iloc[-1])
                if close > 0:
                    return Decimal(str(close))
        account = self.engine.account
        return account.marks.get(symbol) if account and self._held(symbol) else None

    def _reachable(
        self, weights: Mapping[str, float], prices: Mapping[str, Decimal], bars: Bars
    ) -> dict[str, Decimal]:
        """Whole lots of the weights, within what a session may trade."""
        nav = max(self._nav(), ZERO)  # below zero every weight would change its sign
        instruments = self._instruments
        rates = self.engine.rates_of([instruments[s] for s in weights])
        wanted = weights_to_quantities(weights, nav, prices, instruments, rates)
        liquidity = liquidity_of(real_of(bars))
        known = {
            s: liquidity.at_row(s, -1) for s in weights if s in liquidity.daily_volume.columns
        }
        return self.plan.limits.reachable(
            wanted,
            {s: self._held(s) for s in weights},
            unit_values(prices, instruments, rates),
            instruments,
            nav,
            known,
        )

    async def trade(self, targets: Targets) -> Traded:
        """Send the difference between targets and this strategy's holdings through the gate.

        A session's decision is journalled once: a second run finds it, sends what the first did
        not come to send, and nothing else.
        """
        requests = self._decision(targets)
        begun = [r for r in requests if has_children(self.engine.journal, r)]
        before = {r.order_ref for r in begun}
        fresh = [
            r.order_ref
            for r in requests
            if r.order_ref not in before and self.engine.may_trade(r.order_ref)
        ]
        if isinstance(self.plan.algo, Market) and not begun:
            await self.supervisor.steady(lambda: self.engine.trade(requests))
        else:
            await self.floor.work(self.plan.algo_name, self.plan.algo, requests)
        repeated = tuple(r.order_ref for r in requests if r.order_ref not in fresh)
        self._traded = self._outcome(fresh, repeated)
        return self._traded

    async def wait_for_fills(self) -> tuple[str, ...]:
        """Wait until all orders have ended or the time-out; returns what is still working."""
        return await self.supervisor.settle(self.plan.fill_timeout_s)

    async def report(self) -> SessionReport:
        """Mark the account, close the session in the journal and tell what it did."""
        mark = await self.supervisor.steady(self.engine.mark)
        journal = self.engine.journal
        report = make_report(
            list(journal.read(after=self._first_seq)), self.state, self.plan.name, mark
        )
        self.engine.record(
            SessionEnded(
                self.plan.name,
                self._session(),
                orders=len(self._traded.orders),
                refusals=len(self._traded.refusals),
                fills=report.fills,
            )
        )
        return report

    async def run(self) -> SessionReport:
        """All steps from bars to report, for callers that show nothing in between."""
        bars = await self.bars()
        await self.trade(self.targets(self.signals(bars), bars))
        await self.wait_for_fills()
        return await self.report()

    async def close(self) -> None:
        """Log off and close the journal; working orders stay at the broker."""
        await self.engine.at_rest()
        await self.engine.broker.disconnect()
        self.engine.journal.close()

    def _session(self) -> date:
        if self.session is None:
            raise BarsError("The session is not open yet; call `connect` first.")
        return self.session

    def _nav(self) -> Decimal:
        account = self.engine.account
        return self.engine.portfolio(account).nav if account else ZERO

    def _held(self, symbol: str) -> Decimal:
        """Held by this strategy, with what its working orders will add."""
        working = sum(
            (
                order.remaining
                for order in self.state.working.values()
                if order.request.strategy == self.plan.name
                and order.request.instrument.symbol == symbol
                and not order.request.parent  # exits wait for their prices; one of two comes
            ),
            ZERO,
        )
        return self.state.quantity(symbol, self.plan.name) + working

    def _decision(self, targets: Targets) -> tuple[OrderRequest, ...]:
        """What an earlier run of this session decided, else what follows from the targets."""
        session, journal = self._session(), self.engine.journal
        requests = quantities_to_requests(
            self.plan.name,
            session,
            targets.quantities,
            {s: self._held(s) for s in targets.quantities},
            targets.prices,
            self._instruments,
        )
        self.engine.record(Decided(self.plan.name, session, tuple(requests)))
        decided = journal.find(decision_key(self.plan.name, session))
        return decided.requests if isinstance(decided, Decided) else ()

    def _outcome(self, fresh: Sequence[str], repeated: tuple[str, ...]) -> Traded:
        """What the journal says of this run's references, however often it was interrupted."""
        find = self.engine.journal.find
        named = [name for ref in fresh for name in self._family(ref)]
        admitted = [find(f"order {ref}") for ref in named]
        refused = [find(f"refused {ref}") for ref in named]
        refusals = tuple(e.refusal for e in refused if isinstance(e, OrderRefused))
        turned_down = {refusal.request.order_ref for refusal in refusals}
        orders = [e.order for e in admitted if isinstance(e, OrderAdmitted)]
        return Traded(
            tuple(o for o in orders if o.order_ref not in turned_down), refusals, repeated
        )

    def _family(self, ref: str) -> Iterator[str]:
        """An order's reference, that of the exit that left in its place, and those of its
        children, the one that was refused too."""
        journal, number = self.engine.journal, 1
        stem, _, step = ref.rpartition(":")
        yield ref
        yield f"{stem}:{EXIT_STEP + int(step)}"
        while journal.has(f"order {ref}.{number}") or journal.has(f"refused {ref}.{number}"):
            yield f"{ref}.{number}"
            number += 1

    def _journal_targets(self, targets: Targets) -> None:
        for symbol, quantity in targets.quantities.items():
            self.engine.record(
                TargetSet(
                    self.plan.name,
                    self._session(),
                    symbol,
                    targets.signals[symbol],
                    targets.weights[symbol],
                    quantity,
                    self._held(symbol),
                    targets.prices[symbol],
                )
            )


def is_series(symbol: str) -> bool:
    """Whether it names the series of a future's contracts, such as ES.C, and no contract."""
    return symbol.endswith(".C")


def real_of(bars: Bars) -> Bars:
    """The bars of what can be ordered: a future's contracts in the place of their series."""
    if not bars.contracts:
        return bars
    from hydra.data._futures import real_bars

    return real_bars(bars)


def _mean_volumes(bars: Bars) -> dict[str, Decimal]:
    """Mean volume of the last sessions by symbol; symbols without any volume are left out."""
    means = real_of(bars).last(VOLUME_BARS).volume.mean()
    return {str(s): Decimal(str(round(float(v)))) for s, v in means.items() if v > 0}
