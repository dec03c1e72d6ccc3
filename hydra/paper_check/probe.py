"""What the check asks of an IB connection beside the broker port: it reads, and orders nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from hydra.brokers.ib import IbBroker
from hydra.clock import Sessions
from hydra.domain.instruments import Instrument
from hydra.domain.orders import OrderRequest
from hydra.errors import BrokerError, GatewayUnreachable
from hydra.ib.bar_requests import BarRequests, BarsWanted
from hydra.ib.connection import PAPER_PREFIXES
from hydra.ib.history import completed, duration, is_simulated, shown
from hydra.ib.pacing import Pacing

HISTORY_BARS = 30
UNSET = Decimal("1e300")
"""IB writes the largest float where it has no figure."""


@dataclass(frozen=True)
class HeardError:
    """A code and text of the gateway, and the number of the request or order; −1 for none."""

    code: int
    text: str
    request_id: int


@dataclass(frozen=True)
class WhatIfAnswer:
    """What an order would need and cost, in the account's currency; None where it is not told.

    `initial` is the whole account's initial margin with the order, `equity` what is there for it.
    """

    initial: Decimal | None
    equity: Decimal | None
    commission: Decimal | None
    commission_currency: str = ""
    warning: str = ""


@dataclass
class Probe:
    """Reads of the connection that one broker holds; listens to every code that comes on it."""

    broker: IbBroker
    heard: list[HeardError] = field(default_factory=list)
    seen_accounts: list[str] = field(default_factory=list)
    """Every account that a logon has offered, to be shortened in the report."""
    _listened: Any = None

    def listen(self) -> None:
        """Hear every code of the broker's connection of now; once for each connection."""
        ib = self.broker.ib
        if self._listened is not ib:
            ib.errorEvent += self._hear
            self._listened = ib
            self.seen_accounts += [a for a in self.accounts() if a not in self.seen_accounts]

    def _hear(self, request_id: int, code: int, text: str, contract: Any) -> None:
        self.heard.append(HeardError(code, text, request_id))

    def since(self, mark: int, codes: frozenset[int] | None = None) -> list[HeardError]:
        """What was heard after the first `mark` codes; those in `codes` only, where given."""
        return [h for h in self.heard[mark:] if codes is None or h.code in codes]

    def accounts(self) -> list[str]:
        """All accounts that the logon offers, paper or not."""
        return list(self.broker.ib.managedAccounts())

    def other_accounts(self, code: str) -> list[str]:
        """The accounts on offer beside `code`, each with what it is."""
        return [
            f"{other} ({'paper' if other.startswith(PAPER_PREFIXES) else 'NOT paper'})"
            for other in self.accounts()
            if other != code
        ]

    def server_version(self) -> int:
        """The version of the protocol that both sides speak."""
        return int(self.broker.ib.client.serverVersion())

    def account_ready(self, account: str) -> str:
        """What the account's last download said of `AccountReady`: true, false, or empty."""
        told = self.broker.ib.accountValues(account)
        return next((v.value for v in told if v.tag == "AccountReady"), "")

    def stop_prices(self) -> None:
        """End the streams of prices while a person reads; the next question begins them anew."""
        self.broker.unsubscribe()

    async def daily_bars(
        self, instrument: Instrument, now: datetime, pacing: Pacing, timeout_s: float
    ) -> pd.DataFrame:
        """Daily bars of completed sessions by one request (columns open … volume; indexed by the
        session's close), `now` (aware) being the gateway's time: it is not asked again.

        Raises `BrokerError` where the gateway refuses, `GatewayUnreachable` without an answer.
        """
        requests = BarRequests(self.broker.ib, timeout_s, pacing, not is_simulated(now))
        wanted = BarsWanted(instrument, duration(HISTORY_BARS), show=shown(instrument))
        return completed(await requests.bars(wanted), Sessions(instrument.calendar), now)

    async def what_if(self, request: OrderRequest, timeout_s: float) -> WhatIfAnswer | None:
        """The gateway's what-if with its commission; None without an answer.

        Raises `BrokerError` where the gateway refuses.
        """
        try:
            told = await self.broker.ask_what_if(request, timeout_s)
        except GatewayUnreachable:
            if not self.broker.ib.isConnected():
                raise
            return None
        return WhatIfAnswer(
            _figure(told, "initMarginAfter"),
            _figure(told, "equityWithLoanAfter"),
            _figure(told, "commission"),
            str(getattr(told, "commissionCurrency", "") or ""),
            str(getattr(told, "warningText", "") or ""),
        )

    async def listed(self, symbols: Sequence[str]) -> dict[str, Instrument]:
        """Those of the symbols that the gateway knows as stocks; unknown ones are left out."""
        found: dict[str, Instrument] = {}
        for symbol in symbols:
            try:
                found |= await self.broker.qualify([symbol])
            except GatewayUnreachable:
                raise
            except BrokerError:
                continue
        return {symbol: one for symbol, one in found.items() if one.sec_type == "STK"}


def _figure(told: Any, name: str) -> Decimal | None:
    """A figure of a what-if; None for an empty one and for IB's largest float, unset."""
    try:
        figure = Decimal(str(getattr(told, name, "")))
    except ArithmeticError:
        return None
    return figure if figure.is_finite() and abs(figure) < UNSET else None
