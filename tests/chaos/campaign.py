"""The chaos campaign: a seed picks faults, a multi-session run meets them, the books are compared.

One seed is one life: a simulated gateway, several sessions, three strategies that trade one after
the other or all at once, and a schedule of faults: the gateway's own, its death and restart, the
trading process killed at a journal step (in some lives for real, by SIGKILL), a disk that is full,
a journal that another process holds, halts and blackouts. After each failure the run resumes as a
person or the schedule would resume it: a new engine, a new connection, the same decision. At the
end the journal is held against the gateway's own books, never ours: see `invariants`.

``python -m tests.chaos.campaign --seeds 0:2000`` runs seeds; a failing one prints its command.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra.brokers.ib import IbBroker
from hydra.domain.events import EpochBegun, Halted, OrderAdmitted, Resumed
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.errors import HydraError
from hydra.execution.adoption import Decision, adoption_of
from hydra.execution.catching_up import catch_up
from hydra.execution.engine import OrderEngine
from hydra.execution.supervisor import Patience, Supervisor
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import FaultyExchange, parse_fault
from hydra.gateway.realism import ALL
from hydra.gateway.server import GatewayServer, serve
from hydra.ib.contracts import named
from hydra.journal.fold import State
from hydra.journal.journal import Journal
from tests.chaos.invariants import beyond, broken, sent_unreconciled
from tests.chaos.trader import ALGOS, GATE, SETTINGS, Fate, Killed, as_process, trade_once

FIRST = date(2013, 1, 14)
SESSIONS = 3
STRATEGIES = ("alpha", "beta", "gamma")
SYMBOLS = ("AAPL", "IBM", "MSFT")
ABROAD = ("AAPL", "SAP.IBIS", "EUR.USD", "ES.201303")
"""What every fifth life trades: three currencies' worth of stock, pair and future."""
EVERY = 5
UNITS = {"EUR.USD": Decimal(100), "ES.201303": Decimal("0.02")}
"""How many units stand for one share, before whole lots."""
ATTEMPTS = 4
AT_ONCE = 24
LONGEST_LIFE_S = 300.0
UNENDED = "this life did not end"
REALLY = 0.04
"""Share of attempts that are a process of their own, killed for real."""

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
    {"on": "placeOrder", "do": "say", "code": 1300},
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
    {"on": "reqAllOpenOrders", "do": "silence"},
    {"on": "reqCompletedOrders", "do": "lose"},
    {"on": "reqAccountUpdates", "do": "lose"},
    {"on": "reqCurrentTime", "do": "skew", "seconds": 5},
    {"on": "reqCurrentTime", "do": "skew", "seconds": -3600},
    {"on": "reqCurrentTime", "do": "skew", "seconds": 3600},
    {"on": "position", "do": "repeat"},
    {"on": "tickPrice", "do": "lose", "times": 6},
    {"on": "startApi", "do": "chop", "size": 1},
    {"on": "startApi", "do": "merge", "seconds": 0.02},
)
"""What may go wrong at the gateway; the trigger's count is drawn."""


CALM = Fate(timeout_s=10.0)
CALM_PATIENCE = Patience(first_pause_s=0.1, longest_pause_s=0.5, give_up_s=30.0)
SET_UP = sorted(ALL - {"confirmation_window", "read_only", "order_presets"})
"""How a gateway may be set up so that orders still reach the exchange, each in some lives; presets
are bypassed in the container."""
WALL_SCALE = 0.02
"""Of the wall seconds of pacing and of a farm that sleeps: a life is short."""


