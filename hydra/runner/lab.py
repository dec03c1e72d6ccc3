"""JupyterLab on the notebooks, with the simulated gateway beside it when none answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from hydra.config import Settings
from hydra.ib.probe import answers
from hydra.runner.simulator import simulated_gateway
from hydra.runner.trade import kernel_environment, template

OURS = Path(__file__).parent
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SPARE_S = 20.0
"""What the server needs to end, beside the time that its runs are given."""
SIMULATED_SPEED = "60"
"""Simulated seconds a second in the lab: a session lasts six and a half minutes."""


def run_lab(settings: Settings, arguments: Sequence[str]) -> int:
    """Run JupyterLab until it is stopped; returns its exit code.

    Starts a simulated gateway on the configured port when nothing answers there and the host is
    this machine; it ends together with the lab.
    """
    command = [sys.executable, "-m", "jupyterlab", *server_options(settings)]
    with ExitStack() as stack:
        if settings.gateway.host in LOOPBACK and not answers(settings.gateway):
            port = str(settings.gateway.port)
            stack.enter_context(
                simulated_gateway(
                    [
                        *("--port", port, "--control-port", "0", "--speed", SIMULATED_SPEED),
                        *("--ready-file", str(ready_file(settings))),
                    ]
                )
            )
        patience_s = settings.runner.stop_s + SPARE_S
        return _run([*command, *arguments], server_environment(settings), patience_s)


def server_options(settings: Settings) -> list[str]:
    """How JupyterLab is told to open on the notebooks and to ask nobody outside for anything."""
    return [
        f"--ServerApp.root_dir={template(settings).parent}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",  # the other one asks the package index
        "--VoilaConfiguration.template=hydra",  # Voilà's own fetches fonts from outside
    ]


def server_environment(settings: Settings) -> dict[str, str]:
    """The environment in which JupyterLab finds the extension, and its kernels our settings."""
    return {
        **os.environ,
        **kernel_environment(settings),
        "JUPYTER_CONFIG_PATH": _before("JUPYTER_CONFIG_PATH", OURS),
        "JUPYTER_PATH": _before("JUPYTER_PATH", OURS / "share"),
    }


def ready_file(settings: Settings) -> Path:
    """Where a simulated gateway that the lab started says where it is controlled."""
    settings.data.dir.mkdir(parents=True, exist_ok=True)
    return settings.data.dir / "gateway.json"


def _before(variable: str, folder: Path) -> str:
    """Our folder before the user's own: nothing is fetched from outside, nobody is asked."""
    given = os.environ.get(variable)
    return f"{folder}{os.pathsep}{given}" if given else str(folder)


def _run(command: list[str], environment: dict[str, str], stop_s: float) -> int:
    """Run to the end; when we are ended first, end it too. Ctrl-C reaches it by itself."""
    process = subprocess.Popen(command, env=environment)
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # JupyterLab asks whether to stop, and stops when it is told so
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(stop_s)
