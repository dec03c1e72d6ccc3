"""Refuses to trade on a book that the account does not back: its positions are not there."""

from __future__ import annotations

from dataclasses import dataclass

from hydra.domain.orders import Objection, OrderRequest
from hydra.risk._base import Context, reduces


@dataclass(frozen=True)
class BookBacked:
    """No order in an instrument whose position changed without an execution, until a person has
    decided what it is; and no entry at all of a strategy whose positions the account lacks.

    An order that flattens passes: its size is the account's.
    """

    def objection(self, request: OrderRequest, context: Context) -> Objection | None:
        """Objects to a contested instrument, and to entries of a book that is not backed."""
        symbol, strategy = request.instrument.symbol, request.strategy
        is_exit = reduces(request, context)
        if symbol in context.contested and not (request.flatten and is_exit):
            return Objection("book_backed", "contested", "backed", context.contested[symbol])
        if strategy in context.unbacked and not is_exit:
            return Objection(
                "book_backed",
                "not backed",
                "backed",
                f"{strategy} opens nothing: the account does not hold what its book says "
                f"({', '.join(sorted(context.contested))}); see `hydra adopt`.",
            )
        return None
