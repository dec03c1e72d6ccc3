"""The main job on the embedded gateway: sessions paper-traded by papermill, then the books held
against the gateway's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra.config import Settings
from hydra.domain.events import FillRecorded, OrderAdmitted, OrderRefused
from hydra.errors import ConfigError
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.runner.notebook import Run
from hydra.runner.simulator import Simulator, simulated_gateway
from hydra.runner.trade import check_before_start, session_parameters, trade
from hydra.wiring import open_paper_session

MARKER = ".hydra-demo"
FIRST_SESSION = "2013-01-14"
STRATEGY = "ts_momentum"
ZERO = Decimal(0)


@dataclass(frozen=True)
class Day:
    """One session of the demo: its run, and what it added to the journal."""

    session: str
    run: Run
    orders: int
    refusals: int
    fills: int
    nav: Decimal | None


@dataclass(frozen=True)
class Finding:
    """One line of the closing comparison: what was held against what, and whether it agrees."""

    what: str
    ours: str
    theirs: str
    agrees: bool


@dataclass(frozen=True)
class DemoResult:
    """All that the demo did; `ok` is what its exit code says."""

    folder: Path
    days: tuple[Day, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Every session ended well, something was traded, and every comparison agrees."""
        return (
            all(not day.run.failed for day in self.days)
            and sum(day.fills for day in self.days) > 0
            and all(finding.agrees for finding in self.findings)
        )


def run_demo(
    settings: Settings,
    folder: Path,
    sessions: int,
    on_day: Callable[[Day], None],
) -> DemoResult:
    """Trade `sessions` consecutive sessions on a fresh gateway; writes only below `folder`.

    An earlier demo in `folder` is moved aside, not deleted.
    """
    folder = prepare_folder(folder)
    arguments = ["--start", FIRST_SESSION, "--speed", "0", "--seed", "7", "--fast"]
    with simulated_gateway(arguments) as gateway:
        ours = with_gateway(settings, folder, gateway)
        parameters = session_parameters(ours, STRATEGY, {})
        check_before_start(ours, parameters)
        days = []
        for number in range(sessions):
            if number:
                gateway.step("next_open")
            days.append(_trade_day(ours, parameters, gateway))
            on_day(days[-1])
            if days[-1].run.failed:
                return DemoResult(folder, tuple(days), ())
        findings = (*compare_books(ours, gateway), _trade_again(ours, parameters, gateway))
    return DemoResult(folder, tuple(days), findings)


def prepare_folder(folder: Path) -> Path:
    """An empty folder with the demo's marker; refuses to touch one that the demo did not make."""
    if folder.exists():
        if not (folder / MARKER).is_file():
            raise ConfigError(
                f"{folder} exists and is not an earlier demo's folder, so it is left alone; "
                "name another one with --dir."
            )
        stamp = datetime.fromtimestamp((folder / MARKER).stat().st_mtime).astimezone()
        folder.rename(folder.with_name(f"{folder.name}-{stamp:%Y%m%d-%H%M%S}"))
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    return folder


def with_gateway(settings: Settings, folder: Path, gateway: Simulator) -> Settings:
    """The settings, pointed at a simulated gateway and a data folder of its own."""
    return replace(
        settings,
        gateway=replace(settings.gateway, host=gateway.host, port=gateway.port, account=""),
        data=replace(settings.data, dir=folder),
    )


def compare_books(settings: Settings, gateway: Simulator) -> tuple[Finding, ...]:
    """Positions and value by our journal beside the gateway's own books."""
    books = gateway.state()
    with Journal.read_only(settings.journal_path) as journal:
        state = fold(journal.read())
        events = [record.event for record in journal.read(kinds=[FillRecorded])]
    fills = [event.fill for event in events if isinstance(event, FillRecorded)]
    filled: dict[str, Decimal] = {}
    for fill in fills:
        filled[fill.symbol] = filled.get(fill.symbol, ZERO) + fill.quantity
    theirs = {p["symbol"]: Decimal(p["quantity"]) for p in books["positions"]}
    return (
        _finding("Fills in the journal, summed, = positions", _flat(filled), _flat(theirs)),
        _finding("Executions", str(len(fills)), str(len(books["executions"]))),
        _finding("Value to the cent", _nav(state), f"{Decimal(books['net_liquidation']):,.2f}"),
    )


def _trade_day(settings: Settings, parameters: Mapping[str, Any], gateway: Simulator) -> Day:
    session = gateway.state()["session"]
    before = _counts(settings)
    run = trade(settings, parameters, f"{session}-{parameters['strategy']}")
    orders, refusals, fills = (
        now - then for now, then in zip(_counts(settings), before, strict=True)
    )
    return Day(session, run, orders, refusals, fills, _marked_nav(settings))


def _trade_again(settings: Settings, parameters: Mapping[str, Any], gateway: Simulator) -> Finding:
    """The last session once more, in this process: the same cycle, without a kernel's start."""
    before = len(gateway.state()["executions"])
    orders = _counts(settings)[0]
    asyncio.run(_cycle(settings, parameters))
    sent = _counts(settings)[0] - orders
    traded = len(gateway.state()["executions"]) - before
    return Finding("Last session run again: new orders", str(sent), str(traded), not sent + traded)


async def _cycle(settings: Settings, parameters: Mapping[str, Any]) -> None:
    session = await open_paper_session(**parameters, settings=settings)
    try:
        await session.run()
    finally:
        await session.close()


def _counts(settings: Settings) -> tuple[int, int, int]:
    """Orders admitted, requests refused and fills recorded so far."""
    with Journal.open(settings.journal_path) as journal:
        kinds = [
            type(r.event) for r in journal.read(kinds=[OrderAdmitted, OrderRefused, FillRecorded])
        ]
    return kinds.count(OrderAdmitted), kinds.count(OrderRefused), kinds.count(FillRecorded)


def _marked_nav(settings: Settings) -> Decimal | None:
    with Journal.read_only(settings.journal_path) as journal:
        mark = fold(journal.read()).mark
    return mark.nav if mark else None


def _finding(what: str, ours: str, theirs: str) -> Finding:
    return Finding(what, ours, theirs, ours == theirs)


def _flat(quantities: Mapping[str, Decimal]) -> str:
    held = {s: q for s, q in sorted(quantities.items()) if q}
    return ", ".join(f"{symbol} {quantity:+,f}" for symbol, quantity in held.items()) or "none"


def _nav(state: State) -> str:
    return f"{state.mark.nav:,.2f}" if state.mark else "never marked"
