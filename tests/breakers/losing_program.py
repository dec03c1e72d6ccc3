"""A trading program of its own whose drawdown breaker trips on the commission of its first trade;
told to die, it is killed as soon as that is durable."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hydra.config import load_settings
from hydra.domain.orders import OrderRequest
from hydra.execution.engine import OrderEngine
from hydra.wiring import open_engine

BREAKERS = {"drawdown": {"limit_fraction": "0.0000001"}}


async def main(dies: bool) -> None:
    if dies:
        OrderEngine.obey_halt = die_when_halted
    async with open_engine(replace(load_settings(), breakers=BREAKERS)) as engine:
        if not engine.halted:
            await engine.mark()
        [one] = (await engine.broker.qualify(["AAPL"])).values()
        quote = (await engine.broker.quotes([one]))["AAPL"]
        assert quote.last is not None
        engine.daily_volume["AAPL"] = Decimal(10_000_000)
        step = len(engine.state.holdings)
        request = OrderRequest("s", date(2013, 1, 14), one, Decimal(10), quote.last, step=step)
        traded = await engine.trade([request])
        if traded.refusals:
            why = {o.check: o.sentence for o in traded.refusals[0].objections}
            sys.stdout.write(f"refused: {why.get('halt', '')[:17]}\n")
            sys.stdout.flush()
        await engine.settle(5)
        await engine.mark()
        await engine.at_rest()


async def die_when_halted(engine: OrderEngine) -> None:
    if engine.halted:
        os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main(sys.argv[1:] == ["die"]))
