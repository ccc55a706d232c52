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
    __slots__ = ("done", "error", "leads", "turn", "unit", "value")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.done = False
        self.leads = False
        self.value: T | None = None
        self.error: BaseException | None = None
        # Released once: when the work is done, or when it is this caller's turn to lead.
        self.turn: threading.Lock | None = None


class GroupCommit:
    """Runs units of work on one connection, each wholly or not at all.

    A unit may be run twice (when another in its transaction failed), so it must only touch the
    database. `lock` is held while the connection is in use.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.lock = threading.RLock()
        self._connection: apsw.Connection | None = connection
        self._path = path
        self._mutex = threading.Lock()
        self._led = False
        self._waiting: deque[_Ticket[Any]] = deque()

    def run(self, unit: Unit[T]) -> T:
        ticket = _Ticket(unit)
        with self._mutex:
            self._waiting.append(ticket)
            ticket.leads, self._led = not self._led, True
            if not ticket.leads:
                ticket.turn = threading.Lock()
                ticket.turn.acquire()
        try:
            if ticket.turn is not None:
                ticket.turn.acquire()
            if not ticket.done:
                self._lead()
        except BaseException:
            self._withdraw(ticket)
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
        """Commit what waits, our own work in it, and hand the lead to who came meanwhile."""
        batch: list[_Ticket[Any]] = []
        try:
            with self._mutex:
                while self._waiting and len(batch) < MOST_AT_ONCE:
                    batch.append(self._waiting.popleft())
            with self.lock:
                if len(batch) == 1 or not self._commit(batch):
                    for ticket in batch:
                        self._commit_alone(ticket)
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: list[_Ticket[Any]]) -> None:
        with self._mutex:
            # Only an interrupt leaves tickets undone: theirs is the next batch.
            self._waiting.extendleft(t for t in reversed(batch) if not t.done and not t.leads)
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
            if heir is not None and heir.turn is not None:
                heir.leads = True
                heir.turn.release()
        for ticket in batch:
            if ticket.done and ticket.turn is not None and not ticket.leads:
                ticket.turn.release()

    def _withdraw(self, ticket: _Ticket[Any]) -> None:
        """Our caller was interrupted: give up our place, and the lead if it is ours."""
        with self._mutex:
            if ticket not in self._waiting:
                return
            self._waiting.remove(ticket)
        if ticket.leads:
            self._hand_over([])

    def _commit(self, batch: list[_Ticket[Any]]) -> bool:
        """All of them in one transaction; False, with nothing done, when any of them fails."""
        connection = self._connection
        if connection is None:
            return False
        try:
            connection.execute("begin immediate")
            for ticket in batch:
                ticket.value = ticket.unit(connection)
            points.reach("in group commit")
            connection.execute("commit")
        except Exception:
            _rollback(connection)
            return False
        except BaseException:
            _rollback(connection)
            raise
        for ticket in batch:
            ticket.done = True
        return True

    def _commit_alone(self, ticket: _Ticket[Any]) -> None:
        connection = self._connection
        if connection is None:
            ticket.error = StoreClosed(f"{self._path}: the store was closed")
            ticket.done = True
            return
        try:
            connection.execute("begin immediate")
            ticket.value = ticket.unit(connection)
            points.reach("before commit")
            connection.execute("commit")
        except apsw.Error as error:
            _rollback(connection)
            ticket.error = translate(error, self._path)
            ticket.error.__cause__ = error
        except Exception as error:
            _rollback(connection)
            ticket.error = error
        except BaseException:
            _rollback(connection)
            raise
        ticket.done = True


def _rollback(connection: apsw.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")
