"""Durable appends a second against bare SQLite, the fold of a million events, a reader's poll."""

import itertools
import sqlite3
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hydra.domain.events import (
    CommissionRecorded,
    FillRecorded,
    OrderAdmitted,
    OrderEnded,
    Recorded,
    Warned,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.journal.fold import fold
from hydra.journal.journal import Journal

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
APPENDS = 2_000
EVENTS = 1_000_000


def run() -> None:
    """Print the three figures."""
    with tempfile.TemporaryDirectory() as folder:
        _appends(Path(folder))
        _polls(Path(folder))
    _fold()


def _appends(folder: Path) -> None:
    with Journal.open(folder / "journal.db") as journal:
        ours = _seconds(lambda: journal.append(Warned(1, "x" * 100), NOW), APPENDS)
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (x TEXT)")
    floor = _seconds(lambda: bare.execute("INSERT INTO t VALUES (?)", ("x" * 300,)), APPENDS)
    print(f"durable appends a second: {APPENDS / ours:,.0f}; bare SQLite {APPENDS / floor:,.0f}")
    print(f"ratio {ours / floor:.2f}")


def _polls(folder: Path) -> None:
    """What a reader pays for asking when there is nothing new, by the journal's length."""
    costs = []
    with Journal.open(folder / "polled.db") as journal:
        for length in (100, 10_000):
            with journal._connection:
                journal._connection.execute("BEGIN")
                while journal.last_seq() < length:
                    journal.append(Warned(1, "x"), NOW)
            end = journal.last_seq()
            costs.append(_seconds(lambda end=end: list(journal.read(after=end)), 2_000) / 2_000)
    print(
        f"poll of 100 events {costs[0] * 1e6:.0f} µs, of 10,000 {costs[1] * 1e6:.0f} µs; "
        f"ratio {costs[1] / costs[0]:.2f}"
    )


def _fold() -> None:
    cycle = list(itertools.islice(_life(), 4_000))
    started = time.perf_counter()
    state = fold(itertools.islice(itertools.cycle(cycle), EVENTS))
    seconds = time.perf_counter() - started
    tracemalloc.start()
    fold(itertools.islice(itertools.cycle(cycle), EVENTS // 10), state)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"fold of {EVENTS:,} events: {seconds:.2f} s (aim: 5), peak {peak / 1e6:.2f} MB more")


def _life() -> Iterator[Recorded]:
    """Orders that are admitted, filled, charged and ended, over and over."""
    for number in itertools.count():
        request = OrderRequest(
            "s", NOW.date(), Instrument("AAPL"), Decimal(10), Decimal(70), step=number
        )
        exec_id = f"{number}.01"
        fill = Fill(exec_id, request.order_ref, "AAPL", Decimal(10), Decimal(70), NOW)
        for event in (
            OrderAdmitted(Order(request, NOW, ())),
            FillRecorded(fill),
            CommissionRecorded(Commission(exec_id, Decimal(1), "USD")),
            OrderEnded(request.order_ref, "filled", ""),
        ):
            yield Recorded(number, NOW, NOW, event)


def _seconds(call: object, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        call()  # type: ignore[operator]
    return time.perf_counter() - started
