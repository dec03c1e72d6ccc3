"""What must hold at the end of every life: the journal against the gateway's own books."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hydra.domain.events import (
    CommissionRecorded,
    ConnectionChanged,
    FillCorrected,
    FillRecorded,
    Halted,
    OrderAdmitted,
    OrderRetried,
    OrderSubmitted,
    Reconciled,
    Recorded,
    Resumed,
)
from hydra.domain.orders import Fill
from hydra.journal.fold import State, fold
from hydra.journal.journal import Journal
from hydra.risk._base import EXIT_STEP

NEW_YORK = ZoneInfo("US/Eastern")
BLACKOUT = (time(10, 0), time(10, 30))
ZERO = Decimal(0)
CENT = Decimal("0.01")


def broken(
    journal: Journal,
    books: dict[str, Any],
    heard: Iterable[dict[str, Any]],
    foreign: Collection[str] = (),
) -> Iterator[str]:
    """A sentence for each invariant that does not hold; `heard` are all messages of the lives,
    `foreign` the symbols of which units came or went by no trade of ours."""
    records = list(journal.read())
    state = fold(records)
    ours = {one.con_id: symbol for symbol, one in state.instruments.items()}
    took_cents = any(
        text.startswith("Cash:")
        for record in records
        if isinstance(record.event, Reconciled)
        for text in record.event.differences
    )
    yield from _positions(state, books, ours, took_cents)
    if ours_elsewhere := set(state.external) - set(foreign):
        yield (
            f"positions of ours are listed as external: {sorted(ours_elsewhere)} "
            f"of {dict(state.external)}"
        )
    if state.contested:
        yield f"positions are contested at the end: {sorted(state.contested)}"
    yield from _fills(records, books["executions"], ours)
    yield from _charges(records, books["executions"])
    yield from _sent_twice(heard)
    yield from _booked_twice(books)
    yield from _sequence(records)
    yield from _sent_while_closed(records)
    yield from _sent_in_a_blackout(records)


def _positions(
    state: State, books: dict[str, Any], names: Mapping[int, str], took_cents: bool
) -> Iterator[str]:
    """Positions and cash of each currency; `names` are our symbols by contract number.

    A pair's fills have parts of a cent. Where the gateway's cash, of whole cents, was taken after
    a difference (`took_cents`), so has what is left of it.
    """
    theirs = {
        names.get(p["con_id"], p["symbol"]): Decimal(p["quantity"]) for p in books["positions"]
    }
    theirs = {symbol: quantity for symbol, quantity in theirs.items() if quantity}
    if state.positions != theirs:
        yield f"positions: journal {state.positions}, gateway {theirs}"
    cash, told = _cash(state), _cash_told(books)
    has_pairs = any(state.instruments[s].sec_type == "CASH" for _, s in state.holdings)
    apart = CENT if has_pairs or took_cents else ZERO
    for name in sorted({*cash, *told}):
        ours, theirs = cash.get(name, ZERO), told.get(name, ZERO)
        if ours != theirs and not abs(ours - theirs) < apart:
            yield f"cash: journal {ours} {name}, gateway {theirs}"


def _cash(state: State) -> dict[str, Decimal]:
    """Cash by currency as if open futures had been paid for: how much of a future's gain is cash
    already depends on when a correction came, and the sum does not."""
    cash = dict(state.balances)
    for symbol, held in state.futures.items():
        one = state.instruments[symbol]
        cash[one.currency] -= one.notional(held.quantity, held.average_cost)
    return cash


def _cash_told(books: dict[str, Any]) -> dict[str, Decimal]:
    told = {name: Decimal(amount) for name, amount in books["balances"].items()}
    for position in books["positions"]:
        if position["sec_type"] == "FUT":
            told[position["currency"]] -= Decimal(position["paid"])
    return told


def _without_zeros(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    cents = {name: amount.quantize(CENT, ROUND_HALF_UP) for name, amount in amounts.items()}
    return {name: amount for name, amount in cents.items() if amount}


def _fills(
    records: list[Recorded], executions: list[dict[str, Any]], names: Mapping[int, str]
) -> Iterator[str]:
    """To the share and the cent, execution by execution; a bust one counts as none."""
    ours: dict[str, tuple[Any, ...]] = {}
    for record in records:
        if isinstance(record.event, FillRecorded):
            exec_id = record.event.fill.exec_id
            if exec_id in ours:
                yield f"execution {exec_id} is in the journal twice"
            ours[exec_id] = _terms(record.event.fill)
        elif isinstance(record.event, FillCorrected):
            ours.pop(record.event.old.exec_id, None)
            ours[record.event.new.exec_id] = _terms(record.event.new)
    theirs = {
        e["exec_id"]: (
            e["order_ref"],
            names.get(e["con_id"], e["symbol"]),
            Decimal(e["quantity"]),
            Decimal(e["price"]),
        )
        for e in executions
    }
    ours = {key: terms for key, terms in ours.items() if terms[2]}
    theirs = {key: terms for key, terms in theirs.items() if terms[2]}
    for exec_id in sorted({*ours, *theirs}):
        if ours.get(exec_id) != theirs.get(exec_id):
            yield f"{exec_id}: journal {ours.get(exec_id)}, gateway {theirs.get(exec_id)}"


def _terms(fill: Fill) -> tuple[Any, ...]:
    return fill.order_ref, fill.symbol, fill.quantity, fill.price


def _charges(records: list[Recorded], executions: list[dict[str, Any]]) -> Iterator[str]:
    """What was paid adds up, by currency, to what the gateway charged, but for what it never
    told."""
    paid: dict[str, Decimal] = {}
    charged = set()
    for record in records:
        if isinstance(record.event, CommissionRecorded):
            one = record.event.commission
            charged.add(one.exec_id)
            paid[one.currency] = paid.get(one.currency, ZERO) + one.amount
        elif isinstance(record.event, FillCorrected) and record.event.refund:
            name = record.event.refund_currency or record.event.old.currency
            paid[name] = paid.get(name, ZERO) - record.event.refund
    told: dict[str, Decimal] = {}
    for done in executions:
        if done["exec_id"] in charged:
            name = done["currency"]
            told[name] = told.get(name, ZERO) + Decimal(done["commission"])
    if _without_zeros(paid) != _without_zeros(told):
        yield f"commissions: journal {paid}, gateway {told}"


def _sent_twice(heard: Iterable[dict[str, Any]]) -> Iterator[str]:
    """An order reference that reached the gateway under more than one order."""
    ids: dict[str, set[tuple[int, int]]] = {}
    for message in heard:
        if message["name"] == "placeOrder" and message["direction"] == "in":
            fields = message["fields"]
            place = (message["client_id"], fields["orderId"])
            ids.setdefault(fields["orderRef"], set()).add(place)
    for ref, places in ids.items():
        if len(places) > 1:
            yield f"{ref} was sent {len(places)} times"


def _booked_twice(books: dict[str, Any]) -> Iterator[str]:
    """An order reference that the gateway booked under more than one order."""
    booked: dict[str, set[int]] = {}
    for order in (*books["executions"], *books["open_orders"]):
        booked.setdefault(order["order_ref"], set()).add(order["perm_id"])
    for ref, perm_ids in booked.items():
        if len(perm_ids) > 1:
            yield f"{ref} was booked {len(perm_ids)} times"


def _sequence(records: list[Recorded]) -> Iterator[str]:
    """No event lost, none out of order, and none sent that was not admitted before."""
    if [r.seq for r in records] != list(range(1, len(records) + 1)):
        yield "the journal's sequence has a hole"
    if any(a.recorded > b.recorded for a, b in itertools.pairwise(records)):
        yield "the journal's events are out of order"
    admitted: set[str] = set()
    for record in records:
        if isinstance(record.event, OrderAdmitted):
            admitted.add(record.event.order.order_ref)
        elif isinstance(record.event, OrderSubmitted) and record.event.ref not in admitted:
            yield f"{record.event.ref} was sent before it was admitted"


def _sent_while_closed(records: list[Recorded]) -> Iterator[str]:
    """An order admitted while halted, or after a loss that no comparison has followed.

    Several sessions write one journal, and a loss is one connection's: the other's orders are
    told apart by nothing here, so lives that trade in parallel are held to the halt alone.
    """
    halted = False
    for record in records:
        event = record.event
        if isinstance(event, Halted | Resumed):
            halted = isinstance(event, Halted)
        elif isinstance(event, OrderAdmitted | OrderRetried) and halted:
            yield f"{event.order_ref} was admitted while trading was halted"


def sent_unreconciled(records: Iterable[Recorded]) -> Iterator[str]:
    """An order that was admitted after a loss of the connection and before a comparison."""
    compared = False
    for record in records:
        event = record.event
        if isinstance(event, Reconciled):
            compared = True
        elif isinstance(event, ConnectionChanged):
            compared = False
        elif isinstance(event, OrderAdmitted | OrderRetried) and not compared:
            yield f"{event.order_ref} was admitted unreconciled"


def _sent_in_a_blackout(records: list[Recorded]) -> Iterator[str]:
    for record in records:
        if isinstance(record.event, OrderAdmitted | OrderRetried):
            now = record.time.astimezone(NEW_YORK).time()
            if BLACKOUT[0] <= now < BLACKOUT[1]:
                yield f"{record.event.order_ref} was admitted in the blackout, at {now}"


def beyond(journal: Journal, wanted: Mapping[str, Decimal]) -> Iterator[str]:
    """An algorithm that traded more than it was asked for; exits trade what was entered back."""
    admitted = journal.read(kinds=[OrderAdmitted])
    requests = [r.event.order.request for r in admitted if isinstance(r.event, OrderAdmitted)]
    exits = {request.order_ref for request in requests if request.parent}
    total: Counter[str] = Counter()
    for ref, quantity in _filled(journal).items():
        if ref not in exits:
            total[base_of(ref)] += abs(quantity)  # type: ignore[assignment]
    for ref, quantity in total.items():
        if quantity > abs(wanted[ref]):
            yield f"{ref} traded {quantity} of {wanted[ref]}"


def _filled(journal: Journal) -> Mapping[str, Decimal]:
    """Signed fills by order reference."""
    filled: dict[str, Decimal] = {}
    for record in journal.read(kinds=[FillRecorded, FillCorrected]):
        event = record.event
        if isinstance(event, FillRecorded):
            ref, change = event.fill.order_ref, event.fill.quantity
        elif isinstance(event, FillCorrected):
            ref, change = event.new.order_ref, event.new.quantity - event.old.quantity
        filled[ref] = filled.get(ref, ZERO) + change
    return filled


def base_of(order_ref: str) -> str:
    """The request that an order works: a child's reference has its number after a point, and an
    exit that left in a request's place has its step, so much later."""
    head, colon, step = order_ref.rpartition(":")
    number = int(step.partition(".")[0])
    return f"{head}{colon}{number - EXIT_STEP if number >= EXIT_STEP else number}"


def kinds(records: Iterable[Recorded]) -> Counter[str]:
    """How many events of each kind."""
    return Counter(type(record.event).__name__ for record in records)
