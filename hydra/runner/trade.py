"""One paper session now: names and parameters checked, the gateway asked, then papermill."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hydra.errors
from hydra import wiring
from hydra.config import Settings
from hydra.errors import ConfigError, HydraError, UnknownName, unknown
from hydra.journal.journal import Journal
from hydra.runner.notebook import Run, run_notebook, template_parameters, typed_parameters

TEMPLATE = "03_paper_session.ipynb"


def session_parameters(
    settings: Settings, strategy: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Sort `given` into the notebook's own parameters and the strategy's; all of them typed.

    A name that the notebook has is the notebook's; any other must be a field of the strategy.
    """
    notebook = template(settings)
    own = template_parameters(notebook)
    names = [f.name for f in fields(type(wiring.build_strategy(settings, strategy, {})))]
    for name in given:
        if name not in own and name not in names:
            raise UnknownName(
                unknown(f"parameter of {strategy} or the session", name, [*names, *own])
            )
    for_notebook = {k: v for k, v in given.items() if k in own}
    parameters = typed_parameters(notebook, {**for_notebook, "strategy": strategy})
    for_strategy = {k: v for k, v in given.items() if k not in own}
    chosen = {**parameters.get("strategy_parameters", {}), **for_strategy}
    configured = wiring.build_strategy(settings, strategy, chosen)
    parameters["strategy_parameters"] = {name: getattr(configured, name) for name in chosen}
    return parameters


def check_before_start(settings: Settings, parameters: Mapping[str, Any]) -> None:
    """Find all that can be found before a kernel starts: the plan, the journal, the gateway."""
    plan = wiring.make_plan(
        settings,
        parameters["strategy"],
        parameters.get("strategy_parameters", {}),
        parameters.get("sizing", "vol_target"),
        parameters.get("sizing_parameters", {}),
        parameters.get("symbols", ()),
    )
    algo = wiring.Chosen(parameters.get("algo", ""), parameters.get("algo_parameters", {}))
    wiring.with_algo(settings, plan, algo)
    wiring.build_gate(settings)
    asyncio.run(_greet(settings, tuple(parameters.get("symbols", ()))))
    Journal.open(settings.journal_path).close()


def trade(settings: Settings, parameters: Mapping[str, Any], name: str | None = None) -> Run:
    """Execute the paper-session notebook; its record is a new folder under runs/."""
    started = datetime.now(UTC)
    label = name or f"{started:%Y%m%dT%H%M%S.%f}-{parameters['strategy']}"
    return run_notebook(
        template(settings), parameters, settings.runs_dir / label, kernel_environment(settings)
    )


def template(settings: Settings) -> Path:
    """The paper-session notebook; raises `ConfigError` when it is not there."""
    path = (settings.notebooks.dir / TEMPLATE).resolve()
    if not path.is_file():
        raise ConfigError(
            f"There is no {TEMPLATE} in {settings.notebooks.dir.resolve()}; run this in the "
            "project's folder, or set HYDRA_NOTEBOOKS_DIR."
        )
    return path


def kernel_environment(settings: Settings) -> dict[str, str]:
    """The settings that a run's kernel must share with us, as variables."""
    return {
        "HYDRA_GATEWAY_HOST": settings.gateway.host,
        "HYDRA_GATEWAY_PORT": str(settings.gateway.port),
        "HYDRA_GATEWAY_ACCOUNT": settings.gateway.account,
        "HYDRA_DATA_DIR": str(settings.data.dir.resolve()),
        "HYDRA_NOTEBOOKS_DIR": str(settings.notebooks.dir.resolve()),
    }


def is_expected(run: Run) -> bool:
    """Whether a failed run ended with one of our own errors, which people can mend."""
    kind = getattr(hydra.errors, run.error.partition(":")[0], None)
    return isinstance(kind, type) and issubclass(kind, HydraError)


async def _greet(settings: Settings, symbols: tuple[str, ...]) -> None:
    """Log on and off again: the gateway answers, the account is paper, the symbols are known."""
    from hydra.brokers.ib import IbBroker

    broker = IbBroker(settings.gateway)
    await broker.connect()
    try:
        await broker.qualify(symbols or settings.trading.symbols)
    finally:
        await broker.disconnect()
