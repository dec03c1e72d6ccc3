"""What is held and what is under way, as portfolios and traffic: pure, from a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hydra.domain.instruments import Instrument
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Resting, Traffic
from hydra.journal.fold import State

ZERO = Decimal(0)


def portfolio_of(state: State) -> Portfolio:
    """The account at the journal's last marks, nothing that works in it.

    A position without a mark counts at what was paid for it; one that is not ours and has no mark
    is left out.
    """
    marks = marks_of(state)
    positions = {
        symbol: Position(state.instruments.get(symbol, Instrument(symbol)), held, marks[symbol])
        for symbol, held in state.positions.items()
        if symbol in marks
    }
    return Portfolio(state.cash or ZERO, positions)


def marks_of(state: State) -> dict[str, Decimal]:
    """The last mark of each symbol, else what a strategy paid for it."""
    paid = {s: h.average_cost for (_, s), h in state.holdings.items() if h.quantity}
    return {**paid, **(state.mark.marks if state.mark else {})}


def traffic_of(state: State) -> Traffic:
    """What was sent, and what works; an order that provably never left does not."""
    working = {
        ref: Resting(
            order.request.instrument.symbol,
            order.request.quantity,
            order.filled,
            order.request.oca_group,
        )
        for ref, order in state.working.items()
        if not order.may_be_sent
    }
    return Traffic.of(state.sent, state.intents, working)


def books_of(
    state: State, marks: Mapping[str, Decimal], portfolio: Portfolio
) -> dict[str, Portfolio]:
    """Each strategy's own positions, its working orders filled; no cash.

    What two strategies hold against each other has no mark in the account: it counts at its cost.
    """
    held: dict[str, dict[str, Position]] = {}
    for (strategy, symbol), holding in state.holdings.items():
        if holding.quantity:
            known = portfolio.positions.get(symbol)
            instrument = state.instruments.get(symbol, Instrument(symbol))
            mark = known.mark if known else marks.get(symbol, holding.average_cost)
            position = Position(instrument, holding.quantity, mark)
            held.setdefault(strategy, {})[symbol] = position
    books = {strategy: Portfolio(ZERO, positions) for strategy, positions in held.items()}
    for order in state.working.values():
        if order.remaining and not order.may_be_sent and not order.request.parent:
            rest = replace(order.request, quantity=order.remaining)
            books[rest.strategy] = books.get(rest.strategy, Portfolio(ZERO)).after(rest)
    return books
