"""The life of an order as a table: which state follows which when what is told.

Messages of a broker come late, twice and out of order, so the table says for each state what it
takes notice of; whatever is not in it changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    """Admitted and journalled; it is not known to have left."""
    SUBMITTED = "submitted"
    """Its bytes were handed to the gateway's socket."""
    ACKNOWLEDGED = "acknowledged"
    """The broker holds it."""
    PARTLY_FILLED = "partly filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """The broker neither holds it nor tells what became of it; never sent again."""


class Told(StrEnum):
    """What a state can change upon."""

    SENT = "sent"
    NOT_SENT = "not sent"
    HELD = "held"
    PART = "partly filled"
    WHOLE = "wholly filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    MISSING = "missing"
    FOUND = "found"
    """The broker's book, asked after the end or the loss was told, holds the order."""


S, T = OrderState, Told
_ENDS = {
    T.WHOLE: S.FILLED,
    T.CANCELLED: S.CANCELLED,
    T.REJECTED: S.REJECTED,
    T.MISSING: S.UNKNOWN,
}
_LATE = {T.WHOLE: S.FILLED}

NEXT: Mapping[OrderState, Mapping[Told, OrderState]] = MappingProxyType(
    {
        S.PENDING: {**_ENDS, T.SENT: S.SUBMITTED, T.HELD: S.ACKNOWLEDGED, T.PART: S.PARTLY_FILLED},
        S.SUBMITTED: {
            **_ENDS,
            T.NOT_SENT: S.PENDING,
            T.HELD: S.ACKNOWLEDGED,
            T.PART: S.PARTLY_FILLED,
        },
        S.ACKNOWLEDGED: {**_ENDS, T.PART: S.PARTLY_FILLED},
        S.PARTLY_FILLED: _ENDS,
        S.UNKNOWN: {
            **_LATE,
            # Another run may have missed it at the broker while the run that sends it found out.
            T.NOT_SENT: S.PENDING,
            T.HELD: S.ACKNOWLEDGED,
            T.FOUND: S.ACKNOWLEDGED,
            T.PART: S.PARTLY_FILLED,
            T.CANCELLED: S.CANCELLED,
            T.REJECTED: S.REJECTED,
        },
        # A fill can overtake the end that was told: executions are the truth. And an error that
        # was about a change can look like the end: then the book is.
        S.CANCELLED: {**_LATE, T.FOUND: S.ACKNOWLEDGED},
        S.REJECTED: {**_LATE, T.FOUND: S.ACKNOWLEDGED},
        S.FILLED: {},
    }
)
"""State → what is told → the state that follows."""

OPEN = frozenset({S.PENDING, S.SUBMITTED, S.ACKNOWLEDGED, S.PARTLY_FILLED})
"""States in which an order may still trade."""

ENDED = frozenset({S.FILLED, S.CANCELLED, S.REJECTED})
"""States that are known to be the end; `UNKNOWN` is neither of both."""


def after(state: OrderState, told: Told) -> OrderState:
    """The state that follows; the same one where the table takes no notice."""
    return NEXT[state].get(told, state)
