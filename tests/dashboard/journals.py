"""Journals to show: empty, one session, thousands of fills, what nobody knows, foreign money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hydra.config import Gateway
from hydra.dashboard._base import Facts
from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillRecorded,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderQuoted,
    OrderRefused,
    OrderSubmitted,
    Reconciled,
    Recorded,
    SessionStarted,
    TargetSet,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import (
    Commission,
    Fill,
    Objection,
    Order,
    OrderRequest,
    OrderType,
    Refusal,
)
from hydra.journal.ledger import Ledger
from hydra.risk._gate import shipped_gate

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
DAY = date(2013, 1, 14)


def request(symbol="AAPL", quantity=10, step=0, **changes) -> OrderRequest:
    instrument = changes.pop("instrument", Instrument(symbol))
    return OrderRequest("s", DAY, instrument, Decimal(quantity), Decimal(70), step=step, **changes)


def limited(symbol="AAPL", quantity=10, price="69", step=5) -> OrderRequest:
    return request(symbol, quantity, step, order_type=OrderType.LIMIT, limit_price=Decimal(price))


def works(wanted: OrderRequest) -> list[Event]:
    ref = wanted.order_ref
    return [
        OrderAdmitted(Order(wanted, NOW, ("halt",))),
        OrderQuoted(ref, Decimal("69.99"), Decimal("70.01"), Decimal(70)),
        OrderSubmitted(ref, 31, 1),
        OrderAcknowledged(ref, 7, "Submitted"),
    ]


def filled(wanted: OrderRequest, price="70.07", number=1, currency="USD") -> list[Event]:
    one, exec_id = wanted.instrument, f"e{number}.01"
    fill = Fill(
        exec_id, wanted.order_ref, one.symbol, wanted.quantity, Decimal(price), NOW, currency,
        one.multiplier,
    )  # fmt: skip
    return [
        FillRecorded(fill),
        CommissionRecorded(Commission(exec_id, Decimal(1), currency)),
        OrderEnded(wanted.order_ref, "filled", ""),
    ]


def one_session() -> list[Event]:
    """A purchase that filled, a refusal, a working order, an external position, a mark."""
    bought, refused, resting = request(), request("IBM", 5), limited()
    objection = Objection("halt", "x", "y", "Trading <b>is</b> halted.")
    return [
        SessionStarted("s", DAY, "DU1", {}),
        Reconciled("DU1", Decimal(1000), "USD", {"XYZ": Decimal(3)}, ()),
        TargetSet("s", DAY, "AAPL", 1.0, 0.7, Decimal(12), Decimal(0), Decimal(70)),
        *works(bought),
        *filled(bought),
        OrderRefused(Refusal(refused, (objection,))),
        NavMarked(Decimal(999), Decimal("298.3"), Decimal(999), {"AAPL": Decimal("70.06")}),
        *works(resting),
    ]


def ten_thousand_fills() -> Iterator[Event]:
    yield one_session()[0]
    yield one_session()[1]
    for number in range(10_000):
        wanted = request(step=number)
        yield OrderAdmitted(Order(wanted, NOW, ()))
        yield from filled(wanted, number=number)


def unknown_instrument() -> list[Event]:
    """A fill of an order of ours that this journal never saw, without a mark."""
    stray = Fill("e9.01", "s:20130114:ZZZ:0", "ZZZ", Decimal(4), Decimal(5), NOW)
    return [*one_session(), FillRecorded(stray)]


def foreign_currency() -> list[Event]:
    """Shares quoted in pence beside dollars."""
    pence = Instrument("VOD", currency="GBP", multiplier=Decimal("0.01"))
    bought = request(instrument=pence, quantity=1_000)
    return [
        *one_session(),
        *works(bought),
        *filled(bought, "71", number=2, currency="GBP"),
        NavMarked(Decimal(999), Decimal(298), Decimal(999), {"VOD": Decimal(72)}),
    ]


JOURNALS = {
    "empty journal": list,
    "one session": one_session,
    "ten thousand fills": ten_thousand_fills,
    "unknown instrument": unknown_instrument,
    "foreign currency": foreign_currency,
}


def recorded(events: Iterable[Event]) -> list[Recorded]:
    return [
        Recorded(n, NOW + timedelta(seconds=n), NOW + timedelta(seconds=n), e)
        for n, e in enumerate(events, start=1)
    ]


def facts(events: Iterable[Event], **more) -> Facts:
    records = recorded(events)
    known = Facts(Ledger.of(records), records, Gateway(), False, NOW, checks=shipped_gate().checks)
    return replace(known, **more)
