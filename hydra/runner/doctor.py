"""What is wrong with this machine or gateway, one line a finding."""

from __future__ import annotations

import asyncio
import importlib.metadata
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

from hydra import wiring
from hydra.config import Settings
from hydra.errors import HydraError
from hydra.journal.journal import Journal
from hydra.runner.notebook import KERNEL, template_parameters
from hydra.runner.trade import template


@dataclass(frozen=True)
class Finding:
    """One examined thing: whether it is well, and a sentence."""

    what: str
    ok: bool
    sentence: str


async def findings(settings: Settings) -> list[Finding]:
    """Examine Python, packages, kernel, notebooks, data folder, risk gate and gateway."""
    found = [_find(what, look, settings) for what, look in EXAMINATIONS.items()]
    try:
        found.append(Finding("gateway", True, await _gateway(settings)))
    except HydraError as problem:
        found.append(Finding("gateway", False, str(problem)))
    return found


def _find(what: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(what, True, look(settings))
    except (HydraError, OSError) as problem:
        return Finding(what, False, str(problem))


def _python(settings: Settings) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise HydraError(f"Python {version} is not supported; use 3.11, 3.12 or 3.13.")
    return f"Python {version}"


def _import_name(settings: Settings) -> str:
    """hydra-core is another project that installs a package of the same name over ours."""
    owners = importlib.metadata.packages_distributions().get("hydra", [])
    others = sorted(set(owners) - {"hydra-workbench"})
    if others:
        raise HydraError(
            f"{', '.join(others)} also installs a package named hydra; use an environment "
            "without it."
        )
    return "no other package is named hydra"


def _packages(settings: Settings) -> str:
    names = ("ib_async", "pandas", "vectorbt", "papermill", "jupyterlab", "ipywidgets")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _kernel(settings: Settings) -> str:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(KERNEL)
    except NoSuchKernel as problem:
        raise HydraError(f"There is no Jupyter kernel named {KERNEL}: {problem}.") from problem
    return f"Jupyter kernel {KERNEL} runs {spec.argv[0]}"


def _notebooks(settings: Settings) -> str:
    path = template(settings)
    return f"{path.name} takes {', '.join(template_parameters(path))}"


def _journal(settings: Settings) -> str:
    with Journal.open(settings.journal_path) as journal:
        return f"{settings.journal_path} is writable and holds {journal.last_seq()} events"


def _risk(settings: Settings) -> str:
    return f"checks that are on: {', '.join(wiring.build_gate(settings).checks)}"


async def _gateway(settings: Settings) -> str:
    await _find_host(settings)
    broker = wiring.build_broker(settings)
    await broker.connect()
    try:
        account, time = await broker.account(), await broker.time()
    finally:
        await broker.disconnect()
    return (
        f"{settings.gateway.host}:{settings.gateway.port} trades paper account {account.code}, "
        f"{account.net_liquidation:,.2f} {account.currency}; "
        f"its clock says {time:%Y-%m-%d %H:%M} UTC"
    )


async def _find_host(settings: Settings) -> None:
    """Raise for a host that nobody is called: in the containers, no gateway was started."""
    host = settings.gateway.host
    try:
        await asyncio.get_running_loop().getaddrinfo(host, settings.gateway.port)
    except socket.gaierror as problem:
        raise HydraError(
            f"Nothing is called {host!r}, so there is no gateway (HYDRA_GATEWAY_HOST). In the "
            "containers none was started: use docker compose --profile sim up, or fill in "
            "docker/.env for your paper account."
        ) from problem


EXAMINATIONS: dict[str, Callable[[Settings], str]] = {
    "Python": _python,
    "import name": _import_name,
    "packages": _packages,
    "kernel": _kernel,
    "notebooks": _notebooks,
    "journal": _journal,
    "risk gate": _risk,
}
