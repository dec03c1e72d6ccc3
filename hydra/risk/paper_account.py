"""Refuses accounts and ports that are not paper: real money is never touched."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context

PREFIXES = ("DU", "DF")
"""Paper account codes begin so: DU for individuals, DF for advisors' master accounts."""

LIVE_PORTS = frozenset({4001, 4003, 7496})
"""IB's own ports for live trading: gateway, its container, and TWS."""


@dataclass(frozen=True)
class PaperAccount:
    """The account's code and the port together must say "paper"."""

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to an account code that is not DU… or DF…, and to IB's live ports."""
        if not context.account.startswith(PREFIXES):
            return Objection(
                "paper_account",
                context.account,
                "DU… or DF…",
                f"Account {context.account} is not a paper account; its code must begin with "
                f"DU or DF.",
            )
        if context.port in LIVE_PORTS:
            return Objection(
                "paper_account",
                str(context.port),
                "a paper port",
                f"Port {context.port} is one of IB's live ports; paper trading uses 4002 or 4004.",
            )
        return None
