"""What a page must show, reckoned from the journal's events, the runs' folders and the gateway's
books, without the panels: for the figures that a panel reckons itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from hydra.data.sample import Sample
from hydra.domain.events import (
    BreakerTripped,
    CancelRequested,
    FillRecorded,
    Halted,
    NavMarked,
    Recorded,
    Resumed,
    RunEnded,
    RunMissed,
    RunRequested,
    RunStarted,
    SessionStarted,
    StrategySwitched,
    TargetSet,
)
from hydra.journal.cost_rows import cost_rows
from hydra.journal.fold import fold
from hydra.journal.told import told as words_of
from hydra.runner.beat import read_beat
from hydra.runner.jobs import load_jobs
from tests.dashboard.pages import Place

DEEDS = (Halted, Resumed, StrategySwitched, CancelRequested, RunRequested, BreakerTripped)
RUNS = (RunStarted, RunEnded, RunMissed)
NEW_YORK = ZoneInfo("America/New_York")
Texts = dict[str, str]


def number(value: Any, places: int = 2, sign: bool = False, unit: str = "") -> str:
    """A figure as people read it: − for less than nothing, + where the sign matters."""
    if value is None:
        return "–"
    text = f"{abs(value):,.{places}f}"
    zero = not text.strip("0.,")
    before = "" if zero else "\u2212" if value < 0 else "+" if sign else ""
    return before + text + unit


def percent(value: float | None, sign: bool = False) -> str:
    return "–" if value is None else number(value * 100, 2, sign, " %")


def moment(time: datetime | None) -> str:
    """A moment by the exchange's clock."""
    return "–" if time is None else f"{time.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}"


