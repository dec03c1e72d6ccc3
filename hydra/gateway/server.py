"""The asyncio shell: feed, drain, write, dispatch; everything else happens in the core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hydra.gateway.clock import clock_target
from hydra.gateway.control import ControlPort
from hydra.gateway.exchange import (
    ALREADY_IN_USE,
    Exchange,
    ExchangeSettings,
    shipped_exchange,
)
from hydra.gateway.faults import (
    Chop,
    Command,
    Disconnect,
    Fault,
    FaultyExchange,
    Item,
    Merge,
    Silence,
)
from hydra.gateway.inbox import Inbox
from hydra.gateway.lanes import Lanes
from hydra.gateway.layout import Request, Response
from hydra.gateway.operator import Operator
from hydra.gateway.pacing import (
    MESSAGES_A_SECOND,
    Excess,
    HistoryPacing,
    MessageRate,
)
from hydra.gateway.record import Record
from hydra.gateway.requests import CancelHistoricalData, StartApi
from hydra.gateway.responses import Error, ExecutionDetails, HistoricalData, OrderStatus
from hydra.gateway.session import Broken, Event, Phase, Session
from hydra.gateway.state_file import read_state, write_state
from hydra.gateway.wall_clock import (
    CLOCK_S,
    FARM_WAKES_S,
    QUERY_CANCELLED,
    AnswerTimes,
    Lane,
    Verdict,
)

T = TypeVar("T")
LOG = logging.getLogger("hydra.gateway")
BOOKED = (OrderStatus, ExecutionDetails)  # after them a client counts on what they say
KEEP_EVERY = timedelta(minutes=1)  # of simulated time, between two savings of the clock
TOO_MANY_MESSAGES = (
    "Max rate of messages per second has been exceeded:"
    f"max={MESSAGES_A_SECOND} rec={MESSAGES_A_SECOND + 1} ({{}})"
)
ANSWER_MS = 100  # a limit order until Submitted, ib_async's notebook on ordering of 2019-12-31
HISTORY_MS = 200  # eight daily bars, the log in ib_async #140
# A running clock advances when market time has another whole second, in which all of it is told,
# but so many wall seconds apart at the least and at the most.
TICK_S, LONGEST_TICK_S = 0.1, 1.0
MAX_UNREAD_BYTES = 64 * 1024 * 1024  # a client that lets more than this lie is cut off


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How to serve: ports 0 are chosen by the system, speed 0 moves time only by command.

    `speed` is simulated seconds a wall second while a session is open. Answers to requests take
    `answer_ms` of the wall clock, and `history_ms` (0: the same) those about history; both are 0,
    and farms are awake, where it `is_fast`. `wall_scale` multiplies the wall seconds of what real
    gateways do, among them the `clock_s` within which the time is told once (None: a second for a
    clock that runs; one that is stepped is told whenever it is asked for, as nobody could see a
    step in between). `paces` is whether it enforces the limits of messages and of history. With
    `keeps_wall_time` the market stands at the wall's time, whatever `speed` is.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    control_port: int = 4012
    speed: float = 1.0
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    faults: tuple[Fault, ...] = ()
    state: Path | None = None  # where the books are kept between two runs
    survives_kill: bool = False  # saved before clients hear of a change, not at the end alone
    answer_ms: int = ANSWER_MS
    history_ms: int = HISTORY_MS
    is_fast: bool = False
    paces: bool = True
    wall_scale: float = 1.0
    clock_s: float | None = None
    keeps_wall_time: bool = False


class Connection(asyncio.Protocol):
    """One socket and its session."""

    def __init__(self, server: GatewayServer) -> None:
        self._server = server
        self._session = Session(server.exchange.venue.now)
        self._transport: asyncio.Transport | None = None
        self._is_silent = server.world.is_deaf
        self._chop = 0
        self._merge_s = 0.0
        self._later: asyncio.TimerHandle | None = None
        self.lanes: Lanes[Response | Command] = Lanes(self.carry, self.flush)
        self._inbox = Inbox(MessageRate(), self._ask, self._refuse_excess)
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
            if self._server.world.is_shut:
                transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._is_silent:
            return
        for event in self._session.receive(data):
            self._dispatch(event)
        self.flush()

    def pause_writing(self) -> None:
        """Called by asyncio when the client does not read: cut it off before memory runs out."""
        LOG.warning("client %s does not read; its connection is dropped", self.client_id)
        self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        self._session.close()
        self.lanes.close()
        self._inbox.close()
        self._server.left(self)

    def carry(self, what: Response | Command) -> None:
        """Queue a response, or do to the socket what a fault commands."""
        if isinstance(what, Response):
            self._session.send(what)
            return
        match what:
            case Disconnect():
                self.hang_up()
            case Silence():
                self._is_silent = True
            case Chop(size):
                self._chop = size
            case Merge(seconds):
                self._merge_s = seconds

    def flush(self) -> None:
        """Write what is queued, now or when frames are to be merged; close when all is over."""
        if not self._merge_s or self._session.phase is Phase.CLOSED:
            self._write()
        elif self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(self._merge_s, self._write)

    def refuse(self, response: Error) -> None:
        """Say one last thing and close."""
        self._session.send(response)
        self.hang_up()

    def hang_up(self) -> None:
        """Write what is queued and close."""
        self._session.close()
        self.flush()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self) -> None:
        self._later = None
        data = self._session.outgoing()
        if self._transport is None or self._transport.is_closing() or self._is_silent:
            return
        for piece in _pieces(data, self._chop):
            self._transport.write(piece)
        if self._session.phase is Phase.CLOSED:
            self._transport.close()

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, Broken):
            LOG.warning("client %s: %s", self.client_id, event.reason)
        elif isinstance(event, StartApi):
            self._server.start(self, event)
        elif isinstance(event, Request) and self.client_id is not None:
            if self._server.excess is None:
                self._ask(event)
            else:
                is_paced = self._session.asks_pacing or self._server.excess is Excess.PACED
                self._inbox.is_paced = is_paced
                self._inbox.put(event)

    def _ask(self, request: Request) -> None:
        if self.client_id is not None:
            self._server.ask(self.client_id, request)

    def _refuse_excess(self, count: int) -> None:
        """Messages of a second beyond the limit: said, and by some gateways no more heard."""
        said = Error(-1, 100, TOO_MANY_MESSAGES.format(count))
        if self.client_id is not None:
            self._server.note(self.client_id, said)
        self.carry(said)
        if self._server.excess is Excess.DISCONNECTED:
            self.hang_up()


def _pieces(data: bytes, size: int) -> list[bytes]:
    """`data` in pieces of `size` bytes; whole for 0, and nothing for nothing."""
    if not size:
        return [data] if data else []
    return [data[at : at + size] for at in range(0, len(data), size)]


class GatewayServer:
    """A running gateway; `host`, `port` and `control_port` are where it listens."""

    def __init__(self, settings: GatewaySettings) -> None:
        saved = None if settings.state is None else read_state(settings.state)
        self.exchange: Exchange = saved or shipped_exchange(settings.exchange)
        # Which behaviours are on is this start's choice: the saved books do not decide it.
        self.exchange.venue.real = settings.exchange.real
        self.exchange.venue.master_client_id = settings.exchange.master_client_id
        self.exchange.statements.refresh()
        self._state = settings.state
        self._survives_kill = settings.survives_kill
        self._kept = (-1, -1, -1)
        self._kept_at = self.exchange.venue.now
        self._is_serving = False
        self.world = FaultyExchange(self.exchange, settings.faults)
        self.record = Record()
        self._operator = Operator(self.exchange)
        self._times = answer_times(settings, self.exchange)
        self.excess: Excess | None = None
        """What becomes of messages beyond the limit of a second; None where there is none."""
        if settings.paces:
            self.excess = Excess(self.exchange.venue.variant("message_rate"))
        self.host = settings.host
        self.port = settings.port
        self.control_port = settings.control_port
        self._speed = settings.speed
        self._keeps_wall_time = settings.keeps_wall_time
        self._connections: dict[int, Connection] = {}
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._control: ControlPort | None = None
        self._clock: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Bind both ports and start the clock; raises OSError when a port is taken."""
        loop = asyncio.get_running_loop()
        if self._keeps_wall_time:
            self.exchange.advance(wall_time())
        self._server = await loop.create_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._control = ControlPort(self.world, self.record, self.deliver, self.save, self.operate)
        self.control_port = self._control.listen(self.control_port)
        if self._speed or self._keeps_wall_time:
            self._clock = loop.create_task(self._run_clock())
        self._is_serving = True

    async def close(self) -> None:
        """Stop the clock, close both ports and all connections, save the state."""
        if self._clock is not None:
            self._clock.cancel()
        if self._control is not None:
            await self._control.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.hang_up()
        if self._is_serving:  # one that found its port taken leaves the other's state alone
            self.save()
        self._is_serving = False
        await asyncio.sleep(0)

    def save(self) -> Path | None:
        """Save the state where the settings say; return where, None when they do not."""
        if self._state is not None:
            write_state(self._state, self.exchange)
        return self._state

    def operate(self, action: Callable[[Operator], T]) -> T:
        """Do something by hand and tell clients of it; return what `action` returns."""
        done = action(self._operator)
        self.deliver(self.world.tell(self.exchange.venue.outbox.drain()))
        return done

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def start(self, connection: Connection, request: StartApi) -> None:
        """A client told its number: welcome it, or refuse a number that is taken."""
        client_id = request.clientId
        self.record.add(self.exchange.venue.now, client_id, "in", request)
        if connection.client_id is not None:
            known, verdict = connection.client_id, Verdict(delay_s=self._times.answer_s)
            self.deliver(self.world.welcome(known), known, verdict)
            return
        posted = self.world.connect(client_id, connection.version, request)
        if posted is None:
            connection.refuse(Error(-1, 326, ALREADY_IN_USE))
            return
        if client_id in self.exchange.venue.versions and client_id not in self._connections:
            connection.client_id = client_id
            self._connections[client_id] = connection
        for addressee, what in posted:
            if addressee == client_id:
                self.note(client_id, what)
                connection.lanes.put(what, Lane.ORDINARY, self._times.answer_s)

    def ask(self, client_id: int, request: Request) -> None:
        """A client asks: let the exchange answer."""
        self.record.add(self.exchange.venue.now, client_id, "in", request)
        wall, market = asyncio.get_running_loop().time(), self.exchange.venue.seconds
        verdict = self._times.judge(client_id, request, wall, market)
        if verdict.is_unheard:
            return
        if isinstance(request, CancelHistoricalData) and self._drop_answer(client_id, request):
            self.world.handle(client_id, request)  # which may keep it up to date
            text = QUERY_CANCELLED.format(request.reqId)
            self.deliver([(client_id, Error(request.reqId, 162, text))], client_id, verdict)
            return
        answer: Sequence[Item] = (
            self.world.handle(client_id, request)
            if verdict.instead is None
            else [(client_id, verdict.instead)]
        )
        ahead = [(client_id, what) for what in verdict.ahead]
        self.deliver([*ahead, *answer], client_id, verdict)

    def _drop_answer(self, client_id: int, request: CancelHistoricalData) -> bool:
        """Whether bars were on their way, which the client wants no more."""
        return self._connections[client_id].lanes.drop(
            Lane.HISTORY,
            lambda what: isinstance(what, HistoricalData) and what.reqId == request.reqId,
        )

    def deliver(
        self, posted: Sequence[Item], asker: int | None = None, verdict: Verdict | None = None
    ) -> None:
        """Queue responses at their clients' sessions and write them.

        What `asker` hears is the answer to a request, which leaves as the `verdict` says.
        """
        self._keep(posted)
        told: dict[Connection, None] = {}
        now, note, lane_of = self.exchange.venue.now, self.record.add, self._times.lane_of
        for client_id, what in posted:
            connection = self._connections.get(client_id)
            if connection is not None:
                if isinstance(what, Response):
                    note(now, client_id, "out", what)
                if client_id == asker and verdict is not None:
                    connection.lanes.put(what, verdict.lane, verdict.delay_s)
                elif connection.lanes.is_empty:
                    connection.carry(what)
                else:
                    connection.lanes.put(what, lane_of(what))
                told[connection] = None
        for connection in told:
            connection.flush()

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection.client_id is not None:
            del self._connections[connection.client_id]
            self._times.forget(connection.client_id)
            self.world.disconnect(connection.client_id)

    def _keep(self, posted: Sequence[Item]) -> None:
        """Save what clients are about to hear of the books, so that no kill can take it back.

        The clock is saved in between, so that a resumed gateway stands near where it was killed.
        """
        if self._state is None or not self._survives_kill:
            return
        memory, now = self.exchange.orders.memory, self.exchange.venue.now
        executions = self.exchange.orders.execution_count
        books = (executions, memory.sequence, self.exchange.venue.revision)
        is_told = any(isinstance(what, BOOKED) for _, what in posted)
        if is_told or books != self._kept or now - self._kept_at >= KEEP_EVERY:
            write_state(self._state, self.exchange, to_disk=False)
            self._kept, self._kept_at = books, now

    def note(self, client_id: int, what: Response | Command) -> None:
        """Keep what a client is told for the control port."""
        if isinstance(what, Response):
            self.record.add(self.exchange.venue.now, client_id, "out", what)

    def _accept(self) -> Connection:
        connection = Connection(self)
        self._open.add(connection)
        return connection

    async def _run_clock(self) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(self._pause_s())
            elapsed, last = loop.time() - last, loop.time()
            venue = self.exchange.venue
            target = clock_target(venue.calendar, venue.now, elapsed * self._speed)
            if self._keeps_wall_time:  # never back: a command or the wall's clock may have moved
                target = max(venue.now, wall_time())
            self.deliver(self.world.advance(target))

    def _pause_s(self) -> float:
        """Wall seconds until the clock advances again."""
        now, speed = self.exchange.venue.now, self._speed
        if self._keeps_wall_time:
            now, speed = datetime.now(UTC), 1.0
        left_s = (1 - now.microsecond / 1e6) / speed
        return min(max(left_s, TICK_S), LONGEST_TICK_S)


def answer_times(settings: GatewaySettings, exchange: Exchange) -> AnswerTimes:
    """How long answers take, by the settings and by what the seed chose."""
    scale, is_fast = settings.wall_scale, settings.is_fast
    is_small = exchange.venue.variant("historical_pacing") == "small_bars"
    return AnswerTimes(
        settings.exchange.real,
        0.0 if is_fast else settings.answer_ms / 1000,
        0.0 if is_fast else settings.history_ms / 1000,
        scale,
        HistoryPacing(is_small, scale) if settings.paces else None,
        exchange.farm_sleeps,
        0.0 if is_fast else FARM_WAKES_S,
        _clock_s(settings),
    )


def _clock_s(settings: GatewaySettings) -> float:
    if settings.clock_s is not None:
        return settings.clock_s
    return CLOCK_S if settings.speed or settings.keeps_wall_time else 0.0


def wall_time() -> datetime:
    """The time of the wall's clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


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
