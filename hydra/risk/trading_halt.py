"""Refuses orders that would open or add to a position in what the exchange has halted."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class TradingHalt:
    """An order in a halted instrument waits for the reopening auction, at whatever price that
    has: an entry is refused, an exit leaves and a warning says that it waits.

    Halts are told beside the quote (IB's ticks 49 and 90); one that nobody tells of is not known.
    """

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects in a halted instrument, but for what can only shrink a position."""
        symbol = request.instrument.symbol
        if symbol not in context.trading_halts or reduces(request, context):
            return None
        sentence = f"{symbol}: the exchange has halted trading; only exits are sent."
        return Objection("trading_halt", "halted", "trading", sentence)

    def warning(self, request: OrderRequest, context: Context) -> str | None:
        """That an exit waits until trading resumes."""
        symbol = request.instrument.symbol
        if symbol not in context.trading_halts:
            return None
        return (
            f"{request.order_ref}: the exchange has halted trading in {symbol}; the order waits "
            "until it resumes."
        )
