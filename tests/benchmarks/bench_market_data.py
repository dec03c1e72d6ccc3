"""The CPU of the gateway and of an unmodified ib_async that follows 12 and 100 market data lines.

Each runs in a process of its own, while the market runs at the wall's speed and at ten times it.
The figure is the gateway's part of what the two take together.
"""

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import product
from pathlib import Path

LINES, SPEEDS = (12, 100), (1, 10)
WARM_S, MEASURED_S = 3, 20
LIMIT = 0.5
FOLLOWER = """
import asyncio, sys
from hydra.gateway.listing import shipped_universe
from ib_async import IB, Contract

async def main(port, count):
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=1)
    listed = [one for one in shipped_universe().instruments if one.secType == "STK"]
    others = [one for one in shipped_universe().instruments if one.secType in ("CASH", "IND")]
    for one in (listed + others)[:count]:
        ib.reqMktData(Contract(conId=one.conId, exchange=one.route))
    await asyncio.sleep(1)
    print(sum(ticker.hasBidAsk() for ticker in ib.tickers()), flush=True)
    await asyncio.Event().wait()

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


def cpu_s(process: subprocess.Popen) -> float:
    """What a process has taken of a core so far: nanoseconds that the scheduler counts (Linux)."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def running(*arguments: str):
    """A Python process, and the first line that it prints."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait(30)


def measure(lines: int, speed: int) -> tuple[float, float]:
    """The CPU seconds a second of the gateway and of the follower of so many lines."""
    options = [f"--speed={speed}", "--port=0", "--control-port=0", "--json", "--start=2013-01-14"]
    with running("-m", "hydra.gateway", *options) as (gateway, told):
        port = str(json.loads(told)["port"])
        with running("-c", FOLLOWER, port, str(lines)) as (follower, quoted):
            assert int(quoted) >= min(lines, 12), f"{quoted} lines have quotes"
            time.sleep(WARM_S)
            before = cpu_s(gateway), cpu_s(follower)
            time.sleep(MEASURED_S)
            after = cpu_s(gateway), cpu_s(follower)
    server, client = ((b - a) / MEASURED_S for a, b in zip(before, after, strict=True))
    return server, client


def run() -> None:
    """Print both parts and the ratio."""
    for speed, lines in product(SPEEDS, LINES):
        server, client = measure(lines, speed)
        print(
            f"{lines:4d} lines at speed {speed:2d}: gateway {server:7.2%} of a core, ib_async "
            f"{client:6.2%}, the gateway's part {server / (server + client):.2f} "
            f"(aim: at most {LIMIT})"
        )
