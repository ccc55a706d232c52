"""Group commit: a lone caller commits directly, concurrent callers share one commit.

Whoever gets the lock is the leader and commits the work of all who wait behind it. So a commit
(and with `durability="full"` its fsync) serves as many callers as there are, and a single one
pays for no hand-over to another thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import apsw

from offhours.core import points
from offhours.core.errors import StoreClosed
from offhours.store.faults import translate

T = TypeVar("T")
Unit = Callable[[apsw.Connection], T]

MOST_AT_ONCE = 256


class _Ticket(Generic[T]):
    __slots__ = ("done", "error", "turn", "unit", "value")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None
        # Released once: when the work is done, or when it is this caller's turn to lead.
        self.turn: threading.Lock | None = None


class GroupCommit:
    """Runs units of work on one connection, each wholly or not at all.

    A unit may be run twice (when another in its transaction failed), so it must only touch the
    database. `lock` is held while the connection is in use. A caller may be interrupted anywhere
    (Ctrl-C): it then gives up its place, and what was committed stays acknowledged.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.lock = threading.RLock()
        self._connection: apsw.Connection | None = connection
        self._path = path
        self._mutex = threading.Lock()
        self._leader: _Ticket[Any] | None = None
        self._waiting: deque[_Ticket[Any]] = deque()
        self._batch: list[_Ticket[Any]] = []

    def run(self, unit: Unit[T]) -> T:
        ticket = _Ticket(unit)
        try:
            with self._mutex:
                if self._leader is None:
                    self._leader = ticket
                else:
                    ticket.turn = threading.Lock()
                    ticket.turn.acquire()
                self._waiting.append(ticket)
            if ticket.turn is not None:
                ticket.turn.acquire()
            if not ticket.done:
                self._lead()
        finally:
            if not ticket.done or self._leader is ticket:
                self._step_down(ticket)
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
        """Commit what waits, our own work in it."""
        with self._mutex:
            while self._waiting and len(self._batch) < MOST_AT_ONCE:
                self._batch.append(self._waiting.popleft())
        with self.lock:
            if len(self._batch) == 1 or not self._commit(self._batch):
                for ticket in self._batch:
                    self._commit([ticket])

    def _step_down(self, ticket: _Ticket[Any]) -> None:
        """Hand the lead, if it is ours, to who came meanwhile; an interrupt does not keep us."""
        interrupt: BaseException | None = None
        while True:
            try:
                with self._mutex:
                    self._hand_over(ticket)
                break
            except BaseException as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _hand_over(self, ticket: _Ticket[Any]) -> None:
        """Can be cut off at any point and done again."""
        if ticket in self._waiting and not ticket.done:
            self._waiting.remove(ticket)
        if self._leader is not ticket:
            return
        while self._batch:
            other = self._batch[-1]
            if other.done:
                _call(other)
            elif other is not ticket and other not in self._waiting:
                self._waiting.appendleft(other)
            self._batch.pop()
        if self._waiting:
            _call(self._waiting[0])
            self._leader = self._waiting[0]
        else:
            self._leader = None

    def _commit(self, batch: list[_Ticket[Any]]) -> bool:
        """Run a batch in one transaction. False: one of several failed, and nothing was done."""
        connection = self._connection
        if connection is None:
            return self._fail(batch, StoreClosed(f"{self._path}: the store was closed"))
        begun = committing = False
        try:
            if connection.in_transaction:  # left by somebody who was interrupted twice
                connection.execute("rollback")
            connection.execute("begin immediate")
            begun = True
            for ticket in batch:
                ticket.value = ticket.unit(connection)
            points.reach("in group commit" if len(batch) > 1 else "before commit")
            committing = True
            connection.execute("commit")
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
        _mark_done(batch)
        return True

    @staticmethod
    def _after_interrupt(connection: apsw.Connection, batch: list[_Ticket[Any]]) -> None:
        """A signal's handler raised as the commit returned: what is committed is done."""
        if not connection.in_transaction:
            _mark_done(batch)

    def _fail(self, batch: list[_Ticket[Any]], error: Exception) -> bool:
        for ticket in batch:
            ticket.error = error
            if isinstance(error, apsw.Error):
                ticket.error = translate(error, self._path)
                ticket.error.__cause__ = error
        _mark_done(batch)
        return True


def _mark_done(batch: list[_Ticket[Any]]) -> None:
    for ticket in batch:
        ticket.done = True


def _call(ticket: _Ticket[Any]) -> None:
    """Let the ticket's caller go on; calling twice does no harm."""
    if ticket.turn is not None and ticket.turn.locked():
        ticket.turn.release()


def _rollback(connection: apsw.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")
