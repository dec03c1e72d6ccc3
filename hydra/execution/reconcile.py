"""Reconcile: what the broker knows and the journal does not, as events; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillRecorded,
    OrderAcknowledged,
    OrderEnded,
    Reconciled,
)
from hydra.domain.orders import Commission, Fill
from hydra.execution.broker import Account, HeldOrder
from hydra.journal.fold import State

ZERO = Decimal(0)
LOST = "the gateway holds no such order and tells of no execution that ends it"


def recover(
    state: State,
    held: Iterable[HeldOrder],
    executions: Iterable[tuple[Fill, Commission | None]],
) -> Iterator[Event]:
    """Events that bring the journal up to the broker: fills and charges that were missed, orders
    that are still held, and the end of those that are not. What is not ours is among them; the
    engine leaves it out."""
    fills = sorted(executions, key=lambda pair: pair[0].revision)
    for fill, commission in fills:
        yield FillRecorded(fill)
        if commission:
            yield CommissionRecorded(commission)
    at_broker = {order.ref: order for order in held if order.ref}
    for ref, order in state.working.items():
        filled = sum((f.quantity for f, _ in fills if f.order_ref == ref), ZERO)
        if ref in at_broker:
            yield OrderAcknowledged(ref, at_broker[ref].perm_id, at_broker[ref].status)
        elif filled != order.request.quantity and order.filled != order.request.quantity:
            yield OrderEnded(ref, "unknown", LOST)


def compare(state: State, account: Account) -> Reconciled:
    """The broker's word on cash and positions, with a sentence for each difference from ours."""
    return Reconciled(
        account.code,
        account.cash,
        account.currency,
        {s: q for s, q in account.positions.items() if q},
        (*_cash_difference(state, account), *_position_differences(state, account)),
    )


def _cash_difference(state: State, account: Account) -> Iterator[str]:
    if state.cash is not None and state.cash != account.cash:
        yield (
            f"Cash: the journal says {state.cash:,.2f} {account.currency} and the gateway "
            f"{account.cash:,.2f}; the gateway's figure holds from here."
        )


def _position_differences(state: State, account: Account) -> Iterator[str]:
    ours = state.positions
    for symbol in sorted({*ours, *account.positions}):
        mine, theirs = ours.get(symbol, ZERO), account.positions.get(symbol, ZERO)
        if mine != theirs:
            yield (
                f"{symbol}: the journal says {mine} and the gateway {theirs}; "
                f"the difference of {theirs - mine} is listed as external and left alone."
            )
