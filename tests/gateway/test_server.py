"""The shell: sockets, and what one connection may not do to another."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from ib_async import IB

from hydra.gateway import record
from hydra.gateway.record import Record
from hydra.gateway.requests import ReqCurrentTime, ReqIds


async def until(condition):
    """Wait until something has happened."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 — the condition may be about anything
            await asyncio.sleep(0.005)


async def test_an_unforeseen_error_ends_the_session_that_met_it_and_no_other(
    gateway, client, caplog
):
    other, cut = IB(), []
    await other.connectAsync("127.0.0.1", gateway.port, clientId=2, raiseSyncErrors=True)
    other.disconnectedEvent += lambda: cut.append(2)

    def fail(*_):
        raise ZeroDivisionError

    caplog.set_level(logging.CRITICAL)
    gateway.exchange.answers[ReqIds] = fail
    other.client.reqIds(1)
    await until(lambda: cut)
    assert await client.reqCurrentTimeAsync()
    assert gateway.exchange.state()["clients"] == [1]


async def test_a_frame_that_announces_too_much_ends_its_session_and_no_other(gateway, client):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"API\0\0\0\0\x09v157..178")
    await reader.read(100)
    writer.write(b"\xff\xff\xff\xff")
    told = await reader.read()
    assert b"507\0Bad message length" in told
    assert await client.reqCurrentTimeAsync()
    writer.close()


async def test_closing_the_gateway_closes_its_clients(gateway, client):
    cut = []
    client.disconnectedEvent += lambda: cut.append(1)
    await gateway.close()
    await until(lambda: cut)
    assert not client.isConnected()


def test_the_record_forgets_the_oldest_messages():
    kept = Record()
    now = datetime(2012, 10, 1, tzinfo=UTC)
    for _ in range(record.KEPT + 5):
        kept.add(now, 1, "in", ReqCurrentTime())
    assert kept.after(0)[0]["seq"] == 6
    assert len(kept.after(record.KEPT)) == 5
