"""A recording: who said what and when, redacted, as lines of JSON.

The first line says what the file is and when it began; each other line is one message. Times are
seconds since the begin.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from hydra.gateway.errors import SettingsError
from hydra.gateway.plain import REQUEST_NAMES, RESPONSE_NAMES, Tree

Sender = Literal["client", "gateway"]
FORMAT = 1
GREETING = "greeting"  # the gateway's: which server version was agreed on, and its own time
UNREADABLE = "unreadable"  # a message that no table reads: its number and how many fields it had
GOODBYE = "disconnect"
MOST_ENTRIES = 500_000  # what memory holds easily
_OWN = frozenset({GREETING, UNREADABLE, GOODBYE})


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the `connection`-th connection, `at` seconds after the begin."""

    at: float
    connection: int
    sender: Sender
    message: str
    fields: Tree


@dataclass
class Recording:
    """What was said since `started` (aware, UTC: the gateway's own time), oldest first."""

    started: datetime
    entries: list[Entry] = field(default_factory=list)

    def version(self, connection: int) -> int:
        """The server version of a connection; raises SettingsError where none was agreed on."""
        for entry in self.entries:
            if entry.connection == connection and entry.message == GREETING:
                return int(entry.fields["version"])
        raise SettingsError(f"connection {connection} of the recording has no {GREETING}")

    def dump(self) -> str:
        """The file's text."""
        head = {"hydra_recording": FORMAT, "started": self.started.isoformat()}
        lines = [json.dumps(head), *(json.dumps(_line(entry)) for entry in self.entries)]
        return "\n".join(lines) + "\n"

    def summary(self) -> list[str]:
        """What was recorded, in lines of at most 80 columns: counts by message."""
        counts = Counter((entry.sender, entry.message) for entry in self.entries)
        rows = [f"  {who:<8} {name:<40} {n:>7}" for (who, name), n in sorted(counts.items())]
        connections = len({entry.connection for entry in self.entries})
        return [
            f"{len(self.entries)} messages of {connections} connections since "
            f"{self.started:%Y-%m-%d %H:%M:%S} UTC:",
            *rows,
        ]

    def sample(self, count: int = 12) -> list[str]:
        """The first lines of each kind of message as the file would hold them."""
        seen: set[str] = set()
        lines: list[str] = []
        for entry in self.entries:
            if entry.message not in seen and len(lines) < count:
                seen.add(entry.message)
                lines.append(json.dumps(_line(entry)))
        return lines


def load_recording(text: str) -> Recording:
    """The recording in a file's text; raises SettingsError that names the first bad line."""
    lines = text.splitlines()
    try:
        head = json.loads(lines[0]) if lines else {}
        if head.get("hydra_recording") != FORMAT:
            raise SettingsError(
                f"line 1 is no head of a recording of format {FORMAT}; "
                "`hydra gateway --record FILE` makes one"
            )
        started = datetime.fromisoformat(head["started"])
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        raise SettingsError(f"line 1 is no head of a recording: {reason}") from None
    if started.tzinfo is None:
        raise SettingsError("line 1: started has no time zone; end it with +00:00 for UTC")
    entries = [_entry(line, number) for number, line in enumerate(lines[1:], 2) if line.strip()]
    if not entries:
        raise SettingsError("the recording has no messages")
    return Recording(started, entries)


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "at": round(entry.at, 3),
        "connection": entry.connection,
        "from": entry.sender,
        "message": entry.message,
        "fields": entry.fields,
    }


def _entry(line: str, number: int) -> Entry:
    try:
        read = json.loads(line)
        entry = Entry(
            float(read["at"]),
            int(read["connection"]),
            read["from"],
            str(read["message"]),
            read["fields"],
        )
    except (ValueError, KeyError, TypeError) as reason:
        raise SettingsError(f"line {number} is no message of a recording: {reason}") from None
    known = _names(entry.sender)
    if entry.message not in known or not isinstance(entry.fields, dict):
        raise SettingsError(
            f"line {number}: {entry.message!r} from {entry.sender!r} is no message that is known"
        )
    return entry


def _names(sender: object) -> Iterable[str]:
    names: Mapping[object, Mapping[str, Any]] = {
        "client": REQUEST_NAMES,
        "gateway": RESPONSE_NAMES,
    }
    return _OWN | set(names.get(sender, ()))
