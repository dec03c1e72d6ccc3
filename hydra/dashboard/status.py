"""The first look: may it trade, is the gateway there, what time is it, what is it worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

from hydra.clock import Sessions
from hydra.dashboard._base import Column, Facts
from hydra.dashboard._cells import figure_text
from hydra.journal.fold import State
from hydra.journal.views import Row, position_rows

PAPER_PREFIXES = ("DU", "DF")
CENTS = 2


@dataclass(frozen=True)
class Status:
    """Status"""

    view: ClassVar[str] = "figures"
    width: ClassVar[int] = 12
    page_rows: ClassVar[int] = 20
    key: ClassVar[tuple[str, ...]] = ("figure",)
    columns: ClassVar[dict[str, Column]] = {
        "figure": Column("text"),
        "value": Column("text"),
        "detail": Column("text"),
        "standing": Column("text"),
        "at": Column("time"),
        "since": Column("time"),
    }

    def rows(self, facts: Facts) -> list[Row]:
        """One row a figure. `standing` is good, bad or empty; `at` is a moment of the market that
        stands for the value, `since` how fresh it is by this machine's clock."""
        return [
            _trading(facts),
            _account(facts),
            _gateway(facts),
            _news(facts),
            _market(facts),
            _value(facts),
            _today(facts),
            _orders(facts),
            _next_job(facts),
        ]


def _figure(figure: str, value: str, detail: str = "", standing: str = "", **times: Any) -> Row:
    return {
        "figure": figure,
        "value": value,
        "detail": detail,
        "standing": standing,
        "at": times.get("at"),
        "since": times.get("since"),
    }


def _trading(facts: Facts) -> Row:
    state = facts.state
    if state.halted:
        return _figure("trading", "HALTED", state.halted, "bad")
    if state.contested:
        names = ", ".join(sorted(state.contested))
        return _figure("trading", "CONTESTED", f"{names}: see `hydra adopt`", "bad")
    off = sorted(state.switched_off)
    return _figure("trading", "on", f"off: {', '.join(off)}" if off else "", "good")


def _account(facts: Facts) -> Row:
    code = facts.state.account
    if not code:
        return _figure("account", "none yet", "a first paper session names it")
    paper = code.startswith(PAPER_PREFIXES)
    word = "paper account" if paper else "NOT A PAPER ACCOUNT"
    return _figure("account", code, word, "good" if paper else "bad")


def _gateway(facts: Facts) -> Row:
    address = f"{facts.gateway.host}:{facts.gateway.port}"
    if not facts.gateway_answers:
        return _figure("gateway", "SILENT", address, "bad")
    if not facts.state.connected:
        return _figure("gateway", "no exchange", f"{address} lost its way on", "bad")
    return _figure("gateway", "answers", address, "good")


def _news(facts: Facts) -> Row:
    last = facts.ledger.last
    if last is None:
        return _figure("last event", "none yet", "the journal is empty")
    return _figure("last event", "", f"event {last.seq:,}", since=last.recorded)


def _market(facts: Facts) -> Row:
    time = facts.ledger.market_time
    if time is None:
        return _figure("market time", "unknown", "no gateway has told it yet")
    words = session_words(facts.calendar, time)
    if facts.ledger.prices_delayed:
        return _figure("market time", "", f"{words}; PRICES ARE DELAYED", "bad", at=time)
    return _figure("market time", "", words, at=time)


@lru_cache(maxsize=64)
def session_words(calendar: str, time: datetime) -> str:
    """Which session it is at that market time, and whether it is open."""
    sessions = Sessions(calendar)
    session = sessions.session_at(time)
    if sessions.opens(session) <= time:
        minutes = (sessions.closes(session) - time).total_seconds() / 60
        return f"{session} is on, closes in {_hours(minutes)}"
    minutes = (sessions.opens(session) - time).total_seconds() / 60
    return f"{session} opens in {_hours(minutes)}"


def _hours(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _value(facts: Facts) -> Row:
    mark, state = facts.state.mark, facts.state
    if mark is None:
        return _figure("value", "not marked yet")
    apart = mark.nav - mark.net_liquidation
    same = "the gateway says the same"
    # IB's page on account updates: the gateway's own figure is of the last three minutes.
    told = f"{figure_text(apart, CENTS, signed=True)} against the gateway's of the last 3 min"
    invested = f"{figure_text(_gross(state) * 100, 0)} % invested"
    value = f"{figure_text(mark.nav, CENTS)} {state.currency}"
    return _figure("value", value, f"{invested}; {told if round(apart, CENTS) else same}")


def _gross(state: State) -> Decimal:
    """What the account holds, long and short added up, as a fraction of its value; what has no
    price or is in another currency is not in it."""
    weights: dict[str, Decimal] = {}
    for row in position_rows(state):
        if row["weight"] is not None:
            weights[row["symbol"]] = weights.get(row["symbol"], Decimal(0)) + row["weight"]
    return sum(map(abs, weights.values()), Decimal(0))


def _today(facts: Facts) -> Row:
    state = facts.state
    if state.mark is None or state.opening_nav is None:
        return _figure("today", "–")
    gain = state.mark.nav - state.opening_nav
    share = gain / state.opening_nav * 100 if state.opening_nav else Decimal(0)
    arrow = "▲" if gain > 0 else "▼" if gain < 0 else "="
    value = f"{arrow} {figure_text(gain, CENTS, signed=True)} {state.currency}"
    day = facts.ledger.equity.days.get(state.session) if state.session else None
    detail = f"{figure_text(share, CENTS, signed=True)} % of its first mark"
    if day:
        detail += f"; {figure_text(day.change, CENTS, signed=True)} since the session before"
    return _figure("today", value, detail)


def _orders(facts: Facts) -> Row:
    state = facts.state
    unknown = len(state.unknown)
    detail = f"{len(state.elsewhere)} of others in the account" if state.elsewhere else ""
    if unknown:
        return _figure("working orders", f"{len(state.working):,}", f"{unknown} UNKNOWN", "bad")
    return _figure("working orders", f"{len(state.working):,}", detail)


def _next_job(facts: Facts) -> Row:
    if facts.runner is None:
        return _figure("next job", "no runner", "`hydra runner` starts one")
    times = {job: at for job, at in facts.runner.get("jobs", {}).items() if at}
    if not times:
        return _figure("next job", "none due", "the runner lives", "good")
    job = min(times, key=lambda name: str(times[name]))
    at = datetime.fromisoformat(times[job])
    return _figure("next job", "", job, "good", at=at)
