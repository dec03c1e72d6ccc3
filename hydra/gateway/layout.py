"""Messages as tables: a class's typed fields, in wire order, are its encoder and its decoder.

::

    @message(4, version=2)
    class Error(Response):
        reqId: Int
        code: Int
        text: Escaped
        advancedOrderRejectJson: Annotated[Text, since(166)] = ""

A field's annotation carries its kind (`codec`), its version gate (`since`, `until`, `only`), a
condition on fields before it (`when`), or a structure: `inline`, `many`, `present`, `variants`.
Tables are compiled once a class and server version, on first use.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import groupby
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform, get_type_hints

from hydra.gateway.codec import Kind, frame, holds_nul
from hydra.gateway.errors import MalformedMessage

T = TypeVar("T")


class Message:
    """What flows over the wire; `NUMBER` is its id, `VERSION` its literal version field."""

    __slots__ = ()
    NUMBER: ClassVar[int]
    VERSION: ClassVar[int | None]
    VERSION_UNTIL: ClassVar[int]


class Request(Message):
    """Client to gateway."""

    __slots__ = ()


class Response(Message):
    """Gateway to client."""

    __slots__ = ()


@dataclass_transform(frozen_default=True)
def message(
    number: int, *, version: int | None = None, version_until: int = 9999, is_open: bool = False
) -> Callable[[type[T]], type[T]]:
    """Make a class message `number`; its literal `version` is sent up to `version_until`.

    An open class has no slots, so that `changed` can copy its messages at once.
    """

    def build(cls: type[T]) -> type[T]:
        built: Any = dataclass(frozen=True, slots=not is_open)(cls)
        built.NUMBER, built.VERSION, built.VERSION_UNTIL = number, version, version_until
        return built  # type: ignore[no-any-return]  # the decorator keeps the class's type

    return build


@dataclass_transform(frozen_default=True)
def group(cls: type[T]) -> type[T]:
    """Make a class a group of fields, to be used inside messages."""
    return dataclass(frozen=True, slots=True)(cls)


def changed(message: T, **known: object) -> T:
    """`message`, of an open class, with other values in some fields.

    `dataclasses.replace` writes every field by itself, which takes as long as sending the message.
    """
    made = object.__new__(type(message))
    vars(made).update(vars(message), **known)
    return made


@dataclass(frozen=True, slots=True)
class Gate:
    """The server versions at which a field exists."""

    first: int = 0
    last: int = 9999


def since(version: int) -> Gate:
    """The field exists from this server version on."""
    return Gate(first=version)


def until(version: int) -> Gate:
    """The field exists up to and including this server version."""
    return Gate(last=version)


def only(version: int) -> Gate:
    """The field exists at this server version alone."""
    return Gate(version, version)


@dataclass(frozen=True, slots=True, eq=False)
class When:
    """The field exists if `holds`, asked of the fields before it."""

    holds: Callable[[Any], bool]


def when(name: str, *values: object) -> When:
    """The field exists if field `name` is one of `values`, or is not empty when none is given."""
    get = operator.attrgetter(name)
    if not values:
        return When(lambda fields: bool(get(fields)))
    return When(lambda fields: get(fields) in values)


class Cursor:
    """Reads the fields of one message from left to right."""

    __slots__ = ("_at", "_fields")

    def __init__(self, fields: list[str], at: int = 0) -> None:
        self._fields = fields
        self._at = at

    def some(self, count: int) -> list[str]:
        """The next `count` fields; fewer, and none taken, when the message ends before."""
        found = self._fields[self._at : self._at + count]
        self._at += count if len(found) == count else 0
        return found

    def take(self) -> str:
        """The next field; raises MalformedMessage when none is left."""
        if self._at >= len(self._fields):
            raise self.ended()
        self._at += 1
        return self._fields[self._at - 1]

    def ended(self) -> MalformedMessage:
        """What to raise where a field is missing."""
        return MalformedMessage(f"the message ends after {len(self._fields)} fields")

    def count(self) -> int:
        """The next field as the number of repetitions that follow, at most what is left."""
        text = self.take()
        if len(text) > 8 or not text.isascii() or not (text or "0").isdigit():
            raise MalformedMessage(f"{text[:40]!r} is not a count, which stands here")
        if int(text or 0) > len(self._fields) - self._at:
            raise MalformedMessage(f"{text} repetitions are announced and fewer fields follow")
        return int(text or 0)

    def left(self) -> int:
        """How many fields have not been read."""
        return len(self._fields) - self._at


class Shape(Protocol):
    """What a field's annotation must offer: write a value, read a value, at one version."""

    @abstractmethod
    def write(self, value: Any, version: int, out: list[str]) -> None:
        """Append the texts of `value`."""

    @abstractmethod
    def take(self, cursor: Cursor, version: int) -> Any:
        """Read one value."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One field of one kind."""

    kind: Kind

    def write(self, value: Any, version: int, out: list[str]) -> None:
        out.append(self.kind.encoder(version)(value))

    def take(self, cursor: Cursor, version: int) -> Any:
        return self.kind.read(cursor.take())


