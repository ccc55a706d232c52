"""One file (or `:memory:`), and the two connections to it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

import apsw

from offhours.core.errors import OptionError, StoreError, StoreGone
from offhours.core.times import SECOND, Micros
from offhours.store.commit import Driver, GroupCommit
from offhours.store.connection import Connection, T, Unit, not_text
from offhours.store.dialects import Dialect
from offhours.store.sqlite.connecting import check_contents, configure, connect
from offhours.store.sqlite.faults import patiently, translate, translated
from offhours.store.sqlite.files import check_library, prepare_file
from offhours.store.sqlite.schema import migrate

LOOK_SECONDS = 0.1
_log = logging.getLogger("offhours")


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
            prepare_file(path)
        self._patience = lock_timeout / SECOND
        self._options = (durability, journal, lock_timeout)
        self._closed = False
        with translated(path):
            writer = connect(path, lock_timeout)

            def prepare() -> apsw.Connection:
                check_contents(writer, path)
                configure(writer, durability, "memory" if memory else journal)
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
        writer = connect(self.path, lock_timeout)
        try:
            check_contents(writer, self.path)
            configure(writer, durability, journal)
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
        reader = connect(self.path, self._options[2])
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
