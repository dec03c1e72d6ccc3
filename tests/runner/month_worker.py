"""A run's process without its kernel: the same paper session, for a month's worth of them.

It holds the lease, trades and ends its run in the journal as the real one does; only papermill and
the kernel are left out, which take some seconds a session.
"""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import hydra
from hydra.config import Data, load_settings
from hydra.domain.events import RunEnded
from hydra.runner.conduct import append
from hydra.runner.worker import Order


async def cycle(order: Order, settings) -> None:
    """One paper session, as the notebook does it."""
    session = await hydra.open_paper_session(order.strategy, settings=settings)
    try:
        await session.run()
    finally:
        await session.close()


def main() -> None:
    """Do what the order on standard input says."""
    order = Order(**json.load(sys.stdin))
    settings = replace(load_settings(), data=Data(Path(order.data_dir)))
    asyncio.run(cycle(order, settings))
    append(settings, RunEnded(order.run, "well", "", 1.0), timedelta(seconds=order.ahead_s))


if __name__ == "__main__":
    main()
