"""What the user holds: a task that can be submitted, and a job that can be asked about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypedDict, TypeVar, Unpack

from offhours.core.budgets import Budget
from offhours.core.carried import without
from offhours.core.errors import JobCancelled, JobFailed, OptionError, ResultNotStored
from offhours.core.events import Event
from offhours.core.flows import IfFailed
from offhours.core.model import Job, JobState, TaskPriority
from offhours.core.times import Duration, Moment, iso, to_datetime
from offhours.core.why import Why

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.engine.registry import Task

P = ParamSpec("P")
R = TypeVar("R")


class SubmitOptions(TypedDict, total=False):
    """How one job differs from its task's policy.

    priority: a `TaskPriority`, its number or its name
    name, metadata: what to call it, and a small mapping kept with it
    tags: names to find it by, kept as the list `tags` of its metadata
    delay: how long to wait first; at: when to run (aware datetime or ISO 8601), instead of delay
    expires: a job that has not started by then is cancelled (a delay from now, or a moment)
    unique: a key; while an unfinished job has it, submitting answers with that job
    on_conflict: what happens then instead: "reject" (`UniqueConflict`), "replace" (that job takes
        these arguments) or "debounce" (and its delay begins again); while it runs, these two store
        a job that waits for its end
    idempotency_key: for as long as jobs are kept, it makes one job, however often it is submitted
    queue: name of its queue
    after: jobs that it waits for: handles, numbers, or `After(job, if_failed=...)`; in a
        flow also names of steps
    concurrency_key: of the jobs that have this key, whatever their tasks, at most `per_key` (1) run
        at once, at all workers together; the others wait, and delay nobody else
    force: whether it passes those gates of its task that a person may pass; that is told
    tenant: whose it is; the jobs of tenants take turns, so that nobody's thousands delay others
    retries: attempts after the first one fails
    timeout: how long an attempt may take; None for no limit
    on_lost: "retry" (at least once) or "fail" (at most once) when its worker dies
    budget: a `Budget`, or a mapping with its fields: what this job, and by default all jobs that it
        submits, may use up; those of one call share it
    connection: store it in this connection's open transaction: rolled back, it was never there
        (of psycopg, SQLAlchemy or Django on the same PostgreSQL; else of `app.transaction()`)
    durable: False for a lambda, a closure or arguments that cannot be stored: the job then lives
        in this process only and is lost with it
    """

    priority: TaskPriority | int | str
    name: str | None
    metadata: Mapping[str, Any] | None
    tags: Collection[str] | None
    delay: Duration | None
    at: Moment | None
    expires: Moment | Duration | None
    unique: str | None
    on_conflict: str
    idempotency_key: str | None
    queue: str
    tenant: str | None
    concurrency_key: str | None
    per_key: int
    force: bool
    after: Iterable[JobHandle[Any] | After | int | str]
    retries: int
    timeout: Duration | None
    on_lost: str
    budget: Budget | Mapping[str, Any] | None
    connection: Any
    durable: bool


@dataclass(frozen=True, slots=True)
class After:
    """A job (or, in a flow, a step) that is waited for, and what its failure means.

    if_failed: "cancel" (what waits is cancelled, too), "ignore" (it runs all the same), "hold" (it
        waits until the failed job was retried and succeeds) or "catch" (it runs only if this, or
        another one that it catches, fails); a cancelled job counts as failed
    """

    job: JobHandle[Any] | int | str
    if_failed: str = "cancel"


def upstream(given: JobHandle[Any] | After | int | str) -> tuple[int | str, IfFailed]:
    """The number or the step's name, and the policy, of something that is waited for."""
    after = given if isinstance(given, After) else After(given)
    job = after.job.id if isinstance(after.job, JobHandle) else after.job
    if isinstance(job, bool) or not isinstance(job, int | str):
        raise OptionError(f"after: expected jobs, their numbers or steps, got {job!r}")
    if after.if_failed not in list(IfFailed):
        raise OptionError(f"if_failed: expected {', '.join(IfFailed)}, got {after.if_failed!r}")
    return job, IfFailed(after.if_failed)


