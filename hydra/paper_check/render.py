"""A check in words: lines for a terminal of 80 columns, Markdown, and plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from hydra.paper_check.results import CheckReport, Outcome, Step, StepResult

WIDTH = 79
"""One less than 80: some terminals break a line that is full."""
INDENT = " " * 6
MARKS = {
    Outcome.OK: "✓",
    Outcome.WARNING: "!",
    Outcome.FAILED: "✗",
    Outcome.SKIPPED: "–",
}
STYLES = {
    Outcome.OK: "green",
    Outcome.WARNING: "yellow",
    Outcome.FAILED: "red",
    Outcome.SKIPPED: "dim",
}


def heading_lines(number: int, total: int, step: Step) -> list[str]:
    """A step before it is taken: its number and title, then its explanation."""
    return [f"{number:>2}/{total}  {step.title}", *_wrapped(step.explanation, INDENT, INDENT)]


def result_lines(result: StepResult) -> list[str]:
    """What came of a step, and below it what to change."""
    mark = MARKS[result.outcome]
    lines = _wrapped(result.sentence, f"{INDENT}{mark} ", f"{INDENT}  ")
    if result.remedy:
        lines += _wrapped(result.remedy, f"{INDENT}→ ", f"{INDENT}  ")
    return lines


def verdict_lines(report: CheckReport) -> list[str]:
    """The whole result."""
    return _wrapped(report.verdict, "", "")


def _wrapped(text: str, first: str, further: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_on_hyphens=False,
        break_long_words=True,
    )


def markdown(report: CheckReport, steps: Iterable[Step]) -> str:
    """The report as a Markdown document."""
    titles = {step.name: step for step in steps}
    return "\n".join([*_head(report), *_table(report, titles), *_details(report, titles), ""])


def _head(report: CheckReport) -> Iterator[str]:
    yield "# HYDRA paper check"
    yield ""
    yield f"**{_escaped(report.verdict)}**"
    yield ""
    yield f"- HYDRA {report.version}, started {report.started:%Y-%m-%d %H:%M:%S} UTC"
    if report.market_time:
        yield f"- the gateway's time at the start: {report.market_time:%Y-%m-%d %H:%M:%S} UTC"
    yield "- account codes are shortened, and secrets are left out"
    yield ""


def _table(report: CheckReport, titles: Mapping[str, Step]) -> Iterator[str]:
    yield "| | step | result |"
    yield "|---|---|---|"
    for number, result in enumerate(report.results, 1):
        name = titles[result.name].title
        yield f"| {number} | {name} | {MARKS[result.outcome]} {result.outcome} |"
    yield ""


def _details(report: CheckReport, titles: Mapping[str, Step]) -> Iterator[str]:
    for number, result in enumerate(report.results, 1):
        step = titles[result.name]
        yield f"## {number}. {step.title}"
        yield ""
        yield f"*{_escaped(step.explanation)}*"
        yield ""
        yield f"{MARKS[result.outcome]} {_escaped(result.sentence)}"
        yield ""
        if result.remedy:
            yield f"→ {_escaped(result.remedy)}"
            yield ""
        for name, value in result.facts.items():
            yield f"- {_escaped(name)}: {_escaped(value)}"
        if result.facts:
            yield ""


def _escaped(text: str) -> str:
    """A text of the gateway must not become a table, a heading or a link."""
    for sign in ("\\", "|", "*", "_", "<", "[", "#"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def plain(report: CheckReport) -> dict[str, Any]:
    """The report as JSON-like data; times are ISO texts in UTC."""
    market = report.market_time
    return {
        "version": report.version,
        "started": report.started.isoformat(),
        "market_time": market.isoformat() if market else None,
        "passed": report.passed,
        "verdict": report.verdict,
        "refused": report.refused,
        "interrupted": report.interrupted,
        "left": list(report.left),
        "steps": [asdict(result) | {"facts": dict(result.facts)} for result in report.results],
    }
