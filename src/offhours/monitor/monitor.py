"""The monitor: follows the events, answers with figures, watches over rules."""

from __future__ import annotations

import logging
import os
import re
import threading
from copy import copy
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from offhours.core.admission import BackgroundLimits
from offhours.core.clock import Clock
from offhours.core.errors import OptionError
from offhours.core.notices import Alert, AlertState
from offhours.core.ports import Store
from offhours.core.times import SECOND, Duration, Micros, iso, parse_duration
from offhours.monitor.answers import metrics_of, minutes_of, summary_of, trends_of
from offhours.monitor.callbacks import Callback, Callbacks, alert_data
from offhours.monitor.export import export
from offhours.monitor.figures import Figures
from offhours.monitor.keeping import Keeping
from offhours.monitor.quiet import QuietHours
from offhours.monitor.rule import Rule
from offhours.monitor.rules import AverageTime, DeferralStorm, ErrorRate, FailuresInARow, Silence
from offhours.monitor.settings import MonitorSettings
from offhours.monitor.system import system_metrics
from offhours.monitor.view import View
from offhours.monitor.watch import MOST_ALERTS, watch

LOOK_EVERY: Micros = 5 * SECOND
BREATH: Micros = SECOND // 50
PAGES_AT_ONCE = 10

_log = logging.getLogger("offhours")


