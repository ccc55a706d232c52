"""Group commit: a lone caller commits directly, concurrent callers share one commit.

Whoever gets the lock is the leader and commits the work of all who wait behind it. So a commit
(and with `durability="full"` its fsync) serves as many callers as there are, and a single one
pays for no hand-over to another thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, NamedTuple

from offhours.core import points
from offhours.core.errors import StoreClosed, StoreError
from offhours.core.here import actor
from offhours.store.connection import Connection, T, Unit, not_text

MOST_AT_ONCE = 256
_NAP = 0.01  # how long a caller sleeps at most when nobody wakes it


class _Ticket(Generic[T]):
    __slots__ = ("actor", "bell", "done", "error", "unit", "value")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.actor = actor.get()
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None
        self.bell: threading.Lock | None = None

    def sleep(self) -> None:
        """Wait to be woken, for a moment at most: a bell that nobody rings costs time only."""
        bell = threading.Lock()
        bell.acquire()
        self.bell = bell
        if not self.done:
            bell.acquire(timeout=_NAP)

    def wake(self) -> None:
        bell = self.bell
        if bell is not None:
            with suppress(RuntimeError):  # somebody else has
                bell.release()


class Driver(NamedTuple):
    """What a commit has to know of the database behind a connection."""

    error: type[Exception]
    begin: Callable[[Any], object]
    translate: Callable[[Any, str], StoreError]
    breaks: Callable[[Exception], bool] = lambda error: False
    doubtful: Callable[[Exception], bool] = lambda error: False  # it may have been committed
    reopen: Callable[[], Connection] | None = None


class GroupCommit:
    """Runs units of work on one connection, each wholly or not at all.

    A unit may be run twice (when another in its transaction failed), so it must only touch the
    database. A caller may be interrupted anywhere (Ctrl-C): each one that waits leads until its
    own work is done, so nobody depends on being woken, and what was committed is not done twice.
    While another leads, a caller sleeps beside the lock and not in its queue: who is done need not
    pass through it.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        driver: Driver,
    ) -> None:
        self.lock = threading.RLock()
        self._connection: Connection | None = connection
        self._path = path
        self._driver = driver
        self._failed = False  # the connection is broken: nothing more is written by it
        self._led = False  # a hint: somebody has the lock and will wake us
        self._lent = False
        self._waiting: deque[_Ticket[Any]] = deque()
        self._batch: list[_Ticket[Any]] = []
        self._settled: list[_Ticket[Any]] = []  # committed or failed, and not yet marked

    def run(self, unit: Unit[T]) -> T:
        ticket = _Ticket(unit)
        try:
            self._waiting.append(ticket)
            if self._led:
                ticket.sleep()
            while not ticket.done:
                with self.lock:
                    if self._lent:
                        raise StoreError(
                            f"{self._path}: this thread has a transaction open, which would wait "
                            "for itself; pass connection=, or do this after it"
                        )
                    self._led = True
                    while not ticket.done:
                        self._lead()
                    self._led = False
                self._wake_next()
        except BaseException:
            ticket.done = True  # nobody waits for it any more
            raise
        if ticket.error is not None:
            raise ticket.error
        return ticket.value  # type: ignore[return-value]

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """A transaction for one thread alone; the others wait until it has ended."""
        with self.lock:
            if self._connection is None:
                raise StoreClosed(f"{self._path}: the store was closed")
            if self._lent:
                raise StoreError(f"{self._path}: a transaction is already open in this thread")
            try:
                connection = self._sound(self._connection)
                self._driver.begin(connection)
                self._lent = self._led = True
                yield connection
                connection.execute("commit")
            except self._driver.error as error:
                raise self._driver.translate(error, self._path) from error
            finally:
                self._lent = self._led = False
                _rollback(self._connection)
        self._wake_next()

    def replace(self, connection: Connection) -> None:
        """Go on with another connection; the old one was closed."""
        with self.lock:
            if self._connection is not None:
                self._connection = connection

    def close(self) -> None:
        """Refuse everything from now on."""
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _wake_next(self) -> None:
        """Who came too late for our commits leads the next."""
        if self._waiting:
            with suppress(IndexError):
                self._waiting[0].wake()

    def _lead(self) -> None:
        """Commit what waits, our own work in it. Every step may be the last before an interrupt."""
        self._clear_up()
        self._gather()
        if not self._commit(self._batch):
            for ticket in self._batch:
                self._commit([ticket])
                ticket.done = True
                ticket.wake()
        self._clear_up()

    def _gather(self) -> None:
        """Take all who wait into the batch."""
        while self._waiting and len(self._batch) < MOST_AT_ONCE:
            if not self._waiting[0].done and self._waiting[0] not in self._batch[-1:]:
                self._batch.append(self._waiting[0])
            self._waiting.popleft()

    def _clear_up(self) -> None:
        """Mark what is settled; what is left over from an interrupted leader stays in the batch."""
        for ticket in self._settled:
            ticket.done = True
            ticket.wake()
        self._settled = []
        self._batch = [ticket for ticket in self._batch if not ticket.done]

    def _commit(self, batch: list[_Ticket[Any]]) -> bool:
        """Run a batch in one transaction. False: one of several failed, and nothing was done."""
        connection = self._connection
        if connection is None:
            return self._fail(batch, StoreClosed(f"{self._path}: the store was closed"))
        begun = committing = False
        try:
            connection = self._sound(connection)
            self._driver.begin(connection)
            begun = True
            if batch is self._batch:
                self._gather()  # more have come while others had their turn to write
            for ticket in batch:
                ticket.value = _as_its_actor(ticket, connection)
            points.reach("in group commit" if len(batch) > 1 else "before commit")
            committing = True
            connection.execute("commit")
            self._settled = batch
        except Exception as error:
            if committing and not isinstance(error, self._driver.error):
                self._after_interrupt(connection, batch)
                raise
            _rollback(connection)
            self._failed = self._failed or self._driver.breaks(error)
            # Without a transaction (locked, disk full) no other try would go better, and what may
            # have been committed must not be done twice.
            final = len(batch) == 1 or not begun or self._driver.doubtful(error)
            return self._fail(batch, error) if final else False
        except BaseException:
            if committing:
                self._after_interrupt(connection, batch)
            _rollback(connection)
            raise
        return True

    def _sound(self, connection: Connection) -> Connection:
        """A connection that can begin a transaction: another one, after an error that broke it."""
        if self._failed and self._driver.reopen is not None:
            fresh = self._driver.reopen()
            connection.close()
            self._connection = connection = fresh
            self._failed = False
        if connection.in_transaction:  # left by somebody who was interrupted twice
            connection.execute("rollback")
        return connection

    def _after_interrupt(self, connection: Connection, batch: list[_Ticket[Any]]) -> None:
        """A signal's handler raised as the commit returned: what is committed is done."""
        if not connection.in_transaction:
            self._settled = batch

    def _fail(self, batch: list[_Ticket[Any]], error: Exception) -> bool:
        for ticket in batch:
            ticket.error = error
            if isinstance(error, self._driver.error):
                ticket.error = self._driver.translate(error, self._path)
                ticket.error.__cause__ = error
            elif isinstance(error, UnicodeEncodeError):
                ticket.error = not_text(error)
                ticket.error.__cause__ = error
        self._settled = batch
        return True


def _as_its_actor(ticket: _Ticket[T], connection: Connection) -> T:
    """Whoever leads does the work of others in their names."""
    if ticket.actor == actor.get():
        return ticket.unit(connection)
    ours = actor.set(ticket.actor)
    try:
        return ticket.unit(connection)
    finally:
        actor.reset(ours)


def _rollback(connection: Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")
