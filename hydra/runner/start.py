"""The first page: a gateway that answers, the way to everything, and a session at the press of a
button."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from hydra.clock import Sessions
from hydra.config import Settings, load_settings
from hydra.errors import HydraError, JournalError
from hydra.ib.probe import answers
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.runner.lab import LOOPBACK, SIMULATED_SPEED, ready_file
from hydra.runner.simulator import Simulator, simulated_gateway
from hydra.runner.trade import kernel_environment

STRATEGY = "ts_momentum"
WORKED_BY = "algo=twap"
"""Slices over half an hour of the market's time, so that there is something to watch."""

TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_started = ExitStack()
"""The gateway that this kernel started; it ends when the kernel ends."""


class Start(anywidget.AnyWidget):
    """Links and one button; its front end is `start.js`."""

    _esm = Path(__file__).with_name("start.js")
    _css = Path(__file__).with_name("start.css")
    sentences = traitlets.List(traitlets.Unicode()).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    strategy = traitlets.Unicode(STRATEGY).tag(sync=True)
    _settings: Settings
    _task: asyncio.Task[None] | None = None

    def listen(self, settings: Settings) -> None:
        """Trade a session whenever the button is pressed."""
        self._settings = settings
        self.on_msg(self._pressed)

    def _pressed(self, widget: Any, content: Any, buffers: Any) -> None:
        if self.busy or content != "trade":
            return
        self.busy = True
        self._task = asyncio.get_running_loop().create_task(self._trade())

    async def _trade(self) -> None:
        try:
            self._tell(f"{STRATEGY} trades a session; the dashboard shows it while it does.")
            await asyncio.to_thread(move_to_a_fresh_session, self._settings)
            self._tell(await trade_once(self._settings))
        except HydraError as problem:
            self._tell(str(problem))
        finally:
            self.busy = False

    def _tell(self, sentence: str) -> None:
        self.sentences = [*self.sentences[:1], sentence]


def start(settings: Settings | None = None) -> Start:
    """What 00_start_here shows; starts the simulated gateway when none answers on this machine.

    Raises `ConfigError` for settings, `GatewayUnreachable` when the gateway does not come up.
    """
    settings = settings or load_settings()
    widget = Start(sentences=[ensure_gateway(settings)])
    widget.listen(settings)
    return widget


def ensure_gateway(settings: Settings) -> str:
    """One sentence on the gateway; a simulated one is started where none answers."""
    gateway = settings.gateway
    address = f"{gateway.host}:{gateway.port}"
    if answers(gateway):
        kind = "The simulated gateway" if simulator_of(settings) else "A gateway"
        return f"{kind} answers at {address}."
    if gateway.host not in LOOPBACK:
        return f"NO gateway answers at {address}, and HYDRA starts none on another machine."
    options = ["--port", str(gateway.port), "--control-port", "0", "--speed", SIMULATED_SPEED]
    _started.enter_context(
        simulated_gateway([*options, "--ready-file", str(ready_file(settings))])
    )
    return f"No gateway answered at {address}, so the simulated one was started there."


def simulator_of(settings: Settings) -> Simulator | None:
    """The simulated gateway that this machine's lab or kernel started; None for any other."""
    try:
        ready = json.loads(ready_file(settings).read_text(encoding="utf-8"))
        found = Simulator(ready["host"], ready["port"], ready["control_port"], ready["account"])
        found.state()
    except (OSError, ValueError, KeyError, HydraError):
        return None
    return found if found.port == settings.gateway.port else None


def move_to_a_fresh_session(settings: Settings) -> None:
    """Move a simulated market to its next open when it is closed, or when the session that is on
    was traded already; the clock of any other gateway is nobody's to move."""
    simulator = simulator_of(settings)
    if simulator is None:
        return
    told = simulator.state()
    sessions = Sessions(settings.trading.calendar)
    now = datetime.fromisoformat(told["time"])
    last = _state(settings).sessions.get(STRATEGY)
    if not sessions.is_open(now) or last == sessions.session_at(now):
        simulator.step("next_open")


async def trade_once(settings: Settings) -> str:
    """One paper session as `hydra trade` runs it; what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hydra.cli", "trade", STRATEGY, "-p", WORKED_BY),
        env={**os.environ, **kernel_environment(settings)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    text = TERMINAL_CODES.sub("", said.decode(errors="replace"))
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "The session ended and said nothing."


def _state(settings: Settings) -> State:
    try:
        with Journal.read_only(settings.journal_path) as journal:
            return fold(journal.read())
    except JournalError:
        return State()
