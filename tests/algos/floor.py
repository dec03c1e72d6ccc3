"""A floor on a simulated gateway inside the test's own loop, whose clock the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hydra import plugins
from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import OrderAdmitted, Warned
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.execution.engine import OrderEngine
from hydra.execution.floor import Floor, Pace
from hydra.execution.supervisor import Patience, Supervisor
from hydra.gateway.embedded import stepped
from hydra.gateway.faults import parse_fault
from hydra.gateway.server import GatewayServer, serve
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt
from hydra.risk.price_collar import PriceCollar

DAY = date(2012, 10, 1)
OPEN = datetime(2012, 10, 1, 13, 30, tzinfo=UTC)
CLOSE = datetime(2012, 10, 1, 20, 0, tzinfo=UTC)
QUICK = Patience(heartbeat_s=0.2, first_pause_s=0.01, longest_pause_s=0.05, give_up_s=5.0)
PACE = Pace(beat_s=0.005, ask_s=1.0, stall_s=10.0, end_s=5.0)


@dataclass
class Traded:
    """An engine with its floor, and the gateway that it trades on."""

    server: GatewayServer
    engine: OrderEngine
    floor: Floor
    aapl: Instrument
    last: Decimal

    @property
    def market_now(self) -> datetime:
        return datetime.fromisoformat(self.server.exchange.clock_state()["time"])

    def move(self, to: datetime) -> None:
        self.server.deliver(self.server.world.command(to.isoformat()))

    def arm(self, **fault: Any) -> None:
        self.server.world.arm(parse_fault(fault))

    @property
    def open_orders(self) -> list[dict[str, Any]]:
        return self.server.exchange.state()["open_orders"]

    @property
    def executions(self) -> list[dict[str, Any]]:
        return self.server.exchange.state()["executions"]

    def children(self) -> list[OrderRequest]:
        kinds = [OrderAdmitted]
        return [r.event.order.request for r in self.engine.journal.read(kinds=kinds)]

    def notes(self) -> str:
        return " ".join(r.event.text for r in self.engine.journal.read(kinds=[Warned]))

    def request(self, quantity: int = 100, decision_price: str | None = None) -> OrderRequest:
        price = Decimal(decision_price) if decision_price else self.last
        return OrderRequest("s", DAY, self.aapl, Decimal(quantity), price)

    async def work(
        self, name: str, parameters: Mapping[str, Any] | None = None, *requests: OrderRequest
    ) -> None:
        algo = plugins.configure("algos", name, parameters or {})
        await self.floor.work(name, algo, requests or [self.request()])

    async def drive(self, task: asyncio.Future[Any], step_s: float = 60.0) -> None:
        """Move the clock until the task is done, each time after the floor has seen the last."""
        async with asyncio.timeout(20):
            while not task.done():
                if self.engine.clock.now() >= self.market_now:
                    self.move(self.market_now + timedelta(seconds=step_s))
                await asyncio.sleep(0.003)
        await task

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 — the condition may be about anything
                await asyncio.sleep(0.003)


@asynccontextmanager
async def trading(tmp_path: Path, journal: str = "journal.db") -> AsyncIterator[Traded]:
    settings = stepped()
    async with await serve(settings) as server, engine_on(server, tmp_path / journal) as one:
        yield one


@asynccontextmanager
async def engine_on(server: GatewayServer, path: Path) -> AsyncIterator[Traded]:
    with Journal.open(path) as journal:
        broker = IbBroker(Gateway(port=server.port, timeout_s=1.0))
        engine = OrderEngine(broker, journal, RiskGate({"halt": Halt(), "c": PriceCollar()}))
        try:
            await engine.start()
            (aapl,) = (await broker.qualify(["AAPL"])).values()
            last = (await broker.quotes([aapl]))["AAPL"].last
            floor = Floor(Supervisor(engine, QUICK), volumes={"AAPL": Decimal(10_000_000)})
            floor.pace = PACE
            yield Traded(server, engine, floor, aapl, last)
        finally:
            await broker.disconnect()
