"""A job as Django's Tasks look at it."""

from __future__ import annotations

import builtins
import json
import re
import sys
from contextlib import suppress
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import ResultNotStored
from offhours.core.model import Job, JobState
from offhours.core.times import Micros, to_datetime
from offhours.integrations.django.framework import Task, TaskError, TaskResult, TaskResultStatus

_STATUS = {
    JobState.PENDING: TaskResultStatus.READY,
    JobState.HELD: TaskResultStatus.READY,
    JobState.RUNNING: TaskResultStatus.RUNNING,
    JobState.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    JobState.FAILED: TaskResultStatus.FAILED,
    JobState.CANCELLED: TaskResultStatus.FAILED,
}
_LAST_LINE = re.compile(r"^(?:[^\W\d]\w*\.)*[^\W\d]\w*(?=:|$)")
_UNKNOWN = "builtins.Exception"


def result_of(app: Offhours, job: Job, task: Task[..., Any], backend: str) -> TaskResult[Any]:
    """The result of a job, finished or not."""
    args, kwargs = json.loads(job.args)
    result: TaskResult[Any] = TaskResult(
        task=task,
        id=str(job.id),
        status=_STATUS[job.state],
        enqueued_at=to_datetime(job.created_at),
        started_at=_moment(job.started_at),
        last_attempted_at=_moment(job.started_at),
        finished_at=_moment(job.finished_at),
        args=args,
        kwargs=kwargs,
        backend=backend,
        errors=[] if job.error is None else [error_of(job.error)],
        worker_ids=_workers(app, job.id),
    )
    if job.state is JobState.SUCCEEDED:
        with suppress(ResultNotStored):
            set_return_value(result, app.result_of(job.id))
    return result


def set_return_value(result: TaskResult[Any], value: object) -> None:
    """What the function returned; the attribute is Django's own place for it."""
    object.__setattr__(result, "_return_value", value)


def error_of(text: str) -> TaskError:
    """A stored traceback. Its class is named if it is loaded here: nothing is imported for it."""
    lines = text.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    last = lines[frames[-1] + 1 :] if frames else lines
    found = _LAST_LINE.match(last[0]) if last else None
    return TaskError(exception_class_path=_path(found[0] if found else ""), traceback=text)


def _path(name: str) -> str:
    module, _, _ = name.rpartition(".")
    home = sys.modules.get(module) if module else builtins
    kind = getattr(home, name.rpartition(".")[2], None)
    if not isinstance(kind, type) or not issubclass(kind, BaseException):
        return _UNKNOWN
    return name if module else f"builtins.{name}"


def _workers(app: Offhours, job_id: int) -> list[str]:
    """The worker of each attempt."""
    started = (e for e in app.history(job_id) if e.kind == "job.started")
    return [str(event.told.get("worker", "")) for event in started]


def _moment(at: Micros | None) -> Any:
    return None if at is None else to_datetime(at)
