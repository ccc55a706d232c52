"""The nouns: what a job is and where it stands. Everything here is frozen.

Records are named tuples because they are rows: the store decodes thousands a second into them.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from offhours.core.errors import PriorityError
from offhours.core.times import Micros

MAX_CRASHES = 3


class TaskPriority(IntEnum):
    """Smaller runs first; FIFO inside one. `LOW` and below are the background class."""

    CRITICAL = 0
    HIGH = 10
    NORMAL = 50
    LOW = 90
    BACKGROUND = 100

    @classmethod
    def parse(cls, value: object) -> TaskPriority:
        """A priority from itself, its number or its name."""
        if isinstance(value, str) and value.upper() in cls.__members__:
            return cls[value.upper()]
        if isinstance(value, int) and not isinstance(value, bool) and value in _BY_NUMBER:
            return _BY_NUMBER[value]
        names = ", ".join(f"{p.name}={p.value}" for p in cls)
        raise PriorityError(f"priority: {value!r} is not one of {names}")


_BY_NUMBER = {p.value: p for p in TaskPriority}
BACKGROUND_CLASS = TaskPriority.LOW
# From which priority a job that has waited for long moves to which.
AGEING = (
    (TaskPriority.NORMAL, TaskPriority.HIGH),
    (TaskPriority.BACKGROUND, TaskPriority.LOW),
)


class JobState(StrEnum):
    """Where a job stands. The last three are final and never left."""

    PENDING = "pending"
    HELD = "held"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class NewJob(NamedTuple):
    """A request, checked and encoded, ready to be stored.

    Without `max_attempts` the job follows its task's policy (attempts and timeout), wherever it
    runs: who submits by name need not know it.
    """

    task: str
    args: str
    priority: int
    run_at: Micros
    max_attempts: int | None
    queue: str = "default"
    timeout: Micros | None = None
    name: str | None = None
    metadata: str | None = None
    unique_key: str | None = None
    on_lost: str = "retry"
    owner: str | None = None
    retry_of: int | None = None
    expires_at: Micros | None = None
    schedule_id: int | None = None
    fire_at: Micros | None = None
    tenant: str | None = None
    parent_id: int | None = None
    concurrency_key: str | None = None
    per_key: int | None = None


class Job(NamedTuple):
    """One durable request and where it stands; times and durations in microseconds.

    `attempt` numbers the claims and is the fencing token: a result that carries an older one is
    refused. `returned` counts the claims that spent nothing (deferrals, hand-backs). `begun` tells
    a run that was seen going on from a job that may still wait in its worker's buffer. A job that a
    schedule made names it, and the instant (`fire_at`) for which it was made. Jobs of one `tenant`
    do not make those of another wait: they take turns. `parent_id` is the job that submitted it
    while it ran. Of those with its `concurrency_key`, at most `per_key` run at once.
    """

    id: int
    task: str
    args: str
    priority: int
    max_attempts: int | None
    queue: str
    timeout: Micros | None
    name: str | None
    metadata: str | None
    unique_key: str | None
    on_lost: str
    owner: str | None
    retry_of: int | None
    expires_at: Micros | None
    schedule_id: int | None
    fire_at: Micros | None
    tenant: str | None
    parent_id: int | None
    concurrency_key: str | None
    per_key: int | None
    created_at: Micros
    state: JobState
    run_at: Micros
    attempt: int
    returned: int
    crashes: int
    deferrals: int
    worker: int | None
    begun: int
    started_at: Micros | None
    finished_at: Micros | None
    result: str | None
    error: str | None
    code: str | None
    reason: str | None
    progress: str | None
    cancel_at: Micros | None

    @property
    def attempts(self) -> int:
        """Attempts that count: neither deferrals nor hand-backs."""
        return self.attempt - self.returned

    @property
    def spent(self) -> int:
        """Attempts that count against `max_attempts`: crashes have their own limit."""
        return self.attempts - self.crashes

    @property
    def background(self) -> bool:
        return self.priority >= BACKGROUND_CLASS


class Claimed(NamedTuple):
    """The part of a job that running it needs. `attempt` is already this run's own."""

    id: int
    task: str
    args: str
    priority: int
    max_attempts: int | None
    timeout: Micros | None
    name: str | None
    metadata: str | None
    on_lost: str
    created_at: Micros
    attempt: int
    returned: int
    crashes: int
    deferrals: int
    progress: str | None
    cancel_at: Micros | None
    schedule_id: int | None = None
    fire_at: Micros | None = None
    tenant: str | None = None

    @property
    def spent(self) -> int:
        return self.attempt - self.returned - self.crashes


class WorkerInfo(NamedTuple):
    """A process that runs jobs. `beat` grows with each heartbeat; it is what proves life.

    `tasks` and `labels` are JSON lists. `version` is that of Offhours, `release` that of the
    application, if it told one.
    """

    id: int
    label: str
    host: str
    pid: int
    pid_started: str
    address: str
    tasks: str
    slots: int
    started_at: Micros
    beat: int
    beat_at: Micros
    lease: Micros
    labels: str = "[]"
    version: str = ""
    release: str | None = None

    def beats(self, now: Micros) -> bool:
        """Whether its last heartbeat is within its lease."""
        return now - self.beat_at <= self.lease


class ForegroundLease(NamedTuple):
    """A workflow of the person in front. It ends by itself unless it is renewed."""

    id: int
    workflow: str
    holder: str
    since: Micros
    until: Micros
