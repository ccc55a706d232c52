"""What an app does beside its worker, on threads of its own: it notifies, and it watches."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from offhours.core.admission import BackgroundLimits
from offhours.core.clock import Clock
from offhours.core.ports import Store
from offhours.engine.loop import Loop

if TYPE_CHECKING:
    from offhours.monitor import Monitor
    from offhours.notify.notifications import Notifications
    from offhours.notify.route import HasRoutes, Route

STOP_SECONDS = 2.0


class Beside:
    """The rooms that live while an app works. Nobody pays for one before it is asked for."""

    def __init__(self, store: Store, clock: Clock, limits: BackgroundLimits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._chosen: Mapping[str, Any] = {}  # what was configured of the monitor
        self._monitor: Monitor | None = None
        self._notifications: Notifications | None = None
        self._watching: Loop | None = None
        self._telling: list[Loop] = []
        self._own: Store | None = None  # connections that no slow mail server keeps from others
        self._working = False
        self._lock = threading.RLock()

    def start(self) -> None:
        """The app works now."""
        with self._lock:
            self._working = True
            self._tell()
            self._watch()

    def stop(self) -> None:
        """End the threads. A message in the midst of being sent is sent again later, same key."""
        with self._lock:
            self._working = False
            watching, self._watching = self._watching, None
            self._hush()
        if watching is not None:
            watching.stop()

    def notify(
        self, routes: Sequence[Route | HasRoutes], instead: Collection[str] = ()
    ) -> Notifications:
        """Add routes, in the place of those that are named; they are used from now on."""
        from offhours.notify.notifications import Notifications
        from offhours.notify.route import all_routes

        with self._lock:
            if self._notifications is None:
                self._notifications = Notifications(self._store, self._clock)
            self._hush()
            self._notifications.drop(instead)
            self._notifications.add(all_routes(routes))
            self._tell()
            return self._notifications

    @property
    def notifications(self) -> Notifications | None:
        """What goes by the routes; None while there is none."""
        return self._notifications

    @property
    def monitor(self) -> Monitor:
        """The monitor, made when it is first asked for."""
        with self._lock:
            if self._monitor is None:
                from offhours.monitor import Monitor, MonitorSettings

                settings = MonitorSettings.of(self._chosen)
                self._monitor = Monitor(self._store, self._clock, settings, self._limits)
            self._watch()
            return self._monitor

    @property
    def monitoring_enabled(self) -> bool:
        """Whether the configuration lets this process watch without being asked to."""
        return bool(self._chosen.get("enabled", True))

    def set_monitoring(self, chosen: Mapping[str, Any]) -> None:
        """Take settings of the monitor; with any of them it is there whenever the app works."""
        from offhours.monitor import MonitorSettings

        settings = MonitorSettings.of(chosen)
        with self._lock:
            self._chosen = dict(chosen)
            if self._monitor is not None:
                self._monitor.configure(settings)
            self._watch()

    def _watch(self) -> None:
        if not self._working or self._watching is not None:
            return
        if self._monitor is None:
            if self._chosen and self.monitoring_enabled:
                self.monitor  # noqa: B018  (it comes back here)
            return
        self._watching = Loop("monitor", self._monitor.tick, self._clock)
        self._watching.start()

    def _tell(self) -> None:
        """A thread for each route: a mail server that hangs delays no other channel."""
        if not self._working or self._notifications is None or self._telling:
            return
        self._own = self._store.sibling()
        for notifier in self._notifications.notifiers(self._own):
            loop = Loop(f"notify-{notifier.name}", notifier.tick, self._clock)
            self._telling.append(loop)
            loop.start()

    def _hush(self) -> None:
        loops, self._telling = self._telling, []
        for loop in loops:
            loop.stop(0)
        for loop in loops:
            loop.stop(STOP_SECONDS)
        own, self._own = self._own, None
        if own is not None and own is not self._store:
            own.close()