class Monitor:
    """Figures of all that runs on a store, of every process, and alerts when they go wrong.

    One process folds the events for all; the others read what it stored. `app.monitor` is the
    monitor of an app: where that works, it looks every five seconds.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> job = app.submit(len, args=("four",), name="measure")
    >>> app.drain()
    1
    >>> app.monitor.task_metrics("measure")["successful_executions"]
    1
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: MonitorSettings | None = None,
        limits: BackgroundLimits | None = None,
    ) -> None:
        self.settings = settings or MonitorSettings()
        self.rules: tuple[Rule, ...] = default_rules(self.settings)
        self.quiet: QuietHours | None = None
        self._store = store
        self._clock = clock
        self._limits = limits or BackgroundLimits()
        self._keeping = Keeping(store, self.settings.max_history_size)
        self._callbacks = Callbacks()
        self._lock = threading.RLock()

    def configure(self, settings: MonitorSettings) -> None:
        """Go on with other settings. Rules that were set by `watch` stay."""
        with self._lock:
            if self.rules == default_rules(self.settings):
                self.rules = default_rules(settings)
            self.settings = settings
            self._keeping.bound(settings.max_history_size)

    # -- watching -----------------------------------------------------------------------------

    def watch(self, *rules: Rule, quiet: QuietHours | None = None) -> None:
        """Watch over these rules, in place of those that hold by default.

        Say the same in each process that works: one of them looks for all. Two rules of one name
        raise `OptionError`.

        >>> from offhours.monitor import ErrorRate, QuietHours, Silence
        >>> from offhours.testing import memory_app
        >>> memory_app().monitor.watch(
        ...     ErrorRate(share=0.2, lasting="2m"),
        ...     Silence(longest="10m"),
        ...     quiet=QuietHours("22:00", "07:00", timezone="UTC"),
        ... )
        """
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise OptionError(f'name: two rules are called "{twice[0]}"; give each its own name')
        self.rules, self.quiet = rules, quiet

    def add_callback(self, callback: Callback) -> None:
        """Call `callback(alert_type, alert_data)` when an alert fires, is acknowledged or resolved.

        Once per change, of changes from now on, in each process that looks. It runs in a thread of
        its own: when it raises, that is logged; when it hangs, only it misses what comes.
        """
        with self._lock:
            self._callbacks.add(callback, self._store.notices.alerts(limit=MOST_ALERTS))

    def tick(self, now: Micros) -> Micros:
        """Look once, and say when to look again (microseconds since 1970)."""
        with self._lock:
            keeping = self._keeping
            if keeping.read(now):
                more = keeping.fold(PAGES_AT_ONCE)
                changed = keeping.wants_renewal(now)
                if not more and self.settings.alert_enabled:
                    changed |= self._watch(now)
                changed |= self._export_when_due(now)
                if changed:
                    keeping.store(now, keeping.id)
                if more:
                    return now + BREATH
            if self._callbacks:
                self._callbacks.look(self._store.notices.alerts(limit=MOST_ALERTS))
        return now + LOOK_EVERY

    def look(self) -> None:
        """Look now, at all that has happened: what the loop does by itself where jobs run."""
        while self.tick(self._clock.micros()) - self._clock.micros() < LOOK_EVERY // 2:
            pass

    def _watch(self, now: Micros) -> bool:
        cases = self._keeping.notes.cases
        before = {name: copy(case) for name, case in cases.items()}
        view = View(self._keeping.figures, self._store, self._limits, now)
        watch(self.rules, self.quiet, view, self._store.notices, cases)
        return before != cases

    # -- asking -------------------------------------------------------------------------------

    @property
    def figures(self) -> Figures:
        """What the events until now come to. Only for reading."""
        with self._lock:
            now = self._clock.micros()
            keeping = self._keeping
            ours = keeping.read(now)
            before = keeping.figures.seq
            keeping.fold()
            # Nobody's when it was nobody's: who only asks must not keep others from watching.
            by = keeping.id if keeping.notes.by == keeping.id else ""
            if ours and keeping.figures.seq != before and not keeping.store(now, by):
                keeping.read(now)
                keeping.fold()
            return keeping.figures

    def task_metrics(self, task: str | None = None) -> dict[str, Any]:
        """All that a task ever did (times in seconds); of every task, by name, without one.

        `task` is its name, that without its module, or a name that jobs were given. Of a task that
        never ran everything is zero.
        """
        with self._lock:
            figures = self.figures
            if task is not None:
                return metrics_of(task, figures.find(task))
            return {name: metrics_of(name, series) for name, series in figures.tasks.items()}

    def system_metrics(self) -> dict[str, Any]:
        """Jobs, workers, CPU and memory as they are now (percent, MB)."""
        return system_metrics(self._store, self._clock)

    def summary(self, window: Duration) -> dict[str, Any]:
        """All tasks in the last `window`: to the minute up to an hour, else to the hour."""
        length = parse_duration(window, "time_window")
        if length <= 0:
            raise OptionError(f"time_window: {window!r} is too short to see anything in")
        with self._lock:
            figures = self.figures
            now = self._clock.micros()
            return summary_of(figures.everything, figures.tasks, length, now)

    def minutes(self) -> dict[str, Any]:
        """All tasks in the last hour, minute by minute."""
        with self._lock:
            figures = self.figures
            return minutes_of(figures.everything, self._clock.micros())

    def trends(self, task: str, hours: float = 24) -> dict[str, Any]:
        """One task in the last `hours`, hour by hour, and whether it becomes slower."""
        if not isinstance(hours, int | float) or not 0 < hours < 1e6:
            raise OptionError(f"hours: expected a number above 0, got {hours!r}")
        with self._lock:
            return trends_of(task, self.figures.find(task), hours, self._clock.micros())

    def export(self, form: str = "json") -> str:
        """Everything as "json", "csv" (one row a task) or "prometheus" (its text format)."""
        with self._lock:
            return export(self.tables(), self.figures.tasks, form)

    def tables(self) -> dict[str, Any]:
        """What an export holds."""
        with self._lock:
            tasks = self.figures.tasks
            now = self._clock.micros()
            week = 7 * 24
            return {
                "exported_at": iso(now),
                "system": self.system_metrics(),
                "tasks": {name: metrics_of(name, series) for name, series in tasks.items()},
                "history": {
                    name: trends_of(name, series, week, now)["points"]
                    for name, series in tasks.items()
                },
                "alerts": [alert_data(alert) for alert in self.open_alerts()],
            }

    def open_alerts(self) -> list[Alert]:
        """The alerts that are not resolved, the newest first."""
        notices = self._store.notices
        return sorted(
            notices.alerts(AlertState.FIRING, MOST_ALERTS)
            + notices.alerts(AlertState.ACKNOWLEDGED, MOST_ALERTS),
            reverse=True,
        )

    def alerts(self, limit: int = 50) -> list[Alert]:
        """The newest alerts, resolved ones too."""
        return self._store.notices.alerts(limit=limit)

    def acknowledge(self, alert_id: int, by: str) -> bool:
        """Say that somebody looks after an alert; false when it is not firing."""
        return self._store.notices.acknowledge(alert_id, by, self._clock.micros())

    # -- periodic export ------------------------------------------------------------------------

    def _export_when_due(self, now: Micros) -> bool:
        settings, notes = self.settings, self._keeping.notes
        if not settings.export_enabled:
            return False
        if not notes.exported_at:
            notes.exported_at = now
            return True
        if 0 <= now - notes.exported_at < settings.export_interval_seconds * SECOND:
            return False
        name = re.sub(r"[-:]|\.\d+", "", iso(now))
        notes.exported_at = now
        try:
            self._write(Path(settings.export_folder) / f"metrics-{name}.json")
        except OSError as error:
            _log.error("the figures could not be exported, and are kept: %s", error)
        else:
            self._keeping.figures.clear_history()
        return True

    def _write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, half = mkstemp(".part", f"{file.name}.", file.parent)  # mode 0600
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(export(self.tables(), self._keeping.figures.tasks, "json"))
            os.replace(half, file)
        except BaseException:
            os.unlink(half)
            raise


def default_rules(settings: MonitorSettings) -> tuple[Rule, ...]:
    """What is watched when nobody says otherwise."""
    return (
        ErrorRate(share=settings.error_rate_threshold),
        AverageTime(seconds=settings.avg_execution_time_threshold),
        FailuresInARow(),
        DeferralStorm(),
        Silence(),
    )
