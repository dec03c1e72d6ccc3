"""Refuses to trade on books that the account does not back: their positions are not there."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class BookBacked:
    """No order in an instrument whose position changed without an execution, until a person has
    decided what it is; and no entry of any strategy while the account lacks what a book holds,
    because then nobody knows what the account has won or lost.

    An order that flattens passes: its size is the account's. An exit is one by the strategy's own
    book and by the account's position.
    """

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a contested instrument, and to entries of a book that is not backed."""
        symbol, strategy = request.instrument.symbol, request.strategy
        own = context.book(strategy).quantity(symbol)
        is_exit = reduces(request, context) and abs(request.quantity) <= abs(own)
        if symbol in context.contested and not (request.flatten and reduces(request, context)):
            return Objection("book_backed", "contested", "backed", context.contested[symbol])
        if context.unbacked and not is_exit and not request.flatten:
            return Objection(
                "book_backed",
                "not backed",
                "backed",
                f"Nothing is opened: the account does not hold what {_names(context)} has in its "
                f"book ({', '.join(sorted(context.contested))}); see `hydra adopt`.",
            )
        return None


def _names(context: Context) -> str:
    return ", ".join(sorted(context.unbacked))
