"""What every fill cost, against what a cost model predicts: rows from the journal's events.

Pure, as `hydra.journal.views` is. Money is in the instrument's currency and paying up is positive;
bps are of the decision price, but `predicted_bps` and `error_bps` of the arrival mid, for that is
where a model begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hydra.costs.calibration import Sample
from hydra.costs.liquidity import Liquidity
from hydra.costs.model import CostModel
from hydra.costs.shortfall import Shortfall, per_bps, shortfall
from hydra.domain.events import (
    CommissionRecorded,
    FillCorrected,
    FillRecorded,
    OrderAdmitted,
    OrderQuoted,
    OrderRetried,
    Recorded,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Fill, OrderRequest, OrderType
from hydra.errors import UnknownName, unknown
from hydra.journal.fold import strategy_of
from hydra.timetable import timetable

ZERO = Decimal(0)
Row = dict[str, Any]

COST_KINDS = (
    OrderAdmitted,
    OrderQuoted,
    OrderRetried,
    FillRecorded,
    FillCorrected,
    CommissionRecorded,
)
GROUPS = ("strategy", "symbol", "algo", "hour")
"""What costs can be added up by."""
PARTS = ("delay", "spread", "impact")
UNKNOWN_VOLUME = "no volatility and volume known for its impact"


@dataclass
class _Facts:
    """What the journal says of fills, whatever order it was written in."""

    requests: dict[str, OrderRequest] = field(default_factory=dict)
    quotes: dict[str, OrderQuoted] = field(default_factory=dict)
    retried: set[str] = field(default_factory=set)
    fills: dict[str, Fill] = field(default_factory=dict)
    charges: dict[str, Decimal] = field(default_factory=dict)

    def of_orders(self) -> dict[str, list[Fill]]:
        """The fills that stand, by order; bust ones are left out."""
        orders: dict[str, list[Fill]] = {}
        for fill in self.fills.values():
            if fill.quantity:
                orders.setdefault(fill.order_ref, []).append(fill)
        return orders


def cost_rows(
    records: Iterable[Recorded],
    model: CostModel | None = None,
    liquidity: Liquidity | None = None,
) -> list[Row]:
    """One row for each fill that stands, oldest first: what it cost and what `model` predicts.

    A corrected fill counts as it was corrected, a bust one not at all (unless it was charged). A
    figure that cannot be told is None and `reason` says why; `liquidity` is needed by a model with
    a size-dependent impact. The predicted commission of a fill is what it adds to its order's.
    """
    facts, model = _facts(records), model or CostModel()
    expected = {
        ref: _predicted_bps(fills, model, liquidity) for ref, fills in facts.of_orders().items()
    }
    charged = _predicted_charges(facts, model)
    return [
        _row(facts, fill, expected.get(fill.order_ref, (None, "")), charged[exec_id])
        for exec_id, fill in facts.fills.items()
        if fill.quantity or facts.charges.get(exec_id)
    ]


def symbols_of(records: Iterable[Recorded]) -> list[str]:
    """What was traded, sorted."""
    return sorted({fill.symbol for fill in _facts(records).fills.values()})


def cost_totals(rows: Sequence[Row], by: str = "") -> list[Row]:
    """The rows added up by one of `GROUPS` (or all of them) and by currency, in order of the key.

    bps are of the notional of the rows that have the figure, so large fills weigh more; `measured`
    counts those with a market at arrival. Raises `UnknownName` for another group.
    """
    if by and by not in GROUPS:
        raise UnknownName(unknown("grouping of costs", by, GROUPS))
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row[by] if by else "total", row["currency"]), []).append(row)
    return [
        {by or "": key, **_total(of), "currency": currency}
        for (key, currency), of in sorted(groups.items())
    ]


def samples_of(
    records: Iterable[Recorded], liquidity: Liquidity
) -> tuple[list[Sample], list[str]]:
    """The orders that a model can be held against, and of each of the others why it cannot."""
    facts = _facts(records)
    found = [_sample(facts, fills, liquidity) for fills in facts.of_orders().values()]
    samples = [sample for sample in found if isinstance(sample, Sample)]
    return samples, [reason for reason in found if isinstance(reason, str)]


def _facts(records: Iterable[Recorded]) -> _Facts:
    facts = _Facts()
    for record in records:
        event = record.event
        if isinstance(event, OrderAdmitted):
            facts.requests[event.order.order_ref] = event.order.request
        elif isinstance(event, OrderQuoted):
            facts.quotes[event.ref] = event
        elif isinstance(event, OrderRetried):
            facts.retried.add(event.ref)
        elif isinstance(event, FillRecorded):
            facts.fills[event.fill.exec_id] = event.fill
        elif isinstance(event, FillCorrected):
            facts.fills.pop(event.old.exec_id, None)
            facts.fills[event.new.exec_id] = event.new
        elif isinstance(event, CommissionRecorded):
            facts.charges[event.commission.exec_id] = event.commission.amount
    return facts


def _row(
    facts: _Facts, fill: Fill, expected: tuple[float | None, str], predicted_commission: float
) -> Row:
    request, lost = facts.requests.get(fill.order_ref), _shortfall(facts, fill)
    predicted, reason = expected
    return {
        **_traded(fill, request),
        "arrival_mid": lost.arrival_mid,
        "price": fill.price,
        **_lost(lost, known=request is not None),
        "commission": facts.charges.get(fill.exec_id),
        "predicted_commission": round(predicted_commission, 4),
        "predicted_bps": _rounded(predicted),
        "error_bps": _error(lost.execution_bps, predicted),
        "notional": lost.notional,
        "currency": fill.currency,
        "reason": " and ".join(text for text in (lost.reason, reason) if text),
        "exec_id": fill.exec_id,
        "order_ref": fill.order_ref,
    }


def _traded(fill: Fill, request: OrderRequest | None) -> Row:
    return {
        "time": fill.time,
        "strategy": strategy_of(fill.order_ref),
        "symbol": fill.symbol,
        "algo": _algo(request),
        "hour": _hour(fill, request),
        "quantity": fill.quantity,
        "decision_price": request.decision_price if request else None,
    }


def _lost(lost: Shortfall, known: bool) -> Row:
    """The parts and the total in bps, then in money; no total without a `known` decision."""
    parts = {part: getattr(lost, part) for part in PARTS}
    parts["total"] = lost.total if known else None
    bps = {f"{part}_bps": _rounded(lost.bps(money)) for part, money in parts.items()}
    return {**bps, **parts}


def _shortfall(facts: _Facts, fill: Fill) -> Shortfall:
    request = facts.requests.get(fill.order_ref)
    if request is None:
        notional = abs(fill.quantity) * fill.price * fill.multiplier
        return Shortfall(ZERO, notional, reason="the journal has no order for it")
    quote = facts.quotes.get(fill.order_ref)
    if quote and fill.order_ref in facts.retried:
        quote = replace(quote, delayed=True)  # it is of the first try, which never left
    return shortfall(fill, request.decision_price, quote)


def _error(actual: float | None, predicted: float | None) -> float | None:
    return None if actual is None or predicted is None else _rounded(actual - predicted)


def _predicted_bps(
    fills: Sequence[Fill], model: CostModel, liquidity: Liquidity | None
) -> tuple[float | None, str]:
    """What the model expects of all that filled of an order, for its size moves the market."""
    first, size = fills[0], float(sum((fill.quantity for fill in fills), ZERO))
    if not model.needs_liquidity:
        return float(model.distance_bps(size, first.symbol)), ""
    known = liquidity.at(first.symbol, first.time) if liquidity else None
    if known is None:
        return None, UNKNOWN_VOLUME
    return float(model.distance_bps(size, first.symbol, *known)), ""


def _predicted_charges(facts: _Facts, model: CostModel) -> dict[str, float]:
    """IB's minimum and maximum hold for the whole order, so a fill costs what it adds to it."""
    orders: dict[str, tuple[float, float]] = {}
    charges: dict[str, float] = {}
    for fill in facts.fills.values():
        request = facts.requests.get(fill.order_ref)
        one = request.instrument if request else Instrument("?", multiplier=fill.multiplier)
        units, value = orders.get(fill.order_ref, (0.0, 0.0))
        before = _charge(model, one, units, value)
        more = abs(float(fill.quantity))
        orders[fill.order_ref] = (units + more, value + more * float(fill.price))
        charges[fill.exec_id] = _charge(model, one, *orders[fill.order_ref]) - before
    return charges


