"""Rows that people read, from the journal's state and events: pure, one dictionary a row.

The command line prints them and the dashboard shows them, so both always say the same. Decimals
stay decimals and times aware UTC; whoever shows them does the formatting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hydra.costs.slippage import slippage_bps
from hydra.domain import lifecycle
from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderFound,
    OrderModified,
    OrderRefused,
    OrderRetried,
    OrderSubmitted,
    OrderUnsent,
    Recorded,
)
from hydra.domain.instruments import ONE, Instrument
from hydra.domain.lifecycle import OrderState, Told
from hydra.domain.orders import Fill, OrderRequest
from hydra.journal.fold import ENDS, State, strategy_of

ZERO = Decimal(0)
CENT = Decimal("0.01")
Row = dict[str, Any]

ORDER_KINDS = (
    OrderAdmitted,
    OrderSubmitted,
    OrderUnsent,
    OrderRetried,
    OrderModified,
    OrderAcknowledged,
    OrderFound,
    OrderEnded,
    OrderRefused,
    FillRecorded,
    FillCorrected,
)
FILL_KINDS = (OrderAdmitted, FillRecorded, FillCorrected, CommissionRecorded)


def status_row(state: State) -> Row:
    """The account in a few figures."""
    mark = state.mark
    return {
        "account": state.account,
        "nav": mark.nav if mark else None,
        "net_liquidation": mark.net_liquidation if mark else None,
        "cash": state.cash,
        "currency": state.currency,
        "peak_nav": state.peak_nav if mark else None,
        "marked_at": state.marked_at,
        "positions": len(state.positions),
        "working_orders": len(state.working),
        "unknown_orders": len(state.unknown),
        "orders_from_elsewhere": list(state.elsewhere),
        "halted": state.halted,
        "sessions": {name: day.isoformat() for name, day in state.sessions.items()},
        "events": state.seq,
    }


def position_rows(state: State) -> list[Row]:
    """One row for each holding of each strategy, and for what is held besides ("external").

    Prices are as quoted. Money is in the account's currency at the last rate, and `currency` says
    so; where no rate was ever told it is in the instrument's own, without a weight.
    """
    rows = [
        _position(state, strategy, symbol, h.quantity, h.average_cost, h.realised)
        for (strategy, symbol), h in sorted(state.holdings.items())
    ]
    external = [
        _position(state, "external", symbol, quantity, None, None)
        for symbol, quantity in sorted(state.external.items())
    ]
    return [*rows, *external]


def strategy_rows(state: State) -> list[Row]:
    """One row a strategy: what it gained, by its own orders alone, at the last marks and rates.

    Money in the account's currency; `profit` is realised and unrealised, less commissions; None
    while a position has no mark or its currency no rate. What cash in another currency gains or
    loses by its rate is no strategy's.
    """
    positions = position_rows(state)
    names = sorted({name for name, _ in state.holdings} | set(state.sessions))
    return [_strategy(state, name, positions) for name in names]


def order_rows(records: Iterable[Recorded]) -> list[Row]:
    """One row for each order or refused request, oldest first, with what became of it."""
    table = OrderTable()
    for record in records:
        table.take(record)
    return list(table.rows.values())


@dataclass
class OrderTable:
    """The rows of `order_rows` by reference, for those who take in one event after another.

    A row that changes becomes another dictionary; of more than `kept` rows the oldest whose order
    has ended goes.
    """

    kept: int | None = None
    rows: dict[str, Row] = field(default_factory=dict)

    def take(self, record: Recorded) -> None:
        """Take in the next event."""
        event = record.event
        if isinstance(event, OrderAdmitted):
            self._put(_order(event.order.request, record, OrderState.PENDING))
        elif isinstance(event, OrderRefused):
            refusal = event.refusal
            row = _order(refusal.request, record, REFUSED)
            row["reason"] = " ".join(o.sentence for o in refusal.objections)
            self._put(row)
        elif event.order_ref in self.rows:
            row = self.rows[event.order_ref]
            self.rows[event.order_ref] = {**row, **_change(event, row)}

    def _put(self, row: Row) -> None:
        self.rows[row["order_ref"]] = row
        if self.kept is not None and len(self.rows) > self.kept:
            over = next((ref for ref, r in self.rows.items() if r["status"] in OVER), None)
            if over:
                del self.rows[over]


def refusal_rows(records: Iterable[Recorded]) -> list[Row]:
    """One row for each objection against a refused request, oldest first."""
    return [
        {
            "time": record.time,
            "order_ref": record.event.refusal.request.order_ref,
            "symbol": record.event.refusal.request.instrument.symbol,
            "quantity": record.event.refusal.request.quantity,
            "check": objection.check,
            "figure": objection.figure,
            "limit": objection.limit,
            "reason": objection.sentence,
        }
        for record in records
        if isinstance(record.event, OrderRefused)
        for objection in record.event.refusal.objections
    ]


def fill_rows(records: Iterable[Recorded]) -> list[Row]:
    """One row for each fill, oldest first; slippage against the decision price, paying up > 0."""
    decisions: dict[str, Decimal] = {}
    rows: dict[str, Row] = {}
    for record in records:
        event = record.event
        if isinstance(event, OrderAdmitted):
            decisions[event.order.order_ref] = event.order.request.decision_price
        elif isinstance(event, FillRecorded):
            rows[event.fill.exec_id] = _fill(event.fill, decisions.get(event.fill.order_ref))
        elif isinstance(event, FillCorrected):
            rows.pop(event.old.exec_id, None)
            rows[event.new.exec_id] = _fill(event.new, decisions.get(event.new.order_ref))
        elif isinstance(event, CommissionRecorded) and event.commission.exec_id in rows:
            rows[event.commission.exec_id]["commission"] = event.commission.amount
    return list(rows.values())


def nav_rows(records: Iterable[Recorded]) -> list[Row]:
    """One row for each time the account was valued."""
    return [
        {
            "time": record.time,
            "nav": record.event.nav,
            "net_liquidation": record.event.net_liquidation,
            "cash": record.event.cash,
        }
        for record in records
        if isinstance(record.event, NavMarked)
    ]


def _position(
    state: State,
    strategy: str,
    symbol: str,
    quantity: Decimal,
    cost: Decimal | None,
    realised: Decimal | None,
) -> Row:
    mark = state.mark.marks.get(symbol) if state.mark else None
    one = state.instruments.get(symbol, Instrument(symbol, currency=state.currency))
    told = state.rate(one.currency)
    rate = ONE if told is None else told
    value = None if mark is None else one.notional(quantity, mark) * rate
    nav = state.mark.nav if state.mark and told is not None else ZERO
    gain = None
    if mark is not None and cost is not None:
        gain = one.notional(quantity, mark - cost) * rate
    return {
        "strategy": strategy,
        "symbol": symbol,
        "quantity": quantity,
        "average_cost": cost,
        "mark": mark,
        "value": _cents(value),
        "weight": value / nav if value is not None and nav > 0 else None,
        "unrealised": _cents(gain),
        "realised": None if realised is None else _cents(realised * rate),
        "currency": one.currency if told is None else state.currency,
    }


def _strategy(state: State, name: str, positions: list[Row]) -> Row:
    mine = [row for row in positions if row["strategy"] == name]
    open_gains = [row["unrealised"] for row in mine if row["quantity"]]
    foreign = any(row["currency"] not in ("", state.currency or row["currency"]) for row in mine)
    unrealised = None if foreign or None in open_gains else sum(open_gains, ZERO)
    realised = sum((row["realised"] for row in mine), ZERO)
    charges = state.charges.get(name, ZERO)
    return {
        "strategy": name,
        "last_session": state.sessions.get(name),
        "positions": sum(1 for row in mine if row["quantity"]),
        "realised": _cents(realised),
        "unrealised": _cents(unrealised),
        "commissions": _cents(charges),
        "profit": None if unrealised is None else _cents(realised + unrealised - charges),
    }


def decimal_text(value: Decimal) -> str:
    """A figure for people: thousands apart, whole numbers without places, others with the two to
    four that they have."""
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    exponent = value.normalize().as_tuple().exponent
    places = min(4, max(2, -exponent)) if isinstance(exponent, int) else 4
    return f"{value:,.{places}f}"


def _cents(money: Decimal | None) -> Decimal | None:
    return None if money is None else money.quantize(CENT)


def _order(request: OrderRequest, record: Recorded, status: str) -> Row:
    return {
        "time": record.time,
        "order_ref": request.order_ref,
        "symbol": request.instrument.symbol,
        "quantity": request.quantity,
        "type": request.order_type.value,
        "limit_price": request.limit_price,
        "status": status,
        "filled": ZERO,
        "reason": "",
    }


def _change(event: object, row: Row) -> Row:
    """What an event changes in its order's row; the state follows the table of states."""
    change: Row = {}
    told = TOLD.get(type(event))
    if isinstance(event, OrderModified):
        request = event.order.request
        change = {"quantity": request.quantity, "limit_price": request.limit_price}
    elif isinstance(event, FillRecorded):
        change = {"filled": row["filled"] + event.fill.quantity}
        whole = abs(change["filled"]) >= abs(row["quantity"])
        told = Told.WHOLE if whole else Told.PART
    elif isinstance(event, FillCorrected):
        change = {"filled": row["filled"] - event.old.quantity + event.new.quantity}
    elif isinstance(event, OrderEnded):
        change, told = {"reason": event.reason}, ENDS[event.outcome]
    elif isinstance(event, OrderUnsent):
        change = {"reason": event.reason}
    if told and row["status"] != REFUSED:
        change["status"] = lifecycle.after(OrderState(row["status"]), told)
    return change


