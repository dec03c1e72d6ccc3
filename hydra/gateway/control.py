"""The control port: JSON over HTTP on the loopback, to read the books and to move the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hydra.gateway.account_commands import COMMANDS, Answer
from hydra.gateway.clock import iso_time
from hydra.gateway.errors import SettingsError
from hydra.gateway.faults import EFFECTS, FaultyExchange, Item, parse_fault, parse_script
from hydra.gateway.operator import Operator
from hydra.gateway.record import Record
from hydra.gateway.snapshot import snapshot
from hydra.gateway.values import Contract

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
JSON = "application/json"
DEEPEST = 20
"""Levels of a command; one has two."""
CLOCK_COMMANDS = '{"to": "open" | "close" | "next_open" | ISO time} or {"sessions": N}'
HALT_COMMANDS = '{"symbol": "AAPL"}, with "until": ISO time or with "resume": true'
MAX_SESSIONS = 10_000


class ControlPort:
    """Serves one world; what its commands make the gateway say goes to `deliver`."""

    def __init__(
        self,
        world: FaultyExchange,
        record: Record,
        deliver: Callable[[list[Item]], None],
        save: Callable[[], Path | None],
        operate: Callable[[Callable[[Operator], Answer]], Answer],
    ) -> None:
        self.world = world
        self.record = record
        self.deliver = deliver
        self.save = save
        self.operate = operate
        shared = {"control": self}
        routes = [
            ("/state", StateHandler, shared),
            ("/clock", ClockHandler, shared),
            ("/halt", HaltHandler, shared),
            ("/log", LogHandler, shared),
            ("/faults", FaultsHandler, shared),
            ("/snapshot", SnapshotHandler, shared),
            *((path, OperatorHandler, shared) for path in COMMANDS),
        ]
        self._server = HTTPServer(Application(routes, log_function=_quiet))

    def listen(self, port: int) -> int:
        """Bind the loopback at `port` (0 = any); return the port."""
        sockets = bind_sockets(port, LOOPBACK)
        self._server.add_sockets(sockets)
        bound: int = sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and close all connections."""
        self._server.stop()
        await self._server.close_all_connections()

    def move_clock(self, command: dict[str, Any]) -> dict[str, str]:
        """Carry out a clock command; raises SettingsError on nonsense."""
        for to in _steps(command):
            self.deliver(self.world.command(to))
        return self.world.exchange.clock_state()

    def halt(self, command: dict[str, Any]) -> dict[str, Any]:
        """Halt or resume trading in a symbol; raises SettingsError on nonsense."""
        exchange = self.world.exchange
        match command:
            case {"symbol": str(symbol), "resume": True, **rest} if not rest:
                exchange.resume(Contract(symbol=symbol))
                return {"symbol": symbol, "halted": False}
            case {"symbol": str(symbol), "until": str(until), **rest} if not rest:
                exchange.halt(Contract(symbol=symbol), iso_time(until))
            case {"symbol": str(symbol), **rest} if not rest:
                exchange.halt(Contract(symbol=symbol))
            case _:
                raise SettingsError(f"{json.dumps(command)} is no halt: {HALT_COMMANDS}")
        return {"symbol": symbol, "halted": True}

    def arm(self, command: dict[str, Any]) -> int:
        """Arm `{"script": TOML}` or one fault as a plain table; return how many."""
        script = command.get("script")
        faults = parse_script(script) if isinstance(script, str) else [parse_fault(command)]
        for fault in faults:
            self.world.arm(fault)
        return len(faults)


def _steps(command: dict[str, Any]) -> list[str]:
    match command:
        case {"to": str(to), **rest} if not rest:
            return [to]
        case {"sessions": int(count), **rest} if not rest and 0 < count <= MAX_SESSIONS:
            return ["next_open"] * count
        case _:
            raise SettingsError(f"{json.dumps(command)} is no clock command: {CLOCK_COMMANDS}")


def _quiet(handler: RequestHandler) -> None:
    """Requests are not logged: the caller sees the answer."""


