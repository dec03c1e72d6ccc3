"""Gateway, market time, and whether trading is halted."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.dashboard._base import Facts
from hydra.journal.views import Row


@dataclass(frozen=True)
class Connection:
    """Connection and clock"""

    def rows(self, facts: Facts) -> list[Row]:
        """One row: gateway, account, the market time last journalled, halted or trading."""
        last = facts.records[-1] if facts.records else None
        return [
            {
                "gateway": f"{facts.gateway.host}:{facts.gateway.port}",
                "answers": "yes" if facts.gateway_answers else "NO",
                "account": facts.state.account,
                "market_time_utc": last.time if last else None,
                "trading": f"HALTED: {facts.state.halted}" if facts.state.halted else "on",
                "events": facts.state.seq,
            }
        ]
