"""The last messages that were heard and said, for the control port to show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from hydra.gateway.layout import Message

KEPT = 20_000  # messages; older ones are forgotten, so that memory stays flat

Direction = Literal["in", "out"]
Entry = tuple[int, datetime, int, Direction, Message]


@dataclass
class Record:
    """Numbered messages in the order in which they crossed the gateway."""

    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT))
    _last: int = 0

    def add(self, when: datetime, client_id: int, direction: Direction, message: Message) -> None:
        """Remember one message."""
        self._last += 1
        self._entries.append((self._last, when, client_id, direction, message))

    @property
    def last(self) -> int:
        """The number of the newest message; 0 before the first."""
        return self._last

    def after(self, number: int) -> list[dict[str, Any]]:
        """The messages with a higher number, oldest first, as plain data."""
        return [_plain_entry(entry) for entry in self._entries if entry[0] > number]


def _plain_entry(entry: Entry) -> dict[str, Any]:
    number, when, client_id, direction, message = entry
    name = type(message).__name__
    return {
        "seq": number,
        "time": when.isoformat().replace("+00:00", "Z"),
        "client_id": client_id,
        "direction": direction,
        "name": name[0].lower() + name[1:],
        "fields": _plain(message),
    }


def _plain(value: Any) -> Any:
    """Groups as objects, decimals as texts."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Decimal) else value
