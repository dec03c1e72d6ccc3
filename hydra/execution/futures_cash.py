"""Cash of an account that holds futures: whether it lags behind the marks beside it.

IB counts what open futures have gained as cash (its page "Account Value Keys"). The cash is of
the last three-minute cycle, while portfolio rows are of now (its page on account updates; ib_async
#15), so that the gain, taken off at the marks of now, leaves a difference that nobody has paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hydra.execution.broker import Account
from hydra.execution.divergence import LAG, VALUE_TOLERANCE, ZERO
from hydra.journal.fold import same_money

Told = tuple[Mapping[str, Decimal], Mapping[str, Decimal]]
"""Cash by currency without the gain of open futures: by the marks of now, and by the gain that the
broker tells with the cash."""


@dataclass(frozen=True)
class Gap:
    """By how much the told cash differs from ours, by currency, and when that was first seen."""

    amounts: Mapping[str, Decimal]
    since: datetime


class FuturesCash:
    """Tells a difference that moves with the marks from one that stays, which is cash that moved.

    The cash without the gain of open futures is told in two ways: by the marks of now, and by the
    gain that is told with it. Where both agree nothing lags. Where the latter is ours to the cent,
    all that differs is a lag. Else a difference counts as a lag while it is no more than futures
    can have gained or lost since the cycle, unless it is the same to the cent for longer than one.
    """

    def __init__(self) -> None:
        self._gap: Gap | None = None

    def lags(
        self,
        account: Account,
        ours: Mapping[str, Decimal],
        told: Told,
        now: datetime,
    ) -> bool:
        """Whether the differences of what is told from `ours` may be of the marks alone.

        `now` is the market's time.
        """
        by_marks, by_cycle = told
        if not account.costs or _same(by_marks, by_cycle) or _same(ours, by_cycle):
            self._gap = None
            return bool(account.costs) and _same(ours, by_cycle)
        return self._may_lag(account, ours, by_marks, now)

    def _may_lag(
        self,
        account: Account,
        ours: Mapping[str, Decimal],
        told: Mapping[str, Decimal],
        now: datetime,
    ) -> bool:
        gaps = {c: told.get(c, ZERO) - ours.get(c, ZERO) for c in sorted({*ours, *told})}
        reach = _reach(account)
        if not any(reach.values()) or any(
            abs(gap) > reach.get(c, ZERO) for c, gap in gaps.items() if not same_money(gap, ZERO)
        ):
            self._gap = None
            return False
        before = self._gap
        if before is None or not _same(before.amounts, gaps):
            self._gap = Gap(gaps, now)
            return True
        return now - before.since <= LAG


def _reach(account: Account) -> dict[str, Decimal]:
    """How far the value of the futures held may have moved in a cycle, by currency."""
    reach: dict[str, Decimal] = {}
    for symbol in account.costs:
        one, quantity = account.instruments[symbol], account.positions.get(symbol, ZERO)
        mark = account.marks.get(symbol, ZERO)
        moved = abs(one.notional(quantity, mark)) * VALUE_TOLERANCE
        reach[one.currency] = reach.get(one.currency, ZERO) + moved
    return reach


def _same(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> bool:
    return all(same_money(one.get(c, ZERO), other.get(c, ZERO)) for c in {*one, *other})
