"""The chaos campaign: a seed picks faults, a multi-session run meets them, the books are compared.

One seed is one life: a simulated gateway, several sessions, two strategies, and a schedule of
faults (the gateway's own, and the trading process killed at a journal step). After each failure
the run resumes as a person or the schedule would resume it: a new engine, a new connection, the
same decision. At the end the journal is held against the gateway's own books, never ours.

``python -m tests.chaos.campaign --seeds 0:2000`` runs seeds; a failing one prints its command.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import FillRecorded, OrderAdmitted
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import HydraError
from hydra.execution.engine import OrderEngine
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import FaultyExchange, parse_fault
from hydra.gateway.server import GatewayServer, GatewaySettings, serve
from hydra.journal.fold import fold
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from hydra.risk.paper_account import PaperAccount

FIRST = date(2013, 1, 14)
SESSIONS = 3
STRATEGIES = ("alpha", "beta")
SYMBOLS = ("AAPL", "IBM", "MSFT")
ATTEMPTS = 4
AT_ONCE = 12
SETTINGS = Gateway(timeout_s=1.0, client_ids=16)
SETTLE_S = 0.5

FAULTS: tuple[Mapping[str, Any], ...] = (
    {"on": "placeOrder", "do": "lose"},
    {"on": "placeOrder", "do": "disconnect"},
    {"on": "placeOrder", "do": "disconnect", "before": True},
    {"on": "placeOrder", "do": "silence"},
    {"on": "placeOrder", "do": "reject_order"},
    {"on": "placeOrder", "do": "say", "code": 10349},
    {"on": "placeOrder", "do": "say", "code": 201, "instead": True},
    {"on": "placeOrder", "do": "say", "code": 321, "instead": True},
    {"on": "placeOrder", "do": "say", "code": 1100},
    {"on": "placeOrder", "do": "say", "code": 2110},
    {"on": "openOrder", "do": "lose", "times": 4},
    {"on": "openOrder", "do": "repeat"},
    {"on": "orderStatus", "do": "lose", "times": 4},
    {"on": "orderStatus", "do": "repeat"},
    {"on": "orderStatus", "do": "hold", "count": 3},
    {"on": "executionDetails", "do": "lose"},
    {"on": "executionDetails", "do": "repeat"},
    {"on": "executionDetails", "do": "hold", "count": 2},
    {"on": "executionDetails", "do": "disconnect"},
    {"on": "executionDetails", "do": "correct"},
    {"on": "executionDetails", "do": "bust"},
    {"on": "commissionReport", "do": "lose"},
    {"on": "commissionReport", "do": "repeat"},
    {"on": "commissionReport", "do": "disconnect"},
    {"on": "nextValidId", "do": "roll_back_ids", "by": 3},
    {"on": "startApi", "do": "refuse_client"},
    {"on": "startApi", "do": "silence"},
    {"on": "reqExecutions", "do": "lose"},
    {"on": "reqExecutions", "do": "disconnect"},
    {"on": "reqAllOpenOrders", "do": "lose"},
    {"on": "reqAccountUpdates", "do": "lose"},
    {"on": "reqCurrentTime", "do": "skew", "seconds": 5},
    {"on": "position", "do": "repeat"},
    {"on": "tickPrice", "do": "lose", "times": 6},
    {"on": "startApi", "do": "chop", "size": 1},
    {"on": "startApi", "do": "merge", "seconds": 0.02},
)
"""What may go wrong at the gateway; the trigger's count is drawn."""


class Killed(BaseException):
    """The trading process is gone: nothing of it runs any more."""


@dataclass
class Life:
    """What one seed lived through, and what was wrong at its end."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    problems: list[str] = field(default_factory=list)


class DyingJournal(Journal):
    """A journal whose process is killed at one of its appends, before or after the write."""

    dies_at = 0
    dies_after = False

    def append(self, event: Any, at: Any) -> int | None:
        """Append, and die when it is time."""
        self.dies_at -= 1
        if self.dies_at == 0 and not self.dies_after:
            raise Killed
        seq = super().append(event, at)
        if self.dies_at == 0:
            raise Killed
        return seq


async def live(seed: int, folder: Path) -> Life:
    """One life from its seed; the same seed lives the same life but for the sockets' timing."""
    rng = random.Random(seed)
    life = Life(seed)
    exchange = ExchangeSettings(start=FIRST, seed=seed)
    settings = GatewaySettings(port=0, control_port=0, speed=0, exchange=exchange)
    path = folder / f"{seed}.db"
    async with await serve(settings) as server:
        for number in range(SESSIONS):
            if number:
                server.deliver(server.world.command("next_open"))
            session = date.fromisoformat(server.exchange.clock_state()["session"])
            for strategy in STRATEGIES:
                requests = wishes(rng, strategy, session, listed(server))
                await trade_through(rng, life, server, path, requests)
        await finish(life, server, path)
    return life


