"""SQLite: opening a database safely, and the connections to it."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

import apsw

from offhours.core.errors import (
    NetworkFileSystem,
    OptionError,
    StoreCorrupt,
    StoreError,
    StoreGone,
    StoreReadOnly,
    StoreUnusable,
    UnsafeSQLite,
)
from offhours.core.times import SECOND, Micros
from offhours.store.commit import Driver, GroupCommit
from offhours.store.connection import Connection, T, Unit, not_text
from offhours.store.dialects import Dialect
from offhours.store.faults import patiently, translate, translated
from offhours.store.migrate import check, migrate
from offhours.store.owners import refuse_strangers

# A commit copies each page that it changed: with the small rows of a queue, half the usual page
# makes a submit a quarter faster (docs/performance.md).
PAGE_SIZE = 2048
CHECKPOINT_PAGES = 4096
CHECKED_WHOLE = 8_000_000
HEADER_SIZE = 100
LOOK_SECONDS = 0.1
_log = logging.getLogger("offhours")
WITHOUT_MODES = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "drvfs"})
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "9p"})


class SqliteDatabase:
    """One file (or `:memory:`): a writer with group commit, and a reader beside it."""

    dialect = Dialect.SQLITE
    alone = True

    def __init__(
        self,
        path: str,
        *,
        durability: str = "normal",
        journal: str = "wal",
        lock_timeout: Micros = 10 * SECOND,
    ) -> None:
        memory = path == ":memory:"
        self.name = path
        # Siblings are opened later, perhaps from another working directory.
        self.path = path if memory else os.path.abspath(path)
        if not memory:
            check_library(apsw.sqlite_lib_version(), path, journal)
            _prepare_file(path)
        self._patience = lock_timeout / SECOND
        self._options = (durability, journal, lock_timeout)
        self._closed = False
        with translated(path):
            writer = _connect(path, lock_timeout)

            def prepare() -> apsw.Connection:
                _check_file(writer, path)
                _configure(writer, durability, "memory" if memory else journal)
                migrate(writer, path)
                return writer if memory else self._open_reader()

            try:
                reader = patiently(prepare, self._patience)
            except BaseException:
                writer.close()
                raise
        self._connections = (writer, reader)
        self._use(writer, reader)
        self._file = None if memory else _identity(path)
        self._looked_at = time.monotonic()
        self._gone = False
        _open_databases.add(self)

    def _use(self, writer: apsw.Connection, reader: apsw.Connection) -> None:
        driver = Driver(
            error=apsw.Error,
            begin=lambda db: patiently(lambda: db.execute("begin immediate"), self._patience),
            translate=translate,
            breaks=lambda error: isinstance(error, apsw.IOError),
            reopen=None if self.path == ":memory:" else self._reopen,
        )
        self._commits = GroupCommit(writer, self.path, driver)
        self._reader = reader
        self._read_lock = self._commits.lock if writer is reader else threading.RLock()

    def _reopen(self) -> apsw.Connection:
        """A writer in place of one that has met an I/O error, once the file was found sound."""
        durability, journal, lock_timeout = self._options
        writer = _connect(self.path, lock_timeout)
        try:
            _check_file(writer, self.path)
            _configure(writer, durability, journal)
        except BaseException:
            writer.close()
            raise
        self._connections = (writer, self._connections[1])
        return writer

    def check_file(self) -> None:
        """Refuse to go on when the file was deleted or replaced: what is written would be lost."""
        if self._gone or (self._file is not None and _identity(self.path) != self._file):
            self._gone = True
            raise StoreGone(
                self.path, "was deleted or replaced while it was open; restart on the right file"
            )

    def before_fork(self) -> None:
        """Let nothing be under way, and close: SQLite takes a forked connection for its own, but
        its locks stay behind, and the log would be deleted under the child."""
        self._commits.lock.acquire()
        self._read_lock.acquire()
        if self.path != ":memory:" and not self._closed:
            for connection in self._connections:
                connection.close()

    def after_fork(self, child: bool) -> None:
        """In parent and child: open anew. What the parent's threads have queued is not ours."""
        commits, read_lock = self._commits, self._read_lock
        try:
            if self.path != ":memory:" and not self._closed:
                self._connections = self._reopen(), self._open_reader()
            if child and not self._closed:
                self._use(*self._connections)
            else:
                commits.replace(self._connections[0])
                self._reader = self._connections[1]
        finally:
            read_lock.release()
            commits.lock.release()

    def lose(self) -> None:
        """It is not to be had any more: every call says so."""
        self._gone = True

    def _open_reader(self) -> apsw.Connection:
        reader = _connect(self.path, self._options[2])
        reader.execute("pragma query_only = 1").fetchall()
        return reader

    @property
    def connections(self) -> int:
        """How many are held: those of a memory database are one."""
        return len({id(connection) for connection in self._connections})

    def write(self, unit: Unit[T]) -> T:
        """Run a unit of work in a transaction of its own or a shared one, and commit it."""
        if self._gone or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self.check_file()
        return self._commits.run(unit)

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, on committed data."""
        with self._read_lock, translated(self.path):
            reader = self._reader
            try:
                return patiently(lambda: reader.execute(sql, values).fetchall(), self._patience)
            except UnicodeEncodeError as error:
                raise not_text(error) from error

    def changed(self) -> int:
        """A number that is another one after a commit of anybody else (in memory: of anybody)."""
        with self._read_lock, translated(self.path):
            if self.path == ":memory:":
                return self._reader.total_changes()
            return int(self._reader.pragma("data_version"))

    def log_size(self) -> int:
        """Bytes in the write-ahead log; it grows while somebody reads without end."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    def sibling(self) -> SqliteDatabase:
        """Another set of connections to the same file; a memory database has only one."""
        if self.path == ":memory:":
            return self
        durability, journal, lock_timeout = self._options
        return SqliteDatabase(
            self.path, durability=durability, journal=journal, lock_timeout=lock_timeout
        )

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction for the user's own rows beside ours."""
        self.check_file()
        with self._commits.lend() as connection:
            given = Transaction(self, connection)
            try:
                yield given
            finally:
                given.open = False

    @contextmanager
    def joined(self, connection: Any) -> Iterator[Connection]:
        """What we gave out before; nothing else may write to the same file in this process."""
        if not isinstance(connection, Transaction) or connection.database is not self:
            raise OptionError(
                "connection: expected what `with app.transaction() as connection` gives, got "
                f"{type(connection).__module__}.{type(connection).__qualname__}; another "
                "connection to the same file would break its locks"
            )
        if not connection.open:
            raise OptionError("connection: its transaction has ended")
        with translated(self.path):
            yield connection.connection

    def wake_ups(self) -> None:
        """SQLite wakes nobody."""
        return

    def close(self) -> None:
        self._closed = True
        self._commits.close()
        with self._read_lock:
            self._reader.close()


