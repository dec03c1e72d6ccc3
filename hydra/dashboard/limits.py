"""Every risk check that has a limit on what is held or sent: how much of it is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Column, Facts
from hydra.dashboard._cells import figure_text
from hydra.journal.held import books_of, marks_of, portfolio_of, traffic_of
from hydra.journal.views import Row
from hydra.risk._base import Context, Usage


@dataclass(frozen=True)
class Limits:
    """Risk: use of each limit"""

    page_rows: ClassVar[int] = 14
    key: ClassVar[tuple[str, ...]] = ("check", "of")
    columns: ClassVar[dict[str, Column]] = {
        "check": Column("text"),
        "of": Column("text"),
        "use": Column("meter"),
        "figure": Column("figure"),
        "limit": Column("figure"),
        "unit": Column("text", title=""),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a figure, of each check its fullest first, by what is held at the last marks
        and by what was sent. Checks that judge one order alone have no row."""
        if not facts.checks or facts.state.mark is None:
            return []
        context = held_context(facts)
        rows: list[Row] = []
        for name, check in facts.checks.items():
            if usage := getattr(check, "usage", None):
                found = sorted(usage(context), key=lambda one: -one.use)
                rows.extend(_rows(name, found))
        return rows

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """What is wrong, when something is."""
        over = sum(1 for row in rows if row["use"] >= 1)
        return f"{over} AT OR BEYOND ITS LIMIT" if over else "all below their limits"


def held_context(facts: Facts) -> Context:
    """What is held and under way as a check sees it, without quotes and without a request."""
    state = facts.state
    portfolio = portfolio_of(state)
    return Context(
        now=facts.ledger.market_time or facts.now,
        account=state.account,
        port=facts.gateway.port,
        currency=state.currency,
        portfolio=portfolio,
        quotes={},
        quoted_at={},
        halted=state.halted,
        books=books_of(state, marks_of(state), portfolio),
        held=state.positions,
        traffic=traffic_of(state),
    )


def _rows(name: str, found: list[Usage]) -> Iterator[Row]:
    for one in found:
        share = one.unit == "of NAV"
        yield {
            "check": name,
            "of": one.of,
            "use": one.use,
            "figure": f"{figure_text(one.figure * 100, 1)} %" if share else round(one.figure),
            "limit": f"{one.limit * 100:,.1f} %" if share else round(one.limit),
            "unit": one.unit,
        }
