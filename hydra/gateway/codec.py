"""Bytes to frames to fields and back: the framing of the TWS protocol and its kinds of field.

A frame is a big-endian 32-bit length and that many bytes of NUL-terminated fields. A kind turns
one field's text into a Python value and back; "unset" exists only here as a number
(1.7976931348623157E308, 2147483647) and is `None` everywhere above.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeAlias

from hydra.gateway.errors import MalformedMessage, OversizedFrame, UnencodableValue

MAX_FRAME = 0xFFFFFF  # the limit of the official clients' reader
MAX_DOUBLE = "1.7976931348623157E308"
MAX_INTEGER = "2147483647"
MAX_EXPONENT = 18  # no price or quantity is larger; more digits are an attack on arithmetic
FRACTIONAL_SIZES = 163  # below this server version a size with a fraction kills some readers

_PREFIX = struct.Struct(">I")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class FrameSplitter:
    """Collects bytes that were cut anywhere and hands out whole frames."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add `data`; yield the frames (without their prefix) that are now complete.

        Raises OversizedFrame at a prefix that announces more than the limit, after the frames
        before it.
        """
        self._buffer += data
        start = 0
        try:
            while (end := self._end(start)) is not None:
                yield bytes(self._buffer[start + _PREFIX.size : end])
                start = end
        finally:
            del self._buffer[:start]

    def _end(self, start: int) -> int | None:
        """Where the frame that begins at `start` ends; None while bytes are missing."""
        if len(self._buffer) - start < _PREFIX.size:
            return None
        (length,) = _PREFIX.unpack_from(self._buffer, start)
        self._check(length)
        end: int = start + _PREFIX.size + length
        return end if end <= len(self._buffer) else None

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise OversizedFrame(f"Bad message length: {length} bytes, at most {self._limit}")


def frame(payload: bytes) -> bytes:
    """Prefix `payload` with its length."""
    return _PREFIX.pack(len(payload)) + payload


def join_fields(fields: list[str]) -> bytes:
    """One framed message of `fields`, each of them NUL-terminated."""
    text = "\0".join(fields) + "\0"
    if text.count("\0") != len(fields):
        raise holds_nul(fields)
    return frame(text.encode("utf-8"))


def holds_nul(fields: list[Any]) -> UnencodableValue:
    """What to raise where a field cannot be sent."""
    return UnencodableValue(f"a field holds a NUL, which ends fields on the wire: {fields!r}")


def split_fields(payload: bytes) -> list[str]:
    """The fields of one frame's payload; raises MalformedMessage without the last NUL."""
    fields = payload.decode("utf-8", errors="backslashreplace").split("\0")
    if fields.pop():
        raise MalformedMessage("the last field of a message must end with a NUL")
    return fields


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """How one field looks on the wire: `encode` value to text, `decode` text to value.

    `coarse` replaces `encode` below the server version that allows fractional sizes.
    """

    name: str
    encode: Callable[[Any], str]
    decode: Callable[[str], Any]
    coarse: Callable[[Any], str] | None = None

    def encoder(self, version: int) -> Callable[[Any], str]:
        """The encoder to use at server version `version`."""
        if self.coarse is not None and version < FRACTIONAL_SIZES:
            return self.coarse
        return self.encode

    def read(self, text: str) -> Any:
        """Decode `text`; raises MalformedMessage naming this kind when it cannot be read."""
        try:
            return self.decode(text)
        except (ValueError, InvalidOperation) as reason:
            raise MalformedMessage(
                f"{text[:40]!r} is not {self.name}, which stands here"
            ) from reason


def number_text(value: Decimal | float) -> str:
    """`value` without exponent and without trailing zeros: 100, never 100.0 (clients trip)."""
    if isinstance(value, int):
        return str(value)
    text = str(value) if isinstance(value, Decimal) else repr(float(value))
    if text.isdigit():  # most sizes
        return text
    if "E" in text or "e" in text or "n" in text or "N" in text:
        text = _without_exponent(Decimal(text))
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _without_exponent(value: Decimal) -> str:
    return format(value, "f") if value.is_finite() else _infinity_text(value)


