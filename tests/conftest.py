"""What many tests share: a simulated gateway as a process, and settings that reach it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.runner.simulator import Simulator, simulated_gateway

ROOT = Path(__file__).parent.parent
START = "2013-01-14"

# The suite draws the same examples each time, so that a failure is a change's own; `make fuzz`
# draws new ones.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HYDRA_* variable of whoever runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("HYDRA_")]:
        monkeypatch.delenv(name)


QUICK = ("--fast", "--wall-scale", "0")
"""Answers take no time, and spans of historical pacing are over at once."""


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., Simulator]]:
    """Start simulated gateways with further arguments; they end with the test."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Simulator:
            chosen = arguments if "--start" in arguments else ("--start", START, *arguments)
            return stack.enter_context(simulated_gateway([*chosen, *QUICK]))

        yield start


@pytest.fixture
def gateway(start_gateway: Callable[..., Simulator]) -> Simulator:
    """A stepped gateway that stands at the open of 2013-01-14."""
    return start_gateway()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of the test's own and no gateway behind them."""
    return Settings(
        gateway=Gateway(port=1, timeout_s=5.0),
        data=Data(tmp_path / "data"),
        notebooks=Notebooks(ROOT / "notebooks"),
    )


@pytest.fixture
def connected(settings: Settings, gateway: Simulator) -> Settings:
    """Settings that reach the simulated gateway."""
    return replace(settings, gateway=replace(settings.gateway, port=gateway.port))
