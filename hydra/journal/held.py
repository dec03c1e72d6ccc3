"""What is held and what is under way, as portfolios and traffic: pure, from a state."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hydra.domain.instruments import ONE, Instrument
from hydra.domain.orders import OrderRequest
from hydra.domain.portfolio import Portfolio, Position
from hydra.domain.traffic import Resting, Traffic
from hydra.journal.fold import State

ZERO = Decimal(0)


def portfolio_of(state: State) -> Portfolio:
    """The account at the journal's last marks and rates, nothing that works in it.

    A position without a mark counts at what was paid for it; one that is not ours and has no mark
    is left out.
    """
    marks = marks_of(state)
    return valued(state, {s: m for s, m in marks.items() if s in state.positions}, state.rates)


def valued(state: State, marks: Mapping[str, Decimal], rates: Mapping[str, Decimal]) -> Portfolio:
    """The account's cash and those of its positions that have a mark, in its own currency.

    `rates` are what one unit of each other currency is worth; one that is missing counts 1.
    """
    known = {**rates, state.currency: ONE}
    cash = sum((a * known.get(name, ONE) for name, a in state.balances.items()), ZERO)
    held = state.positions
    positions = {s: _position(state, s, held[s], m, known) for s, m in marks.items() if s in held}
    return Portfolio(cash, positions, known)


def _position(
    state: State, symbol: str, quantity: Decimal, mark: Decimal, rates: Mapping[str, Decimal]
) -> Position:
    one = state.instruments.get(symbol, Instrument(symbol))
    cost = state.futures[symbol].average_cost if symbol in state.futures else mark
    return Position(one, quantity, mark, rates.get(one.currency, ONE), cost)


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
    rates = portfolio.rates
    for (strategy, symbol), holding in state.holdings.items():
        if holding.quantity:
            known = portfolio.positions.get(symbol)
            instrument = state.instruments.get(symbol, Instrument(symbol))
            mark = known.mark if known else marks.get(symbol, holding.average_cost)
            rate = portfolio.rate(instrument.currency)
            position = Position(instrument, holding.quantity, mark, rate, holding.average_cost)
            held.setdefault(strategy, {})[symbol] = position
    working: dict[str, list[tuple[OrderRequest, Decimal]]] = {}
    for order in state.working.values():
        if order.remaining and not order.may_be_sent and not order.request.parent:
            pair = order.request, order.remaining
            working.setdefault(order.request.strategy, []).append(pair)
    return {
        strategy: Portfolio(ZERO, held.get(strategy, {}), rates).after_all(
            working.get(strategy, ())
        )
        for strategy in sorted(held.keys() | working.keys())
    }
