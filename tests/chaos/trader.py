"""One trading process: reconcile, trade a decision, settle; and the ways in which it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra.algos._base import Algo
from hydra.algos.bracket import Bracket
from hydra.algos.market import Market
from hydra.algos.patient_limit import PatientLimit
from hydra.algos.twap import Twap
from hydra.brokers.ib import IbBroker
from hydra.clock import Sessions
from hydra.config import Gateway
from hydra.domain.orders import OrderRequest
from hydra.errors import HydraError
from hydra.execution.engine import OrderEngine
from hydra.execution.floor import Floor, Pace
from hydra.execution.supervisor import Patience, Supervisor
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.blackout import Blackout
from hydra.risk.halt import Halt
from hydra.risk.paper_account import PaperAccount

SETTINGS = Gateway(timeout_s=1.0, client_ids=16)
PATIENCE = Patience(heartbeat_s=0.3, first_pause_s=0.02, longest_pause_s=0.2, give_up_s=2.5)
SETTLE_S = 0.5
BUSY_MS = 40
GATE = RiskGate(
    {
        "blackout": Blackout(("10:00-10:30 US/Eastern",)),
        "halt": Halt(),
        "paper_account": PaperAccount(),
    }
)


class Killed(BaseException):
    """The trading process is gone: nothing of it runs any more."""


@dataclass(frozen=True)
class Fate:
    """What will happen to an attempt, besides what the gateway does.

    It dies at the `dies_at`-th append (0: never), before or after the write; for real when it is a
    process of its own. Its disk is full from the `full_at`-th append on, or another process holds
    the journal for `locked_at` appends' time.
    """

    dies_at: int = 0
    dies_after: bool = False
    full_at: int = 0
    locked_at: int = 0
    supervised: bool = False
    algo: str = ""
    really: bool = False
    timeout_s: float = SETTINGS.timeout_s


class MortalJournal(Journal):
    """A journal that meets its process's fate."""

    fate = Fate()
    appends = 0
    dead = False

    def append(self, event: Any, at: Any) -> int | None:
        """Append, unless it is time for something worse."""
        self.appends += 1
        if self.dead:
            raise Killed
        if self.appends == self.fate.full_at:
            pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
            self._connection.execute(f"PRAGMA max_page_count = {pages}")
        if self.appends == self.fate.dies_at and not self.fate.dies_after:
            self._die()
        seq = super().append(event, at)
        if self.appends == self.fate.dies_at:
            self._die()
        return seq

    def _die(self) -> None:
        if self.fate.really:
            os.kill(os.getpid(), signal.SIGKILL)
        self.dead = True
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        raise Killed


@contextmanager
def lock_of(path: Path, fate: Fate) -> Iterator[None]:
    """Another process holds the journal's write lock all the while."""
    if not fate.locked_at:
        yield
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


ALGOS: dict[str, Algo] = {
    "patient_limit": PatientLimit(steps=2, interval_s=20.0, collar_fraction=0.2),
    "twap": Twap(duration_s=60.0, slices=3, max_participation=0.9),
    "bracket": Bracket(0.05, 0.05),
    "market": Market(),
}
"""Order algorithms, with lives short enough for a life of chaos."""
VOLUMES = dict.fromkeys(("AAPL", "IBM", "MSFT"), Decimal(10_000_000))


async def trade_once(
    port: int, path: Path, requests: list[OrderRequest], fate: Fate, first_id: int
) -> bool:
    """One process's life; True when nothing is left working. Raises what ended it."""
    with MortalJournal.open(path) as journal, lock_of(path, fate):
        journal.fate = fate
        journal._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        broker = IbBroker(
            replace(SETTINGS, port=port, client_id=first_id, timeout_s=fate.timeout_s)
        )
        engine = OrderEngine(broker, journal, GATE)
        try:
            await engine.start()
            return await _trade(engine, requests, fate)
        finally:
            await broker.disconnect()


async def _trade(engine: OrderEngine, requests: list[OrderRequest], fate: Fate) -> bool:
    if fate.algo:
        return await _work(engine, requests, fate)
    if not fate.supervised:
        await engine.trade(requests)
        return not await engine.settle(SETTLE_S)
    supervisor = Supervisor(engine, PATIENCE)
    await supervisor.steady(lambda: engine.trade(requests))
    return not await supervisor.settle(SETTLE_S)


async def _work(engine: OrderEngine, requests: list[OrderRequest], fate: Fate) -> bool:
    """The decision through an order algorithm; True when no entry of it works any more."""
    supervisor = Supervisor(engine, PATIENCE)
    floor = Floor(supervisor, Sessions(), VOLUMES, Pace(0.03, 0.3, 5.0, 2.0))
    await floor.work(fate.algo, ALGOS[fate.algo], requests)
    left = [engine.state.order(ref) for ref in await supervisor.settle(SETTLE_S)]
    return all(order is None or order.request.parent for order in left)


def as_process(port: int, path: Path, requests: list[OrderRequest], fate: Fate) -> None:
    """The same in a process of its own, which may be killed for real."""
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(trade_once(port, path, requests, fate, SETTINGS.client_id))
    except (HydraError, OSError):
        raise SystemExit(3) from None