def _charge(model: CostModel, one: Instrument, units: float, value: float) -> float:
    return model.charge_of(one, units, value / units) if units else 0.0


def _sample(facts: _Facts, fills: Sequence[Fill], liquidity: Liquidity) -> Sample | str:
    """An order at the average of its fills; a sentence's worth of reason where it is not known."""
    first, quantity = fills[0], sum((fill.quantity for fill in fills), ZERO)
    lost = _shortfall(facts, replace(first, quantity=quantity, price=_average(fills)))
    known = liquidity.at(first.symbol, first.time)
    if lost.half_spread_bps is None or lost.execution_bps is None:
        return lost.reason
    if known is None:
        return UNKNOWN_VOLUME
    return Sample(
        first.symbol,
        max(fill.time for fill in fills),
        len(fills),
        float(quantity),
        lost.half_spread_bps,
        lost.execution_bps,
        *known,
    )


def _average(fills: Sequence[Fill]) -> Decimal:
    value = sum((fill.quantity * fill.price for fill in fills), ZERO)
    return value / sum((fill.quantity for fill in fills), ZERO)


def _total(rows: Sequence[Row]) -> Row:
    measured = [row for row in rows if row["arrival_mid"] is not None]
    decided = [row for row in rows if row["total"] is not None]
    predicted = [row for row in rows if row["error_bps"] is not None]
    return {
        "fills": len(rows),
        "measured": len(measured),
        "notional": _sum(rows, "notional"),
        **{f"{part}_bps": _weighted(measured, part) for part in PARTS},
        "total_bps": _weighted(decided, "total"),
        **{part: _sum(measured, part) if measured else None for part in PARTS},
        "total": _sum(decided, "total") if decided else None,
        "commission": _sum([r for r in rows if r["commission"] is not None], "commission"),
        "predicted_commission": round(sum(row["predicted_commission"] for row in rows), 4),
        "predicted_bps": _mean_bps(predicted, "predicted_bps"),
        "error_bps": _mean_bps(predicted, "error_bps"),
    }


