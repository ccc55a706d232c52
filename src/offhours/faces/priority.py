"""The scheduler of the offline optimizer's document: priorities, and workflows that go first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from offhours.app import Offhours
from offhours.core.model import TaskPriority
from offhours.core.times import Duration
from offhours.faces.base import MEMORY, open_app, shared, submit
from offhours.faces.stats import Stats
from offhours.faces.tasks import BackgroundTask, cancel

_CALLED = {
    "threads": "num_workers",
    "max_queue_size": "max_queue_size",
    "background_throttle": "background_throttle_ms",
}


class PriorityTaskScheduler:
    """Runs callables in worker threads, the most urgent first, in order inside a priority.

    num_workers: threads, each running one task at a time
    max_queue_size: most tasks that may wait, then `submit` raises `QueueFull`; None for no bound
    background_throttle_ms: least time between the starts of two LOW or BACKGROUND tasks
    database: a file that keeps the tasks; without one they live in this process's memory
    app: an `Offhours` to stand on; its settings then hold instead of those above

    >>> with PriorityTaskScheduler(num_workers=1) as scheduler:
    ...     task = scheduler.get_task(scheduler.submit(pow, args=(2, 5)))
    ...     task.wait(10), task.result
    (<TaskStatus.COMPLETED: 'completed'>, 32)
    """

    def __init__(
        self,
        num_workers: int = 2,
        max_queue_size: int | None = 1000,
        background_throttle_ms: float = 100,
        *,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
    ) -> None:
        if app is None:
            options = {
                "threads": num_workers,
                "max_queue_size": max_queue_size,
                "background_throttle": f"{background_throttle_ms}ms",
            }
            app = open_app(database, options, _CALLED)
        self.app = app
        self._stats = Stats(app)
        self._workflows: dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin to run tasks: those that wait, and those to come."""
        self.app.start()

    def stop(self, timeout: Duration | None = None) -> bool:
        """Start nothing more, and wait for what runs, for `timeout` (30 s).

        What is not done then is handed back and waits for the next start. Workflows that were
        marked here end. True when every running task had ended.
        """
        for workflow_id in list(self._workflows):
            self.mark_workflow_inactive(workflow_id)
        return self.app.stop(timeout)

    def submit(
        self,
        func: Callable[..., Any],
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: TaskPriority | int | str = TaskPriority.NORMAL,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Have `func` called; the task's id. Without a name it has the function's.

        Raises `QueueFull` when `max_queue_size` tasks wait already: nothing was submitted then.
        """
        return submit(
            self.app,
            func,
            args,
            kwargs or {},
            {"priority": priority, "name": name, "metadata": metadata, "timeout": None},
        )

    def mark_workflow_active(self, workflow_id: str) -> None:
        """Hold LOW and BACKGROUND tasks until this workflow is inactive. Twice is once.

        It ends by itself some seconds after this process has died.
        """
        with self._lock:
            mine = self._workflows.get(workflow_id)
            if mine is not None and mine in {lease.id for lease in self.app.foreground_leases()}:
                return
            self._leave(workflow_id)  # it may have ended with a stop of the app
            self._workflows[workflow_id] = self.app.enter_foreground(workflow_id)

    def mark_workflow_inactive(self, workflow_id: str) -> None:
        """Let background tasks go on, unless another workflow is active."""
        with self._lock:
            self._leave(workflow_id)

    def _leave(self, workflow_id: str) -> None:
        lease = self._workflows.pop(workflow_id, None)
        if lease is not None:
            self.app.leave_foreground(lease)

    def has_active_workflows(self) -> bool:
        """Whether a workflow is active, in any process on the database."""
        return bool(self.app.foreground_leases())

    def get_task(self, task_id: str) -> BackgroundTask | None:
        """The task with an id; None when there is none."""
        return BackgroundTask.find(self.app, task_id)

    def cancel(self, task_id: str) -> bool:
        """True when the task will not run any more; see `BackgroundTask.cancel`."""
        return cancel(self.app, task_id)

    def get_stats(self) -> dict[str, int]:
        """How many tasks there were and are, and `active_workflows`; see `Stats.read`."""
        workflows = {lease.workflow for lease in self.app.foreground_leases()}
        return {**self._stats.read(), "active_workflows": len(workflows)}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def get_global_scheduler() -> PriorityTaskScheduler:
    """The scheduler of this process, started.

    It keeps its tasks in the database that OFFHOURS_DB names, or in `offhours.db`, and shares
    workers, queue and statistics with `get_task_manager()`.
    """
    return shared(PriorityTaskScheduler)
