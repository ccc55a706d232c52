"""Group commit: a lone caller commits directly, concurrent callers share one commit.

Whoever gets the lock is the leader and commits the work of all who wait behind it. So a commit
(and with `durability="full"` its fsync) serves as many callers as there are, and a single one
pays for no hand-over to another thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import apsw

from offhours.core import points
from offhours.core.errors import StoreClosed
from offhours.store.faults import patiently, translate

T = TypeVar("T")
Unit = Callable[[apsw.Connection], T]

MOST_AT_ONCE = 256
PATIENCE = 10.0


class _Ticket(Generic[T]):
    __slots__ = ("done", "error", "unit", "value")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None


class GroupCommit:
    """Runs units of work on one connection, each wholly or not at all.

    A unit may be run twice (when another in its transaction failed), so it must only touch the
    database. A caller may be interrupted anywhere (Ctrl-C): each one that waits leads until its
    own work is done, so nobody depends on being woken, and what was committed is not done twice.
    """

    def __init__(self, connection: apsw.Connection, path: str, patience: float = PATIENCE) -> None:
        self.lock = threading.RLock()
        self._connection: apsw.Connection | None = connection
        self._path = path
        self._begin = partial(patiently, lambda: connection.execute("begin immediate"), patience)
        self._waiting: deque[_Ticket[Any]] = deque()
        self._batch: list[_Ticket[Any]] = []
        self._settled: list[_Ticket[Any]] = []  # committed or failed, and not yet marked

    def run(self, unit: Unit[T]) -> T:
        ticket = _Ticket(unit)
        try:
            self._waiting.append(ticket)
            with self.lock:
                while not ticket.done:
                    self._lead()
        except BaseException:
            ticket.done = True  # nobody waits for it any more
            raise
        if ticket.error is not None:
            raise ticket.error
        return ticket.value  # type: ignore[return-value]

    def close(self) -> None:
        """Refuse everything from now on."""
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _lead(self) -> None:
        """Commit what waits, our own work in it. Every step may be the last before an interrupt."""
        self._clear_up()
        while self._waiting and len(self._batch) < MOST_AT_ONCE:
            if not self._waiting[0].done and self._waiting[0] not in self._batch[-1:]:
                self._batch.append(self._waiting[0])
            self._waiting.popleft()
        if len(self._batch) == 1 or not self._commit(self._batch):
            for ticket in self._batch:
                self._commit([ticket])
                ticket.done = True
        self._clear_up()

    def _clear_up(self) -> None:
        """Mark what is settled; what is left over from an interrupted leader stays in the batch."""
        for ticket in self._settled:
            ticket.done = True
        self._settled = []
        self._batch = [ticket for ticket in self._batch if not ticket.done]

    def _commit(self, batch: list[_Ticket[Any]]) -> bool:
        """Run a batch in one transaction. False: one of several failed, and nothing was done."""
        connection = self._connection
        if connection is None:
            return self._fail(batch, StoreClosed(f"{self._path}: the store was closed"))
        begun = committing = False
        try:
            if connection.in_transaction:  # left by somebody who was interrupted twice
                connection.execute("rollback")
            self._begin()
            begun = True
            for ticket in batch:
                ticket.value = ticket.unit(connection)
            points.reach("in group commit" if len(batch) > 1 else "before commit")
            committing = True
            connection.execute("commit")
            self._settled = batch
        except Exception as error:
            if committing and not isinstance(error, apsw.Error):
                self._after_interrupt(connection, batch)
                raise
            _rollback(connection)
            # Without a transaction (locked, disk full) no other try would go better.
            return self._fail(batch, error) if len(batch) == 1 or not begun else False
        except BaseException:
            if committing:
                self._after_interrupt(connection, batch)
            _rollback(connection)
            raise
        return True

    def _after_interrupt(self, connection: apsw.Connection, batch: list[_Ticket[Any]]) -> None:
        """A signal's handler raised as the commit returned: what is committed is done."""
        if not connection.in_transaction:
            self._settled = batch

    def _fail(self, batch: list[_Ticket[Any]], error: Exception) -> bool:
        for ticket in batch:
            ticket.error = error
            if isinstance(error, apsw.Error):
                ticket.error = translate(error, self._path)
                ticket.error.__cause__ = error
        self._settled = batch
        return True


def _rollback(connection: apsw.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")
