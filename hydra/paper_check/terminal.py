"""The check as a person sees it in a terminal: each step before it is taken, and after."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from hydra.config import Settings
from hydra.paper_check.check import Narrator, PaperCheck, open_check
from hydra.paper_check.files import FOLDER, ReportRedactor, write_report
from hydra.paper_check.plan import STEPS
from hydra.paper_check.render import STYLES, heading_lines, result_lines, verdict_lines
from hydra.paper_check.results import CheckReport, Outcome, Step, StepResult


class Terminal(Narrator):
    """Tells a console; asks the person at it, or nobody where `yes` was given."""

    def __init__(self, console: Console, *, yes: bool = False) -> None:
        """`console` is written to; the answer is read from standard input."""
        self._console = console
        self._yes = yes

    def begins(self, number: int, step: Step) -> None:
        """Print the step's title and explanation."""
        self._print(heading_lines(number, len(STEPS), step))

    def ended(self, result: StepResult) -> None:
        """Print what came of it, and what to change."""
        style = STYLES[result.outcome]
        self._print(result_lines(result), "" if result.outcome is Outcome.OK else style)
        self._print([""])

    def skipped(self, number: int, step: Step, result: StepResult) -> None:
        """Print the step's title and why it is not taken."""
        self._print(heading_lines(number, len(STEPS), step)[:1])
        self.ended(result)

    def confirms(self, question: str) -> bool:
        """Ask; no answer, Ctrl-C and the end of the input are a no."""
        if self._yes:
            return True
        with _interruptible():
            try:
                return typer.confirm(question, default=False, err=self._console.stderr)
            except (typer.Abort, KeyboardInterrupt):
                return False

    def _print(self, lines: Iterable[str], style: str = "") -> None:
        for line in lines:
            self._console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler only takes note of the first one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def check_in_terminal(
    settings: Settings,
    console: Console,
    *,
    symbol: str = "",
    yes: bool = False,
    json: bool = False,
) -> tuple[CheckReport, ReportRedactor]:
    """Make the check, print it and write its files; the report, and what redacts it.

    Raises `BadParameter` for a symbol that is no stock, `JournalError` and `ConfigError` where
    journal or settings cannot be used.
    """
    report, accounts = asyncio.run(_check(settings, Terminal(console, yes=yes), symbol))
    redactor = ReportRedactor(accounts)
    for line in verdict_lines(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    folder = settings.data.dir / FOLDER
    try:
        written = write_report(report, STEPS, folder, redactor, with_json=json)
    except OSError as problem:
        console.print(f"The report could not be written: {problem}", markup=False, highlight=False)
    else:
        paths = " and ".join(map(str, written))
        console.print(f"Report, without secrets: {paths}", markup=False, soft_wrap=True)
    return report, redactor


async def _check(
    settings: Settings, narrator: Narrator, symbol: str
) -> tuple[CheckReport, list[str]]:
    """The report, and every account code that it may name."""
    async with open_check(settings, symbol) as check:
        report = await PaperCheck(check, narrator).run()
        return report, [settings.gateway.account, *check.probe.seen_accounts]
