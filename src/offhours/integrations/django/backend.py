"""A backend for Django's Tasks (`django.tasks` of Django 6, or the package `django-tasks`)."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage, Error

from offhours.core.errors import InputError, JobNotFound
from offhours.core.model import TaskPriority
from offhours.core.outcomes import Defer
from offhours.engine.context import current_context
from offhours.engine.registry import task_name
from offhours.engine.runner import describe
from offhours.handles import JobHandle, SubmitOptions
from offhours.integrations.django.framework import (
    BaseTaskBackend,
    Task,
    TaskContext,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    signals,
)
from offhours.integrations.django.project import project_app
from offhours.integrations.django.results import error_of, result_of, set_return_value
from offhours.options import make_task


class OffhoursBackend(BaseTaskBackend):
    """Tasks that are enqueued here are jobs of the project's app.

        TASKS = {"default": {"BACKEND": "offhours.integrations.django.backend.OffhoursBackend"}}

    OPTIONS are those of `@app.task` (`retries`, `timeout`, ...) for all its tasks. A priority above
    50 is critical, above 0 high, below 0 low, and below -50 background work, which steps aside.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._tasks: dict[str, Task[..., Any]] = {}

    def validate_task(self, task: Task[..., Any]) -> None:
        """As ever; the first time that a task is seen it becomes one of the app's, too."""
        super().validate_task(task)
        name = task_name(task.func)
        if name not in self._tasks:
            project_app().task(name=name, **self.options)(self._run_of(task))
            self._tasks[name] = task

    def enqueue(self, task: Task[..., Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Store the job. `TypeError` for arguments that are not JSON, as Django wants it."""
        self.validate_task(task)
        args, kwargs = json.loads(json.dumps([args, kwargs]))
        options: SubmitOptions = {"priority": _priority(task.priority), "queue": task.queue_name}
        if task.run_after is not None:
            options["at"] = task.run_after
        job: JobHandle[Any] = project_app().submit(
            task_name(task.func), args=args, kwargs=kwargs, **options
        )
        result = result_of(project_app(), job.record, task, self.alias)
        signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult[Any]:
        """The job of that number, as Django looks at it."""
        try:
            job = project_app().record(int(result_id) if result_id.isdecimal() else 0)
        except JobNotFound as error:
            raise TaskResultDoesNotExist(result_id) from error
        task = self._tasks.get(job.task)
        if task is None:  # of another backend, or of a module that is not loaded here
            raise TaskResultDoesNotExist(result_id)
        return result_of(project_app(), job, task, self.alias)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Whether OPTIONS can be used."""
        try:
            make_task(_nothing, self.options)
        except (InputError, TypeError) as error:
            said = f"TASKS[{self.alias!r}] OPTIONS: {error}"
            return [Error(said, hint="they are those of @app.task", id="offhours.E003")]
        return []

    # -- runs -------------------------------------------------------------------------------

    def _run_of(self, task: Task[..., Any]) -> Callable[..., Any]:
        """The function as a task of ours: without the context, and with Django's signals."""
        function = task.func

        def begun(args: tuple[Any, ...]) -> tuple[Any, ...]:
            result = self.get_result(str(current_context().job_id))
            signals.task_started.send(type(self), task_result=result)
            return (TaskContext(task_result=result), *args) if task.takes_context else args

        if inspect.iscoroutinefunction(function):

            async def run_async(*args: Any, **kwargs: Any) -> Any:
                args = await sync_to_async(begun)(args)
                try:
                    value = await function(*args, **kwargs)
                except Exception as error:
                    await sync_to_async(self._ended)(error=error)
                    raise
                await sync_to_async(self._ended)(value)
                return value

            return _without_context(run_async, task)

        def run(*args: Any, **kwargs: Any) -> Any:
            args = begun(args)
            try:
                value = function(*args, **kwargs)
            except Exception as error:
                self._ended(error=error)
                raise
            self._ended(value)
            return value

        return _without_context(run, task)

    def _ended(self, value: Any = None, error: Exception | None = None) -> None:
        """Tell those who listen how the last attempt went; a deferral is no end."""
        context = current_context()
        if isinstance(error, Defer) or (error is not None and not context.last_attempt):
            return
        result = self.get_result(str(context.job_id))
        status = TaskResultStatus.SUCCESSFUL if error is None else TaskResultStatus.FAILED
        object.__setattr__(result, "status", status)
        set_return_value(result, value)
        if error is not None:
            result.errors.append(error_of(describe(error)))
        signals.task_finished.send(type(self), task_result=result)


def _without_context(run: Callable[..., Any], task: Task[..., Any]) -> Callable[..., Any]:
    """`run` under the name and the signature of a task's function, as callers see it."""
    functools.update_wrapper(run, task.func)
    signature = inspect.signature(task.func)
    if task.takes_context:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    run.__signature__ = signature  # type: ignore[attr-defined]
    return run


def _priority(given: int) -> TaskPriority:
    """Django's -100 to 100, where more is sooner, as one of our classes.

    >>> [_priority(number).name for number in (80, 1, 0, -50, -100)]
    ['CRITICAL', 'HIGH', 'NORMAL', 'LOW', 'BACKGROUND']
    """
    if given > 50:
        return TaskPriority.CRITICAL
    if given > 0:
        return TaskPriority.HIGH
    if given == 0:
        return TaskPriority.NORMAL
    return TaskPriority.LOW if given >= -50 else TaskPriority.BACKGROUND


def _nothing() -> None:
    """Stands for a task, to look at its options."""