class Transaction:
    """A transaction that was given out; it ends with its `with` block."""

    def __init__(self, database: SqliteDatabase, connection: Connection) -> None:
        self.database = database
        self.connection = connection
        self.open = True

    def execute(self, sql: str, values: Any = None) -> Any:
        """Run one statement on tables of your own; the answer can be iterated and fetched."""
        if not self.open:
            raise StoreError(f"{self.database.name}: this transaction has ended")
        words = sql.split(None, 1)
        if words and words[0].lower() in ("begin", "commit", "end", "rollback"):
            raise StoreError(
                f"{self.database.name}: the transaction ends with its `with` block; raise an "
                "exception to roll it back"
            )
        return self.connection.execute(sql, values)


_open_databases: WeakSet[SqliteDatabase] = WeakSet()
_forking: list[SqliteDatabase] = []


def _before_fork() -> None:
    _forking.extend(_open_databases)
    for database in _forking:
        database.before_fork()


def _after_fork(child: bool) -> None:
    while _forking:
        database = _forking.pop()
        try:
            database.after_fork(child)
        except (apsw.Error, StoreError) as error:  # the others must be opened again all the same
            database.lose()
            _log.error("%s: cannot be opened again after a fork: %s", database.name, error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=partial(_after_fork, False),
        after_in_child=partial(_after_fork, True),
    )