@dataclass(frozen=True, slots=True, eq=False)
class Inline:
    """A group's fields, some left out (they keep their defaults)."""

    group: type
    omit: frozenset[str]

    def write(self, value: Any, version: int, out: list[str]) -> None:
        table(self.group, version, self.omit).write(value, out)

    def take(self, cursor: Cursor, version: int) -> Any:
        return table(self.group, version, self.omit).take(cursor)


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """A count and that many items."""

    item: Shape

    def write(self, value: Any, version: int, out: list[str]) -> None:
        out.append(str(len(value)))
        for item in value:
            self.item.write(item, version, out)

    def take(self, cursor: Cursor, version: int) -> Any:
        return tuple(self.item.take(cursor, version) for _ in range(cursor.count()))


@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """0, or 1 and a group."""

    item: Shape

    def write(self, value: Any, version: int, out: list[str]) -> None:
        out.append("0" if value is None else "1")
        if value is not None:
            self.item.write(value, version, out)

    def take(self, cursor: Cursor, version: int) -> Any:
        return self.item.take(cursor, version) if cursor.take() in {"1", "true"} else None


class Variants:
    """A type number and the group that it stands for."""

    def __init__(self, groups: Mapping[int, type]) -> None:
        self.groups = groups
        self._numbers = {cls: (str(number), cls) for number, cls in groups.items()}

    def write(self, value: Any, version: int, out: list[str]) -> None:
        number, cls = self._numbers[type(value)]
        out.append(number)
        table(cls, version).write(value, out)

    def take(self, cursor: Cursor, version: int) -> Any:
        text = cursor.take()
        chosen = self.groups.get(int(text)) if text.isdecimal() and len(text) < 3 else None
        if chosen is None:
            allowed = ", ".join(map(str, self.groups))
            raise MalformedMessage(f"type {text[:40]!r} is not one of {allowed}")
        return table(chosen, version).take(cursor)


def inline(cls: type, *, omit: Iterable[str] = ()) -> Inline:
    """The fields of group `cls` without those in `omit`."""
    return Inline(cls, frozenset(omit))


def many(item: type | Kind | Shape) -> Many:
    """A count, then that many groups, kinds or shapes."""
    return Many(_shape(item))


def present(cls: type) -> Present:
    """0 for None, or 1 and the group `cls`."""
    return Present(Inline(cls, frozenset()))


def variants(groups: Mapping[int, type]) -> Variants:
    """A type number, then the group that it stands for."""
    return Variants(groups)


def _shape(item: Any) -> Shape:
    if isinstance(item, Kind):
        return Scalar(item)
    return Inline(item, frozenset()) if isinstance(item, type) else item


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of a table: a field's name, shape, gate and condition."""

    name: str
    shape: Shape
    gate: Gate
    condition: When | None

    def at(self, version: int) -> bool:
        """Whether the field exists at server version `version`."""
        return self.gate.first <= version <= self.gate.last


