"""The background scheduler loop of the offline optimizer's document: it sees that tasks run.

The engine fires what is due at its moment and needs no loop. The checks here are a net: they wake
a worker for what is overdue, and keep the copy of the task manager current.
"""

from __future__ import annotations

import threading
from typing import Any, Self

from offhours.app import Offhours
from offhours.core.clock import Signal
from offhours.core.errors import ConfigError
from offhours.core.times import SECOND, Duration, Micros, parse_duration
from offhours.engine.loop import Loop
from offhours.faces.base import is_shared, shared_app
from offhours.faces.loop_stats import FireStats
from offhours.faces.scheduled import ScheduledTaskManager, get_global_task_manager

_SHORTEST: Micros = SECOND // 100


class BackgroundScheduler:
    """Runs scheduled tasks in this process, out of the way of workflows.

    check_interval_seconds: how often it looks for what is overdue. Tasks do not wait for that: they
        run at their moment
    max_concurrent_tasks: LOW and BACKGROUND tasks that run at once, scheduled ones (BACKGROUND,
        unless created otherwise) and all others on the database; set by `start()`
    task_manager: whose tasks; without it and `app`, those of `get_global_task_manager()`
    app: an `Offhours` to stand on

    >>> from offhours.testing import memory_app
    >>> with BackgroundScheduler(app=memory_app()) as scheduler:
    ...     scheduler.get_stats()["tasks_executed"]
    0
    """

    def __init__(
        self,
        check_interval_seconds: Duration = 30,
        max_concurrent_tasks: int = 1,
        task_manager: ScheduledTaskManager | None = None,
        *,
        app: Offhours | None = None,
    ) -> None:
        self._interval = max(
            _SHORTEST, parse_duration(check_interval_seconds, "check_interval_seconds")
        )
        if not isinstance(max_concurrent_tasks, int) or max_concurrent_tasks < 1:
            raise ConfigError(
                [f"max_concurrent_tasks: expected a whole number from 1 on, "
                 f"got {max_concurrent_tasks!r}"]
            )  # fmt: skip
        if app is None:
            app = shared_app() if task_manager is None else task_manager.app
        self.app = app
        self.task_manager = task_manager
        self.max_concurrent_tasks = max_concurrent_tasks
        self._fires = FireStats(app)
        self._checks = 0
        self._loop: Loop | None = None
        self._lock = threading.Lock()

    @property
    def _running(self) -> bool:
        return self._loop is not None and self.app.running

    def start(self) -> None:
        """Begin to run scheduled tasks, and all else that waits in the database. Twice is once."""
        with self._lock:
            self.app.limit_background(self.max_concurrent_tasks)
            if self.task_manager is None and is_shared(self.app):
                self.task_manager = get_global_task_manager()
            self.app.start()
            if self._loop is None:
                self._loop = Loop("scheduler", self._tick, self.app.clock, Signal())
                self._loop.start()

    def stop(self, timeout: Duration | None = None) -> bool:
        """Start nothing more, and wait for what runs, for `timeout` (30 s).

        It stops the worker of its app, also for the other classes on it. True when every running
        task had ended.
        """
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        return self.app.stop(timeout)

    def check(self) -> int:
        """Look now: wake a worker for tasks that are overdue, and renew the task manager's copy.
        How many are overdue."""
        due = self.app.store.schedules.due_between(0, self.app.clock.micros())
        if due:
            self.app.wake_workers()
        if self.task_manager is not None:
            self.task_manager.backup.save_if_changed()
        self._checks += 1
        return len(due)

    def _tick(self, now: Micros) -> Micros:
        if self.app.running:
            self.check()
        return now + self._interval

    def get_stats(self) -> dict[str, Any]:
        """What became of the scheduled tasks, as far back as the database keeps it (7 days), in all
        processes on it; `checks_performed` is of this object alone.

        tasks_executed: runs that ended, by success (`tasks_succeeded`) or failure (`tasks_failed`)
        tasks_skipped: fires that made no run
        tasks_skipped_due_to_workflows: fires whose run had to wait because a workflow was active,
            or that made none because such a run was still waiting
        tasks_running, tasks_waiting: runs that go on now, and that wait to be started
        """
        return {
            "checks_performed": self._checks,
            **self._fires.read(),
            "check_interval_seconds": self._interval / SECOND,
            "max_concurrent_tasks": self.max_concurrent_tasks,
            "running": self._running,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def get_global_background_scheduler() -> BackgroundScheduler:
    """The background scheduler of this process, on the database of `get_global_task_manager()`.

    It runs nothing before its `start()`, or `start_background_scheduler()`.
    """
    return shared_app().face(BackgroundScheduler)


def start_background_scheduler() -> BackgroundScheduler:
    """Start the background scheduler of this process; the same one however often it is called."""
    scheduler = get_global_background_scheduler()
    scheduler.start()
    return scheduler