class TaskHandle(Generic[P, R]):
    """A function that is a task: call it as before, or submit it.

    >>> import offhours
    >>> app = offhours.Offhours(":memory:", executor="inline")
    >>> @app.task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double(4), double.submit(21).result()
    (8, 42)
    """

    def __init__(
        self, app: Offhours, task: Task, function: Callable[P, R], options: SubmitOptions
    ) -> None:
        self.app = app
        self._options = options
        self.task = task
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Store a job for this call. When it returns, the job survives any crash."""
        [job] = self.app.submit_calls(self.task, [(args, kwargs)], self._options)
        return job

    def submit_many(self, calls: Iterable[tuple[Any, ...]]) -> list[JobHandle[R]]:
        """Store a job for each tuple of arguments: all in one transaction, or none.

        What cannot be stored is a `BatchError`, whose `faults` tell it of each call by its place.
        """
        return self.app.submit_calls(self.task, [(call, {}) for call in calls], self._options)

    def options(self, **options: Unpack[SubmitOptions]) -> TaskHandle[P, R]:
        """The same task, submitted otherwise: `task.options(delay="10m").submit(...)`."""
        merged: SubmitOptions = {**self._options, **options}
        self.app.check_options(self.task, merged)
        return TaskHandle(self.app, self.task, self.function, merged)

    def __repr__(self) -> str:
        return f"<task {self.task.name}>"


class JobHandle(Generic[R]):
    """A job by its number. Everything it says is read from the store at that moment."""

    def __init__(self, app: Offhours, job_id: int) -> None:
        self._app = app
        self.id = job_id

    @property
    def record(self) -> Job:
        """The stored row; `JobNotFound` when it was pruned."""
        return self._app.record(self.id)

    @property
    def status(self) -> JobState:
        return self.record.state

    @property
    def progress(self) -> dict[str, Any] | None:
        """What the task told last: `fraction`, `message` and, if given, `partial`."""
        from offhours.engine.codec import load

        told: dict[str, Any] | None = load(self.record.progress)
        return told

    @property
    def finished_at(self) -> datetime | None:
        finished = self.record.finished_at
        return None if finished is None else to_datetime(finished)

    def result(self, timeout: Duration | None = None) -> R:
        """Wait for the job and give its function's result.

        Raises `JobFailed`, `JobCancelled`, `ResultNotStored`, or `ResultTimeout` when it is not
        finished after `timeout`.
        """
        return self._app.result_of(self.id, timeout)  # type: ignore[no-any-return]

    def wait(self, timeout: Duration | None = None) -> JobState:
        """Wait until the job is finished, however it ends; `ResultTimeout` if it takes longer."""
        return self._app.wait_for(self.id, timeout).state

    def why(self) -> Why:
        """Why the job stands where it stands, and when that may change."""
        return self._app.why(self.id)

    def cancel(self, reason: str = "") -> bool:
        """Cancel it: at once (true) when it does not run, else ask it to stop (false)."""
        return self._app.cancel(self.id, reason)

    def retry(self, *, from_step: str | None = None) -> JobHandle[R]:
        """A new job that does the same and names this one. Only for a finished job.

        Steps that a failed one has done are not repeated, or those before `from_step`.
        """
        return self._app.retry(self.id, from_step=from_step)

    def children(self) -> list[JobHandle[Any]]:
        """The jobs that it has submitted while it ran."""
        return [JobHandle(self._app, number) for number in self._app.store.flows.children(self.id)]

    def signal(self, name: str, payload: object = None) -> None:
        """Send it a signal, which `ctx.wait_for_signal(name)` waits for."""
        self._app.signal(self.id, name, payload)

    def history(self) -> list[Event]:
        """What happened to it since it was submitted."""
        return self._app.history(self.id)

    def __await__(self) -> Generator[Any, None, R]:
        return self._app.result_async(self.id).__await__()

    def __repr__(self) -> str:
        return f"<job {self.id}>"


def result_of(job: Job) -> Any:
    """The result of a finished job, as its function returned it, or the error that it ended with.

    Raises `JobFailed`, `JobCancelled` or `ResultNotStored`.
    """
    from offhours.engine.codec import load

    match job.state:
        case JobState.CANCELLED:
            because = f": {job.reason}" if job.reason else ""
            raise JobCancelled(f"job {job.id} was cancelled{because}", job.id)
        case JobState.FAILED:
            error = job.error or ""
            last = error.strip().splitlines()[-1:] or ["no message"]
            message = f"job {job.id} ({job.task}) failed: {last[0]}"
            raise JobFailed(message, job.id, job.code or "", error)
    if job.result is None:
        raise ResultNotStored(f"job {job.id} succeeded, but {job.reason}", job.id)
    return load(job.result)


def job_head(job: Job) -> dict[str, Any]:
    """What lists and details tell alike of a job: RFC 3339 times."""
    return {
        "id": job.id,
        "task": job.task,
        "name": job.name,
        "state": job.state.value,
        "priority": TaskPriority(job.priority).name.lower(),
        "queue": job.queue,
        "tenant": job.tenant,
        "concurrency_key": job.concurrency_key,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "deferrals": job.deferrals,
        "created_at": iso(job.created_at),
        "run_at": iso(job.run_at),
        "started_at": iso(job.started_at),
        "finished_at": iso(job.finished_at),
        "worker": job.worker,
        "code": job.code,
        "reason": job.reason,
        "schedule": job.schedule_id,
        "retry_of": job.retry_of,
    }


def job_dict(job: Job) -> dict[str, Any]:
    """A job as JSON answers carry it: RFC 3339 times, durations with their unit."""
    from offhours.engine.codec import load

    return {
        **job_head(job),
        "crashes": job.crashes,
        "timeout_ms": None if job.timeout is None else job.timeout // 1000,
        "parent": job.parent_id,
        "expires_at": iso(job.expires_at),
        "fire_at": iso(job.fire_at),
        "metadata": _attached(load(job.metadata)),
        "progress": load(job.progress),
        "arguments": _loose(job.args),
        "result": _loose(job.result),
        "error": job.error,
    }


def _attached(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if metadata is None else without(metadata) or (None if metadata else metadata)


def _loose(text: str | None) -> Any:
    """Stored JSON as it is, tags and all: for showing, not for calling."""
    import json

    return None if text is None else json.loads(text)