_NO_DEFAULT = object()
_STRETCH = 5  # parts that are told together


class Run:
    """Neighbouring rows of one field each that are always there, read and written in one sweep.

    Most fields of the long tables hold their default, whose text is known beforehand.
    """

    def __init__(self, cls: type, rows: list[Row], version: int) -> None:
        scalars = [row.shape for row in rows]
        self.names = [row.name for row in rows]
        self.conditions: list[When] = []
        self._kinds = [one.kind for one in scalars if isinstance(one, Scalar)]
        self._encoders = [kind.encoder(version) for kind in self._kinds]
        known = {field.name: field.default for field in fields(cls)}
        self._defaults = [_default(known[name]) for name in self.names]
        self._texts = [
            "" if default is _NO_DEFAULT else encode(default)
            for default, encode in zip(self._defaults, self._encoders, strict=True)
        ]
        self._last: tuple[Any, ...] = tuple(self._defaults)
        self._last_texts = self._texts
        self._given: list[str] | None = None
        self._read: dict[str, Any] = {}
        get = operator.attrgetter(*self.names)
        self._values = get if len(rows) > 1 else lambda value: (get(value),)

    def write(self, value: Any, out: list[str]) -> None:
        """Append the texts of the run's fields."""
        values = self._values(value)
        # An order is told several times over, and all but a few of its fields are as before.
        if values != self._last:
            self._last_texts = self._written(values)
            self._last = values
        out += self._last_texts

    def _written(self, values: tuple[Any, ...]) -> list[str]:
        columns = zip(values, self._last, self._last_texts, self._encoders, strict=True)
        return [text if one is last else encode(one) for one, last, text, encode in columns]

    def framer(self, head: Sequence[str]) -> Callable[[Any], bytes]:
        """How to frame a message that is `head` and this run: a tick, sent by the thousand.

        Its texts fill a template, which takes less than half the time of joining them.
        """
        get, size = self._values, len(head) + len(self.names)
        made = [(at, one) for at, one in enumerate(self._encoders) if one is not str]
        template = "".join(f"{text}\0" for text in head).replace("%", "%%")
        template += "%s\0" * len(self.names)

        def framed(message: Any) -> bytes:
            values = list(get(message))
            for at, encode in made:
                values[at] = encode(values[at])
            text = template % tuple(values)
            if text.count("\0") != size:
                raise holds_nul(values)
            return frame(text.encode())

        return framed

    def take(self, cursor: Cursor, taken: SimpleNamespace) -> None:
        """Read the run's fields into `taken`."""
        given = cursor.some(len(self.names))
        # A client's orders are alike but for a few fields, as one order is told again and again.
        if given != self._given:
            self._read = self._decoded(given, cursor)
            self._given = given
        vars(taken).update(self._read)

    def _decoded(self, given: list[str], cursor: Cursor) -> dict[str, Any]:
        read: dict[str, Any] = {}
        columns = zip(self.names, self._defaults, self._texts, self._kinds, strict=True)
        texts = iter(given)
        name = ""
        try:
            for name, default, text, kind in columns:
                one = next(texts, None)
                if one is None:
                    raise cursor.ended()
                is_default = one == text and default is not _NO_DEFAULT
                read[name] = default if is_default else kind.read(one)
        except MalformedMessage as reason:
            raise MalformedMessage(f"{name}: {reason}") from reason
        return read


def _default(value: Any) -> Any:
    return _NO_DEFAULT if value is MISSING else value


