"""Whether a strategy has shown on paper what it must show before anything else is thought of.

The gates are those of the original project's go-live list: weeks of paper trading, costs that the
model predicts, circuit breakers and a reconnection seen at work, and no error that a person had
to mend. HYDRA itself refuses live ports and live accounts whatever this says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hydra.costs.calibration import MAX_BIAS_BPS, MIN_CORRELATION, Agreement
from hydra.domain.events import (
    ConnectionChanged,
    OrderEnded,
    Reconciled,
    Recorded,
    SessionEnded,
    SessionStarted,
)
from hydra.journal.fold import strategy_of

Row = dict[str, Any]
MIN_SESSIONS = 20
"""Exchange sessions that make four weeks."""


@dataclass
class _Seen:
    """What the journal tells of one strategy, and of the account that it trades in."""

    begun: set[date] = field(default_factory=set)
    ended: set[date] = field(default_factory=set)
    tripped: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)
    reconnects: int = 0
    is_away: bool = False
    is_back: bool = False


def promotion_rows(
    records: Iterable[Recorded], strategy: str, agreement: Agreement | None
) -> list[Row]:
    """One row a gate: what it is, what was seen, what is needed, and whether it holds.

    `agreement` is that of the cost model with the strategy's own orders; None where it could not
    be told.
    """
    seen = _seen(records, strategy)
    died = sorted(seen.begun - seen.ended)
    return [
        _row("sessions traded", len(seen.ended), f"{MIN_SESSIONS} or more", MIN_SESSIONS),
        *_cost_rows(agreement),
        _row("breakers seen at work", len(seen.tripped), "1 or more", 1, ", ".join(seen.tripped)),
        _row("reconnections survived", seen.reconnects, "1 or more", 1),
        _none("sessions that were begun and never ended", [f"{day}" for day in died]),
        _none("orders of which nobody knows what became", sorted(seen.lost)),
        _none("differences between journal and broker", seen.differences),
    ]


def _seen(records: Iterable[Recorded], strategy: str) -> _Seen:
    seen = _Seen()
    for record in records:
        event = record.event
        if isinstance(event, SessionStarted) and event.strategy == strategy:
            seen.begun.add(event.session)
        elif isinstance(event, SessionEnded) and event.strategy == strategy:
            seen.ended.add(event.session)
        elif isinstance(event, OrderEnded) and strategy_of(event.ref) == strategy:
            change = seen.lost.add if event.outcome == "unknown" else seen.lost.discard
            change(event.ref)
        elif type(event).__name__ == "BreakerTripped":
            seen.tripped.add(event.breaker)  # type: ignore[attr-defined]
        else:
            _watch(seen, event)
    return seen


def _watch(seen: _Seen, event: object) -> None:
    """A reconnection is survived once the books were compared and agreed afterwards."""
    if isinstance(event, ConnectionChanged):
        seen.is_away, seen.is_back = not event.up, seen.is_away and event.up
    elif isinstance(event, Reconciled):
        seen.reconnects += seen.is_back and not event.differences
        seen.is_back = False
        seen.differences += event.differences


def _cost_rows(agreement: Agreement | None) -> list[Row]:
    bias = agreement.bias_bps if agreement else None
    correlation = agreement.correlation if agreement else None
    return [
        {
            "gate": "bias of the costs against the model, bps",
            "seen": None if bias is None else round(bias, 2),
            "needed": f"between ±{MAX_BIAS_BPS}",
            "holds": bias is not None and abs(bias) < MAX_BIAS_BPS,
            "note": "" if bias is not None else "no order can be held against the model yet",
        },
        {
            "gate": "correlation of the costs with the model",
            "seen": None if correlation is None else round(correlation, 2),
            "needed": f"above {MIN_CORRELATION}",
            "holds": correlation is not None and correlation > MIN_CORRELATION,
            "note": "" if correlation is not None else "the predictions or the costs do not vary",
        },
    ]


def _row(gate: str, seen: int, needed: str, least: int, note: str = "") -> Row:
    return {"gate": gate, "seen": seen, "needed": needed, "holds": seen >= least, "note": note}


def _none(gate: str, found: Sequence[str]) -> Row:
    return {
        "gate": gate,
        "seen": len(found),
        "needed": "none",
        "holds": not found,
        "note": "; ".join(found[-3:]),
    }
