"""A basket of 500 orders from sizing to wire against bare ib.placeOrder on the same."""

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from ib_async import IB, MarketOrder, Stock

from hydra.brokers.ib import IbBroker
from hydra.config import Gateway, Settings
from hydra.domain.orders import OrderRequest
from hydra.execution.engine import OrderEngine
from hydra.execution.targets import quantities_to_requests, weights_to_quantities
from hydra.ib.connection import log_off
from hydra.journal.journal import Journal
from hydra.runner.simulator import simulated_gateway
from hydra.wiring import build_gate

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
ORDERS = 500
ROUNDS = 7
LIMIT = 1.3
DAY = date(2013, 1, 14)


def run() -> None:
    """Rounds of both, side by side, with ib_async's own throttle of 45 messages a second and
    without it; every round ends when all orders are filled and charged."""
    for throttled in (False, True):
        rounds = 1 if throttled else ROUNDS
        ours, bare = [], []
        with simulated_gateway(["--start", f"{DAY}"]) as sim:
            for number in range(rounds + (not throttled)):
                pair = asyncio.run(_round(sim.port, number, throttled))
                if number or throttled:
                    ours.append(pair[0])
                    bare.append(pair[1])
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        print(f"{'at 45 messages a second' if throttled else 'unthrottled'}, {ORDERS} orders:")
        print(f"  bare placeOrder  {statistics.median(bare):6.2f} s")
        print(f"  sizing to wire   {statistics.median(ours):6.2f} s")
        print(f"  ratio            {ratio:6.2f}    (aim: at most {LIMIT})")


async def _round(port: int, number: int, throttled: bool) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        ours = await _ours(port, number, throttled, Path(folder))
    return ours, await _bare(port, throttled)


async def _ours(port: int, number: int, throttled: bool, folder: Path) -> float:
    settings = replace(Gateway(), port=port)
    with Journal.open(folder / "journal.db") as journal:
        broker = IbBroker(settings)
        engine = OrderEngine(broker, journal, build_gate(Settings()))
        account = await engine.start()
        if not throttled:
            broker.ib.client.MaxRequests = 0
        engine.daily_volume = dict.fromkeys(SYMBOLS, Decimal(10_000_000))
        instruments = await broker.qualify(SYMBOLS)
        await broker.quotes(list(instruments.values()))
        started = time.perf_counter()
        requests: list[OrderRequest] = []
        prices = {s: account.marks.get(s, Decimal(100)) for s in SYMBOLS}
        prices = {
            s: q.last or prices[s]
            for s, q in (await broker.quotes(list(instruments.values()))).items()
        }
        for step in range(ORDERS // len(SYMBOLS)):
            side = 1 if step % 2 else -1
            weights = dict.fromkeys(SYMBOLS, side * 0.002)
            targets = weights_to_quantities(weights, account.cash, prices, instruments)
            made = quantities_to_requests(
                f"s{number}x{step}", DAY, targets, {}, prices, instruments
            )
            requests += [replace(request, step=step) for request in made]
        traded = await engine.trade(requests)
        assert len(traded.orders) == ORDERS, traded.refusals[:1]
        assert not await engine.settle(60)
        seconds = time.perf_counter() - started
        await broker.disconnect()
    return seconds


async def _bare(port: int, throttled: bool) -> float:
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=90, timeout=10)
    if not throttled:
        ib.client.MaxRequests = 0
    contracts = await ib.qualifyContractsAsync(*(Stock(s, "SMART", "USD") for s in SYMBOLS))
    charged = asyncio.Event()
    left = ORDERS

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            charged.set()

    ib.commissionReportEvent += count
    started = time.perf_counter()
    for step in range(ORDERS // len(SYMBOLS)):
        for contract in contracts:
            ib.placeOrder(contract, MarketOrder("BUY" if step % 2 else "SELL", 20, tif="DAY"))
    await asyncio.wait_for(charged.wait(), 120)
    seconds = time.perf_counter() - started
    log_off(ib)
    return seconds
