"""A connection that sends statements together, and is connected again when it was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any

import psycopg

from offhours.core.errors import StoreUnavailable
from offhours.store.connection import T
from offhours.store.postgres.answers import Answer
from offhours.store.postgres.faults import UnknownOutcome, translate
from offhours.store.postgres.language import compiled, values_of

_PAUSE = 0.05
_SHORT_WAIT = "50ms"  # to wait in our turn for somebody's transaction
_IDLE = psycopg.pq.TransactionStatus.IDLE
_ACTIVE = psycopg.pq.TransactionStatus.ACTIVE
# A network that swallows everything is noticed: else the system waits for a quarter of an hour.
_NETWORK: dict[str, Any] = {
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}
STATEMENT_SECONDS = 60  # that one may take
_ERA = "select coalesce(stats_reset::text, '') from pg_catalog.pg_stat_bgwriter"


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """Gives up a server that never answers: before a frozen pooler the network itself is well."""

    silence = float("inf")

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        return super().wait(self._heard(gen), *args, **options)

    def _heard(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > self.silence:
                    self.close()
                    raise psycopg.OperationalError(f"no answer for {self.silence:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


class Session:
    """A connection that comes back. Implements `store.connection.Connection`.

    Statements are sent together, when somebody wants the answer of one: a round of a worker is
    ten of them, and four messages.
    """

    def __init__(
        self,
        url: str,
        name: str,
        schema: str,
        patience: float,
        full: bool,
        closed: threading.Event,
    ) -> None:
        self._url, self._name, self._schema = url, name, schema
        self._patience = patience
        self._closed = closed
        waits = f"{max(1, int(patience * 1000))}ms"  # 0 would mean for ever
        self._begin = (
            "begin isolation level read committed; "
            f"set local statement_timeout = '{STATEMENT_SECONDS}s'; "
            f"set local lock_timeout = '{waits}'; "
            # A process that was stopped in its turn gives it up.
            "set local idle_in_transaction_session_timeout = '5s'; "
            + ("set local synchronous_commit = on; " if full else "")
            + f"select pg_advisory_xact_lock(hashtextextended('offhours.{schema}', 0)); "
        )
        # What was submitted in transactions of others has its event told before all else.
        self._look = (
            # Whoever makes us wait now is in a transaction of the user, which may take its time.
            f"set local lock_timeout = '{_SHORT_WAIT}'; select pg_current_xact_id()::text, "
            f'exists (select 1 from "{schema}".jobs where told = 0)'
        )
        self._adopt = (
            f'with found as (update "{schema}".jobs set told = 1 where told = 0 '
            "returning id, created_at) "
            f'insert into "{schema}".events (at, kind, job_id, attempt) '
            "select created_at, 'job.submitted', id, 0 from found order by id"
        )
        self._connection: PatientConnection | None = None
        self._transaction = ""
        self._queue: list[tuple[str, Answer]] = []
        self._turn: psycopg.Connection[tuple[Any, ...]] | None = None  # has a transaction of ours
        self._era, self._begun_in = "", ""  # which change with each crash of the server
        self._undone = False  # the last commit was interrupted, and did not take place
        self._changes = self._total = self._last = 0

    @property
    def in_transaction(self) -> bool:
        return self._undone or self._in_transaction()

    def _in_transaction(self) -> bool:
        connection = self._connection
        if connection is None or connection.closed:
            return False
        return connection.info.transaction_status != _IDLE

    def take_turn(self) -> None:
        """Begin a transaction when no other writer has one."""
        self.run(self._begin)

    def begin(self) -> None:
        """Take our turn to write; connect again if need be."""
        self._turn, self._queue = None, []
        try:
            [row] = self.run(self._begin + self._look)
        except psycopg.OperationalError as error:
            if not isinstance(translate(error, self._name), StoreUnavailable):
                raise
            self._drop()  # it was lost while it was idle: nothing was begun
            [row] = self.run(self._begin + self._look)
        self._transaction, untold = row
        self._begun_in, self._turn = self._era, self._connection
        if untold:
            self.run(self._adopt)

    def execute(self, statements: str, bindings: Any = None, /) -> Answer:
        answer = Answer(self._flush)
        if statements == "rollback":
            self._rollback()
        elif statements == "commit":
            self._queue.append((statements, answer))
            self._commit()
        else:
            sql, names = compiled(statements, self._schema)
            if bindings is not None and not isinstance(bindings, dict):
                bindings = dict(zip(names, bindings, strict=True))
            values = values_of(sql, bindings or {})
            cursor = psycopg.ClientCursor(self._turn or self._connected())
            self._queue.append((cursor.mogrify(sql.encode(), values or None), answer))
        return answer

    def _flush(self) -> None:
        """Send what is queued, and keep each answer."""
        queue, self._queue = self._queue, []
        if not queue:
            return
        cursor = self._send(";\n".join(text for text, _ in queue))
        for text, answer in queue:
            answer.rows = cursor.fetchall() if cursor.description is not None else []
            self._changes = max(cursor.rowcount, 0)
            self._total += self._changes
            if answer.rows and text.endswith("returning id"):
                self._last = int(answer.rows[-1][0])
            cursor.nextset()

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of the last of some statements, which are sent as they are, and at once."""
        cursor = self._send(sql)
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description is not None else []

    def _send(self, sql: str) -> psycopg.Cursor[tuple[Any, ...]]:
        """One message and its answer. What was begun goes on over its own connection or not."""
        connection = self._turn or self._connected()
        try:
            return connection.cursor().execute(sql.encode())
        except BaseException:
            if connection.info.transaction_status == _ACTIVE:
                self._drop()  # a signal's handler raised: the answer is still to come
            raise

    def changes(self) -> int:
        self._flush()
        return self._changes

    def total_changes(self) -> int:
        self._flush()
        return self._total

    def last_insert_rowid(self) -> int:
        self._flush()
        return self._last

    def close(self) -> None:
        self._drop()

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        deadline = time.monotonic() + self._patience
        while self._connection is None or self._connection.closed:
            self._drop()
            try:
                self._connection = PatientConnection.connect(
                    self._url,
                    autocommit=True,
                    cursor_factory=psycopg.ClientCursor,
                    prepare_threshold=None,
                    connect_timeout=max(2, int(self._patience)),
                    application_name="offhours",
                    **{name: n for name, n in _NETWORK.items() if name not in self._url},
                )
                self._connection.silence = STATEMENT_SECONDS + self._patience
                [[self._era]] = self._connection.execute(_ERA).fetchall()
            except psycopg.OperationalError as error:
                fatal = not isinstance(translate(error, self._name), StoreUnavailable)
                if fatal or self._closed.is_set() or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _rollback(self) -> None:
        self._undone = False
        self._turn, self._queue = None, []
        if self._connection is None or self._connection.closed:
            return
        try:
            self.run("rollback")
        except psycopg.Error:
            self._drop()  # the server rolls back what has lost its connection

    def _commit(self) -> None:
        try:
            try:
                self._flush()
            finally:
                self._turn = None
        except psycopg.OperationalError as error:
            if not isinstance(translate(error, self._name), StoreUnavailable):
                raise
            self._drop()
            if not self._was_committed(error):
                raise
        except BaseException as error:
            self._undone = self._in_transaction() or not self._was_committed(error)
            raise

    def _was_committed(self, error: BaseException) -> bool:
        """Something broke into a commit: ask the server what became of it."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            try:
                found = self.run(f"select pg_xact_status('{self._transaction}'::xid8)")[0][0]
            except psycopg.Error:
                break
            if found == "committed" and self._era != self._begun_in:
                break  # after a crash numbers are given again: it may be somebody else's
            if found in ("committed", "aborted"):
                return bool(found == "committed")
            time.sleep(_PAUSE)
        raise UnknownOutcome(str(error)) from error