async def trade_through(
    rng: random.Random,
    life: Life,
    server: GatewayServer,
    path: Path,
    requests: list[OrderRequest],
) -> None:
    """Trade one decision, resuming after each failure; the last attempt meets no new fault."""
    for attempt in range(ATTEMPTS):
        calm = attempt == ATTEMPTS - 1
        if calm:
            disarm(server)
        elif rng.random() < 0.6:
            arm(rng, life, server)
        dies_at = 0 if calm or rng.random() < 0.7 else rng.randint(1, 14)
        try:
            done = await attempt_once(rng, life, server, path, requests, dies_at)
        except (HydraError, Killed) as problem:
            life.faults[f"met {type(problem).__name__}"] += 1
            done = False
        if done and rng.random() < 0.8:
            return


async def attempt_once(
    rng: random.Random,
    life: Life,
    server: GatewayServer,
    path: Path,
    requests: list[OrderRequest],
    dies_at: int,
) -> bool:
    """One process's life: reconcile, trade, settle; True when nothing is left working."""
    with DyingJournal.open(path) as journal:
        journal.dies_at, journal.dies_after = dies_at, rng.random() < 0.5
        if dies_at:
            life.faults["kill at a journal step"] += 1
        broker = IbBroker(replace(SETTINGS, port=server.port))
        engine = OrderEngine(broker, journal, GATE)
        try:
            await engine.start()
            await engine.trade(requests)
            return not await engine.settle(SETTLE_S)
        finally:
            await broker.disconnect()


async def finish(life: Life, server: GatewayServer, path: Path) -> None:
    """Calm weather: working orders are cancelled, then the journal is held against the books."""
    disarm(server)
    with Journal.open(path) as journal:
        broker = IbBroker(replace(SETTINGS, port=server.port, timeout_s=5.0))
        engine = OrderEngine(broker, journal, GATE)
        await engine.start()
        for ref in engine.state.working:
            try:
                await engine.cancel(ref)
            except HydraError as problem:
                life.problems.append(str(problem))
        left = await engine.settle(5.0)
        await engine.reconcile()
        await broker.disconnect()
        life.problems += [f"{ref} is still working" for ref in left]
        life.problems += list(differences(journal, server))
        life.orders = sum(1 for _ in journal.read(kinds=[OrderAdmitted]))


def differences(journal: Journal, server: GatewayServer) -> Iterator[str]:
    """Every way in which the journal and the gateway's own books disagree."""
    books = server.exchange.state()
    state = fold(journal.read())
    theirs = {p["symbol"]: Decimal(p["quantity"]) for p in books["positions"]}
    theirs = {symbol: quantity for symbol, quantity in theirs.items() if quantity}
    if state.positions != theirs:
        yield f"positions: journal {state.positions}, gateway {theirs}"
    if state.external:
        yield f"positions of ours are listed as external: {dict(state.external)}"
    if state.cash != Decimal(books["cash"]):
        yield f"cash: journal {state.cash}, gateway {books['cash']}"
    yield from _fill_differences(journal, books["executions"])
    yield from _doubled(server)
    seqs = [record.seq for record in journal.read()]
    if seqs != list(range(1, len(seqs) + 1)):
        yield "the journal's sequence has a hole"


