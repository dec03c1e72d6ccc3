"""Clients that nobody here wrote, unmodified, each in an environment of its own.

The packages exclude each other, so each gets a virtual environment under `.cache/clients`, made
on first use; the conversations are `clients/official.py` and `clients/insync.py`.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from hydra.gateway.working_order import ORDER_TYPES

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "clients"
CONVERSATIONS = Path(__file__).parent / "clients"
ASKED_TYPES = (
    "MKT",
    "LMT",
    "STP",
    "STP LMT",
    "TRAIL",
    "TRAIL LIMIT",
    "MIT",
    "LIT",
    "MOC",
    "LOC",
    "REL",
    "MIDPRICE",
)
CLIENTS = [
    pytest.param(("ibapi==9.81.1.post1", "official", 157), id="ibapi 9.81"),
    pytest.param(("nautilus-ibapi==10.19.4", "official", 176), id="ibapi 10.19"),
    pytest.param(("nautilus-ibapi==10.30.1", "official", 178), id="ibapi 10.30"),
    pytest.param(("ib_insync==0.9.86", "insync", 176), id="ib_insync"),
]


def environment(package: str) -> Path:
    """The python of an environment that has `package` and nothing of ours."""
    folder = CACHE / package.replace("==", "-")
    python, ready = folder / "bin" / "python", folder / ".ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=_uv() is None)
            subprocess.run([*_installer(python), package], check=True, capture_output=True)
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


def conversation(package: str, script: str) -> dict:
    """What the client heard from a fresh gateway."""
    python = environment(package)
    serve = [sys.executable, "-m", "hydra.gateway", "--speed=0", "--json"]
    gateway = subprocess.Popen(
        [*serve, "--port=0", "--control-port=0"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = json.loads(gateway.stdout.readline())["port"]
        command = [python, CONVERSATIONS / f"{script}.py", str(port), *ASKED_TYPES]
        held = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        gateway.terminate()
        gateway.wait(10)
    assert held.returncode == 0, held.stderr
    return json.loads(held.stdout)


@pytest.fixture(scope="module", params=CLIENTS)
def told(request) -> dict:
    """The client's package and what it heard."""
    package, script, version = request.param
    return {**conversation(package, script), "expected": version}


def test_each_client_gets_the_highest_version_that_it_speaks(told):
    assert told["version"] == told["expected"]


def test_each_client_finds_the_contract_by_every_key(told):
    assert told["contracts"] == [[265598, "APPLE INC"]] * 3


def test_each_client_reads_daily_and_hourly_bars(told):
    assert told["bars"]["daily"] == ["20120918", 10]
    assert told["bars"]["hourly"].startswith("20121001 09:30:00")


def test_each_client_reads_quotes_and_the_account(told):
    assert told["quotes"] in (True, [1, 2, 4, 6, 7, 9, 14])
    assert told["account"] == ["1000000.00", 1349098200]


def test_each_client_s_what_if_shows_the_margin(told):
    assert float(told["what_if"]) == pytest.approx(4334, abs=1)


def test_each_client_is_filled_with_execution_and_commission(told):
    assert told["fill"] == [100, 86.68, "mine", 1.0]


def test_each_client_s_orders_of_every_type_live_and_are_cancelled(told):
    assert set(ASKED_TYPES) <= ORDER_TYPES
    assert told["types"] == list(ASKED_TYPES)


def test_each_client_can_change_an_order_and_cancel_a_bracket(told):
    assert told["modify"] is True
    alive, ended = told["bracket"]
    assert set(alive) <= {"PreSubmitted", "Submitted"}
    assert ended == ["Cancelled"] * 3


def test_each_client_finds_its_executions_again_after_a_reconnect(told):
    assert told["listings"] == {"executions": 2, "completed": True}
    assert told["after_reconnect"] == told["listings"]
    assert told["id_after_reconnect"] is True


def test_no_client_meets_an_error_that_it_did_not_ask_for(told):
    assert told["errors"] == []