class Lone:
    """A row that has a structure or a condition."""

    def __init__(self, row: Row, version: int) -> None:
        self.names = [row.name]
        self.conditions = [] if row.condition is None else [row.condition]
        self._row = row
        self._version = version

    def write(self, value: Any, out: list[str]) -> None:
        """Append the row's texts, if it is there."""
        row = self._row
        if row.condition is None or row.condition.holds(value):
            row.shape.write(getattr(value, row.name), self._version, out)

    def take(self, cursor: Cursor, taken: SimpleNamespace) -> None:
        """Read the row, if it is there, into `taken`."""
        row = self._row
        if row.condition is not None and not row.condition.holds(taken):
            return
        try:
            vars(taken)[row.name] = row.shape.take(cursor, self._version)
        except MalformedMessage as reason:
            raise MalformedMessage(f"{row.name}: {reason}") from reason


class Stretch:
    """Neighbouring parts of a long table, written anew only when one of their fields changed."""

    def __init__(self, parts: list[Run | Lone]) -> None:
        self._parts = parts
        self._conditions = [condition for part in parts for condition in part.conditions]
        self._values = operator.attrgetter(*(name for part in parts for name in part.names))
        self._last: Any = None
        self._texts: list[str] = []

    def write(self, value: Any, out: list[str]) -> None:
        """Append the texts of the parts."""
        # What a condition asks may lie outside the stretch, so its answer is compared as well.
        current = self._values(value), [one.holds(value) for one in self._conditions]
        if current != self._last:
            self._texts = []
            for part in self._parts:
                part.write(value, self._texts)
            self._last = current
        out += self._texts


class Table:
    """A class's rows at one server version."""

    def __init__(self, cls: type, version: int, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        self._cls = cls
        self._parts: list[Run | Lone] = []
        for is_run, some in groupby(rows, _is_plain):
            if is_run:
                self._parts.append(Run(cls, list(some), version))
            else:
                self._parts += [Lone(row, version) for row in some]
        self._written: Sequence[Run | Lone | Stretch] = _stretches(self._parts)

    def write(self, value: Any, out: list[str]) -> None:
        """Append the texts of `value`'s fields."""
        for part in self._written:
            part.write(value, out)

    @property
    def only_run(self) -> Run | None:
        """The run that is the whole table, if one is."""
        run = self._parts[0] if len(self._parts) == 1 else None
        return run if isinstance(run, Run) else None

    def take(self, cursor: Cursor) -> Any:
        """Read one value; fields that do not exist here keep their defaults."""
        taken = SimpleNamespace()
        for part in self._parts:
            part.take(cursor, taken)
        return self._cls(**vars(taken))


def _stretches(parts: list[Run | Lone]) -> Sequence[Run | Lone | Stretch]:
    """The parts of a long table by the handful; a short table's as they are."""
    if len(parts) <= 2 * _STRETCH:
        return parts
    return [Stretch(parts[at : at + _STRETCH]) for at in range(0, len(parts), _STRETCH)]


def _is_plain(row: Row) -> bool:
    return isinstance(row.shape, Scalar) and row.condition is None


@cache
def rows(cls: type) -> tuple[Row, ...]:
    """All rows of a message or group class, whatever the version."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_row(field.name, hints[field.name].__metadata__) for field in fields(cls))


def _row(name: str, marks: tuple[Any, ...]) -> Row:
    gate = next((mark for mark in marks if isinstance(mark, Gate)), Gate())
    condition = next((mark for mark in marks if isinstance(mark, When)), None)
    shape = next(mark for mark in marks if not isinstance(mark, Gate | When))
    return Row(name, _shape(shape), gate, condition)


@cache
def table(cls: type, version: int, omit: frozenset[str] = frozenset()) -> Table:
    """The rows of `cls` that exist at server version `version`."""
    kept = (row for row in rows(cls) if row.at(version) and row.name not in omit)
    return Table(cls, version, tuple(kept))


def by_number(classes: Iterable[Any], base: type[T]) -> Mapping[int, type[T]]:
    """The message classes among `classes` that derive from `base`, by message number."""
    found = (c for c in classes if isinstance(c, type) and issubclass(c, base) and c is not base)
    return MappingProxyType({c.NUMBER: c for c in found if hasattr(c, "NUMBER")})  # type: ignore[attr-defined]  # messages have it
