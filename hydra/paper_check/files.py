"""The report's files, which may be sent to somebody: without secrets, account codes shortened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.paper_check.render import markdown, plain
from hydra.paper_check.results import CheckReport, Step
from hydra.runner.redact import Redactor, own_secrets

ACCOUNT = re.compile(r"\b(DU|DF|F|I|U)[A-Z]?\d{4,9}\b")
"""Account codes of IB by their looks: U and I for individuals, F and DF for advisors, DU paper."""
FOLDER = "paper-checks"


def shortened(code: str) -> str:
    """An account's code by which its owner knows it, and nobody else: DU1234567 → DU…67."""
    letters = code.rstrip("0123456789")
    return f"{letters}…{code[-2:]}"


class ReportRedactor:
    """Takes secrets and account codes out of texts."""

    def __init__(self, accounts: Iterable[str] = (), secrets: Iterable[str] | None = None) -> None:
        """`accounts` are the codes that are known; what looks like one goes, too. `secrets` are
        this process's own unless they are given."""
        self._accounts = sorted(set(filter(None, accounts)), key=len, reverse=True)
        self._redactor = Redactor(own_secrets() if secrets is None else secrets)

    def text(self, text: str) -> str:
        """The text as it may be sent."""
        for code in self._accounts:
            text = text.replace(code, shortened(code))
        return ACCOUNT.sub(lambda match: shortened(match[0]), self._redactor.text(text))

    def report(self, report: CheckReport) -> Any:
        """A report as JSON-like data that may be sent."""
        return self.data(plain(report))

    def data(self, value: Any) -> Any:
        """The same for JSON-like data."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def write_report(
    report: CheckReport,
    steps: Iterable[Step],
    folder: Path,
    redactor: ReportRedactor,
    *,
    with_json: bool = False,
) -> list[Path]:
    """Write the report's Markdown, and its JSON where asked for, into `folder`; their paths.

    Raises `OSError` where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{report.started:%Y%m%dT%H%M%S}"
    paths = [stem.with_suffix(".md")]
    paths[0].write_text(redactor.text(markdown(report, steps)), encoding="utf-8")
    if with_json:
        paths.append(stem.with_suffix(".json"))
        told = json.dumps(redactor.report(report), indent=1, ensure_ascii=False)
        paths[1].write_text(told + "\n", encoding="utf-8")
    return paths
