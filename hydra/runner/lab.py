"""JupyterLab on the notebooks, with the simulated gateway beside it when none answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from hydra.config import Settings
from hydra.ib.probe import answers
from hydra.runner.simulator import simulated_gateway
from hydra.runner.trade import kernel_environment, template

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SIMULATED_SPEED = "60"
"""Simulated seconds a second in the lab: a session lasts six and a half minutes."""


def run_lab(settings: Settings, arguments: Sequence[str]) -> int:
    """Run JupyterLab until it is stopped; returns its exit code.

    Starts a simulated gateway on the configured port when nothing answers there and the host is
    this machine; it ends together with the lab.
    """
    folder = template(settings).parent
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    with ExitStack() as stack:
        if settings.gateway.host in LOOPBACK and not answers(settings.gateway):
            port = str(settings.gateway.port)
            stack.enter_context(
                simulated_gateway(
                    ["--port", port, "--control-port", "0", "--speed", SIMULATED_SPEED]
                )
            )
        environment = {**os.environ, **kernel_environment(settings)}
        return subprocess.run([*command, *arguments], env=environment).returncode
