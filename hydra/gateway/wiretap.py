"""One recorded connection without any I/O: bytes go in, the same bytes come out, and entries.

Nothing that a client says after startApi comes out before the gateway has named its accounts and
all of them are those of paper trading (DU…, DF…).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hydra.gateway.codec import FrameSplitter, frame, split_fields
from hydra.gateway.errors import MalformedMessage, ProtocolError, SettingsError
from hydra.gateway.layout import Message
from hydra.gateway.messages import VERSIONS, decode_request, decode_response
from hydra.gateway.plain import message_name
from hydra.gateway.recording import GREETING, UNREADABLE, Entry, Sender
from hydra.gateway.redaction import Redactor
from hydra.gateway.responses import ManagedAccounts
from hydra.gateway.session import GREETING as OPENING

_PAPER = ("DU", "DF")
_STAMP = re.compile(r"\d{8} \d{2}:\d{2}:\d{2}( [A-Za-z/_ ]{1,40})?\Z")
_START_API = "71"


@dataclass
class Wiretap:
    """Listens to one connection; `hear_client` and `hear_gateway` return what to pass on."""

    connection: int
    redactor: Redactor
    note: Callable[[Entry], None]
    version: int = 0
    stamp: str = ""
    _opening: bytearray = field(default_factory=bytearray)
    _client: FrameSplitter = field(default_factory=FrameSplitter)
    _gateway: FrameSplitter = field(default_factory=FrameSplitter)
    _is_started: bool = False
    _is_paper: bool = False
    _has_range: bool = False
    _held: list[bytes] = field(default_factory=list)

    def hear_client(self, data: bytes, at: float) -> bytes:
        """What of `data`, and of what was held back, may pass to the gateway.

        Raises ProtocolError for bytes that are no conversation with a gateway.
        """
        passing, data = self._after_opening(data)
        for payload in self._client.feed(data):
            self._note_request(payload, at)
            if self._is_started and not self._is_paper:
                self._held.append(frame(payload))
            else:
                passing += frame(payload)
            self._is_started = self._is_started or payload.startswith(f"{_START_API}\0".encode())
        return passing

    def hear_gateway(self, data: bytes, at: float) -> bytes:
        """What of `data` may pass to the client.

        Raises SettingsError when an account is none of paper trading, or when the server version
        that was agreed on cannot be read.
        """
        passing = b""
        for payload in self._gateway.feed(data):
            if self.version:
                self._note_response(payload, at)
            else:
                self._agree(payload, at)
            passing += frame(payload)
        return passing

    def released(self) -> bytes:
        """What was held back and may pass to the gateway now, once."""
        if not self._is_paper:
            return b""
        held, self._held = b"".join(self._held), []
        return held

    def _after_opening(self, data: bytes) -> tuple[bytes, bytes]:
        missing = len(OPENING) - len(self._opening)
        if not missing:
            return b"", data
        self._opening += data[:missing]
        if not OPENING.startswith(bytes(self._opening)):
            raise MalformedMessage("a connection begins with API and a NUL")
        return data[:missing], data[missing:]

    def _agree(self, payload: bytes, at: float) -> None:
        fields = split_fields(payload)
        version = fields[0] if fields else ""
        if not version.isdecimal() or int(version) not in VERSIONS:
            raise SettingsError(
                f"server version {version[:12]!r} cannot be recorded, only {VERSIONS[0]} and "
                f"{VERSIONS[1]} to {VERSIONS[-1]}: use a client that offers at most those"
            )
        self.version = int(version)
        stamp = fields[1] if len(fields) > 1 else ""
        self.stamp = stamp if _STAMP.match(stamp) else ""
        self._add("gateway", GREETING, {"version": version, "time": self.stamp}, at)

    def _note_request(self, payload: bytes, at: float) -> None:
        if not self._has_range:  # the version range, which the greeting's answer decides
            self._has_range = True
            return
        self._note("client", payload, decode_request, at)

    def _note_response(self, payload: bytes, at: float) -> None:
        message = self._note("gateway", payload, decode_response, at)
        if isinstance(message, ManagedAccounts):
            self._check(message.accounts)
        elif message is None and payload.startswith(b"15\0"):
            raise SettingsError("the gateway names its accounts in a way that cannot be read")

    def _check(self, accounts: str) -> None:
        codes = [code for code in accounts.split(",") if code]
        if not codes or not all(code.startswith(_PAPER) for code in codes):
            raise SettingsError(
                "The gateway is logged in to an account that is not one of paper trading (DU…, "
                "DF…): nothing is passed on and nothing was recorded; log in to paper trading."
            )
        self._is_paper = True

    def _note(
        self, sender: Sender, payload: bytes, decode: Callable[[list[str], int], Any], at: float
    ) -> Message | None:
        try:
            fields = split_fields(payload)
            message: Message = decode(fields, self.version)
        except ProtocolError:
            number, _, rest = payload.partition(b"\0")
            known = number.decode() if number.isdigit() and len(number) < 6 else "text"
            seen = {"number": known, "count": str(rest.count(b"\0"))}
            self._add(sender, UNREADABLE, seen, at)
            return None
        tree = self.redactor.redact(message, self.version)
        self._add(sender, message_name(type(message)), tree, at)
        return message

    def _add(self, sender: Sender, name: str, fields: dict[str, Any], at: float) -> None:
        self.note(Entry(at, self.connection, sender, name, fields))
