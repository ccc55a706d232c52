"""Where tasks run: threads and an event loop at once, other places when a task wants them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from typing import TypeAlias

from offhours.child import CHILD
from offhours.config import Settings
from offhours.core.addresses import is_server
from offhours.core.errors import OptionError
from offhours.core.ports import Executor
from offhours.core.times import SECOND
from offhours.engine.registry import Task
from offhours.executors.inline import InlineExecutor
from offhours.executors.threads import ThreadExecutor

Place: TypeAlias = tuple[Executor, Callable[[Task], bool]]


class Places:
    """Makes the executors of a worker, each with the rule which tasks are its."""

    def __init__(self, settings: Settings, location: str) -> None:
        self._settings = settings
        self._location = location
        self._opened: set[str] = set()
        self.inline = InlineExecutor() if settings.executor == "inline" else None

    def first(self, tasks: Iterable[Task]) -> list[Place]:
        """Those of a worker that starts with these tasks."""
        if self.inline is not None:
            return [(self.inline, lambda task: True)]
        # asyncio is most of what importing us costs, and only those who work need it.
        from offhours.executors.coroutines import AsyncExecutor

        self._opened.clear()
        return [
            (
                ThreadExecutor(self._settings.threads),
                lambda task: task.executor == "thread" and not task.is_async,
            ),
            (
                AsyncExecutor(self._settings.coroutines),
                lambda task: task.executor == "thread" and task.is_async,
            ),
            *self.more(tasks),
        ]

    def more(self, tasks: Iterable[Task]) -> list[Place]:
        """Those that these tasks want and that are not there yet."""
        if self.inline is not None:
            return []
        places: list[Place] = []
        makers = {"process": self._processes, "celery": self._celery}
        for kind in {task.executor for task in tasks} - {"thread"} - self._opened:
            places.append((makers[kind](), functools.partial(_runs_on, kind)))
            self._opened.add(kind)
        return places

    def _processes(self) -> Executor:
        if os.name != "posix":
            raise OptionError('executor: "process" needs a POSIX system')
        from offhours.executors.processes import ProcessExecutor, ProcessLimits

        settings = self._settings
        limits = ProcessLimits(
            grace=settings.kill_grace / SECOND,
            max_runs=settings.max_tasks_per_child,
            max_memory=settings.max_child_memory,
        )
        return ProcessExecutor(settings.processes, CHILD, limits)

    def _celery(self) -> Executor:
        try:
            from offhours.executors.celery import CeleryExecutor
        except ImportError as missing:
            raise OptionError(
                f'executor: "celery" needs {missing.name}: pip install "offhours[celery]"'
            ) from missing
        settings = self._settings
        return CeleryExecutor(
            settings.celery_jobs,
            settings.broker,
            settings.broker_prefix,
            lease=settings.lease / SECOND,
            carry_arguments=not is_server(self._location),
        )


def _runs_on(kind: str, task: Task) -> bool:
    return task.executor == kind
