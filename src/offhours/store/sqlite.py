"""SQLite: opening a database safely, and the connections to it."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

import apsw

from offhours.core.errors import (
    NetworkFileSystem,
    StoreCorrupt,
    StoreReadOnly,
    StoreUnusable,
    UnsafeSQLite,
)
from offhours.core.times import SECOND, Micros
from offhours.store.commit import GroupCommit, T, Unit
from offhours.store.faults import patiently, translated
from offhours.store.migrate import check, migrate

# A commit copies each page that it changed: with the small rows of a queue, half the usual page
# makes a submit a quarter faster (docs/performance.md).
PAGE_SIZE = 2048
CHECKPOINT_PAGES = 4096
CHECKED_WHOLE = 8_000_000
LOOK_SECONDS = 0.1
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "9p"})


class Database:
    """One file (or `:memory:`): a writer with group commit, and a reader beside it."""

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
        with translated(path):
            writer = _connect(path, lock_timeout)

            def prepare() -> apsw.Connection:
                _check_file(writer, path)
                _configure(writer, durability, "memory" if memory else journal)
                migrate(writer, path)
                reader = writer if memory else _connect(path, lock_timeout)
                if not memory:
                    reader.execute("pragma query_only = 1").fetchall()
                return reader

            try:
                reader = patiently(prepare, self._patience)
            except BaseException:
                writer.close()
                raise
        self._options = (durability, journal, lock_timeout)
        self._connections = (writer, reader)
        self._use(writer, reader)
        self._file = None if memory else _identity(path)
        self._looked_at = time.monotonic()
        self._gone = False
        _open_databases.add(self)

    def _use(self, writer: apsw.Connection, reader: apsw.Connection) -> None:
        self._commits = GroupCommit(writer, self.path, self._patience)
        self._reader = reader
        self._read_lock = self._commits.lock if writer is reader else threading.RLock()

    def check_file(self) -> None:
        """Refuse to go on when the file was deleted or replaced: what is written would be lost."""
        if self._gone or (self._file is not None and _identity(self.path) != self._file):
            self._gone = True
            raise StoreUnusable(
                self.path, "was deleted or replaced while it was open; restart on the right file"
            )

    def after_fork(self) -> None:
        """In a forked child: connections of our own. The parent's are left alone, not closed."""
        if self.path == ":memory:":
            self._use(*self._connections)
            return
        _parents_connections.append(self._connections)
        durability, journal, lock_timeout = self._options
        own = Database(self.path, durability=durability, journal=journal, lock_timeout=lock_timeout)
        self._connections = own._connections
        self._use(*self._connections)

    def write(self, unit: Unit[T]) -> T:
        """Run a unit of work in a transaction of its own or a shared one, and commit it."""
        if self._gone or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self.check_file()
        return self._commits.run(unit)

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, on committed data."""
        with self._read_lock, translated(self.path):
            reader = self._reader
            return patiently(lambda: reader.execute(sql, values).fetchall(), self._patience)

    def changed(self) -> int:
        """A number that is another one after a commit of anybody else (in memory: of anybody)."""
        with self._read_lock, translated(self.path):
            if self.path == ":memory:":
                return self._reader.total_changes()
            return int(self._reader.pragma("data_version"))

    def sibling(self) -> Database:
        """Another set of connections to the same file; a memory database has only one."""
        if self.path == ":memory:":
            return self
        durability, journal, lock_timeout = self._options
        return Database(
            self.path, durability=durability, journal=journal, lock_timeout=lock_timeout
        )

    def close(self) -> None:
        self._commits.close()
        with self._read_lock:
            self._reader.close()


_open_databases: WeakSet[Database] = WeakSet()
_parents_connections: list[object] = []


def _after_fork() -> None:
    for database in list(_open_databases):
        database.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


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
    try:
        # Only ever a new file: closing a descriptor of an open one would drop SQLite's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnusable(path, f"cannot be created: {error.strerror}") from error


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
