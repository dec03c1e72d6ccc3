"""What becomes of the books when a person takes the account's word for a contested position: pure.

A book that the account still backs keeps its units, and the rest is external; one that it does not
back shrinks to what is there. What an order of ours that nobody knows of would have filled belongs
to its strategy. A person may name the strategy that the difference belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from hydra.domain.events import PositionAdopted
from hydra.domain.instruments import ONE, Instrument
from hydra.errors import BadParameter, UnknownName, unknown
from hydra.execution.broker import Account
from hydra.execution.divergence import orders_in_doubt
from hydra.journal.fold import State, strategy_of

ZERO = Decimal(0)


@dataclass(frozen=True)
class Decision:
    """Who decided, why, and which strategy the difference belongs to (empty: the rule decides)."""

    by: str
    reason: str
    strategy: str = ""


def adoption_of(
    state: State, account: Account, symbol: str, decision: Decision
) -> PositionAdopted:
    """The event that settles one contested symbol.

    Raises `UnknownName` for a symbol that is not contested or a strategy that there is not, and
    `BadParameter` where only a person can tell which strategy it is.
    """
    if symbol not in state.contested:
        raise UnknownName(unknown("contested position", symbol, state.contested))
    known = state.contested[symbol]
    held = {
        who: holding.quantity
        for (who, name), holding in state.holdings.items()
        if name == symbol and holding.quantity
    }
    books = _books(state, symbol, held, known.told, known.backed, decision.strategy)
    one = state.instruments.get(symbol, Instrument(symbol))
    cost = account.average_costs.get(symbol, ZERO)
    if one.sec_type == "FUT":
        cost /= one.multiplier
    return PositionAdopted(
        symbol,
        books,
        known.told - sum(books.values(), ZERO),
        cost,
        _value(state, account, one, known.told - known.expected),
        decision.reason,
        decision.by,
        tuple(
            ref
            for ref, order in state.unknown.items()
            if order.request.instrument.symbol == symbol
        ),
    )


def _books(
    state: State,
    symbol: str,
    held: Mapping[str, Decimal],
    told: Decimal,
    backed: bool,
    strategy: str,
) -> dict[str, Decimal]:
    """Each strategy's units from here."""
    difference = told - state.expected(symbol)
    owners = {strategy_of(ref) for ref in orders_in_doubt(state, symbol, difference)}
    if len(owners) > 1 and not strategy:
        raise BadParameter(
            f"Orders of {', '.join(sorted(owners))} may have traded {symbol}; name the strategy "
            "that the difference belongs to with --to."
        )
    strategy = strategy or next(iter(owners), "")
    if strategy:
        asked = (order.request.strategy for order in state.unknown.values())
        names = {*state.sessions, *(who for who, _ in state.holdings), *asked}
        if strategy not in names:
            raise UnknownName(unknown("strategy", strategy, names))
        return {**held, strategy: held.get(strategy, ZERO) + difference}
    if backed:
        return dict(held)
    sides = {quantity > 0 for quantity in held.values()}
    if len(sides) > 1:
        raise BadParameter(
            f"{symbol} is held by {', '.join(sorted(held))} on both sides; name the strategy that "
            "the difference belongs to with --to."
        )
    total, external = sum(held.values(), ZERO), state.external.get(symbol, ZERO)
    # External units on the other side are those that closed ours.
    wanted = told - (external if external * total > 0 else ZERO)
    if wanted * total <= 0:
        return dict.fromkeys(held, ZERO)
    return _shared(held, wanted, total)


def _shared(held: Mapping[str, Decimal], wanted: Decimal, total: Decimal) -> dict[str, Decimal]:
    """In proportion, in whole units; the largest takes what is left."""
    shares = {
        who: (quantity * wanted / total).to_integral_value(ROUND_DOWN)
        for who, quantity in held.items()
    }
    largest = max(held, key=lambda who: abs(held[who]))
    shares[largest] += wanted - sum(shares.values(), ZERO)
    return shares


def _value(state: State, account: Account, one: Instrument, units: Decimal) -> Decimal:
    """What came (> 0) or went, in the account's currency; a future and a pair are worth nothing
    beside the cash."""
    if one.sec_type in ("FUT", "CASH"):
        return ZERO
    last = state.mark.marks if state.mark else {}
    price = account.marks.get(one.symbol) or last.get(one.symbol, ZERO)
    rate = ONE if one.currency in ("", account.currency) else account.rates.get(one.currency)
    rate = state.rate(one.currency) if rate is None else rate
    return one.notional(units, price) * (ONE if rate is None else rate)