@dataclass
class Life:
    """What one seed lived through, and what was wrong at its end."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    orders: int = 0
    problems: list[str] = field(default_factory=list)


class Place:
    """Where a life happens: its gateway, which can die and come back, and its journal."""

    def __init__(self, seed: int, folder: Path) -> None:
        """Nothing listens yet. Where sources on real gateways differ, the seed chooses."""
        self.seed = seed
        drawn = random.Random(f"{seed} set-up")
        self.meets_people = drawn.random() < 0.5
        """Whether things happen to the account by no trade, overnight."""
        real = frozenset(name for name in SET_UP if drawn.random() < 0.3)
        self.foreign: set[str] = set()
        """Symbols of which units may be nobody's of ours: they came or went by no trade."""
        self.rng = random.Random(seed)
        self.life = Life(seed)
        self.path = folder / f"{seed}.db"
        exchange = ExchangeSettings(start=FIRST, seed=seed, real=real)
        self.settings = stepped(
            exchange=exchange,
            state=folder / f"{seed}.json",
            wall_scale=WALL_SCALE,
            clock_s=1.0 / WALL_SCALE,
        )
        self.server: GatewayServer
        self.heard: list[dict[str, Any]] = []
        self.is_dying = False
        self.wanted: dict[str, Decimal] = {}
        self.parallel = self.was_parallel = False

    async def open(self) -> None:
        """Start the gateway, or start it again on what it had saved."""
        self.server = await serve(self.settings)
        self.settings = replace(self.settings, port=self.server.port)

    async def close(self) -> None:
        """The gateway goes, with all its connections."""
        self.heard += self.server.record.after(0)
        await self.server.close()

    async def die_and_come_back(self, after: int) -> None:
        """The gateway restarts once it has heard and said `after` more messages."""
        if self.is_dying:
            return
        self.is_dying = True
        until = self.server.record.last + after
        for _ in range(400):
            if self.server.record.last >= until:
                await self.close()
                await self.open()
                self.life.faults["gateway died and came back"] += 1
                break
            await asyncio.sleep(0.005)
        self.is_dying = False

    async def let_time_pass(self) -> None:
        """Order algorithms wait by the market's clock, so it runs while they work."""
        while True:
            await asyncio.sleep(0.05)
            now = self.server.exchange.venue.now + timedelta(seconds=5)
            if now.hour < 20:
                self.server.deliver(self.server.world.command(now.isoformat()))

    def note(self, event: Any) -> None:
        """Somebody writes into the journal by hand."""
        with Journal.open(self.path) as journal:
            journal.append(event, datetime.now(UTC))

    @property
    def session(self) -> date:
        """The session that the exchange is in."""
        return date.fromisoformat(self.server.exchange.clock_state()["session"])


async def live(seed: int, folder: Path) -> Life:
    """One life from its seed; the same seed lives the same life but for the sockets' timing."""
    place = Place(seed, folder)
    await place.open()
    try:
        async with asyncio.timeout(LONGEST_LIFE_S):
            await live_in(place)
    except TimeoutError:
        place.life.problems.append(UNENDED)
    except Exception as problem:  # the other lives go on
        place.life.problems.append(f"ended by {problem!r}")
    finally:
        await place.close()
    return place.life


async def live_in(place: Place) -> None:
    """Some sessions, and then the comparison."""
    for number in range(SESSIONS):
        if number:
            await close_of_day(place)
            place.server.deliver(place.server.world.command("next_open"))
            if place.meets_people:
                await overnight(place, place.server)
        if place.rng.random() < 0.08:
            into_blackout(place)
        await trade_session(place)
    await finish(place)


async def trade_session(place: Place) -> None:
    """All strategies trade the session, one after the other or all at once."""
    instruments = listed(place)
    algos = [draw_algo(place) for _ in STRATEGIES]
    decisions = [
        wishes(place, s, instruments, bool(a)) for s, a in zip(STRATEGIES, algos, strict=True)
    ]
    if place.rng.random() < 0.3:
        place.parallel = place.was_parallel = True
        place.life.faults["strategies at once"] += 1
        ids = range(31, 31 + 16 * len(decisions), 16)
        await asyncio.gather(
            *(trade_through(place, d, i, a) for d, i, a in zip(decisions, ids, algos, strict=True))
        )
        place.parallel = False
    else:
        for decision, algo in zip(decisions, algos, strict=True):
            await trade_through(place, decision, SETTINGS.client_id, algo)


def draw_algo(place: Place) -> str:
    """The order algorithm that works a decision; empty for plain orders."""
    algo = place.rng.choice(sorted(ALGOS)) if place.rng.random() < 0.35 else ""
    if algo:
        place.life.faults[f"worked by {algo}"] += 1
    return algo


async def trade_through(
    place: Place, requests: list[OrderRequest], first_id: int, algo: str
) -> None:
    """Trade one decision, resuming after each failure; the last attempt meets no new fault.

    It must get through, however slow the machine: the gateway tells of executions on their day
    only, as the real one does.
    """
    for attempt in range(ATTEMPTS):
        calm = attempt == ATTEMPTS - 1
        if calm:
            disarm(place.server)
        elif place.rng.random() < 0.6:
            arm(place)
        fate = replace(CALM if calm else draw_fate(place), algo=algo)
        done = await attempt_once(place, requests, fate, first_id, calm)
        if done and place.rng.random() < 0.8:
            return