def elsewhere(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, run in a thread of its own: Playwright's loop is in ours."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def market_time(records: Iterable[Recorded]) -> datetime:
    """The time of the last event that trading made, not people or the schedule."""
    return [r.time for r in records if not isinstance(r.event, (*DEEDS, *RUNS))][-1]


def status(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """Value and detail of each tile whose text does not run with the clock."""
    state, books = fold(records), place.gateway.state()
    nav, opening = state.mark.nav, marks_of_session(records)[0][1].nav
    gain, now = nav - opening, market_time(records)
    held = sum(abs(q) * state.mark.marks[s] for s, q in state.positions.items())
    apart = round(nav - state.mark.net_liquidation, 2)
    lagging = f"{number(apart, 2, True)} against the gateway's of the last 3 min"
    told = lagging if apart else "the gateway says the same"
    arrow = "▲" if gain > 0 else "▼" if gain < 0 else "="
    jobs = read_beat(place.settings).jobs
    job = min(jobs, key=lambda name: jobs[name])
    return [
        {"name": "trading", "value": "HALTED" if state.halted else "on"},
        {"name": "account", "value": books["account"], "detail": "paper account"},
        {"name": "gateway", "value": "answers", "detail": f"127.0.0.1:{place.gateway.port}"},
        {"name": "last event", "detail": f"event {records[-1].seq:,}"},
        {"name": "market time", "value": f"{now.astimezone(NEW_YORK):%H:%M:%S} EST"},
        {
            "name": "value",
            "value": f"{number(nav)} USD",
            "detail": f"{number(held / nav * 100, 0)} % invested; {told}",
        },
        {
            "name": "today",
            "value": f"{arrow} {number(gain, 2, True)} USD",
            "detail": f"{number(gain / opening * 100, 2, True)} % of its first mark; "
            f"{days(place, records)[0]['change']} since the session before",
        },
        {"name": "working orders", "value": str(len(books["open_orders"]))},
        {
            "name": "next job",
            "value": f"{jobs[job].astimezone(NEW_YORK):%H:%M:%S} EST",
        },
    ]


def marks_of_session(records: Sequence[Recorded]) -> list[tuple[datetime, NavMarked]]:
    """The marks of the session that is on."""
    session, found = None, []
    for record in records:
        if isinstance(record.event, SessionStarted) and record.event.session != session:
            session, found = record.event.session, []
        elif isinstance(record.event, NavMarked):
            found.append((record.time, record.event))
    return found


def equity(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """Today and since the first mark, beside what the traded instruments did."""
    since = [(r.time, r.event) for r in records if isinstance(r.event, NavMarked)]
    today = marks_of_session(records)
    symbols = sorted({r.event.symbol for r in records if isinstance(r.event, TargetSet)})
    first, last = today[0][1].marks, today[-1][1].marks
    moved = [float(last[s] / first[s]) - 1 for s in first if s in last]
    bought = bought_and_held(symbols, since[0][0], market_time(records))
    return [
        _span("today", [mark.nav for _, mark in today], sum(moved) / len(moved)),
        _span("since the first mark", [mark.nav for _, mark in since], bought),
    ]


def days(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """Each session's last value against that of the one before."""
    session, rows = None, []
    for record in records:
        event = record.event
        if isinstance(event, SessionStarted):
            session = event.session
        elif isinstance(event, NavMarked):
            rows.append({"session": session, "nav": float(event.nav), "fills": 0})
        elif isinstance(event, FillRecorded):
            rows.append({"session": session, "nav": None, "fills": 1})
    table, found, before = pd.DataFrame(rows), [], None
    for day, of in table.groupby("session"):
        navs = of.nav.dropna()
        base, last = before or navs.iloc[0], navs.iloc[-1]
        line = pd.concat([pd.Series([base]), navs], ignore_index=True)
        found.append(
            {
                "session": str(day),
                "value": number(last),
                "change": number(last - base, 2, True),
                "change_share": percent(last / base - 1, True),
                "deepest": percent((line / line.cummax() - 1).min()),
                "fills": str(of.fills.sum()),
            }
        )
        before = last
    return found[::-1]


def bought_and_held(symbols: Sequence[str], begin: datetime, end: datetime) -> float:
    """The return of equal parts of the symbols, by the closes that were known."""
    closes = elsewhere(Sample().bars(symbols)).close
    known, now = closes.loc[:begin].ffill().iloc[-1], closes.loc[:end].ffill().iloc[-1]
    return float((now / known - 1).mean())


def _span(name: str, navs: Sequence[Decimal], market: float) -> Texts:
    line = pd.Series([float(nav) for nav in navs])
    falls = line / line.cummax() - 1
    return {
        "span": name,
        "from": number(line.iloc[0]),
        "to": number(line.iloc[-1]),
        "change": number(line.iloc[-1] - line.iloc[0], 2, True),
        "change_share": percent(line.iloc[-1] / line.iloc[0] - 1, True),
        "benchmark": percent(market, True),
        "drawdown": percent(falls.iloc[-1]),
        "deepest": percent(falls.min()),
    }


def costs(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """The fills added up by pandas: all together, by instrument, by the exchange's hour."""
    table = pd.DataFrame(cost_rows(records))
    money = ["delay", "spread", "impact", "total", "notional", "commission"]
    table[money] = table[money].astype(float)
    groups = [("all", "total", table)]
    groups += [("instrument", name, of) for name, of in table.groupby("symbol")]
    groups += [("hour", name, of) for name, of in table.groupby("hour")]
    return [_costs_of(by, str(name), of) for by, name, of in groups]


def _costs_of(by: str, name: str, of: pd.DataFrame) -> Texts:
    notional, measured = of.notional.sum(), of[of.arrival_mid.notna()]
    parts = {
        f"{part}_bps": number(
            round(measured[part].sum() / measured.notional.sum() * 10_000, 2), 2, True
        )
        for part in ("delay", "spread", "impact")
    }
    foreseen = (of.predicted_bps * of.notional).sum() / notional
    beyond = (of.error_bps * of.notional).sum() / notional
    return {
        "by": by,
        "group": name,
        "fills": str(len(of)),
        "notional": number(notional),
        "currency": "USD",
        **parts,
        "total_bps": number(round(of.total.sum() / notional * 10_000, 2), 2, True),
        "predicted_bps": number(round(foreseen, 2)),
        "error_bps": number(round(beyond, 2), 2, True),
        "commission": number(of.commission.sum()),
    }


def jobs(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """What the schedule says is due next, counted from the market's present moment."""
    ahead = read_beat(place.settings).ahead
    known = load_jobs(place.settings)
    due = {name: job.timetable.coming(datetime.now(UTC) + ahead, 1) for name, job in known.items()}
    return [
        {"job": name, "next": moment(due[name][0].at), "run": "run now"}
        for name in sorted(due, key=lambda name: due[name][0].at)
    ]


def runs(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """The folders of the runs, the newest first, and their ends in the journal."""
    ends = {r.event.run: r.event for r in records if isinstance(r.event, RunEnded)}
    begun = {r.event.run: r for r in records if isinstance(r.event, RunStarted)}
    folders = {path.name: path for path in place.settings.runs_dir.iterdir()}
    assert set(folders) == set(begun)
    found = []
    for name in sorted(folders, key=lambda name: -begun[name].seq):
        order = json.loads((folders[name] / "order.json").read_text())
        record = json.loads((folders[name] / "run.json").read_text())
        assert (folders[name] / "notebook.html").is_file()
        found.append(
            {
                "started": moment(begun[name].time),
                "job": order["job"],
                "strategy": order["strategy"] or "–",
                "trigger": order["trigger"],
                "session": order["session"],
                "due": "–",
                "outcome": record["outcome"],
                "seconds": number(ends[name].seconds, 1),
                "reason": ends[name].reason or "–",
                "page": "open",
            }
        )
    return found


def deeds(place: Place, records: Sequence[Recorded]) -> list[Texts]:
    """What was done by hand, the newest first."""
    words = {
        Halted: "halted", Resumed: "resumed", StrategySwitched: "strategy switched",
        CancelRequested: "cancel requested", RunRequested: "run requested",
    }  # fmt: skip
    return [
        {
            "time": moment(record.time),
            "by": record.event.by,
            "kind": words[type(record.event)],
            "what": words_of(record.event),
        }
        for record in reversed(records)
        if isinstance(record.event, DEEDS)
    ]


RECKONED: Mapping[str, Callable[[Place, Sequence[Recorded]], list[Texts]]] = {
    "equity": equity,
    "days": days,
    "costs": costs,
    "jobs": jobs,
    "runs": runs,
    "deeds": deeds,
}
"""Tables by their panels; the status bar's tiles are `status`."""
