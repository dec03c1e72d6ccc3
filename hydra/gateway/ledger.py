"""The ledger of realism: what real gateways are known to do, from where, and which test holds it.

The rows are TOML, one file a subject in `behaviours/`, one table a row. A row without `code` is a
behaviour that the simulated gateway does not have; a row of kind unknown has no source.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill
from typing import Any

from hydra.gateway.errors import SettingsError

FOLDER = Path(__file__).parent / "behaviours"
KINDS = ("recorded", "told", "documented", "unknown")
WIDTH = 80


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour of real gateways.

    `kind` is recorded (seen from a real gateway), told (by a maintainer or a user), documented (by
    Interactive Brokers) or unknown. `source` says where, with a link where there is one; `date`
    and `version` ("server version 200") are those of the source, empty where it names none.
    `code` is path:name and `test` path::name, empty where there is none.
    """

    subject: str
    name: str
    what: str
    kind: str
    source: str = ""
    date: str = ""
    version: str = ""
    code: str = ""
    test: str = ""


def load_ledger(folder: Path = FOLDER) -> list[Behaviour]:
    """All rows, by subject; raises SettingsError that names a file or row that is wrong."""
    return [row for path in sorted(folder.glob("*.toml")) for row in _rows(path)]


def _rows(path: Path) -> Iterable[Behaviour]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise SettingsError(f"{path.name} cannot be read: {reason}") from None
    for name, table in tables.items():
        yield _row(path.stem.replace("_", " "), name, table)


def _row(subject: str, name: str, table: object) -> Behaviour:
    where = f"{subject}, {name}"
    known = {field.name for field in fields(Behaviour)} - {"subject", "name"}
    texts = _texts(where, table)
    for key in sorted(set(texts) - known):
        near = get_close_matches(key, known, 1, 0.4) or ["what"]
        allowed = ", ".join(sorted(known))
        raise SettingsError(f"{where}: {key} is none of {allowed}; did you mean {near[0]!r}?")
    for key in ("what", "kind"):
        if not texts.get(key):
            raise SettingsError(f"{where}: {key} is missing")
    row = Behaviour(subject, name, **texts)
    if row.kind not in KINDS:
        raise SettingsError(f"{where}: kind {row.kind!r} is none of {', '.join(KINDS)}")
    if row.kind != "unknown" and not row.source:
        raise SettingsError(f"{where}: what is {row.kind} needs a source")
    return row


def _texts(where: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise SettingsError(f"{where}: a row is a table of texts")
    return table


def counts(ledger: list[Behaviour]) -> dict[str, tuple[int, int]]:
    """By kind: how many rows, and how many of them the simulated gateway does not have."""
    total = Counter(row.kind for row in ledger)
    missing = Counter(row.kind for row in ledger if not row.code)
    return {kind: (total[kind], missing[kind]) for kind in KINDS}


def count_lines(ledger: list[Behaviour]) -> list[str]:
    """The counts as lines."""
    by_kind = counts(ledger)
    by_kind["all"] = (len(ledger), sum(not row.code for row in ledger))
    return [
        f"{kind:<11} {total:>4} rows: {total - missing:>4} simulated, {missing:>3} not"
        for kind, (total, missing) in by_kind.items()
    ]


def listing(ledger: list[Behaviour]) -> list[str]:
    """The ledger for a terminal of 80 columns."""
    lines = [*count_lines(ledger), "", "Rows that begin with - are not simulated."]
    for subject in _subjects(ledger):
        lines += ["", subject]
        for row in ledger:
            if row.subject == subject:
                lines += _wrapped(f"{' ' if row.code else '-'} {row.what} [{_kind(row)}]")
    return lines


def page(ledger: list[Behaviour]) -> str:
    """The ledger as a page in Markdown."""
    parts = [
        "# What the simulated gateway knows of real ones",
        "",
        "Made of `hydra/gateway/behaviours/` by `hydra realism --page docs/realism.md`.",
        "",
        "Recorded: seen from a real gateway. Told: by a maintainer or a user. Documented: by",
        "Interactive Brokers. Unknown: no source. Many are switches that are off by default:",
        "`hydra gateway --help` lists these.",
        "",
        "| kind | rows | simulated | not simulated |",
        "|---|---|---|---|",
        *(f"| {kind} | {n} | {n - no} | {no} |" for kind, (n, no) in counts(ledger).items()),
    ]
    for subject in _subjects(ledger):
        parts += ["", f"## {subject.capitalize()}", "", *_HEAD]
        parts += [_markdown(row) for row in ledger if row.subject == subject]
    return "\n".join(parts) + "\n"


_HEAD = ("| behaviour | kind | source | code | test |", "|---|---|---|---|---|")


def _subjects(ledger: list[Behaviour]) -> list[str]:
    return list(dict.fromkeys(row.subject for row in ledger))


def _wrapped(text: str) -> list[str]:
    """Lines of at most 80 columns; a link that is longer goes on after its last slash."""
    indent = "    "
    words = [w if len(w) <= WIDTH - len(indent) else _split(w) for w in text.split(" ")]
    lines = fill(" ".join(words), WIDTH, subsequent_indent=indent, break_on_hyphens=False)
    return lines.splitlines()


def _split(link: str) -> str:
    path, slash, rest = link.rpartition("/")
    return f"{path}{slash} {rest}"


def _kind(row: Behaviour) -> str:
    return f"{row.kind}: {_source(row)}" if row.source else row.kind


def _source(row: Behaviour) -> str:
    return ", ".join(filter(None, [row.source, row.date, row.version]))


def _markdown(row: Behaviour) -> str:
    code = f"`{row.code.removeprefix('hydra/')}`" if row.code else "not simulated"
    test = f"`{row.test.removeprefix('tests/')}`" if row.test else "none"
    cells = [row.what, row.kind, _source(row) or "none", code, test]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
