"""A simulated gateway at ten in the morning, and a check on it that is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from hydra.config import Settings
from hydra.gateway.embedded import EmbeddedGateway, stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.paper_check.check import PaperCheck, open_check
from hydra.paper_check.results import CheckReport, Step, StepResult

TEN = "2013-01-14T15:00:00Z"
TIMEOUT_S = 1.5  # ib_async itself holds messages back for a second, from 45 of them on
READ_STEPS = ["logon", "clock", "account", "data", "history"]
SEND_STEPS = ["what-if", "far limit", "round trip", "change", "halt", "reconnect"]


@contextmanager
def gateway_at(
    time: str = TEN,
    real: tuple[str, ...] = (),
    clock_s: float | None = None,
    wall_scale: float = 0.0,
    **exchange,
) -> Iterator[EmbeddedGateway]:
    """A stepped gateway that is set up so (`hydra.gateway.realism`)."""
    world = ExchangeSettings(start=date(2013, 1, 14), real=frozenset(real), **exchange)
    with EmbeddedGateway(
        stepped(exchange=world, clock_s=clock_s, wall_scale=wall_scale)
    ) as gateway:
        gateway.step(time)
        yield gateway


def reaching(settings: Settings, gateway: EmbeddedGateway, **changes) -> Settings:
    """Settings that reach that gateway and wait a little for its answers."""
    patience = {"timeout_s": TIMEOUT_S, "history_timeout_s": TIMEOUT_S} | changes
    reached = replace(settings.gateway, port=gateway.port, **patience)
    return replace(settings, gateway=reached)


@dataclass
class Listener:
    """Notes what it is told; `answer` is what it says to the question, `at` a step at whose
    beginning `act` is called."""

    answer: bool = True
    at: str = ""
    act: Callable[[], object] = lambda: None
    begun: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    told: list[StepResult] = field(default_factory=list)

    def begins(self, number: int, step: Step) -> None:
        """Note it; do what is to be done at this step."""
        self.begun.append(step.name)
        if step.name == self.at:
            self.act()

    def ended(self, result: StepResult) -> None:
        """Note it."""
        self.told.append(result)

    def skipped(self, number: int, step: Step, result: StepResult) -> None:
        """Note it."""
        self.told.append(result)

    def confirms(self, question: str) -> bool:
        """Note it and answer."""
        self.questions.append(question)
        return self.answer


async def checked(
    settings: Settings, listener: Listener | None = None, symbol: str = ""
) -> CheckReport:
    """One whole check."""
    async with open_check(settings, symbol) as check:
        return await PaperCheck(check, listener or Listener()).run()


def outcomes(report: CheckReport) -> dict[str, str]:
    """How each step ended, by its name."""
    return {result.name: str(result.outcome) for result in report.results}


def result(report: CheckReport, name: str) -> StepResult:
    """What came of one step."""
    return next(r for r in report.results if r.name == name)


def is_flat(gateway: EmbeddedGateway) -> bool:
    """Whether the gateway's own books hold no position and no open order."""
    state = gateway.state()
    return not state["positions"] and not state["open_orders"]
