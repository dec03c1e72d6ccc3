"""A connection that is watched over: lost, it is made again with patience, and compared first.

The heartbeat is data, not the socket: after some silence the books are asked for, and a gateway
that accepts and then says nothing counts as gone. After every loss, of whatever kind, the engine
reconciles before it trades again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from hydra.domain.events import ConnectionChanged, Warned
from hydra.errors import BadParameter, BrokerError, GatewayUnreachable, NotReconciled
from hydra.execution.broker import Account
from hydra.execution.engine import OrderEngine

T = TypeVar("T")
FLEETING = (GatewayUnreachable, NotReconciled)
"""What passes by itself, or with a new connection."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in wall seconds.

    After `heartbeat_s` of silence the gateway is asked. A lost connection is made again after
    `first_pause_s`, then after twice that, and so on up to `longest_pause_s`; when that has not
    helped for `give_up_s`, the step fails. A nightly restart takes some minutes.
    """

    heartbeat_s: float = 20.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    give_up_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse what would never wait or never ask."""
        for name in ("heartbeat_s", "first_pause_s", "longest_pause_s"):
            value = getattr(self, name)
            if not value > 0:
                raise BadParameter(f"{name} is {value}; it must be more than 0 seconds.")
        if self.give_up_s < 0:
            raise BadParameter(f"give_up_s is {self.give_up_s}; it must be 0 seconds or more.")


class Supervisor:
    """Keeps one engine connected and reconciled while steps are taken with it."""

    def __init__(self, engine: OrderEngine, patience: Patience | None = None) -> None:
        """Nothing is connected yet; `steady` and `settle` find out."""
        self.engine = engine
        self.patience = patience or Patience()
        self.restored = 0
        """How often a lost connection was made good."""
        self.attempts = 0
        """How often that was tried."""

    async def start(self) -> Account:
        """`OrderEngine.start`; an account whose figures are not ready yet is waited for. Raises
        `GatewayUnreachable` at once when nothing answers."""
        since = _now()
        try:
            return await self.engine.start()
        except NotReconciled as problem:
            await self.restore(problem, since)
            return await self.steady(self.engine.reconcile)

    async def steady(self, step: Callable[[], Awaitable[T]]) -> T:
        """The step's result; taken again after each loss of the connection that was made good.

        The step must be one that can be taken twice: every step of the engine is, because what was
        admitted once is not admitted again. Raises `GatewayUnreachable` after `give_up_s`.
        """
        since = _now()
        while True:
            try:
                return await step()
            except FLEETING as problem:
                await self.restore(problem, since)

    async def settle(self, timeout_s: float) -> tuple[str, ...]:
        """`OrderEngine.settle` with heartbeats, over losses of the connection: returns the
        references that still work when the time is up."""
        end = _now() + timeout_s
        while True:
            left = max(end - _now(), 0.0)
            beat = min(left, self.patience.heartbeat_s)
            working = await self.steady(lambda beat=beat: self.engine.settle(beat))  # type: ignore[misc]
            if not self.engine.awaits_news() or _now() >= end:
                return working
            await self.mark()

    async def mark(self) -> None:
        """Value the account for the breakers; what cannot be valued is said and passed over."""
        if self.engine.watch.breakers:
            try:
                await self.steady(self.engine.mark)
            except GatewayUnreachable:
                raise
            except BrokerError as problem:
                self.engine.record(Warned(0, f"The account could not be marked: {problem}"))

    async def restore(self, problem: Exception, since: float | None = None) -> None:
        """Make the connection good and reconcile; `GatewayUnreachable` after `give_up_s`."""
        began = _now() if since is None else since
        pause = self.patience.first_pause_s
        while _now() - began < self.patience.give_up_s:
            try:
                await self._once(pause)
            except FLEETING as again:
                problem = again
                pause = min(2 * pause, self.patience.longest_pause_s)
            else:
                self.restored += 1
                return
        if isinstance(problem, NotReconciled):
            raise NotReconciled(f"{problem} That was so for {self.patience.give_up_s:g} s.")
        raise GatewayUnreachable(
            f"The gateway was not to be reached for {self.patience.give_up_s:g} s: {problem}"
        ) from problem

    async def _once(self, pause: float) -> None:
        """One attempt, after a pause in which the way may come back by itself."""
        engine = self.engine
        self.attempts += 1
        if engine.waits_for_exchange():
            await self._news(pause)
            if not engine.waits_for_exchange():
                await engine.reconcile()
            elif await self._is_dead():
                await self._again()
            else:
                raise NotReconciled(f"The exchange is still out of reach: {engine.lost}.")
        else:
            await asyncio.sleep(pause)
            await self._again()

    async def _again(self) -> None:
        engine = self.engine
        await engine.broker.disconnect()
        engine.drain()  # the last words of the old connection say nothing of the new one
        await engine.broker.connect()
        engine.record(ConnectionChanged(True, 0, "The gateway was reached again."))
        await engine.reconcile()

    async def _news(self, seconds: float) -> None:
        """Journal what the broker tells for so long, or until the way is open."""
        until = _now() + seconds
        while self.engine.waits_for_exchange() and (left := until - _now()) > 0:
            try:
                async with asyncio.timeout(left):
                    event = await self.engine.broker.events.get()
            except TimeoutError:
                return
            self.engine.record(event)

    async def _is_dead(self) -> bool:
        """Whether the gateway itself does not answer any more."""
        try:
            await self.engine.broker.ping()
        except GatewayUnreachable:
            return True
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()
