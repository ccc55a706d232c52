"""The threads that send notifications, one a route, while an app works."""

from __future__ import annotations

from offhours.core.clock import Clock
from offhours.core.ports import Store
from offhours.engine.loop import Loop
from offhours.notify.notifications import Notifications

STOP_SECONDS = 2.0


class Telling:
    """Runs each route in a thread of its own: a mail server that hangs delays no other channel."""

    def __init__(self, notifications: Notifications, store: Store, clock: Clock) -> None:
        self._store = store
        self._own = store.sibling()
        notifiers = notifications.notifiers(self._own)
        self._loops = [Loop(f"notify-{each.name}", each.tick, clock) for each in notifiers]
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """End the threads. A message in the midst of being sent is sent again later, same key."""
        for loop in self._loops:
            loop.stop(0)
        for loop in self._loops:
            loop.stop(STOP_SECONDS)
        if self._own is not self._store:
            self._own.close()
