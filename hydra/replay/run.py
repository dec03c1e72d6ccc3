"""Replay: does paper trading do what the backtest did? The same sessions both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_address
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Self

import pandas as pd

from hydra import wiring
from hydra.config import Settings
from hydra.costs.liquidity import WINDOW_BARS
from hydra.data._currency import rates_of, to_base
from hydra.data._futures import real_bars
from hydra.domain.bars import Bars
from hydra.errors import BadParameter, UnknownName
from hydra.execution.cost_file import cost_model
from hydra.execution.session import Plan
from hydra.ib.contracts import named
from hydra.journal.journal import Journal
from hydra.replay.bridge import Bridge, build_bridge
from hydra.replay.prices import Quoted
from hydra.replay.sessions import Replayed, replay_sessions, sessions_between
from hydra.research.backtest import backtest
from hydra.research.result import BacktestResult
from hydra.runner.simulator import simulated_gateway
from hydra.sizing._base import Sizing

SOURCE = "sample"
"""What the simulated gateway trades: both sides must see the same prices."""
WEEK = timedelta(days=8)


@dataclass(frozen=True)
class Wanted:
    """What to replay; empty symbols are those of the settings."""

    strategy: str
    first: date
    last: date
    parameters: Mapping[str, Any]
    sizing: str = "vol_target"
    sizing_parameters: Mapping[str, Any] | None = None
    symbols: Sequence[str] = ()
    costs: str = ""
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Replay:
    """Both sides and the bridge between them."""

    plan: Plan
    replayed: Replayed
    backtest: BacktestResult
    bridge: Bridge

    def figure(self) -> Any:
        """The two curves, and below them what their difference is made of."""
        from hydra.replay._report import curves_and_parts

        return curves_and_parts(self)

    def write_html(self, path: Path) -> None:
        """The report as one file that needs no network."""
        from hydra.replay._report import page

        path.write_text(page(self), encoding="utf-8")


async def replay(
    settings: Settings,
    wanted: Wanted,
    folder: Path,
    progress: Callable[[date, int], None] = lambda session, of: None,
) -> Replay:
    """Trade the sessions through a simulated gateway and in a backtest, and compare them.

    `folder` (there already) takes the replay's journal; `progress` is told of each session that
    is done and how many there are. Raises `BadParameter` where there are no sessions or too
    little history before them.
    """
    plan = wiring.make_plan(
        settings,
        wanted.strategy,
        wanted.parameters,
        wanted.sizing,
        wanted.sizing_parameters or {},
        wanted.symbols,
    )
    _refuse_pairs(plan)
    sessions = sessions_between(plan.calendar, wanted.first, wanted.last)
    bars, pairs = await _history(settings, plan, wanted)
    _check(bars, sessions, wanted, plan)
    known = Base.of(settings, plan, bars, pairs)
    gate = wiring.build_gate(settings)
    replayed = await replay_sessions(
        plan,
        bars,
        sessions,
        gate,
        wiring.build_watch(settings),
        folder,
        lambda session: progress(session, len(sessions)),
        wanted.seed,
        pairs,
    )
    costs = cost_model(settings.costs_path, wanted.costs)
    result = backtest(
        plan.strategy,
        known.converted,
        From(plan.sizing, sessions[0]),
        costs,
        float(replayed.opening_nav),
        wiring.research_instruments(settings, plan.symbols),
        gate=gate,
        limits=plan.limits,
    )
    with Journal.read_only(replayed.journal) as journal:
        bridge = build_bridge(
            journal.read(),
            replayed.closing,
            result,
            sessions,
            replayed.opening_nav,
            known.quoted,
        )
    return Replay(plan, replayed, result, bridge)


@dataclass(frozen=True)
class From:
    """A sizing that decides nothing before the close that comes before the session `first`."""

    sizing: Sizing
    first: date

    @property
    def lookback_bars(self) -> int:
        """The sizing's own."""
        return self.sizing.lookback_bars

    def weights(self, signals: pd.DataFrame, bars: Bars) -> pd.DataFrame:
        """The sizing's own, and 0 before its time."""
        weights = self.sizing.weights(signals, bars)
        row = int(sum(end.date() < self.first for end in bars.index))
        weights.iloc[: max(row - 1, 0)] = 0.0
        return weights


