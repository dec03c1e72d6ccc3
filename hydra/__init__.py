"""HYDRA: research trading strategies in notebooks and paper-trade them on Interactive Brokers.

The handful of names that a notebook needs; each is imported when it is first used, because
research needs vectorbt and a paper session must not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.config import load_settings as load_settings
    from hydra.controls import open_board as open_board
    from hydra.plugins import configure as configure
    from hydra.research.backtest import backtest as backtest
    from hydra.runner.start import start as start
    from hydra.wiring import open_paper_session as open_paper_session

__version__ = "0.1.0"

NAMES = {
    "backtest": "hydra.research.backtest",
    "configure": "hydra.plugins",
    "load_settings": "hydra.config",
    "open_board": "hydra.controls",
    "open_paper_session": "hydra.wiring",
    "start": "hydra.runner.start",
}
"""Name → the module that holds it."""


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module 'hydra' has no attribute {name!r}")
    return getattr(importlib.import_module(NAMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *NAMES])