def _fill_differences(journal: Journal, executions: list[dict[str, Any]]) -> Iterator[str]:
    ours: Counter[str] = Counter()
    for (_, symbol), holding in fold(journal.read()).holdings.items():
        ours[symbol] += holding.quantity  # type: ignore[assignment]
    theirs: Counter[str] = Counter()
    for execution in executions:
        theirs[execution["symbol"]] += Decimal(execution["quantity"])  # type: ignore[assignment]
    if {s: q for s, q in ours.items() if q} != {s: q for s, q in theirs.items() if q}:
        yield f"fills: journal {dict(ours)}, gateway {dict(theirs)}"
    recorded = {r.event.fill.exec_id for r in journal.read(kinds=[FillRecorded])}  # type: ignore[attr-defined]
    if len(recorded) != sum(1 for _ in journal.read(kinds=[FillRecorded])):
        yield "an execution is in the journal twice"


def _doubled(server: GatewayServer) -> Iterator[str]:
    """An order reference that the broker booked under more than one order."""
    booked: dict[str, set[int]] = {}
    for order in all_orders(server):
        booked.setdefault(order[0], set()).add(order[1])
    for ref, perm_ids in booked.items():
        if len(perm_ids) > 1:
            yield f"{ref} was booked {len(perm_ids)} times"


def all_orders(server: GatewayServer) -> list[tuple[str, int]]:
    """(orderRef, permId) of every order that the gateway ever executed or still works."""
    books = server.exchange.state()
    return [(o["order_ref"], o["perm_id"]) for o in (*books["executions"], *books["open_orders"])]


def listed(server: GatewayServer) -> list[Instrument]:
    """The instruments that the lives trade, as the gateway lists them."""
    universe = server.exchange.venue.universe
    found = {one.symbol: one for one in universe.instruments if one.symbol in SYMBOLS}
    return [Instrument(symbol, con_id=found[symbol].conId) for symbol in SYMBOLS]


def wishes(
    rng: random.Random, strategy: str, session: date, instruments: list[Instrument]
) -> list[OrderRequest]:
    """A decision: some market orders and now and then a limit that will not be reached."""
    requests = []
    for instrument in rng.sample(instruments, rng.randint(1, len(instruments))):
        quantity = Decimal(rng.choice([-1, 1]) * rng.randint(1, 300))
        limited = rng.random() < 0.25
        price = Decimal(1) if quantity > 0 else Decimal(9000)
        requests.append(
            OrderRequest(
                strategy,
                session,
                instrument,
                quantity,
                Decimal(100),
                OrderType.LIMIT if limited else OrderType.MARKET,
                price if limited else None,
            )
        )
    return requests


def arm(rng: random.Random, life: Life, server: GatewayServer) -> None:
    """One more fault, to strike at one of the next messages of its kind."""
    table = dict(rng.choice(FAULTS))
    table["nth"] = rng.randint(1, 3)
    server.world.arm(parse_fault(table))
    life.faults[f"{table['do']} {table.get('code', '')} on {table['on']}".replace("  ", " ")] += 1


def disarm(server: GatewayServer) -> None:
    """No fault waits any more; what they did stays done."""
    server.world = FaultyExchange(server.exchange)


GATE = RiskGate({"halt": Halt(), "paper_account": PaperAccount()})


@contextmanager
def quiet() -> Iterator[None]:
    """ib_async's and the gateway's own words are noise here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def run_seeds(seeds: range, folder: Path) -> list[Life]:
    """Each seed's life, `AT_ONCE` of them at a time: most of a life is waiting for an answer."""
    with quiet():
        return asyncio.run(_live_all(seeds, folder))


async def _live_all(seeds: range, folder: Path) -> list[Life]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> Life:
        async with places:
            return await live(seed, folder)

    return await asyncio.gather(*(one(seed) for seed in seeds))


def main() -> int:
    """Run seeds and print what they met; 1 when any ended with a problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0:100", help="FIRST:END")
    first, _, end = parser.parse_args().seeds.partition(":")
    met: Counter[str] = Counter()
    failed = orders = 0
    with tempfile.TemporaryDirectory() as folder:
        for life in run_seeds(range(int(first), int(end)), Path(folder)):
            met += life.faults
            orders += life.orders
            failed += bool(life.problems)
            for problem in life.problems:
                sys.stdout.write(f"seed {life.seed}: {problem}\n")
            if life.problems:
                again = f"python -m tests.chaos.campaign --seeds {life.seed}:{life.seed + 1}"
                sys.stdout.write(f"  replay: {again}\n")
    for what, count in met.most_common():
        sys.stdout.write(f"{count:7} {what}\n")
    sys.stdout.write(f"{orders} orders, {failed} seeds failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
