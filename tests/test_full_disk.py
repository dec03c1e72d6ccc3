"""A disk that is full is told in one sentence, and nothing that was written is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

import hydra
from hydra.config import Data
from hydra.data._series import BarFiles, Series
from hydra.domain.events import FillRecorded, OrderAdmitted, Warned
from hydra.errors import BarsError, HydraError, JournalUnwritable
from hydra.journal.journal import Journal
from tests.disks import kind_of_disk, small_disk

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
AAPL = Series("gateway", "trades", "AAPL", "5 mins")


@pytest.fixture(params=[kind_of_disk()])
def disk(tmp_path):
    """Half a megabyte; the test's name says what kind of disk it is."""
    with small_disk(tmp_path / "disk", 500) as made:
        yield made


def one_sentence(problem):
    text = str(problem.value)
    return "\n" not in text and text.endswith(".") and text.count(". ") == 0


def test_a_journal_takes_what_fits_and_says_that_no_more_does(disk):
    path, taken = disk.folder / "journal.db", []
    with Journal.open(path) as journal:
        disk.fill(leave_kb=100)
        with pytest.raises(JournalUnwritable, match="cannot be written") as problem:
            append(journal, range(10_000), 200, taken)
        assert one_sentence(problem)
        with pytest.raises(JournalUnwritable), journal.together():
            append(journal, range(20_000, 20_100), 2_000, [])  # all of them or none
        assert [record.event.code for record in journal.read()] == taken
        assert len(taken) > 3
    with Journal.read_only(path) as journal:  # by another process, while the disk is full
        assert [record.event.code for record in journal.read()] == taken
    disk.empty()
    with Journal.open(path) as journal:
        assert journal.append(Warned(-1, "there is room"), NOW) == len(taken) + 1


def append(journal, numbers, size, taken):
    for number in numbers:
        journal.append(Warned(number, "x" * size), NOW)
        taken.append(number)


def test_a_journal_is_not_even_opened_where_not_a_byte_fits(disk):
    disk.fill()
    with pytest.raises(JournalUnwritable, match="so nothing trades") as problem:
        Journal.open(disk.folder / "journal.db")
    assert one_sentence(problem)


def minutes(first, last):
    ends = [NOW + timedelta(minutes=5 * n) for n in range(first, last)]
    frame = pd.DataFrame({"open": 10.0, "high": 12.0, "low": 9.0}, pd.DatetimeIndex(ends))
    frame["close"], frame["volume"] = 11.0, [float(n * n) for n in range(first, last)]
    frame.index.name = "time"
    return frame


def test_bars_that_do_not_fit_leave_those_that_are_there(disk):
    files = BarFiles(disk.folder / "bars")
    files.append(AAPL, minutes(0, 100))
    before = files.read(AAPL)
    disk.fill()
    with pytest.raises(BarsError, match="AAPL cannot be written") as problem:
        files.append(AAPL, minutes(0, 3_000))
    assert one_sentence(problem)
    with pytest.raises(BarsError, match="AAPL cannot be written"):
        files.replace(AAPL, minutes(0, 3_000))
    with pytest.raises(BarsError, match="AAPL cannot be written"):
        files.note_asked(AAPL, NOW)
    pd.testing.assert_frame_equal(files.read(AAPL), before)
    assert not list(disk.folder.rglob("*.part"))
    disk.empty()
    assert files.append(AAPL, minutes(0, 3_000)) == 2_900


@pytest.mark.parametrize("leave_kb", [58, 80], ids=["as orders leave", "as they fill"])
async def test_a_session_whose_disk_gets_full_sends_no_order_that_is_not_written_down(
    connected, gateway, disk, leave_kb
):
    settings = replace(connected, data=Data(disk.folder / "data"))
    session = await hydra.open_paper_session("ts_momentum", settings=settings)
    try:
        bars = await session.bars()
        targets = session.targets(session.signals(bars), bars)
        disk.fill(leave_kb=leave_kb)
        with pytest.raises(HydraError, match="cannot be written"):
            await carry_out(session, targets)
    finally:
        await session.close()
    assert_gateway_has_nothing_that_the_journal_has_not(settings, gateway)

    disk.empty()
    again = await hydra.open_paper_session("ts_momentum", settings=settings)
    try:
        report = await again.run()
    finally:
        await again.close()
    assert report.summary is not None
    books = gateway.state()
    fills = {e.fill.exec_id for e in events(settings, FillRecorded)}
    assert fills == {done["exec_id"] for done in books["executions"]}
    by_order = pd.DataFrame(books["executions"]).groupby("order_ref").quantity
    bought = by_order.apply(lambda of: sum(map(Decimal, map(str, of))))
    wanted = {e.order.order_ref: e.order.request for e in events(settings, OrderAdmitted)}
    assert len(wanted) == len(bought) > 1
    assert {ref: abs(wanted[ref].quantity) for ref in wanted} == bought.abs().to_dict()


async def carry_out(session, targets):
    await session.trade(targets)
    await session.wait_for_fills()
    await session.report()


def events(settings, kind):
    with Journal.read_only(settings.journal_path) as journal:
        return [record.event for record in journal.read(kinds=(kind,))]


def assert_gateway_has_nothing_that_the_journal_has_not(settings, gateway):
    admitted = {event.order.order_ref for event in events(settings, OrderAdmitted)}
    books = gateway.state()
    sent = {row["order_ref"] for row in (*books["open_orders"], *books["executions"])}
    assert len(sent) > 1
    assert sent <= admitted
