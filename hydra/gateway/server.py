"""The asyncio shell: feed, drain, write, dispatch; everything else happens in the core."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hydra.gateway.clock import clock_target
from hydra.gateway.control import ControlPort
from hydra.gateway.exchange import (
    ALREADY_IN_USE,
    Exchange,
    ExchangeSettings,
    Posted,
    shipped_exchange,
)
from hydra.gateway.layout import Request
from hydra.gateway.requests import StartApi
from hydra.gateway.responses import Error
from hydra.gateway.session import Broken, Event, Phase, Session

LOG = logging.getLogger("hydra.gateway")
TICK_S = 0.1  # wall seconds between two advances of a running clock
MAX_UNREAD_BYTES = 64 * 1024 * 1024  # a client that lets more than this lie is cut off


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How to serve: ports 0 are chosen by the system, speed 0 moves time only by command.

    `speed` is simulated seconds a wall second while a session is open.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    control_port: int = 4012
    speed: float = 1.0
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)


class Connection(asyncio.Protocol):
    """One socket and its session."""

    def __init__(self, server: GatewayServer) -> None:
        self._server = server
        self._session = Session(server.exchange.venue.now)
        self._transport: asyncio.Transport | None = None
        self.client_id: int | None = None

    @property
    def version(self) -> int:
        """The negotiated server version."""
        return self._session.version

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            transport.set_write_buffer_limits(high=MAX_UNREAD_BYTES)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        for event in self._session.receive(data):
            self._dispatch(event)
        self._server.flush()
        self.flush()

    def pause_writing(self) -> None:
        """Called by asyncio when the client does not read: cut it off before memory runs out."""
        LOG.warning("client %s does not read; its connection is dropped", self.client_id)
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        self._session.close()
        self._server.left(self)

    def send(self, response: object) -> None:
        """Queue one response."""
        self._session.send(response)  # type: ignore[arg-type]  # responses alone are posted

    def flush(self) -> None:
        """Write what is queued; close when the session is over."""
        data = self._session.outgoing()
        if self._transport is None or self._transport.is_closing():
            return
        if data:
            self._transport.write(data)
        if self._session.phase is Phase.CLOSED:
            self._transport.close()

    def refuse(self, response: Error) -> None:
        """Say one last thing and close."""
        self._session.send(response)
        self._session.close()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def hang_up(self) -> None:
        """Write what is queued and close."""
        self._session.close()
        self.flush()

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, Broken):
            LOG.warning("client %s: %s", self.client_id, event.reason)
        elif isinstance(event, StartApi):
            self._server.start(self, event.clientId)
        elif isinstance(event, Request) and self.client_id is not None:
            self._server.ask(self.client_id, event)


class GatewayServer:
    """A running gateway; `host`, `port` and `control_port` are where it listens."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.exchange: Exchange = shipped_exchange(settings.exchange)
        self.host = settings.host
        self.port = settings.port
        self.control_port = settings.control_port
        self._speed = settings.speed
        self._connections: dict[int, Connection] = {}
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._control: ControlPort | None = None
        self._clock: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Bind both ports and start the clock; raises OSError when a port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._control = ControlPort(self.exchange, self.deliver)
        self.control_port = self._control.listen(self.control_port)
        if self._speed:
            self._clock = loop.create_task(self._run_clock())

    async def close(self) -> None:
        """Stop the clock, close both ports and all connections."""
        if self._clock is not None:
            self._clock.cancel()
        if self._control is not None:
            await self._control.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.hang_up()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def start(self, connection: Connection, client_id: int) -> None:
        """A client told its number: welcome it, or refuse a number that is taken."""
        if connection.client_id is not None:
            self.deliver(self.exchange.welcome(connection.client_id))
            return
        posted = self.exchange.connect(client_id, connection.version)
        if posted is None:
            connection.refuse(Error(-1, 326, ALREADY_IN_USE))
            return
        connection.client_id = client_id
        self._connections[client_id] = connection
        self.deliver(posted)

    def ask(self, client_id: int, request: Request) -> None:
        """A client asks: let the exchange answer."""
        self.deliver(self.exchange.handle(client_id, request))

    def deliver(self, posted: Posted) -> None:
        """Queue responses at their clients' sessions and write them."""
        for client_id, response in posted:
            connection = self._connections.get(client_id)
            if connection is not None:
                connection.send(response)
        self.flush()

    def flush(self) -> None:
        """Write what is queued for all clients."""
        for connection in list(self._connections.values()):
            connection.flush()

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection.client_id is not None:
            del self._connections[connection.client_id]
            self.exchange.disconnect(connection.client_id)

    def _accept(self) -> Connection:
        connection = Connection(self)
        self._open.add(connection)
        return connection

    async def _run_clock(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            elapsed, last = loop.time() - last, loop.time()
            venue = self.exchange.venue
            target = clock_target(venue.calendar, venue.now, elapsed * self._speed)
            self.deliver(self.exchange.advance(target))


async def serve(settings: GatewaySettings) -> GatewayServer:
    """A gateway that listens; close it with `await server.close()` or use it as a context.

    Raises SettingsError for a start that is no session, OSError for a port that is taken.
    """
    server = GatewayServer(settings)
    try:
        await server.listen()
    except OSError:
        await server.close()
        raise
    return server
