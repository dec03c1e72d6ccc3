"""Every call to the gateway is bounded in time, and its failure is one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ib_async.wrapper import RequestError

from hydra.errors import BrokerError, GatewayUnreachable, UnknownInstrument
from hydra.ib.codes import NO_SECURITY

T = TypeVar("T")


async def bounded(call: Awaitable[T], timeout_s: float, what: str) -> T:
    """The call's result; raises `GatewayUnreachable` when it does not come in time.

    A gateway that accepts and then says nothing is the commonest failure after its nightly
    restart, and ib_async never ends a request that was answered with a warning code alone. A
    cancellation ends it whatever comes at the same time, which `asyncio.wait_for` promises from
    Python 3.12 on only (CPython issue 81839).
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await call
    except TimeoutError as silence:
        raise GatewayUnreachable(
            f"The gateway did not answer within {timeout_s:g} s (asked for: {what})."
        ) from silence
    except RequestError as refusal:
        kind = UnknownInstrument if refusal.code == NO_SECURITY else BrokerError
        raise kind(
            f"The gateway refused ({what}): error {refusal.code}, {refusal.message}"
        ) from refusal
    except ConnectionError as loss:
        raise GatewayUnreachable(f"The connection to the gateway was lost ({what}).") from loss
