"""One schema of a PostgreSQL database, and the two connections to it.

Writers take turns by an advisory lock, as SQLite's do by its own, so the numbers of the events come
in commit order and a reader misses none. Nothing is kept in a session (no prepared statement, no
setting outside a transaction), so a pooler in transaction mode may stand in between.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet, finalize

import psycopg

from offhours.core.addresses import public_name, server_and_schema
from offhours.core.errors import Busy, OptionError, StoreClosed, StoreError, StoreUnavailable
from offhours.core.times import SECOND, Micros
from offhours.store.commit import Driver, GroupCommit
from offhours.store.connection import Connection, T, Unit, not_text
from offhours.store.dialects import Dialect
from offhours.store.postgres.faults import UnknownOutcome, translate
from offhours.store.postgres.joined import Joined, driver_connection
from offhours.store.postgres.schema import migrate
from offhours.store.postgres.session import Session
from offhours.store.postgres.wakeups import PostgresWakeUps

_BREATH = 0.2  # to wait out of our turn for somebody's transaction
_IN_ERROR = psycopg.pq.TransactionStatus.INERROR


class PostgresDatabase:
    """A writer with group commit and a reader beside it, each connected again when it was lost."""

    dialect = Dialect.POSTGRES
    alone = False  # others may write beside us, in transactions of their own

    def __init__(
        self,
        url: str,
        *,
        durability: str = "normal",
        lock_timeout: Micros = 10 * SECOND,
    ) -> None:
        self.name = public_name(url)
        self.path = url
        self._server, self._schema = server_and_schema(url)
        self._options = (durability, lock_timeout)
        self._patience = lock_timeout / SECOND
        self._sessions: list[Session] = []
        self._open()
        try:
            self._store = self._prepare()
        except BaseException:
            self.close()
            raise
        _open_databases.add(self)
        finalize(self, _close, self._sessions)

    def _open(self) -> None:
        durability, _ = self._options
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._writer, self._reader = (
            Session(
                self._server,
                self.name,
                self._schema,
                self._patience,
                durability == "full",
                self._closed,
            )
            for _ in range(2)
        )
        self._sessions[:] = [self._writer, self._reader]
        driver = Driver(
            psycopg.Error,
            lambda session: session.begin(),
            translate,
            doubtful=lambda error: isinstance(error, UnknownOutcome),
        )
        self._commits = GroupCommit(self._writer, self.name, driver)

    def _prepare(self) -> int:
        """Bring the schema to the newest state; the number of the store."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                migrate(self._writer, self.name, self._schema)
                store = f"select value from \"{self._schema}\".meta where key = 'store'"
                return int(self._writer.run(store)[0][0])
            except psycopg.Error as error:
                ours = translate(error, self.name)
                if not isinstance(ours, StoreUnavailable) or time.monotonic() >= deadline:
                    raise ours from error

    @property
    def connections(self) -> int:
        """How many are held."""
        return len(self._sessions)

    def write(self, unit: Unit[T]) -> T:
        """Run a unit of work in a transaction of its own or a shared one, and commit it.

        What a lost connection took with it is done again: until its commit is sent nothing of it
        is stored, and of a commit whose answer was lost the server knows what became.
        """
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._commits.run(unit)
            except StoreUnavailable as lost:
                if lost.unknown or self._closed.is_set() or time.monotonic() >= deadline:
                    raise
            except Busy:
                if self._closed.is_set() or time.monotonic() >= deadline:
                    raise
                time.sleep(_BREATH)  # the others have their turns meanwhile

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, on committed data."""
        deadline = time.monotonic() + self._patience
        with self._reading:
            while True:
                if self._closed.is_set():
                    raise StoreClosed(f"{self.name}: the store was closed")
                try:
                    return self._reader.execute(sql, values).fetchall()
                except UnicodeEncodeError as error:
                    raise not_text(error) from error
                except psycopg.Error as error:
                    ours = translate(error, self.name)
                    if not isinstance(ours, StoreUnavailable) or time.monotonic() >= deadline:
                        raise ours from error

    def changed(self) -> int:
        """The number of the newest event: each change tells one."""
        [(seq,)] = self.read("select coalesce(max(seq), 0) from events")
        return int(seq)

    def sibling(self) -> PostgresDatabase:
        """The same rows over connections of its own."""
        durability, lock_timeout = self._options
        return PostgresDatabase(self.path, durability=durability, lock_timeout=lock_timeout)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection with a transaction open, for the user's own rows."""
        try:
            with psycopg.connect(self._server, prepare_threshold=None) as connection:
                yield connection
                if connection.info.transaction_status == _IN_ERROR:
                    raise StoreError(
                        f"{self.name}: a statement of the transaction failed, so it was rolled back"
                    )
        except psycopg.OperationalError as error:
            raise translate(error, self.name) from error

    @contextmanager
    def joined(self, connection: Any) -> Iterator[Connection]:
        """The user's connection as ours, to write in the transaction that it has open."""
        theirs = Joined(driver_connection(connection), self._schema)
        if not theirs.holds(self._store):
            raise OptionError(
                f"connection: it leads to another database than {self.name}; use an outbox there"
            )
        yield theirs
        theirs.execute("select pg_notify(:channel, 'w transaction')", (f"offhours_{self._schema}",))

    def log_size(self) -> int:
        """The server looks after its own log."""
        return 0

    def wake_ups(self) -> PostgresWakeUps:
        """Notifications of the server."""
        return PostgresWakeUps(self._server, self._schema)

    def after_fork(self) -> None:
        """In a forked child: connections of our own. The parent's are left alone, not closed."""
        _parents_sessions.extend((self._writer, self._reader))
        self._open()

    def close(self) -> None:
        self._closed.set()
        self._commits.close()
        with self._reading:
            self._reader.close()


def _close(sessions: list[Session]) -> None:
    """An app that nobody closed has gone."""
    for session in sessions:
        session.close()


_open_databases: WeakSet[PostgresDatabase] = WeakSet()
_parents_sessions: list[object] = []


def _after_fork() -> None:
    for database in list(_open_databases):
        database.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
