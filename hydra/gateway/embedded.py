"""A gateway in a thread of this process, for tests and scripts that are not asyncio themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Self, TypeVar

from hydra.gateway.faults import parse_fault
from hydra.gateway.operator import Operator
from hydra.gateway.server import GatewayServer, GatewaySettings, serve

T = TypeVar("T")


def stepped(**settings: Any) -> GatewaySettings:
    """Settings of a gateway for tests: free ports, and a clock that moves by command.

    Answers take no time, and other spans of wall seconds, as those of historical pacing, are over
    at once; messages are paced as always.
    """
    known = {"port": 0, "control_port": 0, "speed": 0, "is_fast": True, "wall_scale": 0.0}
    return GatewaySettings(**{**known, **settings})


class EmbeddedGateway:
    """A context manager: inside it the gateway listens at `host` and `port`.

    Its clock stands still unless the settings say otherwise; `step` moves it. All methods may be
    called from any thread. Entering raises SettingsError or OSError as `serve` does.
    """

    def __init__(self, settings: GatewaySettings | None = None) -> None:
        self._settings = settings or stepped()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: GatewayServer | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._server = self._run(serve(self._settings))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self.server.close())
        self._stop()

    @property
    def server(self) -> GatewayServer:
        """The running server; raises RuntimeError outside the context."""
        if self._server is None:
            raise RuntimeError("the gateway runs only inside its with statement")
        return self._server

    @property
    def host(self) -> str:
        """Where clients connect."""
        return self.server.host

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self.server.port

    @property
    def control_port(self) -> int:
        """Where the control port listens, on the loopback."""
        return self.server.control_port

    def step(self, to: str) -> dict[str, str]:
        """Move the clock to `open`, `close`, `next_open` or an ISO time; return where it stands.

        Raises SettingsError on nonsense.
        """

        async def move() -> dict[str, str]:
            self.server.deliver(self.server.world.command(to))
            return self.server.exchange.clock_state()

        return self._run(move())

    def state(self) -> dict[str, Any]:
        """The books, as GET /state shows them."""

        async def read() -> dict[str, Any]:
            return self.server.exchange.state()

        return self._run(read())

    def arm(self, fault: Mapping[str, Any]) -> None:
        """Arm one fault, given as a plain table; raises SettingsError on nonsense."""

        async def add() -> None:
            self.server.world.arm(parse_fault(fault))

        self._run(add())

    def split(
        self, symbol: str, numerator: int, denominator: int, new_con_id: bool = False
    ) -> int:
        """Turn each `denominator` shares into `numerator`, now; return the conId from then on.

        Raises SettingsError for what cannot be split.
        """
        return self._operate(lambda by: by.split(symbol, numerator, denominator, new_con_id).conId)

    def dividend(self, symbol: str, amount: Decimal | int, pay_day: date | None = None) -> None:
        """Let a stock pay a dividend a share: ex-dividend now, paid now or on `pay_day`."""
        self._operate(lambda by: by.dividend(symbol, amount, pay_day))

    def rename(self, symbol: str, new: str, new_con_id: bool = False) -> int:
        """Give a stock another symbol, and another number if wanted; return its number then."""
        return self._operate(lambda by: by.rename(symbol, new, new_con_id).conId)

    def delist(self, symbol: str, cash: Decimal | int | None = None) -> None:
        """End the trading of a stock; holders get `cash` a share or keep the position."""
        self._operate(lambda by: by.delist(symbol, cash))

    def reset(self, cash: Decimal | int = 1_000_000) -> None:
        """Reset the paper account: no positions, `cash` in USD."""
        self._operate(lambda by: by.reset(cash))

    def transfer(self, symbol: str, quantity: Decimal | int) -> None:
        """Change a position by `quantity` (out < 0) without an execution."""
        self._operate(lambda by: by.transfer(symbol, quantity))

    def move_cash(self, amount: Decimal | int, currency: str = "USD") -> None:
        """Deposit, or withdraw below 0."""
        self._operate(lambda by: by.move_cash(amount, currency))

    def set_ready(self, ready: bool) -> None:
        """Whether the account values are told as ready (`AccountReady`)."""
        self._operate(lambda by: by.set_ready(ready))

    def halt_stock(self, symbol: str, halted: bool = True) -> None:
        """Halt trading in a stock, or let it go on."""
        self._operate(lambda by: by.halt_stock(symbol, halted))

    def set_shortable(self, symbol: str, shares: int) -> None:
        """How many shares can be borrowed to sell a stock short."""
        self._operate(lambda by: by.set_shortable(symbol, shares))

    def locate(self, symbol: str) -> None:
        """The shares that short sales of a stock wait for have been found."""
        self._operate(lambda by: by.locate(symbol))

    def freeze(self, frozen: bool = True, code: int = 10197) -> None:
        """Let quotes stand still, said by error 10197 or 2103, or go on."""
        self._operate(lambda by: by.freeze(frozen, code))

    def zero_mark(self, symbol: str) -> None:
        """Tell one portfolio row with price and value 0, up to the second download."""
        self._operate(lambda by: by.zero_mark(symbol))

    def inactivate(self, symbol: str) -> None:
        """Let the working orders of a symbol be Inactive: in the book, not at work."""
        self._operate(lambda by: by.inactivate(symbol))

    def activate(self, symbol: str) -> None:
        """Let the Inactive orders of a symbol work again."""
        self._operate(lambda by: by.activate(symbol))

    def flood(self, orders: int) -> None:
        """Put so many working orders of another client into the book."""
        self._operate(lambda by: by.flood(orders))

    def _operate(self, action: Callable[[Operator], T]) -> T:
        async def act() -> T:
            return self.server.operate(action)

        return self._run(act())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
