"""Requests for historical bars: each in its turn, bounded in time, and cancelled when given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ib_async import IB, BarData, BarDataList
from ib_async.wrapper import RequestError

from hydra.domain.instruments import Instrument
from hydra.errors import BrokerError, GatewayUnreachable
from hydra.ib.calls import bounded
from hydra.ib.codes import is_pacing_violation
from hydra.ib.contracts import to_contract
from hydra.ib.pacing import ALL_S, IDENTICAL_S, Asked, Pacing

log = logging.getLogger(__name__)

EPOCH_DATES = 2
"""IB's formatDate by which times of bars are seconds since 1970; dates stay dates."""


@dataclass(frozen=True)
class BarsWanted:
    """One request for bars in IB's words: how long a stretch, of which bar size, up to when
    (empty: now), and which prices (`show`). `kind` is the series that they are for."""

    instrument: Instrument
    length: str
    until: str = ""
    bar_size: str = "1 day"
    show: str = "TRADES"
    kind: str = "trades"

    @property
    def asked(self) -> Asked:
        """The request as the pacing's book has it."""
        con_id, exchange = self.instrument.con_id, self.instrument.exchange
        return Asked(
            f"{con_id} {self.bar_size} {self.length} {self.until} {self.kind}",
            f"{con_id} {exchange} {self.kind}",
        )


UNPACED_TRIES = int(ALL_S / IDENTICAL_S)


@dataclass(frozen=True)
class BarRequests:
    """Asks one connection for bars; `timeout_s` is how long one answer may take.

    A data farm that sleeps is woken by the first request, which takes longer than any other
    answer (IB's codes 2107 and 2106). `pacing` is the book that all processes share; a gateway
    that is not `paced` is a simulated one, whose requests wait for one thing only: that a request
    which was given up is not repeated at once.
    """

    ib: IB
    timeout_s: float
    pacing: Pacing | None = None
    paced: bool = True

    async def bars(self, wanted: BarsWanted) -> Sequence[BarData]:
        """The bars of regular hours, oldest first.

        One that meets IB's pacing (error 162) waits for its turn and is asked once more; a
        simulated gateway, of which no book is kept, is asked for as long as its rules look back.
        Raises
        `GatewayUnreachable` for no answer in time, after the request was cancelled, and
        `BrokerError` for a refusal.
        """
        tries_left = 1 if self.paced else UNPACED_TRIES
        while True:
            await self._turn(wanted)
            try:
                return await self._ask(wanted)
            except BrokerError as problem:
                if not _is_paced(problem) or self.pacing is None or not tries_left:
                    raise
                symbol = wanted.instrument.symbol
                log.warning("%s: %s Asked once more in a while.", symbol, problem)
                self.pacing.note_given_up(wanted.asked)
                tries_left -= 1

    async def _turn(self, wanted: BarsWanted) -> None:
        if self.pacing is None:
            return
        await self.pacing.after_giving_up(wanted.asked)
        if self.paced:
            await self.pacing.turn(wanted.asked)

    async def _ask(self, wanted: BarsWanted) -> Sequence[BarData]:
        """Not ib_async's own call, which keeps the number that a request is cancelled by."""
        client, contract = self.ib.client, to_contract(wanted.instrument)
        number = client.getReqId()
        start = self.ib.wrapper.startReq
        answer = start(number, contract, container=BarDataList())  # type: ignore[no-untyped-call]
        client.reqHistoricalData(  # type: ignore[no-untyped-call]
            number,
            contract,
            wanted.until,
            wanted.length,
            wanted.bar_size,
            wanted.show,
            True,
            EPOCH_DATES,
            False,
            [],
        )
        size = "daily" if wanted.bar_size == "1 day" else wanted.bar_size
        what = f"{size} bars of {wanted.instrument.symbol}"
        try:
            bars: BarDataList = await bounded(answer, self.timeout_s, what)
        except (GatewayUnreachable, asyncio.CancelledError):
            self._give_up(number, wanted)
            raise
        return bars

    def _give_up(self, number: int, wanted: BarsWanted) -> None:
        """Cancel a request that nobody waits for any more, so that it takes no place."""
        if self.pacing is not None:
            self.pacing.note_given_up(wanted.asked)
        if self.ib.isConnected():
            self.ib.client.cancelHistoricalData(number)  # type: ignore[no-untyped-call]


def _is_paced(problem: BrokerError) -> bool:
    cause = problem.__cause__
    return isinstance(cause, RequestError) and is_pacing_violation(cause.code, cause.message)
