"""Requests as foreground work: one lease for all that a process answers at a time."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from offhours.core.errors import NotStarted, StoreClosed
from offhours.core.times import HOUR, Duration, Micros, parse_duration
from offhours.engine.loop import Loop
from offhours.integrations.processes import PerProcess

if TYPE_CHECKING:
    from offhours.app import Offhours

WORKFLOW = "web"
LINGER = "1s"


class InFront:
    """While somebody is inside, and for `linger` after the last one, background work waits.

    Who enters is counted and nothing else: a thread holds the lease, renews it and gives it back,
    so that no request ever waits for the database, or fails with it. The lease is there a moment
    after the first request of a busy time, and one lease serves all of that time.

    workflow: what `why` calls it

    >>> from offhours.testing import memory_app
    >>> in_front = InFront(memory_app())
    >>> with in_front:
    ...     in_front.inside
    1
    """

    def __init__(self, app: Offhours, workflow: str = WORKFLOW, linger: Duration = LINGER) -> None:
        span = parse_duration(linger, "linger")
        self._mine = PerProcess(lambda: _Holder(app, workflow, span))

    @property
    def inside(self) -> int:
        """How many are inside, in this process."""
        holder = self._mine.made
        return 0 if holder is None else holder.inside

    def enter(self) -> None:
        """Somebody has come; call `leave` once for each."""
        self._mine.get().enter()

    def leave(self) -> None:
        """Somebody goes."""
        holder = self._mine.made
        if holder is not None:  # None: they came before a fork
            holder.leave()

    def close(self) -> None:
        """Give the lease back, whoever is inside."""
        holder = self._mine.made
        self._mine.forget()
        if holder is not None:
            holder.close()

    def __enter__(self) -> None:
        self.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


class _Holder:
    """Counts those who are inside of one process, and holds their lease."""

    def __init__(self, app: Offhours, workflow: str, linger: Micros) -> None:
        self._app = app
        self._workflow = workflow
        self._linger = linger
        self._lock = threading.Lock()
        self._last: Micros = 0
        self._held = False  # or asked for
        self._lease: int | None = None
        self.inside = 0
        self._loop = Loop("requests", self._look, app.clock)
        self._loop.start()

    def enter(self) -> None:
        with self._lock:
            self.inside += 1
            known, self._held = self._held, True
        if not known:
            self._loop.signal.set()

    def leave(self) -> None:
        with self._lock:
            self.inside = max(0, self.inside - 1)  # they may have come before a close
            if not self.inside:
                self._last = self._app.clock.micros()

    def close(self) -> None:
        self._loop.stop()
        self._give_back()

    def _look(self, now: Micros) -> Micros:
        with self._lock:
            if not self.inside and self._last + self._linger <= now:
                self._held = False
            held, until = self._held, now if self.inside else self._last
        try:
            if held and self._lease is None:
                self._lease = self._app.enter_foreground(self._workflow)
        except (NotStarted, StoreClosed):  # the app was closed: nothing is in anybody's way
            return now + HOUR
        if held:
            return until + self._linger
        self._give_back()
        return now + HOUR

    def _give_back(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            with suppress(StoreClosed):  # it has ended with the app
                self._app.leave_foreground(lease)
