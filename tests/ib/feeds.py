"""A broker on a simulated gateway of its own that has behaviours of real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway
from hydra.domain.events import Event, Warned
from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import ExchangeSettings
from hydra.gateway.faults import parse_fault
from hydra.gateway.server import GatewayServer, serve


@dataclass
class Feed:
    """A connected broker and the gateway that it is connected to."""

    server: GatewayServer
    broker: IbBroker

    def arm(self, **fault: Any) -> None:
        self.server.world.arm(parse_fault(fault))

    def heard(self, name: str) -> list[dict[str, Any]]:
        """The requests of that name, in the order they came in."""
        return [m["fields"] for m in self.server.record.after(0) if m["name"] == name]

    def told(self) -> list[Event]:
        """What the broker has said by now."""
        return [self.broker.events.get_nowait() for _ in range(self.broker.events.qsize())]

    def warned(self) -> list[Warned]:
        return [event for event in self.told() if isinstance(event, Warned)]


@asynccontextmanager
async def feed(
    *real: str,
    scale: float = 0.0,
    fractional: bool = False,
    is_fast: bool = True,
    seed: int = 0,
    **settings: Any,
) -> AsyncIterator[Feed]:
    """`settings` are those of [gateway]; what is waited for takes two seconds at most."""
    world = stepped(
        wall_scale=scale,
        is_fast=is_fast,
        exchange=ExchangeSettings(real=frozenset(real), seed=seed),
    )
    async with await serve(world) as server:
        gateway = Gateway(port=server.port, **{"timeout_s": 2.0, **settings})
        broker = IbBroker(gateway, fractional_shares=fractional)
        await broker.connect()
        try:
            yield Feed(server, broker)
        finally:
            await broker.disconnect()
