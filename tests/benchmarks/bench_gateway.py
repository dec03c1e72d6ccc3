"""The simulated gateway against a bare asyncio echo of the same bytes on the same loopback.

The gateway and the echo run in processes of their own; the client here only counts.
"""

import asyncio
import json
import statistics
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient

from hydra.gateway.codec import frame
from hydra.gateway.messages import encode
from hydra.gateway.orders import PlaceOrder
from hydra.gateway.requests import ReqTickByTickData, StartApi
from hydra.gateway.values import Contract

STREAMS = (
    ("AAPL", "Last"),
    ("MSFT", "Last"),
    ("IBM", "Last"),
    ("GOOG", "Last"),
    ("AAPL", "BidAsk"),
)
TICKS_A_STEP = 1000 * len(STREAMS)  # of a long step the gateway sends the last thousand a stream
STEPS = 200  # a million ticks
ORDERS = 2000
WINDOW = 50
CLIENTS = 50
COMMISSION_REPORT = b"\x0059\x001\x00"
ECHO = """
import asyncio
class Echo(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(data)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass
class Process:
    """A server in a process of its own."""

    process: asyncio.subprocess.Process
    port: int
    control_port: int = 0

    def megabytes(self) -> float:
        """Resident memory (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    async def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        await self.process.wait()


async def echo() -> Process:
    """The floor."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, stdout=pipe)
    return Process(process, int(await process.stdout.readline()))


async def gateway() -> Process:
    """A stepped gateway."""
    options = ["--speed=0", "--port=0", "--control-port=0", "--json", "--start=2010-01-04"]
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "hydra.gateway", "--cash=100000000000", *options],
        stdout=asyncio.subprocess.PIPE,
    )
    told = json.loads(await process.stdout.readline())
    return Process(process, told["port"], told["control_port"])


class Line(asyncio.Protocol):
    """Counts whole frames, and wakes the one who waits for the next commission report."""

    def __init__(self, marker: bytes = b"") -> None:
        self.marker = marker
        self.frames = self.size = self.marked = 0
        self.buffer = bytearray()
        self.arrived = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.size += len(data)
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 4:
            end = at + 4 + struct.unpack_from(">I", self.buffer, at)[0]
            if end > len(self.buffer):
                break
            self.frames += 1
            if self.marker and self.buffer.startswith(self.marker, at + 4):
                self.marked += 1
            at = end
        del self.buffer[:at]
        self.arrived.set()

    async def until(self, done) -> None:
        """Wait until `done()`."""
        while not done():
            self.arrived.clear()
            await self.arrived.wait()


async def line(port: int, marker: bytes = b"") -> Line:
    """A connected line."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: Line(marker), "127.0.0.1", port)
    return protocol


async def client(port: int, number: int) -> Line:
    """A line that has started its API session."""
    connected = await line(port, b"59\x00")
    connected.transport.write(b"API\0" + frame(b"v157..178"))
    await connected.until(lambda: connected.frames == 1)
    connected.transport.write(encode(StartApi(number), 178))
    await connected.until(lambda: connected.frames >= 6)
    return connected


def stock(symbol: str) -> Contract:
    """As clients write it."""
    return Contract(symbol=symbol, secType="STK", exchange="SMART", currency="USD")


def order(number: int) -> bytes:
    """A market order, one side and then the other."""
    side = "BUY" if number % 2 else "SELL"
    return encode(
        PlaceOrder(number, stock("AAPL"), action=side, totalQuantity=1, orderType="MKT"), 178
    )


async def steps(server: Process, count: int) -> None:
    """Move the clock over so many sessions."""
    url = f"http://127.0.0.1:{server.control_port}/clock"
    body = json.dumps({"sessions": count})
    await AsyncHTTPClient().fetch(
        url,
        method="POST",
        body=body,
        headers={"Content-Type": "application/json"},
        request_timeout=600,
    )


async def ticks(server: Process, floor: Process) -> None:
    """Market-data messages a second, and memory over a million of them."""
    reader = await client(server.port, 1)
    for number, (symbol, kind) in enumerate(STREAMS, 1):
        reader.transport.write(
            encode(ReqTickByTickData(number, stock(symbol), kind, 0, False), 178)
        )
    await steps(server, 20)  # fills the log of the last messages, which is all that is kept
    await reader.until(lambda: reader.frames >= 20 * TICKS_A_STEP * 0.99)
    before, frames, size = server.megabytes(), reader.frames, reader.size
    begun = time.perf_counter()
    for _ in range(STEPS // 20):
        await steps(server, 20)
    await reader.until(lambda: reader.frames - frames >= STEPS * TICKS_A_STEP * 0.99)
    rate = (reader.frames - frames) / (time.perf_counter() - begun)
    grown = server.megabytes() - before
    mean = (reader.size - size) / (reader.frames - frames)
    floor_rate = await echoed(floor, round(mean))
    reader.transport.close()
    print(f"ticks: {rate:,.0f}/s, echo {floor_rate:,.0f}/s, ratio {rate / floor_rate:.2f}")
    print(f"memory over {reader.frames - frames:,} ticks: {grown:+.1f} MB")


async def echoed(floor: Process, size: int) -> float:
    """Frames a second that the echo returns, of the same size and written as the ticks are."""
    reader = await line(floor.port)
    batch = frame(b"x" * (size - 4)) * TICKS_A_STEP
    begun = time.perf_counter()
    for count in range(1, STEPS + 1):
        reader.transport.write(batch)
        await reader.until(lambda count=count: reader.frames >= count * TICKS_A_STEP)
    rate = reader.frames / (time.perf_counter() - begun)
    reader.transport.close()
    return rate


async def round_trips(server: Process, floor: Process) -> None:
    """Order to commission report: one at a time for latency, fifty at a time for throughput."""
    reader = await client(server.port, 2)
    delays = []
    for number in range(1, ORDERS // 4):
        begun = time.perf_counter()
        reader.transport.write(order(number))
        await reader.until(lambda n=number: reader.marked >= n)
        delays.append(time.perf_counter() - begun)
    first = len(delays)
    begun = time.perf_counter()
    for count in range(0, ORDERS, WINDOW):
        numbers = range(first + count + 1, first + count + WINDOW + 1)
        reader.transport.write(b"".join(map(order, numbers)))
        await reader.until(lambda n=numbers[-1]: reader.marked >= n)
    rate = ORDERS / (time.perf_counter() - begun)
    reader.transport.close()
    median, tail = statistics.median(delays) * 1e6, statistics.quantiles(delays, n=100)[98] * 1e6
    bare = await ping(floor)
    print(f"orders: {rate:,.0f} round trips/s")
    print(f"latency: median {median:,.0f} us, 99th {tail:,.0f} us; echo median {bare:,.0f} us")


async def ping(floor: Process) -> float:
    """The echo's median round trip of one order's bytes, in microseconds."""
    reader = await line(floor.port)
    delays = []
    for number in range(1, 500):
        begun = time.perf_counter()
        reader.transport.write(order(number))
        await reader.until(lambda n=number: reader.frames >= n)
        delays.append(time.perf_counter() - begun)
    reader.transport.close()
    return statistics.median(delays) * 1e6


async def crowd(server: Process) -> None:
    """Fifty clients at once, each with one order in flight."""

    async def trade(number: int) -> None:
        reader = await client(server.port, 100 + number)
        for count in range(1, 21):
            reader.transport.write(order(count))
            await reader.until(lambda n=count: reader.marked >= n)
        reader.transport.close()

    begun = time.perf_counter()
    await asyncio.gather(*(trade(number) for number in range(CLIENTS)))
    rate = CLIENTS * 20 / (time.perf_counter() - begun)
    print(f"{CLIENTS} clients at once: {rate:,.0f} round trips/s in all")


async def measure() -> None:
    """All figures, in one run on one loopback."""
    server, floor = await gateway(), await echo()
    try:
        await round_trips(server, floor)
        await crowd(server)
        await ticks(server, floor)
    finally:
        await server.end()
        await floor.end()


def run() -> None:
    """Print the figures."""
    asyncio.run(measure())
