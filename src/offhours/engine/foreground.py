"""What this process knows of work in front."""

from __future__ import annotations

import threading
from collections.abc import Callable

from offhours.core.times import Micros


class Foreground:
    """What this process knows of foreground leases, kept fresh by its worker's rounds."""

    def __init__(self) -> None:
        self.until: Micros = 0
        self.changed = threading.Condition()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def update(self, until: Micros) -> None:
        if until != self.until:
            with self.changed:
                self.until = until
                self.changed.notify_all()
                listeners = self._listeners
            for tell in listeners:
                tell()

    def listen(self, call: Callable[[], None]) -> None:
        """Have `call` called, in whichever thread learns it, when `until` has changed."""
        with self.changed:
            self._listeners = (*self._listeners, call)

    def unlisten(self, call: Callable[[], None]) -> None:
        with self.changed:
            self._listeners = tuple(other for other in self._listeners if other != call)

    def active(self, now: Micros) -> bool:
        return self.until > now
