"""Memory of the gateway's process over a simulated month in which two clients trade all day."""

import asyncio

from tests.benchmarks.bench_gateway import client, gateway, order, steps

CLIENTS = (1, 2)
ORDERS_A_SESSION = 1000  # of each client
WEEKS, SESSIONS = 6, 5


async def month() -> None:
    """Print what the process holds at the end of each week."""
    server = await gateway()
    try:
        readers = [await client(server.port, number) for number in CLIENTS]
        placed, before = 0, 0.0
        for week in range(1, WEEKS + 1):
            for _ in range(SESSIONS):
                numbers = range(placed + 1, placed + ORDERS_A_SESSION + 1)
                for reader in readers:
                    reader.transport.write(b"".join(map(order, numbers)))
                placed += ORDERS_A_SESSION
                for reader in readers:
                    await reader.until(lambda r=reader, n=placed: r.marked >= n)
                await steps(server, 1)
            held = server.megabytes()
            grown = f"{held - before:+6.1f} MB" if before else ""
            before = held
            print(f"week {week}: {2 * placed:7,} orders   {held:6.1f} MB {grown}")
    finally:
        await server.end()


def run() -> None:
    """Print the figures."""
    asyncio.run(month())
