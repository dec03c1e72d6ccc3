"""Charges that the gateway tells to the client id alone that placed the order.

IB's page on executions and commissions: who is to receive the commission reports of all clients
connects as the master client. An execution of an earlier logon of ours, under another client id,
therefore comes without its charge; it is asked for through a short logon of that id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import ib_async
from ib_async import IB, CommissionReport

from hydra.domain.orders import Commission
from hydra.errors import BrokerError
from hydra.ib.calls import bounded
from hydra.ib.connection import log_off
from hydra.ib.contracts import decimal

ASK_AGAIN_S = 10.0
"""After which an id is asked again whose charges were not told, in wall seconds."""


def commission_of(report: CommissionReport) -> Commission | None:
    """The charge of an execution; None where the gateway has not told it."""
    if not report.execId:
        return None
    return Commission(report.execId, decimal(report.commission), report.currency)


class EarlierCharges:
    """Collects the charges of executions that other client ids of ours have placed."""

    def __init__(self, log_on_as: Callable[[int], Awaitable[IB]]) -> None:
        """`log_on_as` connects under an id; it raises `BrokerError` when it cannot, as for an id
        in use: its program hears of its own charges, and journals them."""
        self._log_on_as = log_on_as
        self._told: dict[str, Commission] = {}
        self._asked: dict[int, float] = {}

    def of(self, fill: ib_async.Fill) -> Commission | None:
        """The charge of an execution, if it was told to any of our ids."""
        return commission_of(fill.commissionReport) or self._told.get(fill.execution.execId)

    async def fetch(self, fills: Iterable[ib_async.Fill], ours: range, timeout_s: float) -> None:
        """Ask the ids of ours under which those of `fills` were placed that have no charge."""
        lacking = {f.execution.clientId for f in fills if f.execution.orderRef and not self.of(f)}
        for client_id in sorted(lacking.intersection(ours)):
            now = asyncio.get_running_loop().time()
            if now >= self._asked.get(client_id, 0.0):
                self._asked[client_id] = now + ASK_AGAIN_S
                await self._fetch_as(client_id, timeout_s)

    async def _fetch_as(self, client_id: int, timeout_s: float) -> None:
        with suppress(BrokerError):  # what is not told now is asked for the next time
            ib = await self._log_on_as(client_id)
            await self._read(ib, timeout_s)

    async def _read(self, ib: IB, timeout_s: float) -> None:
        try:
            await bounded(ib.reqExecutionsAsync(), timeout_s, "the executions")
            told = (commission_of(fill.commissionReport) for fill in ib.fills())
            self._told.update({charge.exec_id: charge for charge in told if charge})
        finally:
            log_off(ib)
