"""What the gateway's tests share: an exchange, and a gateway with an unmodified client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from ib_async import IB, Contract, Stock

from hydra.gateway.embedded import stepped
from hydra.gateway.exchange import Exchange, ExchangeSettings, shipped_exchange
from hydra.gateway.server import GatewayServer, serve
from hydra.gateway.values import Contract as WireContract


@pytest.fixture
def exchange() -> Exchange:
    """A fresh exchange at the open of 2012-10-01."""
    return shipped_exchange(ExchangeSettings())


@pytest.fixture
def started(exchange: Exchange) -> Exchange:
    """The same with client 1 logged on at server version 178."""
    exchange.connect(1, 178)
    return exchange


@pytest.fixture
def apple() -> WireContract:
    """AAPL as a client writes it."""
    return WireContract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayServer]:
    """A stepped gateway on free ports."""
    async with await serve(stepped()) as server:
        yield server


@pytest.fixture
async def client(gateway: GatewayServer) -> AsyncIterator[IB]:
    """An ib_async client that is connected as client 1."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=1, raiseSyncErrors=True)
    yield ib
    ib.disconnect()


@pytest.fixture
async def stock(client: IB) -> Contract:
    """AAPL, qualified by the gateway."""
    (contract,) = await client.qualifyContractsAsync(Stock("AAPL", "SMART", "USD"))
    assert contract is not None
    return contract
