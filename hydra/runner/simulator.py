"""The simulated gateway as a process of its own, started and stepped from here."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from hydra.errors import GatewayUnreachable

STOP_S = 10.0


@dataclass(frozen=True)
class Simulator:
    """A running simulated gateway: where clients connect, and where it is controlled."""

    host: str
    port: int
    control_port: int
    account: str

    def state(self) -> dict[str, Any]:
        """Clock, account, orders and all executions, as its own books hold them."""
        return self._call("/state", None)

    def step(self, to: str) -> dict[str, Any]:
        """Move the clock: "open", "close", "next_open", or a moment in UTC (ISO 8601)."""
        return self._call("/clock", {"to": to})

    def _call(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.control_port}{path}"  # wherever its clients connect
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                result: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refusal:
            sentence = json.load(refusal).get("error", str(refusal))
            raise GatewayUnreachable(f"The simulated gateway refused: {sentence}") from refusal
        except OSError as problem:
            raise GatewayUnreachable(f"The simulated gateway is gone: {problem}.") from problem
        return result


@contextmanager
def simulated_gateway(arguments: Sequence[str] = ()) -> Iterator[Simulator]:
    """Start `python -m hydra.gateway` on free ports (unless `arguments` name some), end it after.

    Raises `GatewayUnreachable` with the gateway's own words when it does not come up.
    """
    command = [sys.executable, "-m", "hydra.gateway", "--json", "--until-eof"]
    ports = [] if "--port" in arguments else ["--port", "0", "--control-port", "0"]
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(
            [*command, *ports, *arguments],
            stdin=subprocess.PIPE,  # closes when we end, however we end
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            start_new_session=True,  # Ctrl-C is for the program in front; we end this one
        )
        try:
            yield _ready(process, words)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _ready(process: subprocess.Popen[str], words: IO[str]) -> Simulator:
    """What the gateway prints as its first line once it listens."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        words.seek(0)
        raise GatewayUnreachable(f"The simulated gateway did not start: {words.read().strip()}")
    ready = json.loads(line)
    return Simulator(ready["host"], ready["port"], ready["control_port"], ready["account"])