def _weighted(rows: Sequence[Row], part: str) -> float | None:
    return _rounded(per_bps(_sum(rows, part), _sum(rows, "notional")))


def _mean_bps(rows: Sequence[Row], column: str) -> float | None:
    """Weighted by notional, as the parts beside it are."""
    notional = float(_sum(rows, "notional"))
    if not notional:
        return None
    return _rounded(sum(row[column] * float(row["notional"]) for row in rows) / notional)


def _sum(rows: Sequence[Row], column: str) -> Decimal:
    return sum((row[column] for row in rows), ZERO)


def _rounded(bps: float | None) -> float | None:
    return None if bps is None else round(bps, 2) + 0.0  # no −0.0


def _algo(request: OrderRequest | None) -> str:
    """The algorithm's name; an order without one goes by its type."""
    if request is None:
        return "unknown"
    named = request.algo or request.broker_algo
    plain = "market" if request.order_type is OrderType.MARKET else request.order_type.value
    return named or plain


def _hour(fill: Fill, request: OrderRequest | None) -> str:
    """The hour of the exchange's own clock, `09:00`; of UTC for a fill of no known order."""
    if request is None:
        return f"{fill.time:%H}:00 UTC"
    return f"{fill.time.astimezone(timetable(request.instrument.calendar).zone):%H}:00"
