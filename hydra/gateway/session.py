"""One client's connection without any I/O: bytes in, events out; responses in, bytes out.

The legal order of things is a table (`_NEXT`): greeting, then startApi, then requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from hydra.gateway.codec import FrameSplitter, frame, split_fields
from hydra.gateway.errors import MalformedMessage, ProtocolError, UnsupportedClient
from hydra.gateway.layout import Request, Response
from hydra.gateway.messages import NEWEST, OLDEST, decode_request, encode, encoder
from hydra.gateway.requests import StartApi
from hydra.gateway.responses import Error

GREETING = b"API\0"
_RANGE = re.compile(rb"v(\d{1,9})(?:\.\.(\d{1,9}))?(?: (.*))?\Z", re.DOTALL)
PACE = b"+PACEAPI"  # a client's wish that its messages be paced, not refused


class Phase(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    STARTING = "starting"
    RUNNING = "running"
    CLOSED = "closed"


class Heard(Enum):
    """What a client can say, as far as the order of things is concerned."""

    VERSIONS = "version range"
    START_API = "startApi"
    REQUEST = "request"
    NONSENSE = "nonsense"


_NEXT = {
    (Phase.GREETING, Heard.VERSIONS): Phase.STARTING,
    (Phase.STARTING, Heard.START_API): Phase.RUNNING,
    (Phase.RUNNING, Heard.REQUEST): Phase.RUNNING,
    # Some clients repeat startApi after they were told their order id; the gateway answers again.
    (Phase.RUNNING, Heard.START_API): Phase.RUNNING,
    (Phase.GREETING, Heard.NONSENSE): Phase.CLOSED,
    (Phase.STARTING, Heard.NONSENSE): Phase.CLOSED,
    (Phase.RUNNING, Heard.NONSENSE): Phase.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Greeted:
    """The client and the gateway agreed on a server version."""

    version: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The client broke the protocol: what was said to it, and the session is over."""

    reason: str


Event = Greeted | Broken | Request


def negotiated_version(lowest: int, highest: int) -> int:
    """The server version for a client that offers `lowest` to `highest`.

    Raises UnsupportedClient when there is none in 157..178; 158 is never chosen.
    """
    version = min(NEWEST, highest)
    version = OLDEST if version == OLDEST + 1 else version
    if version < max(OLDEST, lowest):
        raise UnsupportedClient(
            f"The application offers server versions {lowest} to {highest} and the gateway "
            f"speaks {OLDEST} to {NEWEST} except {OLDEST + 1}; it must be upgraded."
        )
    return version


@dataclass
class Session:
    """One connection's protocol state; `receive` bytes, `send` responses, `outgoing` bytes."""

    now: datetime  # the time that the greeting's answer names, aware
    version: int = OLDEST
    phase: Phase = Phase.GREETING
    asks_pacing: bool = False  # the client wishes its messages to be paced
    _greeting: bytearray = field(default_factory=bytearray)
    _splitter: FrameSplitter = field(default_factory=FrameSplitter)
    _out: bytearray = field(default_factory=bytearray)
    _encoders: dict[type[Response], Callable[[Any], bytes]] = field(default_factory=dict)
    """By kind of response, at the negotiated version: ticks are sent by the thousand."""

    def receive(self, data: bytes) -> list[Event]:
        """What `data`, cut anywhere, says; after a Broken the session is closed."""
        events: list[Event] = []
        if self.phase is Phase.CLOSED:
            return events
        try:
            for payload in self._splitter.feed(self._after_greeting(data)):
                events.append(self._heard(payload))
        except ProtocolError as error:
            events.append(self._break(error))
        return events

    def send(self, response: Response) -> None:
        """Queue `response` at the negotiated version; nothing leaves a closed session."""
        if self.phase is Phase.RUNNING:
            kind: Any = type(response)
            if kind not in self._encoders:
                self._encoders[kind] = encoder(kind, self.version)
            self._out += self._encoders[kind](response)

    def outgoing(self) -> bytes:
        """The bytes to write, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def close(self) -> None:
        """Hear and say nothing more."""
        self.phase = Phase.CLOSED

    def _after_greeting(self, data: bytes) -> bytes:
        if len(self._greeting) == len(GREETING):
            return data
        missing = len(GREETING) - len(self._greeting)
        self._greeting += data[:missing]
        if not GREETING.startswith(bytes(self._greeting)):
            raise MalformedMessage("a connection begins with API and a NUL")
        return data[missing:]

    def _heard(self, payload: bytes) -> Event:
        if self.phase is Phase.GREETING:
            return self._agree(payload)
        request = decode_request(split_fields(payload), self.version)
        self._step(Heard.START_API if isinstance(request, StartApi) else Heard.REQUEST)
        return request

    def _agree(self, payload: bytes) -> Greeted:
        offered = _RANGE.match(payload.rstrip(b"\0"))
        if offered is None:
            raise MalformedMessage(f"a version range such as v157..178, not {payload[:40]!r}")
        lowest = int(offered[1])
        self.asks_pacing = PACE in (offered[3] or b"").split()
        self.version = negotiated_version(lowest, int(offered[2] or lowest))
        self._step(Heard.VERSIONS)
        stamp = self.now.strftime("%Y%m%d %H:%M:%S %Z")
        self._out += frame(f"{self.version}\0{stamp}\0".encode())
        return Greeted(self.version)

    def _step(self, heard: Heard) -> None:
        following = _NEXT.get((self.phase, heard))
        if following is None:
            raise MalformedMessage(f"a {heard.value} cannot come while {self.phase.value}")
        self.phase = following

    def _break(self, error: ProtocolError) -> Broken:
        prefix = "Error reading request:" if isinstance(error, MalformedMessage) else ""
        text = prefix + str(error)
        self._out += encode(Error(-1, error.code, text), self.version)
        self._step(Heard.NONSENSE)
        return Broken(text)
