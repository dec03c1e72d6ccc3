"""What a step of the check is, and what came of it: frozen values, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

STRATEGY = "paper_check"
"""The strategy in the references of the check's own orders."""


class Outcome(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Step:
    """One step before it is taken: its name, a title, and what it does in a sentence or two."""

    name: str
    title: str
    explanation: str


@dataclass(frozen=True)
class StepResult:
    """What came of a step: `sentence` in words, `remedy` what to change (empty where nothing is
    wrong), `facts` the figures behind it, as text."""

    name: str
    outcome: Outcome
    sentence: str
    remedy: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def ok(step: str, sentence: str, **facts: object) -> StepResult:
    """A step that went well; each fact is shown as text."""
    return StepResult(step, Outcome.OK, sentence, "", _texts(facts))


def warning(step: str, sentence: str, remedy: str = "", **facts: object) -> StepResult:
    """A step that went on, with something that a person should know."""
    return StepResult(step, Outcome.WARNING, sentence, remedy, _texts(facts))


def failed(step: str, sentence: str, remedy: str = "", **facts: object) -> StepResult:
    """A step that did not do what it should."""
    return StepResult(step, Outcome.FAILED, sentence, remedy, _texts(facts))


def skipped(step: str, reason: str) -> StepResult:
    """A step that was not taken, and why."""
    return StepResult(step, Outcome.SKIPPED, reason)


def _texts(facts: Mapping[str, object]) -> dict[str, str]:
    return {name.replace("_", " "): str(value) for name, value in facts.items() if value != ""}


@dataclass(frozen=True)
class CheckReport:
    """The whole check. `market_time` is the gateway's time at the start (aware UTC), None when it
    never told one; `refused` is why nothing was sent, `interrupted` whether somebody ended the
    check early, `left` what of the check is still in the account, one sentence each."""

    version: str
    started: datetime
    market_time: datetime | None
    results: tuple[StepResult, ...]
    refused: str = ""
    interrupted: bool = False
    left: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every step that could be taken went well, to the end."""
        over = not (self.refused or self.interrupted or self.left)
        return over and all(r.outcome is not Outcome.FAILED for r in self.results)

    @property
    def verdict(self) -> str:
        """The whole result in one sentence."""
        if self.refused:
            return f"Not checked: {self.refused}"
        if self.left:
            return "The check left something in the account: " + " ".join(self.left)
        if self.interrupted:
            return "The check was interrupted; nothing of it is left in the account."
        failures = self._named(Outcome.FAILED)
        if failures:
            return f"Not ready to trade: {failures} failed. Nothing of the check is left."
        warnings = self._named(Outcome.WARNING)
        if warnings:
            return f"It works, with warnings: {warnings}. Nothing of the check is left."
        return "All steps went well, and nothing of the check is left in the account."

    def _named(self, outcome: Outcome) -> str:
        return ", ".join(r.name for r in self.results if r.outcome is outcome)
