"""Clients that nobody here wrote, unmodified, each in an environment of its own.

The packages exclude each other, so each gets a virtual environment under `.cache/clients`, made
on first use of exactly what `clients/locks` says; the conversations are scripts in `clients`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "clients"
CONVERSATIONS = Path(__file__).parent / "clients"
LOCKS = CONVERSATIONS / "locks"
ANSWER = "TOLD "  # begins the line in which a platform with logs of its own says what it heard


def environment(name: str) -> Path:
    """The python of an environment that has what the lock `name` says and nothing of ours."""
    lock = LOCKS / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:8]
    folder = CACHE / f"{name}-{digest}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.flock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # tests run in several processes
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=_uv() is None)
            exact = ["--no-deps", "--require-hashes", "-r", str(lock)]
            subprocess.run([*_installer(python), *exact], check=True, capture_output=True)
            ready.touch()
    return python


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _installer(python: Path) -> list[str]:
    uv = _uv()
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


@contextmanager
def fresh_gateway(*options: str) -> Iterator[int]:
    """The port of a gateway in a process of its own, which ends with the block."""
    serve = [sys.executable, "-m", "hydra.gateway", "--json", "--port=0", "--control-port=0"]
    gateway = subprocess.Popen([*serve, *options], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(gateway.stdout.readline())["port"]
    finally:
        gateway.terminate()
        gateway.wait(10)


def talk(name: str, script: str, port: int, *arguments: str, patience_s: int = 60) -> dict:
    """What the client of the lock `name` heard at `port`: the last line of JSON that it prints."""
    command = [environment(name), CONVERSATIONS / f"{script}.py", str(port), *arguments]
    held = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, check=False)
    assert held.returncode == 0, held.stderr + held.stdout[-4000:]
    return json.loads(held.stdout.strip().splitlines()[-1].removeprefix(ANSWER))