async def attempt_once(
    place: Place, requests: list[OrderRequest], fate: Fate, first_id: int, calm: bool
) -> bool:
    """One try and what else happens meanwhile; False when it has to be made again."""
    rng = place.rng
    halted = not calm and rng.random() < 0.05
    if halted:
        place.life.faults["halted"] += 1
        place.note(Halted("chaos", "chaos"))
    restart = None
    if not calm and rng.random() < 0.1:
        restart = asyncio.ensure_future(place.die_and_come_back(rng.randint(5, 80)))
    clock = asyncio.ensure_future(place.let_time_pass()) if fate.algo else None
    try:
        if fate.really:
            return await in_process(place, requests, fate)
        return await trade_once(place.server.port, place.path, requests, fate, first_id)
    except (HydraError, Killed, OSError) as problem:
        place.life.faults[f"met {type(problem).__name__}"] += 1
        return False
    finally:
        if clock:
            clock.cancel()
        if restart:
            await restart
        if halted:
            place.note(Resumed("chaos is over", "chaos"))


async def in_process(place: Place, requests: list[OrderRequest], fate: Fate) -> bool:
    """The attempt as a process of its own, which SIGKILL ends."""
    process = PROCESSES.Process(
        target=as_process, args=(place.server.port, place.path, requests, fate)
    )
    process.start()
    await asyncio.to_thread(process.join)
    if process.exitcode == -9:
        place.life.faults["killed by SIGKILL"] += 1
    return process.exitcode == 0


def draw_fate(place: Place) -> Fate:
    """What happens to the trading process itself, drawn and counted."""
    rng, faults = place.rng, place.life.faults
    fate = Fate(supervised=rng.random() < 0.5)
    luck = rng.random()
    if luck < 0.3:
        faults["kill at a journal step"] += 1
        really = rng.random() < REALLY / 0.3
        step = rng.randint(1, 25)
        fate = replace(fate, dies_at=step, dies_after=rng.random() < 0.5, really=really)
    elif luck < 0.36:
        faults["disk full"] += 1
        fate = replace(fate, full_at=rng.randint(1, 12))
    elif luck < 0.4 and not place.parallel:  # all strategies of a life share one thread
        faults["journal locked"] += 1
        fate = replace(fate, locked_at=1)
    return fate


async def finish(place: Place) -> None:
    """Calm weather: working orders are cancelled, then the journal is held against the books."""
    disarm(place.server)
    refresh_account_values(place)
    problems = place.life.problems
    with Journal.open(place.path) as journal:
        settings = replace(SETTINGS, port=place.server.port, timeout_s=CALM.timeout_s)
        broker = IbBroker(replace(settings, client_ids=48))
        engine = OrderEngine(broker, journal, GATE)
        await engine.start()
        for ref in engine.state.working:
            try:
                if engine.works(ref):
                    await engine.cancel(ref)
                    await engine.settle(1.0)
            except HydraError as problem:
                await engine.reconcile()
                problems += [str(problem)] if engine.works(ref) else []
        await engine.settle(5.0)
        await told_of_all(engine)
        await engine.reconcile()
        # Beside futures cash that moved is told from a lag by a second look, a cycle later.
        refresh_account_values(place, minutes=6)
        await engine.reconcile()
        await broker.disconnect()
        problems += [f"{ref} is still working" for ref in engine.state.working]
        heard = [*place.heard, *place.server.record.after(0)]
        problems += list(beyond(journal, place.wanted))
        problems += list(broken(journal, place.server.exchange.state(), heard, place.foreign))
        if not place.was_parallel:  # a loss is one connection's, and tells nothing of another's
            problems += list(sent_unreconciled(journal.read()))
        place.life.orders = sum(1 for _ in journal.read(kinds=[OrderAdmitted]))


async def close_of_day(place: Place) -> None:
    """After the close somebody asks what has filled since: tomorrow nobody tells of it."""
    disarm(place.server)
    place.server.deliver(place.server.world.command("close"))
    refresh_account_values(place)
    for attempt in range(ATTEMPTS):
        try:
            return await learn_of_the_day(place)
        except HydraError:  # a busy machine answers late; the runner asks again, too
            if attempt == ATTEMPTS - 1:
                raise
    return None


async def learn_of_the_day(place: Place) -> None:
    """One try."""
    with Journal.open(place.path) as journal:
        settings = replace(SETTINGS, port=place.server.port, timeout_s=CALM.timeout_s)
        engine = OrderEngine(IbBroker(settings), journal, GATE)
        try:
            await catch_up(engine, CALM.timeout_s)
        finally:
            await engine.broker.disconnect()


def refresh_account_values(place: Place, minutes: int = 4) -> None:
    """A cycle of the gateway's account values passes, where they lag behind fills."""
    later = place.server.exchange.venue.now + timedelta(minutes=minutes)
    place.server.deliver(place.server.world.command(later.isoformat()))


