"""A trading program of its own: sends resting orders, says so, and waits until its input ends."""

import asyncio
import sys
from datetime import date
from decimal import Decimal

from hydra.config import load_settings
from hydra.domain.orders import OrderRequest, OrderType
from hydra.wiring import open_engine


async def main(orders: int, watches: bool) -> None:
    async with open_engine(load_settings()) as engine:
        [one] = (await engine.broker.qualify(["AAPL"])).values()
        quote = (await engine.broker.quotes([one]))["AAPL"]
        assert quote.last is not None
        engine.daily_volume["AAPL"] = Decimal(10_000_000)
        limit = one.round_price(quote.last * Decimal("0.95"), Decimal(1))
        requests = [
            OrderRequest(
                "s",
                date(2013, 1, 14),
                one,
                Decimal(10 + step),
                quote.last,
                OrderType.LIMIT,
                limit,
                step=step,
            )
            for step in range(orders)
        ]
        traded = await engine.trade(requests)
        assert len(traded.orders) == orders, traded.refusals
        await engine.broker.held_orders()
        sys.stdout.write("working\n")
        sys.stdout.flush()
        if watches:
            await engine.settle(60)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main(int(sys.argv[1]), sys.argv[2] == "watches"))
