"""Memory of the idle Jupyter server, extension and schedule on, over one day of simulated time."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.runner.lab import server_environment, server_options
from hydra.runner.simulator import simulated_gateway
from tests.benchmarks.accelerated_server import ANSWERS, WORDS
from tests.conftest import ROOT
from tests.dashboard.pages import free_port, listens, until

DAY_S = 24 * 3600
POLL_S = 30
"""Each half minute somebody asks for the server's health, as Docker does."""
QUARTERS = 4
SCHEDULE = '[jobs.open]\nstrategy = "ts_momentum"\nat = "open+5min"\n'


@dataclass
class Server:
    """The server's process, and the pipes by which its time passes."""

    process: subprocess.Popen
    url: str
    words: IO[str]
    answers: IO[str]

    def live(self, seconds: int) -> None:
        """Let the time pass, with a look at its health each half minute."""
        for _ in range(seconds // POLL_S):
            self.words.write(f"{POLL_S}\n")
            self.words.flush()
            assert self.answers.readline(), "the server is gone"
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=30) as answer:
                assert b'"beating": true' in answer.read()

    @property
    def megabytes(self) -> float:
        """What the process holds in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) / 1024


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[Server]:
    """JupyterLab as `hydra lab` runs it, whose schedule waits for its seconds."""
    port, (theirs, words), (answers, ours) = free_port(), os.pipe(), os.pipe()
    environment = server_environment(settings) | {
        "HYDRA_START_RUNNER": "true", "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "PYTHONPATH": str(ROOT), WORDS: str(theirs), ANSWERS: str(ours),
    }  # fmt: skip
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=t", "--allow-root"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.accelerated_server",
             *server_options(settings), *options],
            cwd=folder, env=environment, stdout=log, stderr=log, pass_fds=(theirs, ours),
        )  # fmt: skip
    for descriptor in (theirs, ours):
        os.close(descriptor)
    try:
        with os.fdopen(words, "w") as said, os.fdopen(answers) as heard:
            until(lambda: listens(port), 90)
            yield Server(process, f"http://127.0.0.1:{port}", said, heard)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def run() -> None:
    """Print the memory of the process at the start, at each quarter of the day, at its end."""
    with (
        tempfile.TemporaryDirectory() as name,
        simulated_gateway(["--start", "2012-10-05", "--speed", "0"]) as gateway,
    ):
        folder = Path(name)
        (folder / "hydra.toml").write_text(SCHEDULE)
        settings = Settings(
            gateway=Gateway(port=gateway.port),
            data=Data(folder / "data"),
            notebooks=Notebooks(ROOT / "notebooks"),
        )
        with serving(settings, folder) as server:
            began = time.monotonic()
            server.live(3600)  # the first hour loads what the others use
            marks = [server.megabytes]
            print(f"the server's memory at the start    {marks[0]:8.1f} MB")
            for quarter in range(1, QUARTERS + 1):
                server.live(DAY_S // QUARTERS)
                marks.append(server.megabytes)
                hours, grown = quarter * 24 // QUARTERS, marks[-1] - marks[0]
                print(f"after {hours:2d} hours {marks[-1]:30.1f} MB    grown by {grown:+.2f} MB")
            print(
                f"a simulated day of {DAY_S:,} ticks and {DAY_S // POLL_S:,} looks at its health "
                f"took {time.monotonic() - began:.0f} s (aim: flat)"
            )