async def overnight(place: Place, server: GatewayServer) -> None:
    """What happens to an account by itself, and the person who decides about it in the morning."""
    rng, faults = place.rng, place.life.faults
    symbol = rng.choice(["AAPL"] if place.seed % EVERY == EVERY - 1 else SYMBOLS)
    if rng.random() < 0.25:
        numerator, denominator = rng.choice([(2, 1), (3, 2), (1, 10), (7, 1)])
        renumbers = rng.random() < 0.5
        server.operate(lambda by: by.split(symbol, numerator, denominator, renumbers))
        faults[f"split {numerator}:{denominator}"] += 1
    if rng.random() < 0.25:
        amount = rng.choice([137, -29, -150_000, 90_000])
        server.operate(lambda by: by.move_cash(amount))
        faults["cash moved"] += 1
    luck = rng.random()
    if luck < 0.08:
        ours = {one.con_id: one.symbol for one in listed(place)}
        held = server.exchange.state()["positions"]
        place.foreign |= {ours.get(p["con_id"], p["symbol"]) for p in held}
        server.operate(lambda by: by.reset(800_000))
        faults["account reset"] += 1
    elif luck < 0.2:
        quantity = rng.choice([-70, 40])
        server.operate(lambda by: by.transfer(symbol, quantity))
        faults["transfer"] += 1
        place.foreign.add(symbol)
    if rng.random() < 0.2:
        server.operate(lambda by: by.set_ready(False))
        faults["not ready"] += 1
        asyncio.get_running_loop().call_later(
            0.5, lambda: server.operate(lambda by: by.set_ready(True))
        )
    await decide(place)


async def decide(place: Place) -> None:
    """A person looks at what is contested and takes the account's word for it."""
    with Journal.open(place.path) as journal:
        settings = replace(SETTINGS, port=place.server.port, timeout_s=CALM.timeout_s)
        engine = OrderEngine(IbBroker(settings), journal, GATE)
        supervisor = Supervisor(engine, CALM_PATIENCE)
        clock = asyncio.ensure_future(place.let_time_pass())  # account values are refreshed
        try:
            await supervisor.start()
            if engine.state.unbacked and place.rng.random() < 0.5:
                place.life.faults["new epoch"] += 1
                begin_epoch(place, engine)
            for symbol in engine.state.contested:
                account = engine.account
                assert account is not None
                decision = Decision("chaos", "chaos", whose(engine.state, symbol))
                engine.record(adoption_of(engine.state, account, symbol, decision))
                place.life.faults["adopted"] += 1
            await supervisor.steady(engine.reconcile)
            await supervisor.steady(engine.mark)
        finally:
            clock.cancel()
            await engine.broker.disconnect()


def whose(state: State, symbol: str) -> str:
    """A strategy that holds the symbol, else one whose order nobody knows of."""
    held = [w for (w, s), h in state.holdings.items() if s == symbol and h.quantity]
    orders = [o.request for o in state.unknown.values()]
    return max(held or [r.strategy for r in orders if r.instrument.symbol == symbol])


def begin_epoch(place: Place, engine: OrderEngine) -> None:
    """Whatever the account holds is external from here, to the unit."""
    account = engine.account
    assert account is not None
    engine.record(EpochBegun("chaos", "chaos"))
    told = {symbol: units for symbol, units in account.positions.items() if units}
    if dict(engine.state.external) != told:
        place.life.problems.append(f"a new epoch has {engine.state.external}, the account {told}")
    place.foreign |= set(told)


async def told_of_all(engine: OrderEngine) -> None:
    """Wait for the end of exits, which `settle` leaves alone."""
    for _ in range(200):
        engine.drain()
        if not engine.state.working:
            return
        await asyncio.sleep(0.02)


def into_blackout(place: Place) -> None:
    """Move the exchange's clock into the window in which nothing may be sent."""
    place.life.faults["blackout"] += 1
    place.server.deliver(place.server.world.command(f"{place.session}T15:10:00+00:00"))


def listed(place: Place) -> list[Instrument]:
    """The instruments that a life trades, as the gateway lists them."""
    theirs = place.server.exchange.venue.universe.instruments
    found = {name_of(one): one for one in theirs if one.tradable}
    return [
        replace(
            named(symbol),
            con_id=found[symbol].conId,
            multiplier=found[symbol].multiplier,
            min_tick=found[symbol].tick,
        )
        for symbol in (ABROAD if place.seed % EVERY == EVERY - 1 else SYMBOLS)
    ]


