"""Reconcile: what the broker knows and the journal does not, as events; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from hydra.domain.events import (
    CommissionRecorded,
    ContestedPosition,
    Event,
    FillCorrected,
    FillRecorded,
    FutureSettled,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderFound,
    OrderModified,
    Reconciled,
    Recorded,
)
from hydra.domain.lifecycle import OrderState
from hydra.domain.orders import Commission, Fill
from hydra.execution.broker import Account, HeldOrder
from hydra.journal.fold import Folding, State, WorkingOrder, same_money

ZERO = Decimal(0)
NOTHING: Mapping[str, ContestedPosition] = MappingProxyType({})
LOST = "the gateway holds no such order and tells of nothing that ended it"
UNANSWERED = (
    "the gateway gave no answer to it: it may be showing a confirmation window (look at its "
    "screen, by VNC where it runs in its container); it is not sent again"
)
UNTOLD = "the gateway says that it filled and tells of no execution"
OVER = "it never left, and its session is over"
ENDS = {"Cancelled": "cancelled", "ApiCancelled": "cancelled", "Inactive": "rejected"}
"""IB's status of an order that has ended → our outcome; of fills only executions tell."""


def recover_fills(
    executions: Iterable[tuple[Fill, Commission | None]],
) -> Iterator[Event]:
    """Fills and charges that may have been missed, revisions of one execution in their order.

    What is not ours is among them; the engine leaves it out.
    """
    for fill, commission in sorted(executions, key=lambda pair: pair[0].revision):
        yield FillRecorded(fill)
        if commission:
            yield CommissionRecorded(commission)


def recover_orders(
    state: State, held: Iterable[HeldOrder], ended: Iterable[HeldOrder]
) -> Iterator[Event]:
    """What the broker's books say of the orders that the journal has open or does not know of.

    `state` has the fills already: an order that filled whole is none of these any more.
    """
    at_broker = {order.ref: order for order in held if order.ref}
    gone = {order.ref: order for order in ended if order.ref}
    for ref in state.unknown:
        if ref in at_broker:
            yield OrderFound(ref, at_broker[ref].perm_id, at_broker[ref].status)
        elif ref in gone and gone[ref].status in ENDS:
            yield _completed(ref, gone[ref])
    for ref, order in state.working.items():
        if ref in at_broker:
            yield OrderAcknowledged(ref, at_broker[ref].perm_id, at_broker[ref].status)
        else:
            yield from _absent(state, ref, order, gone.get(ref))


def _completed(ref: str, gone: HeldOrder) -> OrderEnded:
    reason = "the gateway lists it as ended"
    return OrderEnded(ref, ENDS[gone.status], reason, filled=gone.filled)


LIFE = (OrderAdmitted, OrderModified, FillRecorded, FillCorrected, OrderEnded, OrderFound)
"""What of an order's life is needed to bring it back."""


def found_again(
    records: Iterable[Recorded], held: HeldOrder, asked_after: int
) -> OrderFound | None:
    """That an order works after all which the journal has as ended; `records` are of the kinds in
    `LIFE`.

    None when it filled whole, or when its end was journalled later than `asked_after`, the last
    event before the broker's book was asked: then the book may be older than the end.
    """
    draft, ended_at = Folding.of(State()), 0
    for record in records:
        if record.event.order_ref != held.ref:
            continue
        if isinstance(record.event, OrderEnded):
            ended_at = record.seq
        else:
            draft.take(record)
    order = draft.order(held.ref)
    if order is None or not 0 < ended_at <= asked_after:
        return None
    return OrderFound(
        held.ref,
        held.perm_id,
        held.status,
        order.request,
        order.admitted_at,
        order.filled,
        order.changes,
        order.found + 1,
    )


def _absent(
    state: State, ref: str, order: WorkingOrder, gone: HeldOrder | None
) -> Iterator[OrderEnded]:
    """The end of an order that the broker's book does not hold."""
    if gone and gone.status in ENDS:
        yield _completed(ref, gone)
    elif not order.may_be_sent:
        is_unanswered = order.state is OrderState.SUBMITTED and not order.filled
        lost = UNANSWERED if is_unanswered else LOST
        yield OrderEnded(ref, "unknown", UNTOLD if gone else lost)
    elif state.sessions.get(order.request.strategy, order.request.session) > order.request.session:
        yield OrderEnded(ref, "rejected", OVER)


