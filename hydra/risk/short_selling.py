"""Refuses orders that would open a short position, or add to one, where that is not allowed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hydra.domain.orders import Objection, OrderRequest
from hydra.errors import BadParameter, unknown
from hydra.risk._base import ZERO, Context

WHEN_UNKNOWN = ("admit", "refuse")


@dataclass(frozen=True)
class ShortSelling:
    """`allow` false refuses every short; symbols in `never` are refused in any case.

    Of a stock no more may be sold short than can be borrowed, as the broker tells (IB's shortable
    shares, tick 89). Where it does not tell, `when_unknown` "admit" lets the order leave with a
    warning (IB holds an order that it finds no shares for: 404), and "refuse" does not.

    Judged with all sells that work already filled and no buy: a sell that waits for a buy to fill
    first may find itself short.
    """

    allow: bool = True
    never: tuple[str, ...] = ()
    when_unknown: str = "admit"

    def __post_init__(self) -> None:
        """Refuse a word that means nothing."""
        if self.when_unknown not in WHEN_UNKNOWN:
            raise BadParameter(unknown("when_unknown", self.when_unknown, WHEN_UNKNOWN))

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a sell that could leave less than nothing; buying back passes."""
        if request.quantity > 0:
            return None
        symbol, quantity = request.instrument.symbol, context.one_sided(request)
        if quantity >= 0:
            return None
        if self.allow and symbol not in self.never:
            return self._unborrowable(request, context)
        return Objection(
            "short_selling",
            f"{quantity}",
            "0",
            f"{symbol} could become {quantity:,}; short positions "
            f"{'in it ' if self.allow else ''}are not allowed.",
        )

    def warning(self, request: OrderRequest, context: Context) -> str | None:
        """That nobody told how many shares can be borrowed for a short sale."""
        symbol = request.instrument.symbol
        if not _borrowed(request, context) or symbol in context.shortable:
            return None
        return (
            f"{request.order_ref}: how many shares of {symbol} can be borrowed is not known; the "
            "broker may hold the order until it has found some."
        )

    def _unborrowable(self, request: OrderRequest, context: Context) -> Objection | None:
        symbol, borrowed = request.instrument.symbol, _borrowed(request, context)
        shares = context.shortable.get(symbol)
        if not borrowed or (shares is None and self.when_unknown == "admit"):
            return None
        if shares is None:
            sentence = (
                f"{symbol}: how many shares can be borrowed is not known, and when_unknown in "
                '[risk.short_selling] is "refuse".'
            )
            return Objection("short_selling", "unknown", f"{borrowed}", sentence)
        if borrowed <= shares:
            return None
        return Objection(
            "short_selling",
            f"{borrowed}",
            f"{shares}",
            f"{symbol}: {borrowed:,} shares would have to be borrowed; {shares:,} can be.",
        )


def _borrowed(request: OrderRequest, context: Context) -> Decimal:
    """How many shares of a stock would have to be borrowed beyond those that are already short,
    with all that works on the same side."""
    if request.instrument.sec_type != "STK" or request.quantity > 0:
        return ZERO
    short_now = max(-context.held.get(request.instrument.symbol, ZERO), ZERO)
    return max(-context.one_sided(request) - short_now, ZERO)
