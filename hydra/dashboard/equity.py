"""What the account is worth against a benchmark, today and since the first mark."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hydra.dashboard._base import Chart, Column, Facts, Line
from hydra.journal.ledger import Trace
from hydra.journal.views import Row


@dataclass(frozen=True)
class Equity:
    """Equity and drawdown"""

    width: ClassVar[int] = 12
    key: ClassVar[tuple[str, ...]] = ("span",)
    columns: ClassVar[dict[str, Column]] = {
        "span": Column("text"),
        "from": Column("figure", places=2),
        "to": Column("figure", places=2, title="now"),
        "change": Column("figure", places=2, signed=True),
        "change_share": Column("percent", places=2, signed=True, title="return"),
        "benchmark": Column("percent", places=2, signed=True),
        "drawdown": Column("percent", places=2),
        "deepest": Column("percent", places=2, title="deepest drawdown"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """Today and since the first mark; money in the account's currency. None before a mark."""
        known = facts.ledger.equity
        if not known.nav.y:
            return []
        market = benchmark(facts)
        today_peak = max(known.today.y)
        return [
            {
                **_span("today", known.today.y),
                "benchmark": known.today_market.y[-1] if known.today_market.y else None,
                "drawdown": known.today.y[-1] / today_peak - 1 if today_peak > 0 else 0.0,
                "deepest": known.deepest_today,
            },
            {
                **_span("since the first mark", known.nav.y),
                "benchmark": market.y[-1] if market.y else None,
                "drawdown": known.fall.y[-1],
                "deepest": known.deepest,
            },
        ]

    def charts(self, facts: Facts) -> list[Chart]:
        """Return since the first mark, drawdown, and the return of today."""
        known = facts.ledger.equity
        market = benchmark(facts)
        since = [Line("account", known.nav.x, _returns(known.nav), "line", 0)]
        if market.x:
            since.append(Line("benchmark", market.x, market.y, "line", 1))
        falls = Line("drawdown", list(known.fall.x), list(known.fall.y), "area", 5)
        today = (
            Line("account", list(known.today.x), _returns(known.today), "line", 0),
            Line("benchmark", list(known.today_market.x), list(known.today_market.y), "line", 1),
        )
        return [
            Chart("return today", today, "%"),
            Chart("return since start", tuple(since), "%"),
            Chart("drawdown from peak", (falls,), "%"),
        ]

    def note(self, facts: Facts, rows: Sequence[Row]) -> str:
        """What the benchmark is."""
        names = ", ".join(facts.closes)
        if not names:
            return "No bars of what is traded, so there is no benchmark since the first mark."
        return f"Benchmark: {names}, bought in equal parts and held."


def benchmark(facts: Facts) -> Trace:
    """The return of all closes' symbols, bought in equal parts at the first mark and held."""
    line, first = Trace(), facts.ledger.first_marked
    time = facts.ledger.market_time
    if first is None or time is None or not facts.closes:
        return line
    begin, end = first.timestamp(), time.timestamp()
    paid = {s: price for s, closes in facts.closes.items() if (price := _at(closes, begin))}
    moments = sorted({x for s in paid for x, _ in facts.closes[s] if begin < x <= end})
    line.add(begin, 0.0)
    for x in [*moments, *([end] if not moments or moments[-1] < end else [])]:
        moved = [(_at(facts.closes[s], x) or price) / price - 1 for s, price in paid.items()]
        line.add(x, sum(moved) / len(moved) if moved else 0.0)
    return line if paid else Trace()


def _at(closes: Sequence[tuple[float, float]], x: float) -> float | None:
    """The last close at or before x."""
    place = bisect_right(closes, x, key=lambda close: close[0])
    return closes[place - 1][1] if place else None


def _span(name: str, navs: Sequence[float]) -> Row:
    first, last = navs[0], navs[-1]
    return {
        "span": name,
        "from": first,
        "to": last,
        "change": last - first,
        "change_share": last / first - 1 if first > 0 else None,
    }


def _returns(trace: Trace) -> list[float]:
    first = trace.y[0] if trace.y else 0.0
    return [y / first - 1 if first > 0 else 0.0 for y in trace.y]