@dataclass(frozen=True, eq=False)
class Base:
    """The bars as a backtest has them, all in the base currency, and as they are quoted."""

    converted: Bars
    quoted: Quoted

    @classmethod
    def of(cls, settings: Settings, plan: Plan, bars: Bars, pairs: Bars | None) -> Self:
        """What `research_bars` makes of a source's bars, of these."""
        base = settings.trading.currency
        currencies = wiring.currencies_of(settings, plan.symbols)
        real = real_bars(bars)
        owners = {s: s for s in bars.symbols if s not in bars.contracts}
        owners |= {c: s for s, known in bars.contracts.items() for c in known.bars.symbols}
        rates = rates_of(bars, currencies, pairs, base)
        return cls(
            to_base(bars, currencies, pairs, base),
            Quoted(real, {c: currencies[s] for c, s in owners.items()}, rates),
        )


async def _history(settings: Settings, plan: Plan, wanted: Wanted) -> tuple[Bars, Bars | None]:
    """The bars that both sides know, up to the last session, and those of the currency pairs."""
    end = datetime.combine(wanted.last + timedelta(days=1), time(), UTC)
    source = wiring.build_source(settings, SOURCE)
    try:
        bars: Bars = await source.bars(plan.symbols)
    except UnknownName:
        return await _simulated(settings, plan, wanted)
    return bars.until(end), None


async def _simulated(settings: Settings, plan: Plan, wanted: Wanted) -> tuple[Bars, Bars | None]:
    """Of what is not shipped, the history of a simulated gateway that stands after the last
    session: its market is the same at every time for one seed."""
    from hydra.data.gateway import Gateway

    last = sessions_between("XNYS", wanted.last + timedelta(days=1), wanted.last + WEEK)[-1]
    first = wanted.first - timedelta(days=2 * _needed(plan) + 30)
    arguments = ["--start", f"{last}", "--speed", "0", "--fast", "--no-pacing"]
    arguments += ["--seed", f"{wanted.seed}"]
    with simulated_gateway(arguments) as gateway:
        address = replace_address(settings.gateway, host=gateway.host, port=gateway.port)
        source = Gateway(address, products=wiring.build_products(settings))
        bars = await source.bars(plan.symbols, start=first, end=wanted.last)
        base = settings.trading.currency
        currencies = wiring.currencies_of(settings, plan.symbols)
        pairs = await wiring.pair_bars(source, currencies, base, first, wanted.last)
    end = datetime.combine(wanted.last + timedelta(days=1), time(), UTC)
    return bars.until(end), pairs


def _needed(plan: Plan) -> int:
    return max(plan.strategy.lookback_bars, plan.sizing.lookback_bars, WINDOW_BARS + 1)


def _refuse_pairs(plan: Plan) -> None:
    """A pair's day ends at midnight, in no session of an exchange, and its money is in two
    currencies at once: the bridge has no account of that."""
    pair = next((s for s in plan.symbols if named(s).sec_type == "CASH"), None)
    if pair:
        raise BadParameter(
            f"{pair} is a currency pair; a replay takes shares and futures, such as "
            "6E.C for EUR.USD."
        )


def _check(bars: Bars, sessions: Sequence[date], wanted: Wanted, plan: Plan) -> None:
    held = [end.date() for end in bars.index]
    first, last = held[0], held[-1]
    if not sessions or not first <= sessions[0] <= sessions[-1] <= last:
        raise BadParameter(
            f"A replay needs sessions from {wanted.first} to {wanted.last} in the shipped "
            f"history, which goes from {first} to {last}."
        )
    needed = _needed(plan)
    before = sum(day < sessions[0] for day in held)
    if before < needed:
        raise BadParameter(
            f"{plan.name} needs {needed} bars before its first session and there are {before} "
            f"before {sessions[0]}; begin later."
        )
