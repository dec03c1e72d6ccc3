"""The journal keeps everything, once, and refuses to be used when it cannot."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from hydra.domain.events import FillRecorded, Halted, Resumed, RunEnded, Warned
from hydra.domain.orders import Fill
from hydra.errors import (
    BadParameter,
    JournalError,
    JournalNewer,
    JournalReplaced,
    JournalUnwritable,
)
from hydra.journal.check import export, faults
from hydra.journal.codec import decode
from hydra.journal.journal import Journal

NOW = datetime(2013, 1, 14, 15, 0, tzinfo=UTC)
FILL = Fill("0001.01", "s:20130114:AAPL:0", "AAPL", Decimal(10), Decimal("70.51"), NOW)


@pytest.fixture
def journal(tmp_path: Path):
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


def test_events_come_back_in_the_order_they_were_written(journal):
    for number in range(50):
        assert journal.append(Warned(number, "x"), NOW) == number + 1
    assert [r.event.code for r in journal.read()] == list(range(50))
    assert [r.seq for r in journal.read(after=48)] == [49, 50]


def test_an_execution_that_is_reported_twice_is_written_once(journal):
    assert journal.append(FillRecorded(FILL), NOW) == 1
    assert journal.append(FillRecorded(FILL), NOW) is None
    assert len(list(journal.read())) == 1


def test_an_append_is_there_for_another_process_at_once(journal):
    journal.append(Warned(1, "seen"), NOW)
    code = (
        "import sys; from pathlib import Path; from hydra.journal.journal import Journal\n"
        "print([r.event.text for r in Journal.read_only(Path(sys.argv[1])).read()])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(journal.path)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['seen']"


def test_reading_only_some_kinds_leaves_the_others_out(journal):
    for event in (Halted("a", "me"), Warned(1, "b"), Resumed("c", "me")):
        journal.append(event, NOW)
    assert [type(r.event) for r in journal.read(kinds=[Halted, Resumed])] == [Halted, Resumed]


@pytest.mark.parametrize("change", ["UPDATE events SET kind = 'X'", "DELETE FROM events"])
def test_what_was_written_can_be_neither_changed_nor_deleted(journal, change):
    journal.append(Warned(1, "x"), NOW)
    with (
        sqlite3.connect(journal.path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(change)


def test_a_time_without_a_zone_is_refused(journal):
    with pytest.raises(BadParameter, match="no time zone"):
        journal.append(Warned(1, "x"), datetime(2013, 1, 14))


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    for use in (Journal.open, Journal.read_only):
        with pytest.raises(JournalNewer, match="version 99"):
            use(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_journal_stops_with_a_sentence_and_is_left_as_it_is(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, it is a text of some length" * 20)
    with pytest.raises(JournalError, match="Nothing was changed"):
        Journal.open(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_folder_that_cannot_be_made_stops_with_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match="nothing trades"):
        Journal.open(tmp_path / "file" / "journal.db")


def test_a_read_only_folder_stops_with_a_sentence_and_nothing_is_written(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o555)
    tmp_path.chmod(0o755)
    answer = _as_an_ordinary_user(
        "from pathlib import Path; from hydra.journal.journal import Journal\n"
        "from hydra.errors import JournalUnwritable\n"
        f"path = Path({str(folder / 'journal.db')!r})\n"
        "try: Journal.open(path)\n"
        "except JournalUnwritable as problem: print(problem)"
    )
    assert "cannot be written" in answer
    assert list(folder.iterdir()) == []


def test_a_locked_journal_is_an_error_after_the_wait_and_not_a_lost_event(journal, monkeypatch):
    journal._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalUnwritable, match="locked"):
        journal.append(Warned(1, "x"), NOW)
    other.execute("ROLLBACK")
    other.close()
    assert journal.append(Warned(1, "x"), NOW) == 1


def test_a_full_disk_is_an_error_and_what_was_written_before_it_stays(journal):
    journal._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(JournalUnwritable, match="full"):
        _append_many(journal)
    kept = [r.event.code for r in journal.read()]
    assert kept == list(range(len(kept)))
    assert list(faults(journal.path)) == []


def test_a_record_that_was_tampered_with_is_found_by_the_check(journal):
    journal.append(Warned(1, "x"), NOW)
    with sqlite3.connect(journal.path) as connection:
        connection.execute("DROP TRIGGER events_are_never_changed")
        connection.execute("UPDATE events SET body = '{}'")
    connection.close()
    assert "kind Warned cannot be read" in next(faults(journal.path))


def test_an_export_holds_every_event_with_its_fields(journal):
    journal.append(FillRecorded(FILL), NOW)
    line = json.loads(next(export(journal.path)))
    assert (line["seq"], line["kind"], line["fill"]["price"]) == (1, "FillRecorded", "70.51")


def _append_many(journal):
    for number in range(10_000):
        journal.append(Warned(number, "x" * 500), NOW)


def _as_an_ordinary_user(code: str) -> str:
    """Run code in a child that has given up root, to whom a read-only folder means nothing."""
    drop = "import os\nif os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    imports = "import hydra.journal.journal\n"  # before root is given up: our files may be root's
    answer = subprocess.run(
        [sys.executable, "-c", imports + drop + code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    return answer.stdout


def deleted(path, aside):
    path.unlink()


def moved(path, aside):
    path.rename(aside)


def restored(path, aside):
    shutil.copy(path, aside)
    os.replace(aside, path)


@pytest.mark.parametrize("happens", [deleted, moved, restored])
def test_a_journal_whose_file_is_another_one_takes_no_event_any_more(journal, tmp_path, happens):
    journal.append(Warned(1, "before"), NOW)
    os.link(journal.path, tmp_path / "the-old-file")
    happens(journal.path, tmp_path / "aside.db")
    with pytest.raises(JournalReplaced, match=r"deleted, moved or replaced .* nothing trades"):
        journal.append(Warned(2, "after"), NOW)
    with pytest.raises(JournalReplaced), journal.together():
        raise AssertionError("nothing may be done inside")
    assert journal.last_seq() == 1
    journal.close()
    if journal.path.exists():
        with Journal.open(journal.path) as another:
            assert another.append(Warned(3, "a new start"), NOW) is not None


def test_a_journal_that_was_opened_by_a_relative_path_is_found_from_everywhere(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with Journal.open(Path("journal.db")) as journal:
        monkeypatch.chdir("/")
        assert journal.append(Warned(1, "x"), NOW) == 1


def modes(path):
    files = sorted(path.parent.glob(f"{path.name}*"))
    return {file.name: f"{stat.S_IMODE(file.stat().st_mode):o}" for file in files}


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


ALONE = {"journal.db": "600", "journal.db-shm": "600", "journal.db-wal": "600"}


def test_nobody_else_may_read_a_journal(tmp_path, usual_umask):
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append(Warned(1, "x"), NOW)
        assert modes(journal.path) == ALONE


def test_a_journal_that_others_could_read_is_closed_to_them_with_a_note(
    tmp_path, usual_umask, caplog
):
    path = tmp_path / "journal.db"
    with Journal.open(path) as journal:
        journal.append(Warned(1, "x"), NOW)
        for file in tmp_path.iterdir():
            file.chmod(0o644)
        with Journal.open(path):
            assert modes(path) == ALONE
    notes = [record.getMessage() for record in caplog.records]
    assert [note.partition(" could be read by others (644)")[0] for note in notes] == [
        str(path), f"{path}-wal", f"{path}-shm",
    ]  # fmt: skip
    caplog.clear()
    Journal.open(path).close()
    assert caplog.records == []


def test_a_newer_journal_keeps_its_permissions_too(tmp_path, usual_umask):
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalNewer):
        Journal.open(path)
    assert modes(path)["journal.db"] == "644"


def test_half_a_character_is_kept_as_it_is_and_can_be_exported(journal):
    text = "a\ud800b é"
    journal.append(Warned(1, text), NOW)
    assert [r.event.text for r in journal.read()] == [text]
    (line,) = export(journal.path)
    assert json.loads(line.encode())["text"] == text


def test_half_a_character_in_a_key_is_refused_with_a_sentence(journal):
    run = RunEnded("run-\ud800", "well", "", 1.0)
    assert run.once is not None
    with pytest.raises(JournalError, match="half a character"):
        journal.append(run, NOW)
    assert journal.append(Warned(1, "x"), NOW) == 1


def test_what_is_nested_without_end_is_refused_with_a_sentence():
    deep = "[" * 100_000 + "]" * 100_000
    with pytest.raises(JournalError, match="cannot be read"):
        decode("Warned", f'{{"code": 1, "text": {deep}}}')
