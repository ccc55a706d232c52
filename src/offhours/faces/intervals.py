"""Calls that are repeated: as schedules of the store, or for the life of this process."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from offhours.app import Offhours
from offhours.core.errors import ScheduleNotFound, TaskError
from offhours.core.model import JobState
from offhours.core.times import Duration, parse_duration
from offhours.engine.codec import load
from offhours.engine.lifeline import owner_name, process_is_gone
from offhours.faces.base import MEMORY, NOT_STORABLE, label
from offhours.faces.scheduled_task import ScheduledTask
from offhours.faces.tasks import BackgroundTask, TaskStatus, cancel
from offhours.known_tasks import LOCAL, is_local
from offhours.options import make_task
from offhours.schedules import ScheduleOptions

PREFIX = "schedule-"
_OWNER = "lives_with"
_log = logging.getLogger("offhours")


class RecurringTask:
    """A call that is repeated. Each attribute says what the store says at that moment."""

    def __init__(self, task: ScheduledTask, app: Offhours) -> None:
        self._task = task
        self._app = app

    @classmethod
    def find(cls, app: Offhours, task_id: str) -> RecurringTask | None:
        """The recurring task with an id like `schedule-3`; None when there is none."""
        if not str(task_id).startswith(PREFIX):
            return None
        found = ScheduledTask.find(app, str(task_id).removeprefix(PREFIX))
        return None if found is None else cls(found, app)

    @property
    def task_id(self) -> str:
        """`schedule-` and the number of the schedule."""
        return PREFIX + self._task.task_id

    @property
    def name(self) -> str:
        return self._task.name

    @property
    def status(self) -> TaskStatus:
        """Pending between two runs, running in one, cancelled when it will not run again."""
        last = self.last_run
        if last is not None and last.status is TaskStatus.RUNNING:
            return TaskStatus.RUNNING
        over = self._task.status in ("deleted", "ended")
        return TaskStatus.CANCELLED if over else TaskStatus.PENDING

    @property
    def last_run(self) -> BackgroundTask | None:
        """Its latest run; None before the first, and when that is no longer kept."""
        job = self._task.record.last_job
        return None if job is None else BackgroundTask.find(self._app, str(job))

    @property
    def result(self) -> Any:
        """What its last finished run returned."""
        return self._task.last_result

    @property
    def error(self) -> str | None:
        """Why its last finished run failed; None when it did not."""
        return self._task.last_error

    @property
    def durable(self) -> bool:
        """Whether it outlives this process."""
        local = is_local(self._task.func_name)
        return self._app.store.name != MEMORY and not local

    @property
    def run_count(self) -> int:
        return self._task.run_count

    @property
    def next_run_time(self) -> datetime | None:
        """When it runs next, aware, in local time."""
        return self._task.get_next_run_time()

    def why(self) -> str:
        """When it runs next, or why it does not, in a sentence."""
        return self._task.why()

    def cancel(self) -> bool:
        """Run it no more. True; false when it was cancelled already. A run that goes on ends."""
        record = self._task.record
        try:
            self._task.handle.delete()
        except ScheduleNotFound:
            return False
        if record.last_job is not None:
            job = self.last_run
            if job is not None and job.record.state is not JobState.RUNNING:
                cancel(self._app, job.task_id)
        if is_local(record.task):
            self._app.registry.remove(record.task)
        return True

    def __repr__(self) -> str:
        return f"<recurring task {self.task_id} {self.name}: {self.status}>"


def schedule_interval(
    app: Offhours,
    function: Callable[..., Any],
    interval: Duration,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: ScheduleOptions,
) -> RecurringTask:
    """Repeat any call. What can be stored outlives the process, all else ends with it."""
    every = timedelta(microseconds=parse_duration(interval, "interval"))
    handle = None
    if app.store.name != MEMORY:
        try:
            handle = app.schedule(function, every, args=args, kwargs=kwargs, **options)
        except NOT_STORABLE as error:
            _log.info("%s is repeated in this process only: %s", label(function), error)
    if handle is None:
        if not callable(function):
            raise TaskError(f"expected a function, got {function!r}")
        bound = functools.partial(function, *args, **kwargs)
        # The owner lets a later process tell that nobody can run it any more.
        options = {**options, "metadata": {_OWNER: owner_name("")}}
        name = f"{label(function)} {uuid4().hex[:12]}"
        options["name"] = options.get("name") or name
        task = make_task(bound, {"name": f"{LOCAL}{name}"})
        app.registry.add(task)
        try:
            handle = app.schedules.add(task, every, (), {}, options, replace_existing=False)
        except BaseException:
            app.registry.remove(task.name)
            raise
    return RecurringTask(ScheduledTask(app, handle.record), app)


def sweep(app: Offhours) -> None:
    """Take away what was to be repeated in processes that have ended."""
    for task, owner in _local_tasks(app):
        if process_is_gone(owner):
            task.cancel()


def forget_local(app: Offhours) -> list[RecurringTask]:
    """Take away what is repeated in this process only, for it ends now; what that was."""
    here = json.loads(owner_name(""))
    ended = [task for task, owner in _local_tasks(app) if json.loads(owner) == here]
    for task in ended:
        task.cancel()
    return ended


def _local_tasks(app: Offhours) -> list[tuple[RecurringTask, str]]:
    """What is repeated in single processes, each with the process."""
    found = []
    for record in app.schedules.records():
        owner = (load(record.metadata) or {}).get(_OWNER) if is_local(record.task) else None
        if isinstance(owner, str):
            found.append((RecurringTask(ScheduledTask(app, record), app), owner))
    return found
