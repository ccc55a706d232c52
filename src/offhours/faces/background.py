"""The task manager of the background processing document: calls with retries and timeouts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Self

from offhours.app import Offhours
from offhours.core.errors import ConfigError, NotStarted
from offhours.core.model import TaskPriority
from offhours.core.times import Duration, Moment, parse_moment, to_datetime
from offhours.faces.base import MEMORY, open_app, shared, submit
from offhours.faces.intervals import RecurringTask, forget_local, schedule_interval, sweep
from offhours.faces.local_time import LOCAL
from offhours.faces.monitor import TaskMonitor
from offhours.faces.stats import Stats
from offhours.faces.tasks import BackgroundTask, TaskStatus, cancel
from offhours.handles import SubmitOptions
from offhours.sources.configuration import read

_CALLED = {"threads": "max_workers", "max_queue_size": "queue_size", "broker": "broker_url"}


class BackgroundTaskManager:
    """Runs callables in the background from the moment it is made until `shutdown`.

    worker_type: "threaded", or "celery": functions of a module run at Celery workers
    max_workers: threads, each running one task at a time
    queue_size: most tasks that may wait, then `submit_task` raises `QueueFull`; None for no bound
    monitor_enabled: watch the tasks and raise alerts, see `monitor`; without it nothing looks, but
        what happens is recorded all the same
    broker_url: the broker of the Celery workers; without it as the environment says
    database: a file that keeps the tasks; without one they live in this process's memory
    app: an `Offhours` to stand on; its settings then hold instead of those above

    >>> with BackgroundTaskManager(max_workers=1) as manager:
    ...     task = manager.get_task(manager.submit_task(pow, 2, 5, name="power"))
    ...     task.wait(10), task.result
    (<TaskStatus.COMPLETED: 'completed'>, 32)
    """

    def __init__(
        self,
        worker_type: str = "threaded",
        max_workers: int = 4,
        queue_size: int | None = 100,
        monitor_enabled: bool = True,
        *,
        broker_url: str | None = None,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
    ) -> None:
        _check_worker_type(worker_type)
        if app is None:
            options: dict[str, Any] = {"threads": max_workers, "max_queue_size": queue_size}
            if worker_type == "celery":
                options["executor"] = "celery"
            if broker_url is not None:
                options["broker"] = broker_url
            app = open_app(database, options, _CALLED)
        self.worker_type = worker_type
        self.monitor_enabled = monitor_enabled
        self.app = app
        self._stats = Stats(app)
        self._cancelled: dict[str, RecurringTask] = {}
        sweep(app)
        app.start()
        if monitor_enabled and app.monitoring_enabled:
            app.monitor  # noqa: B018  (from now on it looks)

    def submit_task(
        self,
        func: Callable[..., Any],
        *args: Any,
        name: str | None = None,
        priority: TaskPriority | int | str = TaskPriority.NORMAL,
        max_retries: int = 0,
        timeout: Duration | None = None,
        **kwargs: Any,
    ) -> str:
        """Have `func(*args, **kwargs)` called; the task's id. Without a name it has the function's.

        max_retries: attempts after the first one fails, with growing pauses from 1 s on
        timeout: how long an attempt may take (seconds); it has then failed, whatever its thread
            still does

        Raises `QueueFull` when `queue_size` tasks wait already: nothing was submitted then.
        """
        self._check_running()
        return submit(
            self.app,
            func,
            args,
            kwargs,
            {"priority": priority, "name": name, "retries": max_retries, "timeout": timeout},
        )

    def schedule_task_once(
        self,
        func: Callable[..., Any],
        run_at: Moment,
        *args: Any,
        name: str | None = None,
        priority: TaskPriority | int | str = TaskPriority.NORMAL,
        max_retries: int = 0,
        timeout: Duration | None = None,
        **kwargs: Any,
    ) -> str:
        """Have `func(*args, **kwargs)` called at a time; the task's id. Else as `submit_task`.

        run_at: a datetime or ISO 8601 text; without a zone it is local time. What has passed is
            run at once
        """
        self._check_running()
        options: SubmitOptions = {
            "at": to_datetime(parse_moment(run_at, "run_at", LOCAL)),
            "priority": priority, "name": name, "retries": max_retries, "timeout": timeout,
        }  # fmt: skip
        return submit(self.app, func, args, kwargs, options)

    def schedule_task_interval(
        self,
        func: Callable[..., Any],
        interval: Duration,
        *args: Any,
        name: str | None = None,
        priority: TaskPriority | int | str = TaskPriority.NORMAL,
        max_retries: int = 0,
        timeout: Duration | None = None,
        **kwargs: Any,
    ) -> str:
        """Have `func(*args, **kwargs)` called again and again, first after one interval; an id.

        A run that is due while the one before goes on is left out; failures do not end it.

        On a file, a call that can be stored goes on after a restart, as soon as its function is
        known again: the same call here at each start is one recurring task, not several. In memory,
        and with a lambda, a closure or arguments that cannot be stored, it ends with this process
        (`get_task(id).durable` is then false).

        interval: a timedelta, seconds, or text like "90s" or "1h"
        """
        self._check_running()
        return schedule_interval(
            self.app, func, interval, args, kwargs,
            {
                "name": name, "priority": priority, "retries": max_retries, "timeout": timeout,
                "disable_after": None,
            },
        ).task_id  # fmt: skip

    def get_task_status(self, task_id: str) -> TaskStatus | None:
        """Where a task stands; None when no task has that id.

        A recurring task is pending between two runs.
        """
        task = self.get_task(task_id)
        return None if task is None else task.status

    def get_task(self, task_id: str) -> BackgroundTask | RecurringTask | None:
        """The task with an id; None when there is none."""
        return (
            self._cancelled.get(task_id)
            or RecurringTask.find(self.app, task_id)
            or BackgroundTask.find(self.app, task_id)
        )

    def cancel_task(self, task_id: str) -> bool:
        """True when the task will not run any more; see `BackgroundTask.cancel`.

        A recurring task is not run again; a run that goes on ends by itself.
        """
        recurring = RecurringTask.find(self.app, task_id)
        if recurring is None:
            return cancel(self.app, task_id)
        self._cancelled[task_id] = recurring
        return recurring.cancel()

    @property
    def monitor(self) -> TaskMonitor:
        """The monitor of this manager's tasks."""
        return TaskMonitor(app=self.app)

    def get_stats(self) -> dict[str, Any]:
        """How many tasks there were and are (see `Stats.read`), and the workers."""
        return {
            **self._stats.read(),
            "worker_type": self.worker_type,
            "max_workers": self.app.settings.threads,
            "running": self.app.running,
        }

    def shutdown(self, timeout: Duration | None = None) -> bool:
        """Start nothing more, and wait for what runs, for `timeout` (30 s).

        Tasks can still be asked about. True when every running task had ended. What is repeated in
        this process only ends.
        """
        self._cancelled |= {task.task_id: task for task in forget_local(self.app)}
        return self.app.stop(timeout)

    def _check_running(self) -> None:
        if not self.app.running:
            raise NotStarted(
                "this task manager was shut down; make a new one, or call get_task_manager()"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def get_task_manager() -> BackgroundTaskManager:
    """The task manager of this process, started.

    It keeps its tasks in the database that OFFHOURS_DB or a configuration file names, or in
    `offhours.db`, and shares workers, queue and statistics with `get_global_scheduler()`.
    """
    return shared(_configured)


def _configured(*, app: Offhours) -> BackgroundTaskManager:
    return BackgroundTaskManager(read()["worker_type"], app=app)


def submit_background_task(func: Callable[..., Any], *args: Any, **options: Any) -> str:
    """`get_task_manager().submit_task(...)`: the task's id."""
    return get_task_manager().submit_task(func, *args, **options)


def _check_worker_type(worker_type: str) -> None:
    if worker_type not in ("threaded", "celery"):
        raise ConfigError([f'worker_type: expected "threaded" or "celery", got {worker_type!r}'])