class JsonHandler(RequestHandler):
    """Answers JSON; a SettingsError becomes 400 with one sentence."""

    def initialize(self, control: ControlPort) -> None:
        """Called by tornado."""
        self.control = control

    def prepare(self) -> None:
        """Refuse what a page of somebody else's could make a browser send: another name of this
        machine (DNS rebinding), another origin, or a form."""
        host, origin = self.request.host, self.request.headers.get("Origin")
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if _name(f"//{host}") not in LOOPBACK_NAMES:
            self.forbid(f"Host is {host!r}; this port answers to {_names()} only")
        elif origin is not None and _name(origin) not in LOOPBACK_NAMES:
            self.forbid(f"Origin is {origin!r}; this port takes requests of {_names()} only")
        elif self.request.method == "POST" and self.request.body and kind != JSON:
            said = f"Content-Type is {kind!r}; a body must be {JSON}"
            self.answer({"error": said}, status=415)

    def forbid(self, sentence: str) -> None:
        """Send 403 and a sentence."""
        self.answer({"error": sentence}, status=403)

    def answer(self, body: dict[str, Any], status: int = 200) -> None:
        """Send `body`."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(body))

    def refuse(self, sentence: str) -> None:
        """Send 400 and a sentence."""
        self.answer({"error": sentence}, status=400)

    def body(self) -> dict[str, Any]:
        """The request's JSON object; raises SettingsError when it is none."""
        try:
            found = json.loads(self.request.body)
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise SettingsError("the body holds half a character (a lone surrogate)") from None
        except ValueError:
            found = None
        except RecursionError:
            raise SettingsError(_too_deep()) from None
        if _is_deep(found):
            raise SettingsError(_too_deep())
        if not isinstance(found, dict):
            raise SettingsError("the body must be a JSON object")
        return found


def _name(address: str) -> str:
    """The host's name in an address, without its port; empty where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _names() -> str:
    return ", ".join(sorted(LOOPBACK_NAMES))


def _too_deep() -> str:
    return f"the body is nested too deeply; {DEEPEST} levels are read"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    return bool(level)


class StateHandler(JsonHandler):
    """GET /state."""

    def get(self) -> None:
        """The books."""
        self.answer(self.control.world.exchange.state())


class ClockHandler(JsonHandler):
    """POST /clock."""

    def post(self) -> None:
        """Move the clock."""
        try:
            self.answer(dict(self.control.move_clock(self.body())))
        except SettingsError as error:
            self.refuse(str(error))


class HaltHandler(JsonHandler):
    """POST /halt."""

    def post(self) -> None:
        """Halt or resume trading."""
        try:
            self.answer(self.control.halt(self.body()))
        except SettingsError as error:
            self.refuse(str(error))


class OperatorHandler(JsonHandler):
    """POST of a command that somebody gives by hand; they stand in `account_commands`."""

    def post(self) -> None:
        """Carry it out."""
        command = COMMANDS[self.request.path]
        try:
            body = self.body()
            self.answer(self.control.operate(lambda operator: command(operator, body)))
        except SettingsError as error:
            self.refuse(str(error))


class LogHandler(JsonHandler):
    """GET /log?after=SEQ."""

    def get(self) -> None:
        """The recorded messages after a number."""
        after = self.get_query_argument("after", "0")
        if not after.isdecimal():
            self.refuse(f"after={after} is no message number")
            return
        self.answer({"messages": self.control.record.after(int(after))})


class FaultsHandler(JsonHandler):
    """GET and POST /faults."""

    def get(self) -> None:
        """The effects that there are."""
        effects = {
            name: {"about": effect.about, "parameters": sorted(effect.parameters)}
            for name, effect in EFFECTS.items()
        }
        self.answer({"effects": effects})

    def post(self) -> None:
        """Arm a fault or a script."""
        try:
            self.answer({"armed": self.control.arm(self.body())})
        except SettingsError as error:
            self.refuse(str(error))


class SnapshotHandler(JsonHandler):
    """GET and POST /snapshot."""

    def get(self) -> None:
        """The state that a restarted gateway would resume from."""
        self.answer(snapshot(self.control.world.exchange))

    def post(self) -> None:
        """Save it to the file of --state."""
        saved = self.control.save()
        if saved is None:
            self.refuse("the gateway was started without --state FILE, so it saves nowhere")
            return
        self.answer({"saved": str(saved)})
