"""What a person may do by hand: the same calls behind the command line and the dashboard.

Each has its own connection to the gateway where it needs one, writes into the journal who wants
what, and returns sentences that say what was done. `HydraError` with one sentence: nothing was.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hydra import plugins, wiring
from hydra.clock import WallClock
from hydra.config import Settings
from hydra.domain.events import (
    CancelRequested,
    Event,
    Resumed,
    RunRequested,
    RunStarted,
    StrategySwitched,
    Warned,
)
from hydra.errors import BadParameter, BrokerError, HydraError, UnknownName, unknown
from hydra.execution.engine import OrderEngine
from hydra.execution.halting import swept_sentences
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.journal.run_rows import (
    ANSWER_KINDS,
    RUN_KINDS,
    request_answered_by,
    run_rows,
    running,
)

if TYPE_CHECKING:
    from hydra.costs.model import CostModel
    from hydra.dashboard._base import Closes
    from hydra.dashboard._board import BoardWidget
    from hydra.domain.bars import Bars
    from hydra.execution.watch import Watch
    from hydra.risk._base import Check

LOOK_AGAIN_S = 0.1
ANSWER_S = 10.0
"""How long a runner, which looks once a second, is given to answer a wish."""
COMMAND_LINE = "command line"


async def cancel(settings: Settings, ref: str, by: str) -> list[str]:
    """End one working order, whoever placed it, and journal what became of it.

    IB lets only the connection that placed an order cancel it. So the wish is journalled first: a
    session that is still on obeys it; else the order is cancelled under its own client id. Raises
    `UnknownName` for an order that does not work, `BrokerError` when it works on.
    """
    with Journal.open(settings.journal_path) as journal:
        _known_to_work(journal, ref)
        journal.append(CancelRequested(ref, by), WallClock().now())
        try:
            await _cancel_here(settings, journal, ref)
        except BrokerError as problem:
            raise BrokerError(
                f"{ref} could not be cancelled now: {problem} The wish is in the journal, and the "
                "next session that waits for its orders cancels it."
            ) from problem
        if _works(journal, ref):
            raise BrokerError(
                f"{ref} still works: nobody could cancel it within {settings.gateway.timeout_s:g} "
                "s. A halt takes it back by a global cancel: `hydra halt`."
            )
        if journal.has(f"end {ref} cancelled"):
            return [f"{ref} is cancelled."]
        return [f"{ref} ended before it could be cancelled: see `hydra orders`."]


async def _cancel_here(settings: Settings, journal: Journal, ref: str) -> None:
    """Ask for the end of an order by a connection of ours; wait until the journal has it."""
    async with reconciled_engine(settings, journal) as engine:
        if engine.works(ref):
            with suppress(BrokerError):  # its own connection is on, and obeys
                await engine.cancel(ref)
        if not await _until(lambda: _gone(engine, ref), settings.gateway.timeout_s):
            await engine.reconcile()


async def cancel_all(settings: Settings, by: str) -> list[str]:
    """End all working orders of ours; trading goes on. Raises `BrokerError` when some work on."""
    with Journal.open(settings.journal_path) as journal:
        refs = list(_state(journal).working)
        if not refs:
            raise BadParameter("No order of ours is working, so there is nothing to cancel.")
        with journal.together():
            for ref in refs:
                journal.append(CancelRequested(ref, by), WallClock().now())
        async with reconciled_engine(settings, journal) as engine:
            swept = await engine.broker.cancel_all(lambda ref: journal.has(f"order {ref}"))
            await engine.reconcile()
    if swept.left:
        raise BrokerError(" ".join(swept_sentences(swept)))
    return list(swept_sentences(swept))


def resume(settings: Settings, reason: str, by: str) -> list[str]:
    """Lift a halt; raises `BadParameter` when there is none or no reason is given."""
    _reason(reason, "resumed")
    with Journal.read_only(settings.journal_path) as journal:
        if _state(journal).halted is None:
            raise BadParameter("Trading is not halted, so there is nothing to resume.")
    _append(settings, Resumed(reason, by))
    return [f"Trading is resumed: {reason}."]


def switch(settings: Settings, strategy: str, on: bool, reason: str, by: str) -> list[str]:
    """Switch a strategy off, so that its orders may only reduce, or on again.

    Raises `UnknownName` for a strategy that there is not, `BadParameter` without a reason or when
    it is so already.
    """
    word = "on" if on else "off"
    _reason(reason, f"switched {word}")
    known = plugins.find("strategies", wiring.own_root(settings))
    with Journal.open(settings.journal_path) as journal:
        state = _state(journal)
        names = {*known, *state.sessions}
        if strategy not in names:
            raise UnknownName(unknown("strategy", strategy, names))
        if on != (strategy in state.switched_off):
            raise BadParameter(f"{strategy} is {word} already.")
        journal.append(StrategySwitched(strategy, on, reason, by), WallClock().now())
    left = "may open positions again" if on else "opens nothing more, its orders only reduce"
    return [f"{strategy} is switched {word}: it {left}."]


async def run_now(settings: Settings, job: str, by: str, within_s: float = ANSWER_S) -> list[str]:
    """Ask the runner to start a job now; what it answered within that time.

    Raises `BadParameter` when there is no runner, the job runs already or the runner refuses,
    `UnknownName` for a job that there is not.
    """
    from hydra.dashboard._feed import living_runner

    runner = living_runner(settings.data.dir)
    if runner is None:
        raise BadParameter(
            f"No runner is running, so nothing would start {job}; start one with `hydra runner`."
        )
    if job not in runner.get("jobs", {}):
        raise UnknownName(unknown("job", job, runner.get("jobs", {})))
    with Journal.open(settings.journal_path) as journal:
        if run := running(run_rows(journal.read(kinds=RUN_KINDS)), job):
            raise BadParameter(f"{job} is running already, as {run}; nothing more was started.")
        request = journal.append(RunRequested(job, by), WallClock().now())
        assert request is not None  # a wish has no key that was there before
        found: list[Event] = []
        await _until(lambda: _look_for_answer(journal, request, found), within_s)
    return [_answered(job, found[0] if found else None)]


def _look_for_answer(journal: Journal, request: int, found: list[Event]) -> bool:
    for record in journal.read(after=request, kinds=ANSWER_KINDS):
        if request_answered_by(record.event) == request:
            found.append(record.event)
    return bool(found)


def _answered(job: str, answer: Event | None) -> str:
    """The runner's answer in a sentence; raises `BadParameter` when it refused."""
    if isinstance(answer, RunStarted):
        return f"{job} runs as {answer.run}."
    if isinstance(answer, Warned):
        raise BadParameter(answer.text)
    return f"The runner was asked to start {job} and is at other work: see the log for its answer."