def _identity(path: str) -> tuple[int, int] | None:
    """Which file a path leads to; `stat` opens nothing, so it drops no lock."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_library(version: str, path: str, journal: str) -> None:
    """WAL with several processes loses rows on SQLite 3.7.0 to 3.51.2, but for two back-ports."""
    numbers = tuple(int(part) for part in version.split(".")[:3])
    safe = (
        numbers >= (3, 51, 3)
        or (numbers[:2] == (3, 50) and numbers >= (3, 50, 7))
        or (numbers[:2] == (3, 44) and numbers >= (3, 44, 6))
    )
    if not safe and journal == "wal":
        raise UnsafeSQLite(
            path,
            f"SQLite {version} can lose acknowledged rows in WAL mode (fixed in 3.51.3); "
            'install apsw from PyPI, or ask for journal="rollback"',
        )


def _prepare_file(path: str) -> None:
    """Make sure that the file exists, private to its owner, in a place where locks hold."""
    file = Path(path)
    if file.is_dir():
        raise StoreUnusable(path, "is a directory; name a file in it")
    if not file.parent.is_dir():
        raise StoreUnusable(path, f"its folder {file.parent} does not exist; create it first")
    kind = file_system(file.parent)
    if kind in NETWORK:
        raise NetworkFileSystem(
            path, f"is on {kind}, where file locks do not hold; use a local disk or PostgreSQL"
        )
    refuse_what_is_left(file)
    if kind not in WITHOUT_MODES:
        refuse_strangers(path)
    try:
        # Only ever a new file: closing a descriptor of an open one would drop SQLite's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnusable(path, f"cannot be created: {error.strerror}") from error


def refuse_what_is_left(file: Path) -> None:
    """SQLite begins anew over the stump of a database, and deletes a log without its database."""
    log = Path(f"{file}-wal")
    size = log.stat().st_size if log.exists() else 0
    left = file.stat().st_size if file.exists() else 0
    if 0 < left < HEADER_SIZE:
        raise StoreCorrupt(
            str(file),
            f"is not a database, or was cut off after {left} bytes; it was left as it is. "
            "Restore a backup: nothing is left for the sqlite3 shell's .recover",
        )
    if size and not left:
        raise StoreCorrupt(
            str(file),
            f"is missing or empty, but {log.name} holds {size:,} bytes of its jobs; nothing was "
            f"touched. Put the database back beside it, or move {log.name} away to begin anew",
        )


def file_system(folder: Path) -> str:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    where, best, kind = str(folder.resolve()), -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].encode().decode("unicode_escape")
        if (where == mount or where.startswith(mount.rstrip("/") + "/")) and len(mount) >= best:
            best, kind = len(mount), right.split(" ")[0]
    return kind


def _connect(path: str, lock_timeout: Micros) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=256)
    connection.set_busy_handler(_patience(lock_timeout / SECOND))
    return connection


def _patience(limit: float) -> Callable[[int], bool]:
    """Wait for the lock in short, uneven steps; SQLite's own handler sleeps up to 100 ms."""
    started = 0.0

    def wait(tries: int) -> bool:
        nonlocal started
        now = time.monotonic()
        if tries == 0:
            started = now
        if now - started >= limit:
            return False
        time.sleep(min(0.0002 * 2 ** min(tries, 5), 0.005) * random.uniform(0.5, 1.0))
        return True

    return wait


def _check_file(connection: apsw.Connection, path: str) -> None:
    """Refuse what is damaged or not ours before anything is written to it."""
    if path == ":memory:":
        return
    if connection.readonly("main"):
        raise StoreReadOnly(f"{path}: the database cannot be written; check its permissions")
    check(connection, path)
    size = Path(path).stat().st_size
    if 0 < size <= CHECKED_WHOLE:
        verdict = connection.execute("pragma quick_check(1)").get
        if verdict != "ok":
            raise StoreCorrupt(
                path, f"{verdict}; the file was left as it is. Restore a backup or use .recover"
            )


def _configure(connection: apsw.Connection, durability: str, journal: str) -> None:
    mode = {"wal": "wal", "rollback": "delete", "memory": "memory"}[journal]
    for pragma in (
        f"page_size = {PAGE_SIZE}",
        f"journal_mode = {mode}",
        f"synchronous = {durability}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "journal_size_limit = 67108864",
        "cache_size = -16000",
        "temp_store = memory",
    ):
        connection.execute(f"pragma {pragma}").fetchall()
