"""One sentence for each event, as a person reads a log: pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hydra.domain.events import (
    BreakerTripped,
    CancelRequested,
    CashMoved,
    CommissionRecorded,
    ConnectionChanged,
    Decided,
    EpochBegun,
    Event,
    ExternalFillRecorded,
    FillCorrected,
    FillRecorded,
    FutureSettled,
    Halted,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderModified,
    OrderQuoted,
    OrderRefused,
    OrderSubmitted,
    OrderUnsent,
    PositionAdopted,
    RatesTold,
    Reconciled,
    Resumed,
    RunEnded,
    RunMissed,
    RunRequested,
    RunStarted,
    SessionEnded,
    SessionStarted,
    SplitApplied,
    StrategySwitched,
    TargetSet,
    Warned,
)
from hydra.domain.orders import Fill, OrderRequest


def told(event: Event) -> str:
    """The event in a sentence; of a kind that has none of its own, its fields."""
    words: Callable[[Any], str] | None = WORDS.get(type(event))
    return words(event) if words else _fields_of(event)


def by_whom(event: Event) -> str:
    """Who did it; a breaker goes by its name, and what nobody did has an empty one."""
    if isinstance(event, BreakerTripped):
        return f"breaker {event.breaker}"
    return str(getattr(event, "by", ""))


def kind_words(kind: str) -> str:
    """`OrderEnded` as "order ended"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _request(request: OrderRequest) -> str:
    price = "" if request.limit_price is None else f" at {request.limit_price}"
    kind = f"{request.order_type.value}{price}"
    return f"{request.order_ref}: {request.quantity:+,f} {request.instrument.symbol} {kind}"


def _filled(fill: Fill) -> str:
    return (
        f"{fill.order_ref}: {fill.quantity:+,f} {fill.symbol} at {fill.price:,f} {fill.currency}"
    )


def _ended(event: OrderEnded) -> str:
    return f"{event.ref}: {event.outcome}" + (f" ({event.reason})" if event.reason else "")


def _marked(event: NavMarked) -> str:
    return f"NAV {event.nav:,.2f}, {event.net_liquidation:,.2f} by the gateway"


def _reconciled(event: Reconciled) -> str:
    found = "; ".join(event.differences) or "they agree"
    return f"Journal and broker were compared: {found}"


def _switched(event: StrategySwitched) -> str:
    return f"{event.strategy} was switched {'on' if event.on else 'off'}: {event.reason}"


def _ran(event: RunEnded) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"{event.run} ended {event.outcome} after {event.seconds:,.1f} s{reason}"


def _quoted(event: OrderQuoted) -> str:
    figures = (f"{name} {value if value is not None else '–'}" for name, value in _sides(event))
    return f"{event.ref}: " + ", ".join(figures) + (" (delayed)" if event.delayed else "")


def _sides(event: OrderQuoted) -> tuple[tuple[str, Decimal | None], ...]:
    return ("bid", event.bid), ("ask", event.ask), ("last", event.last)


WORDS: Mapping[type[Event], Callable[[Any], str]] = {
    SessionStarted: lambda e: f"{e.strategy} began the session of {e.session} on {e.account}",
    SessionEnded: lambda e: (
        f"{e.strategy} ended the session of {e.session}: {e.orders} orders, "
        f"{e.refusals} refused, {e.fills} fills"
    ),
    Reconciled: _reconciled,
    RatesTold: lambda e: "; ".join(f"one {name} is worth {r}" for name, r in e.rates.items()),
    TargetSet: lambda e: (
        f"{e.strategy} wants {e.target:+,f} {e.symbol} (signal {e.signal:+.2f}), held {e.held:+,f}"
    ),
    Decided: lambda e: f"{e.strategy} decided on {len(e.requests)} orders for {e.session}",
    OrderRefused: lambda e: str(e.refusal),
    OrderAdmitted: lambda e: _request(e.order.request),
    OrderModified: lambda e: f"{_request(e.order.request)} (change {e.number})",
    OrderQuoted: _quoted,
    OrderSubmitted: lambda e: f"{e.ref} left as order {e.order_id} of client {e.client_id}",
    OrderUnsent: lambda e: f"{e.ref} did not leave: {e.reason}",
    OrderAcknowledged: lambda e: f"{e.ref} is held by the broker: {e.status}",
    OrderEnded: _ended,
    CancelRequested: lambda e: f"{e.ref} is to be cancelled ({e.by})",
    FillRecorded: lambda e: _filled(e.fill),
    FillCorrected: lambda e: f"{_filled(e.new)}, instead of {e.old.quantity:+,f} at {e.old.price}",
    CommissionRecorded: lambda e: (
        f"{e.commission.amount:,f} {e.commission.currency} for {e.commission.exec_id}"
    ),
    ExternalFillRecorded: lambda e: (
        f"Not ours: {e.fill.quantity:+,f} {e.fill.symbol} at {e.fill.price:,f} {e.fill.currency}"
    ),
    SplitApplied: lambda e: f"{e.symbol} was split {e.numerator}:{e.denominator} ({e.evidence})",
    CashMoved: lambda e: (
        f"{e.worth:+,.2f} came by no trade of ours"
        + (": a transfer, no profit and no loss" if e.is_transfer else "")
        + (": judged once no position is contested" if e.is_pending else "")
    ),
    PositionAdopted: lambda e: f"{e.symbol} was adopted from the account: {e.reason} ({e.by})",
    EpochBegun: lambda e: f"A new epoch of the books began: {e.reason} ({e.by})",
    FutureSettled: lambda e: f"{e.symbol} expired while it was held, last at {e.price:,f}",
    ConnectionChanged: lambda e: f"{'open' if e.up else 'LOST'}: {e.text} ({e.code})",
    NavMarked: _marked,
    Halted: lambda e: f"Trading was halted: {e.reason} ({e.by})",
    Resumed: lambda e: f"Trading was resumed: {e.reason} ({e.by})",
    BreakerTripped: lambda e: f"{e.breaker} tripped ({e.action}): {e.sentence}",
    StrategySwitched: _switched,
    RunRequested: lambda e: f"{e.job} is to run now ({e.by})",
    RunStarted: lambda e: f"{e.run} of {e.job or e.strategy} began ({e.trigger})",
    RunEnded: _ran,
    RunMissed: lambda e: f"{e.job} missed the run due {e.due:%Y-%m-%d %H:%M} UTC: {e.reason}",
    Warned: lambda e: f"{e.text} ({e.code})" if e.code else e.text,
}


def _fields_of(event: Event) -> str:
    """For kinds without words of their own."""
    pairs = ((f.name, getattr(event, f.name)) for f in fields(event))
    return ", ".join(
        f"{name} {value}"
        for name, value in pairs
        if isinstance(value, str | int | float | Decimal | date | datetime) and value != ""
    )
