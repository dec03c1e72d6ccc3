"""The board under load in a real browser: how soon an event is seen, what it costs, what grows."""

import asyncio
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from playwright.async_api import Page, async_playwright

from hydra.config import Data, Gateway, Notebooks, Settings
from hydra.domain.events import (
    CommissionRecorded,
    Event,
    FillRecorded,
    NavMarked,
    OrderAcknowledged,
    OrderAdmitted,
    OrderEnded,
    OrderQuoted,
    OrderSubmitted,
    Reconciled,
    SessionStarted,
    TargetSet,
)
from hydra.domain.instruments import Instrument
from hydra.domain.orders import Commission, Fill, Order, OrderRequest
from hydra.journal.journal import Journal
from tests.conftest import ROOT
from tests.dashboard.pages import TOKEN, VOILA, free_port, running_lab

POSITIONS = 500
FILLS = 10_000
RATE = 100
"""Events a second."""
SECONDS = 60
HOUR_EVENTS = 360_000
AT_ONCE = 2_000
START = datetime(2013, 1, 14, 14, 30, tzinfo=UTC)


def run() -> None:
    """Print latency, load, bytes and memory."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            gateway=Gateway(port=free_port()),
            data=Data(Path(folder)),
            notebooks=Notebooks(ROOT / "notebooks"),
        )
        _fill_journal(settings)
        with running_lab(settings) as url:
            asyncio.run(_watched(settings, url))


def _instrument(number: int) -> Instrument:
    return Instrument(f"S{number:03d}")


def _order(number: int) -> list[Event]:
    """One order's life, six events."""
    one = _instrument(number % POSITIONS)
    wanted = OrderRequest("s", START.date(), one, Decimal(10), Decimal(70), step=number)
    ref, exec_id = wanted.order_ref, f"{number}.01"
    fill = Fill(exec_id, ref, one.symbol, Decimal(10), Decimal("70.02"), START)
    return [
        OrderAdmitted(Order(wanted, START, ())),
        OrderQuoted(ref, Decimal("69.99"), Decimal("70.01"), Decimal(70)),
        OrderSubmitted(ref, 31, number),
        OrderAcknowledged(ref, number + 1, "Submitted"),
        FillRecorded(fill),
        CommissionRecorded(Commission(exec_id, Decimal(1), "USD")),
        OrderEnded(ref, "filled", ""),
    ]


def _life(first: int) -> Iterator[Event]:
    """Orders one after another, with a mark of the whole account now and then."""
    number, count = first, 0
    while True:
        for event in _order(number):
            yield event
            count += 1
            if count % 500 == 0:
                yield _mark(number)
        number += 1


def _mark(number: int) -> NavMarked:
    nav = Decimal(10_000_000 + number % 997 * 100)
    price = Decimal(70) + Decimal(number % 101) / 100
    return NavMarked(nav, nav / 2, nav, {_instrument(n).symbol: price for n in range(POSITIONS)})


def _fill_journal(settings: Settings) -> None:
    with Journal.open(settings.journal_path) as journal, journal.together():
        journal.append(SessionStarted("s", START.date(), "DU1", {}), START)
        journal.append(Reconciled("DU1", Decimal(9_000_000), "USD", {}, ()), START)
        for n in range(POSITIONS):
            name = _instrument(n).symbol
            zero, target = Decimal(0), Decimal(200)
            event = TargetSet("s", START.date(), name, 1.0, 0.002, target, zero, Decimal(70))
            journal.append(event, START)
        for number in range(FILLS):
            for event in _order(number):
                journal.append(event, START)
        journal.append(_mark(0), START)