REFUSED = "refused"
OVER = frozenset({REFUSED, *lifecycle.ENDED})
"""Statuses of orders that trade no more."""
TOLD: Mapping[type, Told] = {
    OrderSubmitted: Told.SENT,
    OrderRetried: Told.SENT,
    OrderUnsent: Told.NOT_SENT,
    OrderAcknowledged: Told.HELD,
    OrderFound: Told.FOUND,
}
"""What kinds of event tell of an order, where it does not depend on their content."""


def _fill(fill: Fill, decision: Decimal | None) -> Row:
    slippage = None
    if decision:
        slippage = float(slippage_bps(float(fill.quantity), float(fill.price), float(decision)))
    return {
        "time": fill.time,
        "strategy": strategy_of(fill.order_ref),
        "symbol": fill.symbol,
        "quantity": fill.quantity,
        "price": fill.price,
        "decision_price": decision,
        "slippage_bps": None if slippage is None else round(slippage, 2),
        "commission": None,
        "exec_id": fill.exec_id,
        "order_ref": fill.order_ref,
    }


def trip_rows(state: State) -> list[Row]:
    """Each breaker's last trip, newest first; standing as of the last session that was started."""
    trips = sorted(state.trips.values(), key=lambda trip: -trip.seq)
    return [
        {
            "breaker": trip.event.breaker,
            "strategy": trip.event.strategy or "all",
            "standing": str(trip.standing(state.session or trip.event.session)),
            "action": trip.event.action,
            "figure": trip.event.figure,
            "limit": trip.event.limit,
            "session": trip.event.session,
            "until": trip.event.until,
        }
        for trip in trips
    ]