def _infinity_text(value: Decimal) -> str:
    if value.is_nan():
        raise UnencodableValue("a NaN cannot be sent; send an unset value instead")
    return "Infinity" if value > 0 else "-Infinity"


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
        raise ValueError(text)
    return value


def _offset(text: str) -> Decimal | None:
    """An offset may be infinite, which clients spell in two ways and means "up to the middle"."""
    return Decimal("Infinity") if text[:5] == "Infin" else _optional_decimal(text)


def _optional_decimal(text: str) -> Decimal | None:
    # Clients print the largest double in their own ways: 1.797E308, 1.7976931348623157e+308.
    is_unset = not text or (text.startswith("1.79") and text[-3:] == "308")
    return None if is_unset else _decimal(text)


def _optional_int(text: str) -> int | None:
    return None if text in {"", MAX_INTEGER} else int(text)


def _flag(text: str) -> bool:
    if text not in {"", "0", "1", "true", "false", "True", "False"}:
        raise ValueError(text)
    return text in {"1", "true", "True"}


def _size_text(value: Decimal) -> str:
    return str(int(value.to_integral_value()))


def _escape(text: str) -> str:
    """ASCII only: other characters and the backslash itself as UTF-16 escapes."""
    if text.isascii() and "\\" not in text:
        return text
    return "".join(_escaped(c) if c == "\\" or ord(c) > 126 else c for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _unescape(text: str) -> str:
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16")


def _blank(encode: Callable[[Any], str], unset: str = "") -> Callable[[Any], str]:
    return lambda value: unset if value is None else encode(value)


TEXT = Kind("a text", str, str)
ESCAPED = Kind("an escaped text", _escape, _unescape)
INT = Kind("a whole number", str, lambda text: int(text) if text else 0)
NUMBER = Kind("a number", number_text, lambda text: _decimal(text) if text else Decimal(0))
FIGURE = Kind("a number", number_text, lambda text: float(text) if text else 0.0)
SIZE = Kind("a size", number_text, NUMBER.decode, _size_text)
FLAG = Kind("0 or 1", lambda value: "1" if value else "0", _flag)
OPTIONAL_INT = Kind("a whole number or nothing", _blank(str), _optional_int)
OPTIONAL_NUMBER = Kind("a number or nothing", _blank(number_text), _optional_decimal)
OPTIONAL_OFFSET = Kind("an offset, Infinity or nothing", _blank(number_text), _offset)
OPTIONAL_FLAG = Kind(
    "0, 1 or nothing", _blank(FLAG.encode), lambda text: _flag(text) if text else None
)
MAX_INT_OR_INT = Kind("a whole number or unset", _blank(str, MAX_INTEGER), _optional_int)
MAX_OR_NUMBER = Kind("a number or unset", _blank(number_text, MAX_DOUBLE), _optional_decimal)

Text: TypeAlias = Annotated[str, TEXT]
Escaped: TypeAlias = Annotated[str, ESCAPED]
Int: TypeAlias = Annotated[int, INT]
Number: TypeAlias = Annotated[Decimal, NUMBER]
Figure: TypeAlias = Annotated[float, FIGURE]
Size: TypeAlias = Annotated[Decimal, SIZE]
Flag: TypeAlias = Annotated[bool, FLAG]
OptInt: TypeAlias = Annotated[int | None, OPTIONAL_INT]
OptNumber: TypeAlias = Annotated[Decimal | None, OPTIONAL_NUMBER]
OptOffset: TypeAlias = Annotated[Decimal | None, OPTIONAL_OFFSET]
OptFlag: TypeAlias = Annotated[bool | None, OPTIONAL_FLAG]
MaxInt: TypeAlias = Annotated[int | None, MAX_INT_OR_INT]
MaxNumber: TypeAlias = Annotated[Decimal | None, MAX_OR_NUMBER]
