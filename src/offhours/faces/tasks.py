"""A submitted task, as the documents look at it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import IllegalMove, JobNotFound, ResultNotStored
from offhours.core.model import Job, JobState, TaskPriority
from offhours.core.times import SECOND, Duration
from offhours.engine.codec import load
from offhours.faces.base import MEMORY
from offhours.faces.local_time import local

_LONGEST_NUMBER = 18


class TaskStatus(StrEnum):
    """Where a task stands; the last three are final. A task that waits to be retried is pending.

    >>> TaskStatus("completed").value
    'completed'
    """

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


STATUS = {
    JobState.PENDING: TaskStatus.PENDING,
    JobState.HELD: TaskStatus.PENDING,
    JobState.RUNNING: TaskStatus.RUNNING,
    JobState.SUCCEEDED: TaskStatus.COMPLETED,
    JobState.FAILED: TaskStatus.FAILED,
    JobState.CANCELLED: TaskStatus.CANCELLED,
}


def id_number(task_id: object) -> int | None:
    """The number that an id stands for; None when it is no number that we give."""
    text = str(task_id)
    plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if plain else None


class BackgroundTask:
    """One task. Each attribute says what the store says at that moment."""

    def __init__(self, app: Offhours, record: Job) -> None:
        self._app = app
        self._record = record

    @classmethod
    def find(cls, app: Offhours, task_id: str) -> BackgroundTask | None:
        """The task with an id; None when there is none (any more)."""
        number = id_number(task_id)
        try:
            return None if number is None else cls(app, app.record(number))
        except JobNotFound:
            return None

    @property
    def record(self) -> Job:
        """The stored row. A final one never changes, and outlives its pruning here."""
        if not self._record.state.final:
            self._record = self._app.record(self._record.id)
        return self._record

    @property
    def task_id(self) -> str:
        """The number of the job, as in `offhours why 42`."""
        return str(self._record.id)

    @property
    def name(self) -> str:
        """The name it was given, or that of its function."""
        return self._record.name or self._record.task.rpartition(":")[2]

    @property
    def priority(self) -> TaskPriority:
        return TaskPriority(self._record.priority)

    @property
    def metadata(self) -> dict[str, Any]:
        """What was handed in with it; empty when nothing was."""
        return load(self._record.metadata) or {}

    @property
    def durable(self) -> bool:
        """Whether it outlives this process."""
        return self._record.owner is None and self._app.store.name != MEMORY

    @property
    def status(self) -> TaskStatus:
        return STATUS[self.record.state]

    @property
    def result(self) -> Any:
        """What its function returned; None until it is completed.

        Also None when the result could not be kept: `note` then says why.
        """
        if self.record.state is not JobState.SUCCEEDED:
            return None
        try:
            return self._app.result_of(self._record.id)
        except ResultNotStored:
            return None

    @property
    def note(self) -> str | None:
        """A remark on how it ended or why it waits: a lost result, a reason for cancelling."""
        return self.record.reason

    @property
    def error(self) -> str | None:
        """The traceback of the last attempt that failed, as text."""
        return self.record.error

    @property
    def attempts(self) -> int:
        """How often it was started, deferrals not counted."""
        return self.record.attempts

    @property
    def max_retries(self) -> int:
        """Attempts after the first one fails."""
        return (self._record.max_attempts or 1) - 1

    @property
    def timeout(self) -> float | None:
        """Seconds that an attempt may take; None for no limit."""
        return None if self._record.timeout is None else self._record.timeout / SECOND

    @property
    def created_at(self) -> datetime:
        """When it was submitted: aware, in local time, like the two below."""
        created = local(self._record.created_at)
        assert created is not None
        return created

    @property
    def started_at(self) -> datetime | None:
        """When its last attempt started."""
        return local(self.record.started_at)

    @property
    def finished_at(self) -> datetime | None:
        """When it became completed, failed or cancelled."""
        return local(self.record.finished_at)

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds that its last attempt took, or has taken so far; None before it started."""
        job = self.record
        if job.started_at is None or not (job.state.final or job.state is JobState.RUNNING):
            return None
        end = job.finished_at if job.finished_at is not None else self._app.clock.micros()
        return max(0, end - job.started_at) / 1000

    def why(self) -> str:
        """Why it stands where it stands, in a sentence."""
        return str(self._app.why(self._record.id))

    def wait(self, timeout: Duration | None = None) -> TaskStatus:
        """Wait until it is final; `ResultTimeout` when that takes longer."""
        return STATUS[self._app.wait_for(self._record.id, timeout).state]

    def cancel(self) -> bool:
        """True when it will not run any more.

        False when it runs already (it is asked to stop: see `ctx.checkpoint()`) or is final.
        """
        try:
            return self._app.cancel(self._record.id)
        except (IllegalMove, JobNotFound):
            return False

    def __repr__(self) -> str:
        return f"<task {self.task_id} {self.name}: {self.status}>"


def cancel(app: Offhours, task_id: str) -> bool:
    """Cancel a task by its id; false also when there is none."""
    task = BackgroundTask.find(app, task_id)
    return task is not None and task.cancel()
