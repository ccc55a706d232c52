"""Foreground leases that this process gives, renewed until they are left."""

from __future__ import annotations

import logging
import threading

from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError
from offhours.core.ports import Store
from offhours.core.times import HOUR, Micros
from offhours.engine.foreground import Foreground
from offhours.engine.lifeline import host_identity
from offhours.engine.loop import Loop

_log = logging.getLogger("offhours")


class ForegroundLeases:
    """Enters, renews and leaves. The thread that renews begins with the first lease."""

    def __init__(self, store: Store, clock: Clock, view: Foreground, ttl: Micros) -> None:
        self._store = store
        self._clock = clock
        self._view = view
        self._ttl = ttl
        self._mine: dict[int, str] = {}
        self._loop: Loop | None = None
        self._lock = threading.Lock()

    def enter(self, workflow: str) -> int:
        now = self._clock.micros()
        lease = self._store.enter_foreground(workflow, host_identity(), self._ttl, now)
        with self._lock:
            self._mine[lease] = workflow
            self._view.update(max(self._view.until, now + self._ttl))
            if self._loop is None:
                self._loop = Loop("foreground", self._renew, self._clock)
                self._loop.start()
            self._loop.signal.set()
        return lease

    def lend(self, workflow: str, ttl: Micros, lease: int | None) -> int:
        """A lease that nobody here renews, or one more `ttl` for it."""
        now, holder = self._clock.micros(), host_identity()
        if lease is None:
            lease = self._store.enter_foreground(workflow, holder, ttl, now)
        else:
            self._store.renew_foreground(lease, workflow, holder, ttl, now)
        self._refresh()
        return lease

    def leave(self, lease: int) -> None:
        with self._lock:
            self._mine.pop(lease, None)
            self._store.leave_foreground([lease], self._clock.micros())
        self._refresh()

    def close(self) -> None:
        """End all leases of this process."""
        with self._lock:
            mine, self._mine = sorted(self._mine), {}
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        if mine:
            try:
                self._store.leave_foreground(mine, self._clock.micros())
            except OffhoursError as error:
                _log.warning("foreground leases end by themselves: %s", error)

    def _renew(self, now: Micros) -> Micros:
        if not self._mine:
            return now + HOUR
        with self._lock:  # a lease that is left meanwhile must not come back
            for lease, workflow in self._mine.items():
                self._store.renew_foreground(lease, workflow, host_identity(), self._ttl, now)
        self._refresh()
        return now + self._ttl // 3

    def _refresh(self) -> None:
        leases = self._store.foreground(self._clock.micros())
        self._view.update(max((lease.until for lease in leases), default=0))
