"""All messages of the protocol: encode one, decode a request, decode a response.

`REQUESTS` and `RESPONSES` map message numbers to their tables (`requests`, `responses`,
`orders`). The same table encodes and decodes, so `decode(encode(m))` is `m` at every version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hydra.gateway import orders, requests, responses
from hydra.gateway.codec import join_fields
from hydra.gateway.errors import MalformedMessage, UnknownMessage
from hydra.gateway.layout import Cursor, Message, Request, Response, by_number, table

OLDEST = 157
NEWEST = 178
# ib_async reads `duration` in openOrder from 159 on and ibapi from 158 on, so that no layout
# suits both at 158: it is never negotiated.
VERSIONS = (OLDEST, *range(159, NEWEST + 1))

REQUESTS: Mapping[int, type[Request]] = by_number(
    (*vars(requests).values(), orders.PlaceOrder), Request
)
RESPONSES: Mapping[int, type[Response]] = by_number(
    (*vars(responses).values(), orders.OpenOrder, orders.CompletedOrder), Response
)


def encode(message: Message, version: int) -> bytes:
    """`message` as one frame at server version `version`."""
    kind: Any = type(message)
    return encoder(kind, version)(message)


def decode_request(fields: list[str], version: int) -> Request:
    """The request in `fields`; raises UnknownMessage or MalformedMessage."""
    request: Request = _decode(fields, version, REQUESTS)
    return request


def decode_response(fields: list[str], version: int) -> Response:
    """The response in `fields`; raises UnknownMessage or MalformedMessage."""
    response: Response = _decode(fields, version, RESPONSES)
    return response


def _decode(fields: list[str], version: int, tables: Mapping[int, type[Any]]) -> Any:
    number = fields[0] if fields else ""
    known = len(number) < 6 and number.isascii() and number.isdecimal()
    cls: Any = tables.get(int(number)) if known else None
    if cls is None:
        raise UnknownMessage(f"Fatal Error: Unknown message id. {number[:40]!r}")
    cursor = Cursor(fields, 1)
    if _has_version(cls, version):
        cursor.take()
    found = table(cls, version).take(cursor)
    if cursor.left():
        raise MalformedMessage(f"{cls.__name__}: {cursor.left()} fields are left over")
    return found


def _has_version(cls: type[Message], version: int) -> bool:
    return cls.VERSION is not None and version <= cls.VERSION_UNTIL


@cache
def encoder(cls: Any, version: int) -> Callable[[Message], bytes]:
    """How to turn a message into its frame."""
    compiled = table(cls, version)
    head = [str(cls.NUMBER), *([str(cls.VERSION)] if _has_version(cls, version) else [])]

    if compiled.only_run is not None:
        return compiled.only_run.framer(head)

    def encoded(message: Message) -> bytes:
        out = head.copy()
        compiled.write(message, out)
        return join_fields(out)

    return encoded
