"""Whether a journal is whole: the file, its records, their sequence, and the fold of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hydra.errors import JournalError
from hydra.journal.codec import as_line, encode
from hydra.journal.fold import fold
from hydra.journal.journal import Journal


def faults(path: Path) -> Iterator[str]:
    """One sentence for each thing that is wrong; nothing for a journal that is whole.

    Only reads. Raises `JournalError` when the file cannot be opened as a journal at all.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            verdicts = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as problem:
            raise JournalError(f"{path} is no journal: {problem}.") from problem
    yield from (f"The file is damaged: {verdict}." for verdict in verdicts if verdict != "ok")
    with Journal.read_only(path) as journal:
        yield from _record_faults(journal)


def export(path: Path) -> Iterator[str]:
    """Every event as one line of JSON: seq, time, recorded, kind, and its own fields."""
    with Journal.read_only(path) as journal:
        for record in journal.read():
            head = {
                "seq": record.seq,
                "time": record.time.isoformat(),
                "recorded": record.recorded.isoformat(),
                "kind": type(record.event).__name__,
            }
            yield as_line({**head, **json.loads(encode(record.event))})


def _record_faults(journal: Journal) -> Iterator[str]:
    try:
        records = list(journal.read())
    except JournalError as problem:
        yield str(problem)
        return
    expected = range(1, len(records) + 1)
    for number, record in zip(expected, records, strict=True):
        if record.seq != number:
            yield f"Event {number} is missing: the next one is {record.seq}."
            return
    for ref, order in fold(records).working.items():
        if abs(order.filled) > abs(order.request.quantity):
            yield f"{ref} was filled beyond its quantity: {order.filled}."
