"""A proxy on the loopback that records a conversation with a gateway on a paper account.

Bytes pass unchanged. What is recorded stays in memory until the person has seen it and said yes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hydra.gateway.control import LOOPBACK_NAMES
from hydra.gateway.errors import GatewayError, SettingsError
from hydra.gateway.recording import GOODBYE, GREETING, MOST_ENTRIES, Entry, Recording
from hydra.gateway.redaction import Redactor
from hydra.gateway.wiretap import Wiretap

_CHUNK = 65536
_ZONES = {"EST": "US/Eastern", "EDT": "US/Eastern", "CST": "US/Central", "CDT": "US/Central"}


def upstream_of(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; raises SettingsError when it is not on the loopback."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(f"--upstream {text} is no HOST:PORT such as 127.0.0.1:4002")
    if host.strip("[]") not in LOOPBACK_NAMES:
        raise SettingsError(
            f"--upstream {text} is not on the loopback; a gateway is recorded on its own machine, "
            f"such as 127.0.0.1:{port}"
        )
    return host.strip("[]"), int(port)


def stamped_time(stamp: str, wall: datetime) -> datetime:
    """The moment that a gateway's greeting names, or `wall` where its zone is not understood."""
    text, zone = stamp[:17], stamp[18:]
    try:
        naive = datetime.strptime(text, "%Y%m%d %H:%M:%S")  # noqa: DTZ007 — its zone follows
        return naive.replace(tzinfo=ZoneInfo(_ZONES.get(zone, zone))).astimezone(UTC)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return wall


@dataclass
class RecordingProxy:
    """Passes connections on to `upstream` and records them; `refusal` says why it ended itself."""

    upstream: tuple[str, int]
    host: str = "127.0.0.1"
    port: int = 0
    clock: Callable[[], float] = time.monotonic
    refusal: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    recording: Recording = field(
        default_factory=lambda: Recording(datetime.now(UTC).replace(microsecond=0))
    )
    _redactor: Redactor = field(default_factory=Redactor)
    _connections: int = 0
    _server: asyncio.Server | None = None
    _begun: float | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def listen(self) -> None:
        """Bind the port; raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _now(self) -> float:
        if self._begun is None:
            self._begun = self.clock()
        return self.clock() - self._begun

    def _note(self, entry: Entry) -> None:
        if entry.message == GREETING and not self.recording.entries:
            wall = self.recording.started
            began = stamped_time(str(entry.fields["time"]), wall)
            self.recording.started = began - timedelta(seconds=int(entry.at))
        self.recording.entries.append(entry)
        if len(self.recording.entries) >= MOST_ENTRIES:
            self.ended.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._connections += 1
        tap = Wiretap(self._connections, self._redactor, self._note)
        try:
            there, onward = await asyncio.open_connection(*self.upstream)
        except OSError as error:
            host, port = self.upstream
            self._refuse(f"No gateway answers at {host}:{port}: {error}")
            writer.close()
            return
        try:
            await self._relay(tap, (reader, writer), (there, onward))
        except GatewayError as error:
            self._refuse(str(error))
        except OSError:
            pass  # a peer that is gone ends the conversation
        except asyncio.CancelledError:
            pass  # by `close`, and asyncio's streams would log it as a failure
        finally:
            writer.close()
            onward.close()
        if tap.version:
            self._note(Entry(self._now(), tap.connection, "client", GOODBYE, {}))

    def _refuse(self, sentence: str) -> None:
        self.refusal = self.refusal or sentence
        self.ended.set()

    async def _relay(
        self,
        tap: Wiretap,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        gateway: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Pass bytes both ways until one side ends."""

        async def outward() -> None:
            while data := await client[0].read(_CHUNK):
                gateway[1].write(tap.hear_client(data, self._now()))
                await gateway[1].drain()

        async def homeward() -> None:
            while data := await gateway[0].read(_CHUNK):
                passing = tap.hear_gateway(data, self._now())
                gateway[1].write(tap.released())
                client[1].write(passing)
                await client[1].drain()

        ways = [asyncio.ensure_future(outward()), asyncio.ensure_future(homeward())]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
                with suppress(asyncio.CancelledError, GatewayError, OSError):
                    await way


async def _record(proxy: RecordingProxy) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, proxy.ended.set)
    await proxy.listen()
    _say(
        f"Clients of {proxy.upstream[0]}:{proxy.upstream[1]} connect to {proxy.host}:{proxy.port} "
        "and are recorded; Ctrl-C ends the recording."
    )
    await proxy.ended.wait()
    await proxy.close()


def record(file: Path, upstream: str, host: str, port: int, *, yes: bool) -> int:
    """Record until Ctrl-C, show what was recorded and keep it if the person says so (then 0).

    Raises SettingsError for what cannot be recorded, OSError for a port that is taken.
    """
    if host not in LOOPBACK_NAMES:
        raise SettingsError(f"--host {host} is not on the loopback; recordings are made there")
    if file.exists():
        raise SettingsError(f"{file} exists; give --record another name")
    if not file.absolute().parent.is_dir():
        raise SettingsError(f"{file.absolute().parent} is no folder; give --record one that is")

    async def run() -> RecordingProxy:
        proxy = RecordingProxy(upstream_of(upstream), host, port)
        await _record(proxy)
        return proxy

    proxy = asyncio.run(run())
    if proxy.refusal:
        raise SettingsError(proxy.refusal)
    return _keep(proxy.recording, file, yes=yes)


def _keep(recording: Recording, file: Path, *, yes: bool) -> int:
    if not recording.entries:
        _say("Nothing was said, so there is nothing to keep.")
        return 0
    for line in [*recording.summary(), "", "As the file would hold them:", *recording.sample()]:
        _say(line)
    if not yes and not _agrees(f"Keep this recording as {file}? [y/N] "):
        _say("Nothing is kept.")
        return 0
    part = file.with_name(file.name + ".part")
    part.write_text(recording.dump(), encoding="utf-8")
    part.replace(file)
    _say(f"Kept as {file}; `hydra realism {file}` compares it.")
    return 0


def _agrees(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
