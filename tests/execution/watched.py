"""A supervised engine on a simulated gateway of its own, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest, OrderType
from hydra.execution.engine import OrderEngine
from hydra.execution.supervisor import Patience, Supervisor
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import parse_fault
from hydra.gateway.server import GatewayServer, GatewaySettings, serve
from hydra.journal.journal import Journal
from hydra.risk._gate import RiskGate
from hydra.risk.halt import Halt

AAPL = Instrument("AAPL", con_id=265598)
QUICK = Patience(heartbeat_s=0.2, first_pause_s=0.01, longest_pause_s=0.05, give_up_s=10.0)


async def until(condition):
    """Wait until the gateway's word has arrived."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


@dataclass
class Watched:
    """A supervised engine on a gateway of its own."""

    server: GatewayServer
    engine: OrderEngine
    supervisor: Supervisor

    def arm(self, **fault) -> None:
        self.server.world.arm(parse_fault(fault))

    def say(self, code: int) -> None:
        """The gateway tells everybody a system message now."""
        now = self.server.exchange.clock_state()["time"]
        self.arm(at=now, do="say", code=code)
        self.server.deliver(self.server.world.command(_soon(now)))

    def strike(self, **effect) -> None:
        now = self.server.exchange.clock_state()["time"]
        self.arm(at=now, **effect)
        self.server.deliver(self.server.world.command(_soon(now)))

    def operate(self, action):
        """Something that happens to the account by no trade: see `hydra.gateway.operator`."""
        return self.server.operate(action)

    def events(self, kind) -> list:
        """Events of a kind, oldest first."""
        return [record.event for record in self.engine.journal.read(kinds=[kind])]

    @property
    def wire(self) -> list[dict]:
        return self.server.exchange.state()["executions"]

    def kinds(self) -> list[str]:
        return [type(record.event).__name__ for record in self.engine.journal.read()]


def _soon(now: str) -> str:
    return (datetime.fromisoformat(now) + timedelta(seconds=2)).isoformat()


@asynccontextmanager
async def watched(
    tmp_path: Path,
    patience: Patience = QUICK,
    real: Iterable[str] = (),
    gate: RiskGate | None = None,
    timeout_s: float = 0.5,
    seed: int = 0,
) -> AsyncIterator[Watched]:
    """`real` are behaviours of real gateways, see `hydra.gateway.realism`."""
    world = ExchangeSettings(real=frozenset(real), seed=seed)
    settings = GatewaySettings(port=0, control_port=0, speed=0, exchange=world)
    async with await serve(settings) as server:
        with Journal.open(tmp_path / "journal.db") as journal:
            broker = IbBroker(Gateway(port=server.port, timeout_s=timeout_s))
            engine = OrderEngine(broker, journal, gate or RiskGate({"halt": Halt()}))
            try:
                await engine.start()
                yield Watched(server, engine, Supervisor(engine, patience))
            finally:
                await broker.disconnect()


def request(quantity=10, step=0, **changes) -> OrderRequest:
    return OrderRequest(
        "s", date(2012, 10, 1), AAPL, Decimal(quantity), Decimal(80), step=step, **changes
    )


def resting(step=0) -> OrderRequest:
    """A buy far below the market."""
    return request(step=step, order_type=OrderType.LIMIT, limit_price=Decimal(1))


async def trade(one: Watched, *requests: OrderRequest):
    return await one.supervisor.steady(lambda: one.engine.trade(requests))


def heard(one: Watched, name: str) -> int:
    return sum(1 for line in one.server.record.after(0) if line["name"] == name)