def name_of(one: Any) -> str:
    """Our name of what the gateway lists."""
    if one.secType == "FUT":
        return f"{one.trading_class}.{one.month}"
    if one.secType == "CASH":
        return f"{one.symbol}.{one.currency}"
    return one.symbol if one.currency == "USD" else f"{one.symbol}.{one.primary}"


def wishes(
    place: Place, strategy: str, instruments: list[Instrument], is_worked: bool
) -> list[OrderRequest]:
    """A decision: some market orders and now and then a limit that will not be reached."""
    rng, requests = place.rng, []
    for instrument in rng.sample(instruments, rng.randint(1, len(instruments))):
        size = int(rng.randint(1, 300) * UNITS.get(instrument.symbol, 1)) or 1
        quantity = Decimal(rng.choice([-1, 1]) * size)
        limited = not is_worked and rng.random() < 0.25
        price = Decimal(1) if quantity > 0 else Decimal(9000)
        request = OrderRequest(
            strategy,
            place.session,
            instrument,
            quantity,
            mark_of(place.server, instrument),
            OrderType.LIMIT if limited else OrderType.MARKET,
            price if limited else None,
        )
        place.wanted[request.order_ref] = quantity
        requests.append(request)
    return requests


def mark_of(server: GatewayServer, instrument: Instrument) -> Decimal:
    """What the gateway's market says now."""
    one = server.exchange.venue.universe.get(instrument.con_id)
    assert one is not None
    return Decimal(str(server.exchange.venue.mark(one)))


def arm(place: Place) -> None:
    """One more fault, to strike at one of the next messages of its kind."""
    table = dict(place.rng.choice(FAULTS))
    table["nth"] = place.rng.randint(1, 3)
    place.server.world.arm(parse_fault(table))
    name = f"{table['do']} {table.get('code', '')} on {table['on']}".replace("  ", " ")
    place.life.faults[name] += 1


def disarm(server: GatewayServer) -> None:
    """No fault waits any more; what they did stays done."""
    server.world = FaultyExchange(server.exchange)


def _processes() -> Any:
    """A server that forks trading processes, so that none has to import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.trader"])
    return context


PROCESSES = _processes()


@contextmanager
def quiet() -> Iterator[None]:
    """ib_async's and the gateway's own words are noise here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def run_seeds(seeds: range, folder: Path, at_once: int = AT_ONCE) -> list[Life]:
    """Each seed's life, so many at a time: most of a life is waiting for an answer."""
    with quiet():
        return asyncio.run(_live_all(seeds, folder, at_once))


async def _live_all(seeds: range, folder: Path, at_once: int) -> list[Life]:
    places = asyncio.Semaphore(at_once)

    async def one(seed: int) -> Life:
        async with places:
            return await live(seed, folder)

    return await asyncio.gather(*(one(seed) for seed in seeds))


def meets(word: str, seeds: range, folder: Path) -> bool:
    """Whether any life ends with a problem that has the word in it; the others end with it.

    A life that does not end in time says nothing.
    """
    with quiet():
        return asyncio.run(_any_meets(word, seeds, folder))


async def _any_meets(word: str, seeds: range, folder: Path) -> bool:
    lives = [asyncio.ensure_future(live(seed, folder)) for seed in seeds]
    try:
        for life in asyncio.as_completed(lives):
            problems = (await life).problems
            if any(word in problem for problem in problems if problem != UNENDED):
                return True
        return False
    finally:
        for one in lives:
            one.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


def main() -> int:
    """Run seeds and print what they met; 1 when any ended with a problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0:100", help="FIRST:END")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="lives at a time")
    parser.add_argument("--keep", type=Path, help="a folder for the journals of failing lives")
    arguments = parser.parse_args()
    first, _, end = arguments.seeds.partition(":")
    met: Counter[str] = Counter()
    failed = orders = 0
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(int(first), int(end))
        for life in run_seeds(seeds, Path(folder), arguments.at_once):
            met += life.faults
            orders += life.orders
            failed += bool(life.problems)
            for problem in life.problems:
                sys.stdout.write(f"seed {life.seed}: {problem}\n")
            if life.problems:
                if arguments.keep:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(Path(folder) / f"{life.seed}.db", arguments.keep)
                again = f"python -m tests.chaos.campaign --seeds {life.seed}:{life.seed + 1}"
                sys.stdout.write(f"  replay: {again}\n")
    for what, count in met.most_common():
        sys.stdout.write(f"{count:7} {what}\n")
    sys.stdout.write(f"{orders} orders, {failed} seeds failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