@dataclass(frozen=True)
class ByHand:
    """The dashboard's hands: every call in the kernel's event loop, `by` in the journal."""

    settings: Settings
    by: str

    async def halt(self, reason: str, flatten: bool) -> Sequence[str]:
        """As `hydra halt`."""
        outcome = await wiring.halt(self.settings, reason or "by hand", self.by, flatten=flatten)
        return outcome.sentences

    async def resume(self, reason: str) -> Sequence[str]:
        """As `hydra resume`."""
        return resume(self.settings, reason, self.by)

    async def cancel(self, ref: str) -> Sequence[str]:
        """As `hydra cancel`."""
        return await cancel(self.settings, ref, self.by)

    async def cancel_all(self) -> Sequence[str]:
        """As `hydra cancel --all`."""
        return await cancel_all(self.settings, self.by)

    async def run(self, job: str) -> Sequence[str]:
        """Ask the runner."""
        return await run_now(self.settings, job, self.by)

    async def switch(self, strategy: str, on: bool, reason: str) -> Sequence[str]:
        """As `hydra switch`."""
        return switch(self.settings, strategy, on, reason, self.by)


@dataclass(frozen=True)
class Around:
    """What a board is told beside the journal, from the settings; `bars` is a data source."""

    settings: Settings
    bars: str = "sample"
    checks: dict[str, Check] = field(init=False)
    model: CostModel = field(init=False)

    def __post_init__(self) -> None:
        """Checks and cost model as a session would have them."""
        from hydra.execution.cost_file import cost_model

        gate = wiring.build_gate(self.settings)
        object.__setattr__(self, "checks", dict(gate.checks))
        object.__setattr__(self, "model", cost_model(self.settings.costs_path))

    @cached_property
    def _watch(self) -> Watch:
        return wiring.build_watch(self.settings)

    def breakers(self, state: State, now: datetime) -> list[dict[str, Any]]:
        """The rows of `hydra breakers`."""
        return self._watch.rows(state, now)

    def _bars(self, symbol: str) -> Bars:
        bars: Bars = asyncio.run(wiring.build_source(self.settings, self.bars).bars([symbol]))
        return bars

    async def closes(self, symbols: Sequence[str]) -> Closes:
        """Daily closes of those of the symbols that the source has, read in another thread."""
        found: dict[str, list[tuple[float, float]]] = {}
        for symbol in symbols:
            with suppress(HydraError):
                bars = await asyncio.to_thread(self._bars, symbol)
                line = bars.close[symbol].dropna()
                moments = bars.close.index[bars.close[symbol].notna()]
                found[symbol] = [
                    (moment.timestamp(), float(price))
                    for moment, price in zip(moments, line, strict=True)
                ]
        return found


def open_board(
    settings: Settings | None = None, panels: Sequence[str] = (), bars: str = "sample"
) -> BoardWidget:
    """The dashboard as a widget; call it in a notebook's cell, more than once if you like.

    It follows the journal in the kernel's event loop until the kernel ends or the widget's
    `close()` is called. `panels` names some of them, in that order; `bars` is the data source of
    the benchmark. Raises `UnknownName` for a panel that there is not, `ConfigError` for settings.
    """
    from hydra.config import load_settings
    from hydra.dashboard._board import Board

    settings = settings or load_settings()
    by = f"dashboard, {getpass.getuser()}"
    board = Board(settings, Around(settings, bars), ByHand(settings, by), panels)
    board.start()
    return board.widget


@asynccontextmanager
async def reconciled_engine(settings: Settings, journal: Journal) -> AsyncIterator[OrderEngine]:
    """An engine on a connection of its own, compared with the broker; logs off on leaving."""

    broker = wiring.build_broker(settings)
    engine = OrderEngine(broker, journal, wiring.build_gate(settings))
    try:
        await engine.broker.connect()
        await engine.reconcile()
        yield engine
    finally:
        await engine.broker.disconnect()


def _gone(engine: OrderEngine, ref: str) -> bool:
    engine.drain()
    return not engine.works(ref)


async def _until(over: Callable[[], bool], timeout_s: float) -> bool:
    """Look again and again until it is so or the time is up."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not over():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(LOOK_AGAIN_S)
    return True


def _state(journal: Journal) -> State:
    return fold(journal.read())


def _works(journal: Journal, ref: str) -> bool:
    return ref in _state(journal).working


def _known_to_work(journal: Journal, ref: str) -> None:
    working = _state(journal).working
    if ref not in working:
        raise UnknownName(unknown("working order", ref, working))


def _reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise BadParameter(f"Nothing is {what} without a reason; give one in a few words.")


def _append(settings: Settings, event: Event) -> None:
    with Journal.open(settings.journal_path) as journal:
        journal.append(event, WallClock().now())
