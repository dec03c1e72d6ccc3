"""Events ↔ JSON text, driven by the type hints of the frozen values themselves.

Decimals, dates and times travel as text, so nothing is rounded on the way. Decoding what was
encoded gives an equal event; a text that does not fit its type raises `JournalError`, no guess.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any

from hydra.domain.events import KINDS, Event
from hydra.errors import JournalError

Decoder = Callable[[Any], Any]


def encode(event: Event) -> str:
    """The event's fields as one line of JSON; raises `JournalError` for a figure that is none, and
    for tables that are nested without end.

    NaN and infinity are none: JSON has no word for them, and NaN does not even equal itself.
    """
    try:
        return as_line(_plain(event), separators=(",", ":"))
    except ValueError as problem:
        raise JournalError(f"{event!r} holds a figure that is no number.") from problem
    except RecursionError as problem:
        raise JournalError(f"A {type(event).__name__} is nested too deeply.") from problem


def as_line(value: Any, separators: tuple[str, str] | None = None) -> str:
    """JSON on one line that can be stored and printed: half a character (a lone surrogate, as
    foreign text may hold it) is written as its escape, and read back as it was."""
    line = json.dumps(value, separators=separators, ensure_ascii=False, allow_nan=False)
    if line.isascii():
        return line
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=separators, allow_nan=False)
    return line


def decode(kind: str, body: str) -> Event:
    """The event of that kind; raises `JournalError` for an unknown kind or a body that is torn."""
    try:
        event: Event = _decoder(typing.cast(Any, KINDS[kind]))(json.loads(body))
    except (KeyError, ValueError, TypeError, ArithmeticError, RecursionError) as problem:
        raise JournalError(
            f"A journal record of kind {kind} cannot be read: {problem!r}."
        ) from problem
    return event


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    plain = _encoder(kind)
    return value if plain is None else plain(value)


@cache
def _encoder(kind: Any) -> Callable[[Any], Any] | None:
    """The function that turns a value of that type into plain JSON; None where it is plain."""
    if is_dataclass(kind):
        names = [f.name for f in fields(kind)]
        return lambda value: {name: _plain(getattr(value, name)) for name in names}
    for known, encoder in ENCODERS:
        if issubclass(kind, known):
            return encoder
    return None


def _finite(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(value)
    return str(value)


ENCODERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Mapping, lambda value: {key: _plain(item) for key, item in value.items()}),
    (tuple, lambda value: [_plain(item) for item in value]),
    (Decimal, _finite),
    (date, lambda value: value.isoformat()),  # datetime is a date
    (Enum, lambda value: value.value),
)
"""How values travel that JSON has no word for."""


@cache
def _decoder(wanted: Any) -> Decoder:
    """The function that turns plain JSON back into `wanted`; made once a type."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, UnionType):
        return _optional(_decoder(next(t for t in inner if t is not type(None))))
    if origin is tuple:
        return _sequence(_decoder(inner[0]))
    if origin is not None:
        return _mapping(_decoder(inner[1]))
    if is_dataclass(wanted):
        return _record(wanted)
    if wanted in (datetime, date):
        return typing.cast(Decoder, wanted.fromisoformat)
    return _leaf(wanted)


def _leaf(wanted: Any) -> Decoder:
    if wanted in (str, int, float, bool):
        return lambda value: value
    return typing.cast(Decoder, wanted)


def _optional(decoder: Decoder) -> Decoder:
    return lambda value: None if value is None else decoder(value)


def _sequence(decoder: Decoder) -> Decoder:
    return lambda value: tuple(decoder(item) for item in value)


def _mapping(decoder: Decoder) -> Decoder:
    return lambda value: {key: decoder(item) for key, item in value.items()}


def _record(cls: Any) -> Decoder:
    """A field that a record lacks takes its default: it was added after the record was written."""
    hints = typing.get_type_hints(cls)
    parts = [(f.name, _decoder(hints[f.name]), _has_default(f)) for f in fields(cls)]

    def decode_record(value: Any) -> Any:
        return cls(
            **{
                name: decoder(value[name])
                for name, decoder, optional in parts
                if name in value or not optional
            }
        )

    return decode_record


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING
