"""The lab brings its gateway with it, and takes it along when it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.conftest import ROOT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition, seconds: float) -> bool:
    """Poll a real process until the condition holds or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        select_pause()
    return bool(condition())


def select_pause() -> None:
    """Give the other processes a tenth of a second."""
    import select

    select.select([], [], [], 0.1)


@pytest.mark.slow
def test_the_lab_starts_a_gateway_when_none_answers_and_ends_it_with_itself(tmp_path):
    port, gateway_port = free_port(), free_port()
    environment = {
        **os.environ,
        "HYDRA_GATEWAY_PORT": str(gateway_port),
        "HYDRA_DATA_DIR": str(tmp_path),
        "HYDRA_NOTEBOOKS_DIR": str(ROOT / "notebooks"),
    }
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=t", "--allow-root"]
    lab = subprocess.Popen(
        [sys.executable, "-m", "hydra.cli", "lab", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until(lambda: answers(port), 90)
        assert answers(gateway_port)
        page = f"http://127.0.0.1:{port}/api/contents?token=t"
        with urllib.request.urlopen(page, timeout=30) as listing:
            assert b"00_start_here.ipynb" in listing.read()
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.wait(60)
    assert wait_until(lambda: not answers(port) and not answers(gateway_port), 30)