async def _watched(settings: Settings, url: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--js-flags=--expose-gc", "--enable-precise-memory-info"],
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        received = [0]
        page.on("websocket", lambda socket: socket.on("framereceived", _counting(received)))
        began = time.monotonic()
        await page.goto(f"{url}{VOILA}?token={TOKEN}")
        await page.locator(".hydra-board [data-panel=log] tbody tr").first.wait_for(timeout=90_000)
        print(f"first drawing of {POSITIONS} positions and {FILLS:,} fills: "
              f"{time.monotonic() - began:.1f} s with the kernel's start")  # fmt: skip
        await page.evaluate(OBSERVE)
        kernel = _kernel(settings)
        life = _life(FILLS)
        await _at_rate(settings, page, kernel, received, life)
        await _an_hour(settings, page, kernel, received, life)
        await browser.close()


def _counting(received: list[int]):
    def count(frame: str | bytes) -> None:
        received[0] += len(frame)

    return count


OBSERVE = """() => {
  window.seen = {};
  const root = document.querySelector('.hydra-board');
  const look = () => {
    const row = root.querySelector('[data-panel=log] tbody tr');
    if (row && !(row.dataset.key in window.seen)) window.seen[row.dataset.key] = Date.now();
  };
  new MutationObserver(look).observe(root, {subtree: true, childList: true, characterData: true});
}"""


async def _at_rate(settings, page: Page, kernel: int, received: list[int], life) -> None:
    """100 events a second: each is timed from its write until a page has drawn it."""
    written: dict[int, float] = {}
    cpu, bytes_before, began = _cpu(kernel), received[0], time.monotonic()
    with Journal.open(settings.journal_path) as journal:
        while (passed := time.monotonic() - began) < SECONDS:
            at, some = START + timedelta(seconds=passed), []
            with journal.together():
                while len(written) + len(some) < int(passed * RATE):
                    some.append(journal.append(next(life), at))
            written.update(dict.fromkeys(some, time.time()))
            await asyncio.sleep(0.01)
    used = (_cpu(kernel) - cpu) / (time.monotonic() - began)
    sent = (received[0] - bytes_before) / (time.monotonic() - began)
    await asyncio.sleep(1)
    seen = {int(k): v / 1000 for k, v in (await page.evaluate("window.seen")).items()}
    waits = sorted(_waits(written, seen))
    print(
        f"{RATE} events a second for {SECONDS} s: seen after {_part(waits, 0.5):.0f} ms (median), "
        f"{_part(waits, 0.95):.0f} ms (95th percentile; aim: 500), {waits[-1] * 1000:.0f} ms "
        f"(worst of {len(waits):,})"
    )
    print(f"kernel: {used:.1%} of a core (aim: 20 %); {sent / 1000:.1f} kB a second to the page")


def _waits(written: dict[int, float], seen: dict[int, float]) -> Iterator[float]:
    """An event is on the screen once it, or a later one, is the newest row of the log."""
    newest = sorted(seen.items())
    place = 0
    for seq, at in written.items():
        while place < len(newest) and newest[place][0] < seq:
            place += 1
        if place < len(newest):
            yield max(0.0, newest[place][1] - at)


def _part(values: list[float], share: float) -> float:
    return values[int((len(values) - 1) * share)] * 1000


async def _an_hour(settings, page: Page, kernel: int, received: list[int], life) -> None:
    """An hour's events as fast as the page can show them; memory and bytes after each fifth.

    A fifth more comes before it and is not measured: thousands of events between two drawings keep
    more rows alive than the usual few do, and that room is taken once.
    """
    marks = []
    with Journal.open(settings.journal_path) as journal:
        for fifth in range(-1, 6):
            if fifth:
                await _a_fifth(page, journal, life)
            await _caught_up(page, journal.last_seq())
            if fifth >= 0:
                sent = await _bytes_at_rate(journal, received, life)
                heap = await page.evaluate(
                    "(window.gc && gc(), performance.memory.usedJSHeapSize)"
                )
                nodes = await page.evaluate("document.querySelectorAll('*').length")
                marks.append((_resident(kernel) / 1e6, heap / 1e6))
                print(
                    f"after {fifth * 12:2d} min of events: kernel {marks[-1][0]:.0f} MB, "
                    f"page {marks[-1][1]:.1f} MB and {nodes:,} nodes, "
                    f"{sent / 1000:.1f} kB a second"
                )
    (kernel_0, page_0), (kernel_1, page_1) = marks[0], marks[-1]
    print(
        f"over the hour: kernel {kernel_1 - kernel_0:+.1f} MB ({kernel_1 / kernel_0 - 1:+.1%}), "
        f"page {page_1 - page_0:+.1f} MB (aim: flat)"
    )


async def _a_fifth(page: Page, journal: Journal, life: Iterator[Event]) -> None:
    """Twelve minutes' events; the page is never farther behind than `AT_ONCE` of them."""
    for _ in range(HOUR_EVENTS // 5 // AT_ONCE):
        with journal.together():
            for _ in range(AT_ONCE):
                journal.append(next(life), START)
        await _caught_up(page, journal.last_seq())


async def _bytes_at_rate(journal: Journal, received: list[int], life: Iterator[Event]) -> float:
    """Bytes a second to the page while events come at their usual rate."""
    before, began = received[0], time.monotonic()
    while time.monotonic() - began < 5:
        with journal.together():
            for _ in range(RATE // 10):
                journal.append(next(life), START)
        await asyncio.sleep(0.1)
    return (received[0] - before) / (time.monotonic() - began)


async def _caught_up(page: Page, seq: int) -> None:
    await page.wait_for_function(
        "seq => Number(document.querySelector('[data-panel=log] tbody tr').dataset.key) >= seq",
        arg=seq,
        timeout=300_000,
    )


def _kernel(settings: Settings) -> int:
    """The process that has the journal's file open for reading: the page's kernel."""
    path = str(settings.journal_path)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            links = {os.readlink(link) for link in (folder / "fd").iterdir()}
        except OSError:
            continue
        if path in links and int(folder.name) != os.getpid():
            return int(folder.name)
    raise RuntimeError("no kernel has the journal open")


def _cpu(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
