"""The scheduled tasks of the offline optimizer's document: English or cron, and what became of it.

The engine fires them by itself; a manager creates, shows and steers them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import OptionError, TaskError
from offhours.core.model import TaskPriority
from offhours.core.times import MINUTE, Duration
from offhours.faces.backup import DEFAULT_PATH, Backup
from offhours.faces.base import MEMORY, open_app, shared
from offhours.faces.local_time import LOCAL
from offhours.faces.records import ENABLED, OURS, due_of
from offhours.faces.scheduled_task import ScheduledTask
from offhours.handles import TaskHandle
from offhours.schedules import ScheduleOptions, When


class ScheduledTaskManager:
    """Creates, shows and steers tasks that run by a schedule.

    They run while a worker runs: `get_global_task_manager()` and `BackgroundScheduler.start()`
    start one.

    storage_path: a JSON file that holds a copy of all of them, renewed after each change made here.
        What is in it but not in the database is created again at the start, unless it was deleted.
        None for no copy. A damaged file is an `InputError` that names its line; it is not touched
    database: a file that keeps the tasks; without one they live in this process's memory
    app: an `Offhours` to stand on

    >>> manager = ScheduledTaskManager()
    >>> task_id = manager.create_task("report", "", "every sunday at noon", func=print)
    >>> manager.get_task(task_id).cron_expression
    '0 12 * * 0'
    """

    def __init__(
        self,
        storage_path: str | os.PathLike[str] | None = None,
        *,
        database: str | os.PathLike[str] = MEMORY,
        app: Offhours | None = None,
    ) -> None:
        self.app = open_app(database, {}, {}) if app is None else app
        self.backup = Backup(self.app, storage_path)
        self.backup.restore()

    @property
    def storage_path(self) -> Path | None:
        """Where the copy is kept."""
        return self.backup.path

    # -- creating ---------------------------------------------------------------------------

    def create_task(
        self,
        name: str,
        description: str,
        schedule: When,
        func: Callable[..., Any] | None = None,
        func_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        timezone: str | tzinfo | None = None,
        priority: TaskPriority | int | str = TaskPriority.BACKGROUND,
        timeout: Duration | None = None,
        **options: Any,
    ) -> str:
        """Have `func(*args, **kwargs)` run by a schedule; the task's id.

        A name stands for one task: creating it again changes that task and answers the same id, so
        that a program may create its tasks at each start. Said as before, it changes nothing: a
        task that was disabled stays so.

        schedule: English (`every day at 2pm`), a cron expression, a timedelta, or a datetime (once)
        func, func_name: the function, and the name under which it is found again after a restart:
            call `create_task` or `register_function` with it at each start. Without `func_name` it
            has the function's own, which a lambda has not. Without `func` the task waits (`parked`)
            until a function of that name is known
        metadata: a small mapping, handed on to each run (`offhours.context().metadata`)
        timezone: an IANA name; the machine's own without it
        timeout: how long a run may take (no limit)
        options: those of `ScheduleOptions`, like `catch_up`, `jitter`, `retries`, `disable_after`

        An unclear schedule is a `PhraseError` with `suggestions`, a function without a usable name
        a `TaskError`; nothing is stored then.
        """
        given = {"timezone": timezone, "priority": priority, "timeout": timeout, **options}
        return self._create(
            True, name, description, schedule, func, func_name, metadata, args, kwargs, given
        ).task_id

    def create_new(
        self,
        name: str,
        description: str,
        schedule: When,
        func_name: str,
        metadata: Mapping[str, Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ScheduledTask:
        """As `create_task` for a registered function, but a name that is taken is refused."""
        given = {"priority": TaskPriority.BACKGROUND, "timeout": None, **options}
        return self._create(
            False, name, description, schedule, None, func_name, metadata, (), kwargs, given
        )

    def _create(
        self,
        replace_existing: bool,
        name: str,
        description: str,
        schedule: When,
        func: Callable[..., Any] | None,
        func_name: str | None,
        metadata: Mapping[str, Any] | None,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
        options: dict[str, Any],
    ) -> ScheduledTask:
        if OURS in (metadata or {}):
            raise OptionError(f"metadata: the key {OURS!r} is taken by this class")
        if not isinstance(name, str) or not name.strip():
            raise OptionError("name: expected a text to call the task by")
        if func is None and func_name is None:
            raise TaskError(
                f"task {name!a}: give func, or func_name for a function that is registered later"
            )
        zone = options.get("timezone") or self.app.settings.timezone or LOCAL
        said: ScheduleOptions = {
            "name": name,
            "metadata": {**(metadata or {}), OURS: {"description": str(description or "")}},
            **options,  # type: ignore[typeddict-item]
            "timezone": zone,
        }
        # Looked at first: a phrase that is refused must not leave a function behind.
        self.app.schedules.preview(schedule, timezone=zone)
        task = self.app.task_named(
            str(func_name) if func is None else self.register_function(func, func_name)
        )
        handle = self.app.schedules.add(
            task, schedule, tuple(args), kwargs, said,
            replace_existing=replace_existing, redeclare=True,
        )  # fmt: skip
        self.backup.save()
        return ScheduledTask(self.app, handle.record)

    def register_function(self, func: Callable[..., Any], func_name: str | None = None) -> str:
        """Make a function known under a name; tasks that wait for it go on. The name.

        The name must not stand for another function: that is a `TaskError`.
        """
        if isinstance(func, TaskHandle):
            if func_name in (None, func.task.name):
                return func.task.name
            func = func.function
        if not callable(func):
            raise TaskError(f"expected a function, got {func!r}")
        if func_name is not None:
            return self.app.task(name=func_name)(func).task.name
        try:
            return self.app.task(func).task.name
        except TaskError as error:
            raise TaskError(f"{error} (func_name)") from None

    # -- looking ----------------------------------------------------------------------------

    def list_tasks(self, enabled_only: bool = False) -> list[ScheduledTask]:
        """All scheduled tasks of the database, in the order of their creation."""
        return [
            ScheduledTask(self.app, record)
            for record in self.app.schedules.records()
            if record.status in ENABLED or not enabled_only
        ]

    def get_task(self, task_id: str) -> ScheduledTask | None:
        """The task with an id; None when there is none."""
        return ScheduledTask.find(self.app, task_id)

    def get_tasks_due_now(self, window_minutes: float = 0) -> list[ScheduledTask]:
        """Enabled tasks whose next run is due, or will be within so many minutes; the first first.

        While a worker runs, what is due is run at once: without a window the list is then empty.
        """
        by = self.app.clock.micros() + round(max(0, window_minutes) * MINUTE)
        due = [
            (moment, record.id, record)
            for record in self.app.schedules.records()
            if (moment := due_of(record)) is not None and moment <= by
        ]
        return [ScheduledTask(self.app, record) for _, _, record in sorted(due)]

    # -- steering ---------------------------------------------------------------------------

    def mark_task_run(
        self, task_id: str, success: bool, result: Any = None, error: str | None = None
    ) -> bool:
        """Count a run that you made yourself; what the engine runs is counted by itself.

        It counts like any other: five failures in a row disable the task. If a run was due, this
        was it. The result must be storable. False when there is no such task.
        """
        task = self.get_task(task_id)
        if task is None:
            return False
        task.handle.report_run(success, result=result, error=None if error is None else str(error))
        self.backup.save()
        return True

    def enable_task(self, task_id: str) -> bool:
        """Let a task run again, from now on; false when there is none. `IllegalMove` when it has
        ended."""
        task = self.get_task(task_id)
        if task is not None:
            task.enable()
            self.backup.save()
        return task is not None

    def disable_task(self, task_id: str, reason: str = "") -> bool:
        """Run a task no more until it is enabled; false when there is none."""
        task = self.get_task(task_id)
        if task is not None:
            task.disable(reason)
            self.backup.save()
        return task is not None

    def delete_task(self, task_id: str) -> bool:
        """Take a task away; what runs of it goes on. False when there is none."""
        task = self.get_task(task_id)
        if task is None:
            return False
        task.handle.delete()
        self.backup.save()
        return True

    # -- the copy as JSON -------------------------------------------------------------------

    def export_tasks(self, path: str | os.PathLike[str]) -> int:
        """Write all tasks to a JSON file; how many."""
        return self.backup.export(path)

    def import_tasks(self, path: str | os.PathLike[str]) -> list[str]:
        """Create the tasks of a JSON file whose names are not taken; their ids.

        What has no run left is left out. What is wrong is an `InputError` that names the file and
        the line. Functions are found by their names when this program registers them; nothing of
        the file is imported or executed.
        """
        return self.backup.take_in(path)


def _with_copy(*, app: Offhours) -> ScheduledTaskManager:
    path = os.environ.get("OFFHOURS_TASKS_FILE", DEFAULT_PATH)
    return ScheduledTaskManager(path or None, app=app)


def get_global_task_manager() -> ScheduledTaskManager:
    """The manager of this process, on the database of `get_global_scheduler()`; tasks run.

    Its copy is `./data/scheduled_tasks/tasks.json`, or the file that OFFHOURS_TASKS_FILE names;
    when that is empty there is no copy.
    """
    return shared(_with_copy)