def settled_futures(state: State, account: Account, today: date) -> Iterator[FutureSettled]:
    """The contracts that we hold, whose last day is over, and which the account has no more."""
    told = {**(state.mark.marks if state.mark else {}), **account.marks}
    for symbol in sorted(
        {symbol for (_, symbol), held in state.holdings.items() if held.quantity}
    ):
        one = state.instruments.get(symbol)
        over = one and one.sec_type == "FUT" and one.expires and one.expires < today
        if over and not account.positions.get(symbol) and symbol in told:
            yield FutureSettled(symbol, told[symbol])


def compare(
    state: State,
    account: Account,
    elsewhere: Iterable[HeldOrder] = (),
    contested: Mapping[str, ContestedPosition] = NOTHING,
    cash_lags: bool = False,
) -> Reconciled:
    """The broker's word on cash and positions, with a sentence for each difference from ours.

    `elsewhere` are working orders of the account that are not ours: shown, and left alone.
    `contested` are positions that no execution explains. Where `cash_lags` behind our own fills,
    the journal's cash holds.
    """
    balances = dict(state.balances) if cash_lags else settled_cash(state, account)
    cash = () if cash_lags else _cash_differences(state, account, balances)
    return Reconciled(
        account.code,
        account.cash,
        account.currency,
        {s: q for s, q in account.positions.items() if q},
        (*cash, *_position_differences(state, account, contested)),
        tuple(str(order) for order in elsewhere),
        balances,
        account.rates,
        account.costs,
        {s: one for s, one in account.instruments.items() if s not in state.instruments},
        account.average_costs,
        account.con_ids,
        contested,
        cash_lags,
    )


def settled_cash(state: State, account: Account) -> dict[str, Decimal]:
    """Cash by currency without what open futures have gained: the journal counts a future's profit
    when it is realised, at our own costs where it knows them. Empty where the broker tells no
    cash by currency."""
    balances = dict(account.balances)
    for symbol in account.costs:
        one, quantity = account.instruments[symbol], account.positions[symbol]
        cost = _cost(state, account, symbol)
        gain = one.notional(quantity, account.marks.get(symbol, cost) - cost)
        balances[one.currency] = balances.get(one.currency, ZERO) - gain
    return balances


def cash_of_cycle(account: Account) -> dict[str, Decimal]:
    """The same by the gain that the broker tells with the cash, which is of the same moment even
    where both lag behind the marks. It is exact where that gain counts from the purchase on, as at
    the simulated gateway; IB's page "Account Value Keys" counts it from the last settlement."""
    return {c: a - account.futures_pnl.get(c, ZERO) for c, a in account.balances.items()}


def _cost(state: State, account: Account, symbol: str) -> Decimal:
    """What was paid for a future: our own figure where the quantity agrees."""
    known = state.futures.get(symbol)
    agrees = known is not None and known.quantity == account.positions[symbol]
    return known.average_cost if known is not None and agrees else account.costs[symbol]


def _cash_differences(
    state: State, account: Account, balances: Mapping[str, Decimal]
) -> Iterator[str]:
    """Currency by currency; the broker tells whole cents."""
    if not state.balances:
        return
    told = balances or {account.currency: account.cash}
    for currency in sorted({*state.balances, *told}):
        ours, theirs = state.balances.get(currency, ZERO), told.get(currency, ZERO)
        same = same_money(ours, theirs) if account.balances else ours == theirs
        if not same:
            yield (
                f"Cash: the journal says {ours:,.2f} {currency} and the gateway "
                f"{theirs:,.2f}; the gateway's figure holds from here."
            )


def _position_differences(
    state: State, account: Account, contested: Mapping[str, ContestedPosition]
) -> Iterator[str]:
    for symbol in sorted({*state.positions, *account.positions}):
        mine, theirs = state.expected(symbol), account.positions.get(symbol, ZERO)
        if symbol in contested:
            yield contested[symbol].reason
        elif mine != theirs:
            yield (
                f"{symbol}: the journal says {mine} and the gateway {theirs}; "
                f"the difference of {theirs - mine} is listed as external and left alone."
            )
