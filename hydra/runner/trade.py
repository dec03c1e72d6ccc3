"""One paper session now: names and parameters checked, the gateway asked, then papermill."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hydra.errors
from hydra import wiring
from hydra.clock import Sessions
from hydra.config import FOLDER, Settings
from hydra.domain.events import RunStarted
from hydra.errors import ConfigError, HydraError, RunFailed, UnknownName, unknown
from hydra.journal.journal import Journal
from hydra.runner.lease import Lease, holder
from hydra.runner.notebook import Run, template_parameters, typed_parameters

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


def check_before_start(settings: Settings, parameters: Mapping[str, Any]) -> datetime:
    """Find all that can be found before a kernel starts: the plan, the journal, the gateway.

    Returns the market's time, as the gateway tells it.
    """
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
    time = asyncio.run(_greet(settings, tuple(parameters.get("symbols", ()))))
    Journal.open(settings.journal_path).close()
    return time


def trade(
    settings: Settings,
    parameters: Mapping[str, Any],
    name: str | None = None,
    at: datetime | None = None,
) -> Run:
    """Execute the paper-session notebook here; its record is a new folder under runs/.

    `at` is the market's time, where it is known. Raises `RunFailed` while a run of the same
    strategy is going on, and journals nothing then.
    """
    from hydra.runner.conduct import Conduct, conduct

    started = datetime.now(UTC)
    label = name or f"{started:%Y%m%dT%H%M%S.%f}-{parameters['strategy']}"
    lease = take_lease(settings, parameters["strategy"], label)
    try:
        path = template(settings)
        begun = begun_by_hand(settings, label, path.name, parameters, at or started)
        return conduct(settings, Conduct(begun, path, parameters, (at or started) - started))
    finally:
        lease.close()


def begun_by_hand(
    settings: Settings, label: str, notebook: str, parameters: Mapping[str, Any], at: datetime
) -> RunStarted:
    """The event that a run by hand begins, in the session that the market is in or before."""
    session = Sessions(settings.trading.calendar).session_at(at)
    plain = {name: str(value) for name, value in parameters.items()}
    return RunStarted(label, "", parameters["strategy"], notebook, "request", session, None, plain)


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
    """The settings that a run's kernel must share with us, as variables: where hydra.toml and .env
    are looked for, and what an option of the command line may have changed."""
    sought = {FOLDER: str(settings.folder)} if settings.folder else {}
    return {
        **sought,
        "HYDRA_GATEWAY_HOST": settings.gateway.host,
        "HYDRA_GATEWAY_PORT": str(settings.gateway.port),
        "HYDRA_GATEWAY_ACCOUNT": settings.gateway.account,
        "HYDRA_DATA_DIR": str(settings.data.dir.resolve()),
        "HYDRA_NOTEBOOKS_DIR": str(settings.notebooks.dir.resolve()),
    }


def take_lease(settings: Settings, key: str, run: str) -> Lease:
    """The right to run that strategy (or job) alone; raises `RunFailed` naming who has it."""
    path = lease_path(settings, key)
    lease = Lease.take(path)
    if lease is None:
        other = (holder(path) or {}).get("run", "another one")
        raise RunFailed(f"{key} is running already, as {other}; one run at a time trades it.")
    lease.say(run=run, pid=os.getpid())
    return lease


def lease_path(settings: Settings, key: str) -> Path:
    """The file whose lock is held by the one run of a strategy (or job)."""
    return settings.data.dir / "leases" / f"{key}.lock"


def is_expected(run: Run) -> bool:
    """Whether a failed run ended with one of our own errors, which people can mend."""
    kind = getattr(hydra.errors, run.error.partition(":")[0], None)
    return isinstance(kind, type) and issubclass(kind, HydraError)


async def _greet(settings: Settings, symbols: tuple[str, ...]) -> datetime:
    """Log on and off again: the gateway answers, the account is paper, the symbols are known."""

    wanted = symbols or settings.trading.symbols
    wiring.calendar_of(settings, wanted)
    broker = wiring.build_broker(settings)
    await broker.connect()
    try:
        await broker.look_up(wanted)
        return await broker.time()
    finally:
        await broker.disconnect()
