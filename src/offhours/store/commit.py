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
    __slots__ = ("done", "error", "unit", "value")

    def __init__(self, unit: Unit[T]) -> None:
        self.unit = unit
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None


class GroupCommit:
    """Runs units of work on one connection, each wholly or not at all.

    A unit may be run twice (when another in its transaction failed), so it must only touch the
    database.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.lock = threading.RLock()
        self._connection: apsw.Connection | None = connection
        self._path = path
        self._waiting: deque[_Ticket[Any]] = deque()

    def run(self, unit: Unit[T]) -> T:
        ticket = _Ticket(unit)
        self._waiting.append(ticket)
        with self.lock:
            while not ticket.done:
                self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.value  # type: ignore[return-value]

    def close(self) -> None:
        """Finish what waits, then refuse everything after."""
        with self.lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _lead(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
        try:
            if len(batch) == 1 or not self._commit(batch):
                for ticket in batch:
                    self._commit_alone(ticket)
        finally:
            # Only an interrupt leaves tickets undone: their callers lead the next round.
            self._waiting.extendleft(t for t in reversed(batch) if not t.done)

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
