"""Messages as plain trees of texts and back, by the same tables as on the wire.

A message is a mapping of its fields' names, in wire order, to texts; a group is a mapping again,
what repeats a list. Variants hold their number as `type`. What is not there at a server version
is not in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

from hydra.gateway.errors import MalformedMessage
from hydra.gateway.layout import (
    Inline,
    Many,
    Message,
    Present,
    Row,
    Scalar,
    Variants,
    rows,
    table,
)
from hydra.gateway.messages import REQUESTS, RESPONSES

Tree = dict[str, Any]


def message_name(cls: type) -> str:
    """A message's name as clients write it: placeOrder."""
    return cls.__name__[0].lower() + cls.__name__[1:]


REQUEST_NAMES: Mapping[str, type[Any]] = MappingProxyType(
    {message_name(cls): cls for cls in REQUESTS.values()}
)
RESPONSE_NAMES: Mapping[str, type[Any]] = MappingProxyType(
    {message_name(cls): cls for cls in RESPONSES.values()}
)


def tree_of(message: Message, version: int) -> Tree:
    """The fields that `message` has on the wire at server version `version`."""
    return _group_tree(type(message), message, version, frozenset())


def message_of(cls: type[Any], tree: Mapping[str, Any], version: int) -> Any:
    """The message of `tree`; what it leaves out keeps its default.

    Raises MalformedMessage for a name, a text or a structure that the table does not have, and
    for a field without default that is missing.
    """
    return _group_of(cls, tree, version, frozenset())


def gated_names(cls: type, version: int) -> list[tuple[str, int]]:
    """The fields that came after `version`, each with the server version that brought it."""
    return [(row.name, row.gate.first) for row in rows(cls) if row.gate.first > version]


def _group_tree(cls: type, value: Any, version: int, omit: frozenset[str]) -> Tree:
    return {
        row.name: _value_tree(row.shape, getattr(value, row.name), version)
        for row in table(cls, version, omit).rows
        if row.condition is None or row.condition.holds(value)
    }


def _value_tree(shape: Any, value: Any, version: int) -> Any:
    match shape:
        case Scalar():
            return shape.kind.encoder(version)(value)
        case Inline():
            return _group_tree(shape.group, value, version, shape.omit)
        case Many():
            return [_value_tree(shape.item, item, version) for item in value]
        case Present():
            return None if value is None else _value_tree(shape.item, value, version)
        case Variants():
            number = next(n for n, cls in shape.groups.items() if cls is type(value))
            return {"type": str(number)} | _group_tree(type(value), value, version, frozenset())
        case _:
            raise TypeError(f"{shape!r} has no plain form")


def _group_of(cls: type, tree: Any, version: int, omit: frozenset[str]) -> Any:
    if not isinstance(tree, Mapping):
        raise MalformedMessage(f"{message_name(cls)} is a table of fields, not {tree!r:.40}")
    taken = SimpleNamespace()
    for name, value in _values(cls, tree, version, omit):
        setattr(taken, name, value)
    try:
        return cls(**vars(taken))
    except TypeError as reason:
        raise MalformedMessage(f"{message_name(cls)} lacks a field: {reason}") from reason


def _values(
    cls: type, tree: Mapping[str, Any], version: int, omit: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    known: dict[str, Row] = {row.name: row for row in table(cls, version, omit).rows}
    for name, plain in tree.items():
        row = known.get(name)
        if row is None:
            raise MalformedMessage(
                f"{message_name(cls)} has no field {name!r} at server version {version}"
            )
        try:
            yield name, _value_of(row.shape, plain, version)
        except MalformedMessage as reason:
            raise MalformedMessage(f"{name}: {reason}") from reason


def _value_of(shape: Any, plain: Any, version: int) -> Any:
    match shape:
        case Scalar() if isinstance(plain, str):
            return shape.kind.read(plain)
        case Inline():
            return _group_of(shape.group, plain, version, shape.omit)
        case Many() if isinstance(plain, list):
            return tuple(_value_of(shape.item, item, version) for item in plain)
        case Present():
            return None if plain is None else _value_of(shape.item, plain, version)
        case Variants() if isinstance(plain, Mapping):
            return _variant_of(shape, plain, version)
        case _:
            raise MalformedMessage(f"{plain!r:.40} cannot stand here")


def _variant_of(shape: Variants, plain: Mapping[str, Any], version: int) -> Any:
    fields = dict(plain)
    number = str(fields.pop("type", ""))
    cls = shape.groups.get(int(number)) if number.isdecimal() else None
    if cls is None:
        raise MalformedMessage(
            f"type {number!r} is not one of {', '.join(map(str, shape.groups))}"
        )
    return _group_of(cls, fields, version, frozenset())
