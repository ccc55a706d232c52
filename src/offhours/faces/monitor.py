"""The task monitor of the background processing document, on the monitor of an app."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from offhours.app import Offhours
from offhours.core.notices import Alert
from offhours.core.times import Duration
from offhours.faces.base import MEMORY, open_app, shared
from offhours.faces.configuration import MonitoringConfig
from offhours.monitor.callbacks import Callback


class TaskMonitor:
    """Figures of the tasks of an app, of every process on its database; see `docs/monitoring.md`.

    config: thresholds, history and export; without one as the app has it
    database: a file whose tasks are watched; without one, tasks of this process's memory
    app: an `Offhours` to stand on, whose monitor then goes by `config`

    >>> from offhours import BackgroundTaskManager
    >>> with BackgroundTaskManager() as manager:
    ...     task = manager.get_task(manager.submit_task(pow, 2, 5, name="power"))
    ...     done, metrics = task.wait(10), manager.monitor.get_task_metrics("power")
    >>> metrics["successful_executions"] / metrics["total_executions"]
    1.0
    """

    def __init__(
        self,
        config: MonitoringConfig | None = None,
        *,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
    ) -> None:
        self.app = open_app(database, {}, {}) if app is None else app
        if config is not None:
            self.app.set_monitoring(asdict(config))
        self._monitor = self.app.monitor

    def get_task_metrics(self, task_name: str | None = None) -> dict[str, Any]:
        """Counts, rates and times (seconds) of a task; of every task, by name, without one.

        A task is found by its name, by its function's, or by the name that it was submitted with.
        Of one that never ran everything is zero.
        """
        return self._monitor.task_metrics(task_name)

    def get_system_metrics(self) -> dict[str, Any]:
        """The queue, the workers, CPU and memory, now."""
        return self._monitor.system_metrics()

    def get_performance_summary(self, time_window: Duration = "1h") -> dict[str, Any]:
        """All tasks in the last `time_window`: a timedelta, seconds, or text like "1h".

        To the minute up to an hour, else to the hour; at most seven days.
        """
        return self._monitor.summary(time_window)

    def get_task_trends(self, task_name: str, hours: float = 24) -> dict[str, Any]:
        """A task hour by hour. `success_rate` is 1 when nothing ran."""
        return self._monitor.trends(task_name, hours)

    def export_metrics(self, format: str = "json") -> str:  # noqa: A002  (the documented name)
        """Everything as text: "json", "csv" or "prometheus". Others raise `OptionError`."""
        return self._monitor.export(format)

    def add_alert_callback(self, callback: Callback) -> None:
        """Call `callback(alert_type, alert_data)` once per change of an alert, from now on.

        `alert_data["message"]` is the sentence; `state` is "firing", "acknowledged" or "resolved".
        A callback that raises or hangs harms nobody.
        """
        self._monitor.add_callback(callback)

    def get_alerts(self, limit: int = 50) -> list[Alert]:
        """The newest alerts, resolved ones too."""
        return self._monitor.alerts(limit)


def get_task_monitor() -> TaskMonitor:
    """The monitor of this process's task manager, `get_task_manager()`.

    A manager that you made has its own: `manager.monitor`.
    """
    return shared(_shared)


def _shared(*, app: Offhours) -> TaskMonitor:
    return TaskMonitor(app=app)
