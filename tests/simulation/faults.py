"""What can go wrong with one process at its database, at any statement of it.

A tick is a statement about to run, a commit that has returned, or a named point of the engine
(`core.points`). A fault is armed for the n-th tick from now: a crash ends the process there, an
error is what the database answers to the next few statements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.database import Backend


class Crash(BaseException):
    """The process has died here: nothing of it goes on."""


class Faults:
    """The faults of one process. Once it is dead, no statement of it runs any more."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.dead = False
        self._kind: str | None = None
        self._left = 0
        self._length = 0
        self.struck: str | None = None

    def arm(self, kind: str, ticks: int, length: int = 1) -> None:
        """`kind` is "crash" or an error of the database, which lasts for `length` statements."""
        self._kind, self._left, self._length, self.struck = kind, ticks, length, None

    def disarm(self) -> None:
        self._kind = None

    def reach(self, point: str) -> None:
        """A named point, or a commit that has returned: one can die there."""
        self._tick(point, statement=False)

    def attach(self, database: Any) -> None:
        """Watch a database, as long as it is open."""
        self._backend.watch(database, lambda place: self._tick(place, statement=True))
        commits = database._commits
        run = commits.run

        def heard(unit: Callable[[Any], Any]) -> Any:
            value = run(unit)
            self.reach("committed")
            return value

        commits.run = heard

    def _tick(self, place: str, statement: bool) -> None:
        if self.dead:
            raise Crash(place)
        if self._kind is None:
            return
        self._left -= 1
        if self._left > 0:
            return
        if self._kind == "crash":
            self.dead, self.struck = True, f"crash at {place}"
            raise Crash(place)
        if statement and self._length > 0:
            self._length -= 1
            self.struck = self.struck or f"{self._kind} at {place}"
            raise self._backend.faults[self._kind](f"injected at {place}")
