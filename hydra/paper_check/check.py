"""The check from its first step to its end: a table of steps, and the runner that takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from hydra import __version__, wiring
from hydra.config import Settings
from hydra.errors import HydraError
from hydra.execution.engine import OrderEngine
from hydra.journal.journal import Journal
from hydra.paper_check import ending
from hydra.paper_check.context import (
    CheckContext,
    CheckRefused,
    candidates,
    closed_sentence,
)
from hydra.paper_check.own_orders import OwnOrders
from hydra.paper_check.plan import CHECKED_AFTER, END, READS, SENDS, STEPS, PlannedStep
from hydra.paper_check.probe import Probe
from hydra.paper_check.remedies import LOGON, remedy_of
from hydra.paper_check.results import CheckReport, Step, StepResult, failed, skipped
from hydra.risk.paper_account import LIVE_PORTS

STEP_TIMEOUTS = 12
"""A step takes no longer than so many time-outs of a single answer."""
END_TIMEOUTS = 24


class Narrator(Protocol):
    """Whoever is told of the check as it goes."""

    def begins(self, number: int, step: Step) -> None:
        """A step is about to be taken; `number` counts from 1."""

    def ended(self, result: StepResult) -> None:
        """A step has been taken."""

    def skipped(self, number: int, step: Step, result: StepResult) -> None:
        """A step is not taken; the result says why."""

    def confirms(self, question: str) -> bool:
        """Whether orders may be sent; asked once."""


class PaperCheck:
    """One check on one engine that is not connected yet."""

    def __init__(self, check: CheckContext, narrator: Narrator) -> None:
        """Nothing is connected yet; `run` does that."""
        self._check = check
        self._narrator = narrator
        self._results: list[StepResult] = []
        self._left: tuple[str, ...] = ()
        self._interrupted = False

    async def run(self) -> CheckReport:
        """Take all steps that make sense; ends with a clean-up, by an interruption, too.

        Raises `BadParameter` for a symbol that is no stock; whatever else goes wrong is a result.
        """
        list(candidates(self._check.settings, self._check.symbol))
        started, refused = datetime.now(UTC), ""
        try:
            await self._steps()
        except CheckRefused as problem:
            refused = str(problem)
        except asyncio.CancelledError:
            self._go_on()
        if not refused and self._has_begun:
            await self._end()
        return CheckReport(
            __version__,
            started,
            self._check.market_time,
            tuple(self._results),
            refused,
            self._interrupted,
            self._left,
        )

    @property
    def _has_begun(self) -> bool:
        """Whether journal and account were compared, so that there may be something to end."""
        return self._check.compared_between is not None and not self._check.not_compared

    async def _steps(self) -> None:
        refuse_before_logon(self._check)
        for planned in READS:
            await self._take(planned)
            if planned.step.name == CHECKED_AFTER:
                refuse_after_logon(self._check)
        if not self._check.why_not("instrument"):
            self._ask()
        for planned in SENDS:
            await self._take(planned)

    def _ask(self) -> None:
        """One confirmation before anything is sent; raises `CheckRefused` without it."""
        check = self._check
        check.probe.stop_prices()  # nobody reads them while a person thinks
        instrument, last = check.traded()
        if not self._narrator.confirms(
            f"From here on the check sends orders for {instrument.symbol} (now {last}) to paper "
            f"account {check.account.code}: limits far from the market that are cancelled, and "
            "one share bought and sold. Go on?"
        ):
            raise CheckRefused("it was not confirmed, so nothing was sent.")

    async def _take(self, planned: PlannedStep) -> None:
        """Take one step, or skip it where what it needs is not there; its failure is a result."""
        step, check = planned.step, self._check
        number = STEPS.index(step) + 1
        if reason := next(filter(None, map(check.why_not, planned.needs)), ""):
            self._results.append(skipped(step.name, f"Skipped: {reason.rstrip('.')}."))
            self._narrator.skipped(number, step, self._results[-1])
            return
        self._narrator.begins(number, step)
        limit_s = STEP_TIMEOUTS * check.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                if "books" in planned.needs:
                    await ending.keep_connected(check)
                self._note(await planned.take(check))
        except CheckRefused:
            raise
        except TimeoutError:
            self._note(failed(step.name, f"The step did not end within {limit_s:g} s."))
        except HydraError as problem:
            self._note(_failure(step.name, check, problem))

    def _note(self, result: StepResult) -> None:
        self._results.append(result)
        self._narrator.ended(result)

    async def _end(self) -> None:
        """The last step; what a second interruption or the time cuts off is said, too."""
        self._narrator.begins(len(STEPS), END)
        limit_s = END_TIMEOUTS * self._check.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                result, self._left = await ending.end(self._check)
        except (TimeoutError, asyncio.CancelledError) as problem:
            cut = "was interrupted" if isinstance(problem, asyncio.CancelledError) else "took long"
            sentence = (
                f"The clean-up {cut}, so orders or a share of the check may be left: see `hydra "
                "orders` and `hydra positions`, and start the check again to clean up."
            )
            result, self._left = failed(END.name, sentence), (sentence,)
            if isinstance(problem, asyncio.CancelledError):
                self._go_on()
        self._note(result)

    def _go_on(self) -> None:
        """Take note of an interruption, so that the clean-up after it can wait for answers."""
        self._interrupted = True
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()


def _failure(step: str, check: CheckContext, problem: HydraError) -> StepResult:
    """The result of a step that raised, with the setting to change by the codes it names."""
    if check.engine.account is None and step in ("logon", "reconnect"):
        check.not_compared = check.not_compared or str(problem)
    known = remedy_of(str(problem))
    return failed(step, str(problem), known or LOGON * (step == "logon"))


def refuse_before_logon(check: CheckContext) -> None:
    """Raise `CheckRefused` for what is wrong before anything is connected."""
    port = check.settings.gateway.port
    if port in LIVE_PORTS:
        raise CheckRefused(
            f"port {port} is one of IB's live ports, and the check trades paper accounts alone: "
            "4002, or 4004 in a container (HYDRA_GATEWAY_PORT)."
        )
    _refuse_halted(check)


def refuse_after_logon(check: CheckContext) -> None:
    """Raise `CheckRefused` for what the account or the exchange does not allow now."""
    if check.not_compared or check.market_time is None:
        return  # the steps that need the books are skipped, and say why
    _refuse_halted(check)
    _refuse_disagreement(check)
    calendars = dict(candidates(check.settings, check.symbol))
    if sentence := closed_sentence(calendars, check.market_time):
        raise CheckRefused(sentence)


def _refuse_disagreement(check: CheckContext) -> None:
    """Books that a first comparison fills are no disagreement; what is contested always is."""
    if contested := check.engine.state.contested:
        reasons = " ".join(known.reason for known in contested.values())
        raise CheckRefused(
            f"the journal's books and the account disagree: {reasons} Decide what that is with "
            f"`hydra adopt {' '.join(sorted(contested))}`, then start the check again."
        )
    comparison = check.last_comparison()
    if comparison and comparison.differences and check.was_compared_before:
        raise CheckRefused(
            "the journal's books and the account disagree: "
            + " ".join(comparison.differences)
            + " Find out where that comes from (a trade by hand, a deposit, interest, a reset); "
            "the gateway's figures hold from here on, so start the check again then."
        )


def _refuse_halted(check: CheckContext) -> None:
    if (reason := check.engine.halted) is not None:
        raise CheckRefused(
            f"trading is halted: {reason}. No order passes; `hydra resume REASON` first."
        )


@asynccontextmanager
async def open_check(settings: Settings, symbol: str = "") -> AsyncIterator[CheckContext]:
    """A check's context on an engine of its own, logged off on leaving.

    Raises `JournalError` or `ConfigError` where the journal or the settings cannot be used.
    """
    with Journal.open(settings.journal_path) as journal:
        broker = wiring.build_broker(settings)
        gate, watch = wiring.build_gate(settings), wiring.build_watch(settings)
        engine = OrderEngine(broker, journal, gate, watch)
        orders = OwnOrders(engine, settings.gateway.timeout_s)
        try:
            yield CheckContext(settings, engine, Probe(broker), orders, symbol)
        finally:
            await engine.at_rest()
            await broker.disconnect()
