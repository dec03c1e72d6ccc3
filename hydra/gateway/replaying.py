"""Plays the client's side of a recording against the simulated gateway, on the recording's clock.

What comes of it is a recording again, redacted by the same rules, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hydra.gateway.clock import Calendar
from hydra.gateway.errors import MalformedMessage, SettingsError
from hydra.gateway.exchange import ALREADY_IN_USE, Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.layout import Response
from hydra.gateway.messages import VERSIONS
from hydra.gateway.plain import REQUEST_NAMES, message_name, message_of
from hydra.gateway.recording import GOODBYE, GREETING, UNREADABLE, Entry, Recording
from hydra.gateway.redaction import Redactor
from hydra.gateway.requests import StartApi
from hydra.gateway.responses import Error
from hydra.gateway.times import epoch

LONGEST_STEPS = 600  # a longer wait is passed through in so many steps


class _Player:
    def __init__(self, recording: Recording, seed: int) -> None:
        self._recording = recording
        self._redactor = Redactor()
        self._versions = _versions(recording)
        self._clients: dict[int, int] = {}  # by client id: its connection
        self._at = 0.0
        self.played = Recording(recording.started)
        self._exchange = _exchange(recording, seed)

    def play(self) -> Recording:
        for entry in self._recording.entries:
            self._pass(entry.at)
            if entry.message == GREETING:
                self._add(entry)
            elif entry.sender == "client" and entry.message != UNREADABLE:
                self._hear(entry)
        return self.played

    def _pass(self, at: float) -> None:
        """Let the market's time go on to `at`, by whole seconds."""
        start = self._recording.started
        left = int(at) - int(self._at)
        while left > 0:
            step = max(1, left // LONGEST_STEPS)
            left -= step
            self._at = int(self._at) + step
            self._tell(self._exchange.advance(start + timedelta(seconds=self._at)))
        self._at = max(self._at, at)

    def _hear(self, entry: Entry) -> None:
        client = next((c for c, n in self._clients.items() if n == entry.connection), None)
        self._add(entry)
        if entry.message == GOODBYE:
            if client is not None:
                del self._clients[client]
                self._exchange.disconnect(client)
            return
        version = self._versions[entry.connection]
        try:
            request = message_of(REQUEST_NAMES[entry.message], entry.fields, version)
        except MalformedMessage as reason:
            raise SettingsError(
                f"the recording's {entry.message} cannot be read: {reason}"
            ) from None
        if isinstance(request, StartApi) and client is None:
            self._start(request, entry.connection, version)
        elif client is not None:
            self._tell(self._exchange.handle(client, request))

    def _start(self, request: StartApi, connection: int, version: int) -> None:
        told = self._exchange.connect(request.clientId, version)
        if told is None:
            self._note(connection, Error(-1, 326, ALREADY_IN_USE))
            return
        self._clients[request.clientId] = connection
        self._tell(told)

    def _tell(self, posted: Iterable[tuple[int, Response]]) -> None:
        for client, response in posted:
            if client in self._clients:
                self._note(self._clients[client], response)

    def _note(self, connection: int, response: Response) -> None:
        tree = self._redactor.redact(response, self._versions[connection])
        name = message_name(type(response))
        self._add(Entry(self._at, connection, "gateway", name, tree))

    def _add(self, entry: Entry) -> None:
        self.played.entries.append(entry)


def _versions(recording: Recording) -> dict[int, int]:
    versions = {}
    for connection in {entry.connection for entry in recording.entries}:
        versions[connection] = recording.version(connection)
        if versions[connection] not in VERSIONS:
            raise SettingsError(
                f"server version {versions[connection]} cannot be played, only {VERSIONS[0]} to "
                f"{VERSIONS[-1]}"
            )
    return versions


def _exchange(recording: Recording, seed: int) -> Exchange:
    """An exchange at the recording's begin, with as many accounts."""
    day = Calendar().latest(epoch(recording.started)).day
    accounts = next(
        (e.fields.get("accounts") for e in recording.entries if e.message == "managedAccounts"),
        None,
    )
    exchange = shipped_exchange(
        ExchangeSettings(start=day, seed=seed, account=str(accounts or "DU0000001"))
    )
    if recording.started > exchange.venue.now:
        exchange.advance(recording.started)
    return exchange


def replay(recording: Recording, seed: int = 0) -> Recording:
    """What the simulated gateway says to the recording's clients, and what they said.

    Raises SettingsError for a recording that cannot be played.
    """
    return _Player(recording, seed).play()
