"""The journal: typed events in one SQLite file, written once, never changed, read by many.

One `append` is one transaction, on the disk when it returns (WAL with full synchronisation), so an
order may leave as soon as its event was appended. Readers follow by sequence number and never
block the writer. The file's `user_version` is the schema's; a newer one is refused untouched.

Only the owner may read it. Before each transaction the path is held against the file that was
opened: one that was deleted, moved or replaced takes no event any more.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from hydra.clock import aware_utc
from hydra.domain.events import Event, Recorded
from hydra.errors import JournalError, JournalNewer, JournalReplaced, JournalUnwritable
from hydra.journal.codec import decode, encode

log = logging.getLogger("hydra.journal")

VERSION = 1
BUSY_S = 5.0
"""How long a write waits for another process's write to end."""
PRIVATE, OTHERS = 0o600, 0o077
BESIDE = ("", "-wal", "-shm")
"""SQLite's files of one journal; it makes the last two with the first one's permissions."""

SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS events (
  seq      INTEGER PRIMARY KEY,
  time     TEXT NOT NULL,
  recorded TEXT NOT NULL,
  kind     TEXT NOT NULL,
  ref      TEXT,
  once     TEXT UNIQUE,
  body     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, seq);
CREATE TRIGGER IF NOT EXISTS events_are_never_changed BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
PRAGMA user_version = 1;
COMMIT;
"""


class Journal:
    """An open journal; a context manager. Use one instance in one thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `Journal.open` or `Journal.read_only`."""
        self._connection = connection
        self.path = path
        self._place = path.absolute()
        self._opened = _identity(self._place)

    @classmethod
    def open(cls, path: Path, *, durable: bool = True) -> Self:
        """Open for writing, creating folder and file; raises `JournalError` kinds, writes nothing
        into a file that it cannot use.

        Only a journal of what can be made again (a replay) is opened with `durable=False`: its
        events outlive a crash of the program, not one of the machine.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _create_private(path)
        except OSError as problem:
            raise JournalUnwritable(_unwritable(path, problem)) from problem
        with _explained(path):
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            try:
                _prepare(connection, path, durable=durable)
                _mend_permissions(path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    @classmethod
    def read_only(cls, path: Path) -> Self:
        """Open for reading only; raises `JournalError` when there is no journal yet."""
        if not path.is_file():
            raise JournalError(f"There is no journal at {path}; a first paper session makes one.")
        with _explained(path):
            connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
            )
            try:
                _refuse_newer(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(connection, path)

    def append(self, event: Event, at: datetime) -> int | None:
        """Write one event durably; `at` is the market's time (aware). Returns its sequence number,
        or None when an event with the same `once` key is there already: then nothing changed."""
        with self.together(), _explained(self.path):
            # The time is taken once the lock is held, so that times follow the sequence.
            cursor = self._connection.execute(
                "INSERT INTO events (time, recorded, kind, ref, once, body)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO NOTHING",
                (
                    aware_utc(at).isoformat(),
                    datetime.now(UTC).isoformat(),
                    type(event).__name__,
                    event.order_ref,
                    event.once,
                    encode(event),
                ),
            )
        return cursor.lastrowid if cursor.rowcount else None

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open, so that no other process writes."""
        return self._connection.in_transaction

    def check_file(self) -> None:
        """Raise `JournalReplaced` unless the path still leads to the file that was opened."""
        if _identity(self._place) != self._opened:
            raise JournalReplaced(
                f"The journal {self.path} was deleted, moved or replaced while it was open, so "
                "nothing more is written and nothing trades; put the right file there and start "
                "again."
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all appends inside one transaction: all of them are durable afterwards, or none.

        No other process writes meanwhile, so what was read inside still holds when it is acted on.
        Inside another one it is part of that one.
        """
        if self._connection.in_transaction:
            yield
            return
        self.check_file()
        with _explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                self._undo_what_is_open()

    def _undo_what_is_open(self) -> None:
        """SQLite has rolled back already on some errors, a full disk among them."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def has(self, once: str) -> bool:
        """Whether an event with that `once` key was written."""
        with _explained(self.path):
            found = self._connection.execute("SELECT 1 FROM events WHERE once = ?", (once,))
            return found.fetchone() is not None

    def keys(self, prefix: str) -> list[str]:
        """All `once` keys that begin with a prefix, in their order."""
        with _explained(self.path):
            found = self._connection.execute(
                "SELECT once FROM events WHERE once >= ? AND once < ? ORDER BY once",
                (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
            )
            return [row[0] for row in found]

    def find(self, once: str) -> Event | None:
        """The event that was written under a `once` key, or None."""
        with _explained(self.path):
            row = self._connection.execute(
                "SELECT kind, body FROM events WHERE once = ?", (once,)
            ).fetchone()
        return decode(*row) if row else None

    def read(self, after: int = 0, kinds: Iterable[type[Event]] = ()) -> Iterator[Recorded]:
        """Events with a sequence number above `after`, in order; of the given kinds, if any."""
        names = [kind.__name__ for kind in kinds]
        query = "SELECT seq, time, recorded, kind, body FROM events WHERE seq > ?"
        if names:
            query += f" AND kind IN ({', '.join('?' * len(names))})"
        with _explained(self.path), closing(self._connection.cursor()) as cursor:
            for seq, time, recorded, kind, body in cursor.execute(
                query + " ORDER BY seq", (after, *names)
            ):
                yield Recorded(
                    seq,
                    datetime.fromisoformat(time),
                    datetime.fromisoformat(recorded),
                    decode(kind, body),
                )

    def last_seq(self) -> int:
        """Sequence number of the newest event; 0 for an empty journal."""
        with _explained(self.path):
            row = self._connection.execute("SELECT max(seq) FROM events").fetchone()
        return int(row[0] or 0)

    def close(self) -> None:
        """Close the file; what was appended stays."""
        self._connection.close()

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _prepare(connection: sqlite3.Connection, path: Path, *, durable: bool) -> None:
    version = _refuse_newer(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    if version < VERSION:
        connection.executescript(SCHEMA)
    # A file that opens may still be on a disk that takes no byte: find out now, not at an order.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _create_private(path: Path) -> None:
    """Make the file, if there is none, so that nobody else can read it for a moment either."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE))
    except FileExistsError:
        return


def _mend_permissions(path: Path) -> None:
    """Take from others what an earlier version left them, and say so."""
    for file in (path.with_name(path.name + end) for end in BESIDE):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & OTHERS:
                file.chmod(mode & ~OTHERS)
                log.warning("%s could be read by others (%o); now its owner alone can", file, mode)
        except FileNotFoundError:
            continue
        except OSError as problem:
            log.warning("%s can be read by others, and that cannot be changed: %s", file, problem)


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise JournalNewer(
            f"The journal {path} is of version {version} and this HYDRA reads up to {VERSION}; "
            "use the newer HYDRA that wrote it, or another data folder (HYDRA_DATA_DIR)."
        )
    return version


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, one sentence each."""
    try:
        yield
    except UnicodeEncodeError as problem:
        raise JournalError(
            f"An event for the journal {path} has half a character (a lone surrogate) in its "
            "reference or key, so it was not written."
        ) from problem
    except sqlite3.OperationalError as problem:
        raise JournalUnwritable(_unwritable(path, problem)) from problem
    except sqlite3.DatabaseError as problem:
        raise JournalError(
            f"The journal {path} cannot be used: {problem}. Nothing was changed in it and nothing "
            "trades; put back a copy of the file or choose another data folder (HYDRA_DATA_DIR)."
        ) from problem


def _unwritable(path: Path, problem: Exception) -> str:
    return (
        f"The journal {path} cannot be written ({problem}), so nothing trades; "
        "make its folder writable or choose another one (HYDRA_DATA_DIR)."
    )
