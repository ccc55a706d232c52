"""What holds work back and lets it go: limits, pauses, foreground leases; tasks and queues."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from offhours.api.auth import Admin, Operator, Reader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import PriorityName
from offhours.api.routes.overview import WorkerShape, WorkflowShape
from offhours.api.shapes import Moment, Shape, Span, Text, problems
from offhours.core.errors import OptionError
from offhours.core.limits import Scope
from offhours.core.times import MINUTE, SECOND, parse_duration
from offhours.known_tasks import is_local, task_counts
from offhours.looking import bounds
from offhours.views import lease_dict, limit_dict, worker_dict

router = APIRouter(prefix="/api/v1", tags=["steering"], responses=problems())

LONGEST_LEASE = 10 * MINUTE


class LimitShape(Shape):
    """What one queue, task or all work may do at most, and whether it is paused."""

    model_config = ConfigDict(title="Limit", extra="forbid")

    scope: Literal["all", "queue", "task"]
    name: str | None
    concurrency: int | None
    rate: int | None
    per_ms: int | None
    paused_at: Moment | None
    reason: str | None
    declared: bool


class Limits(Shape):
    """All limits and pauses that hold."""

    data: list[LimitShape]


class Subject(Shape):
    """A queue or a task; without either, all work."""

    queue: Text | None = None
    task: Text | None = None


class Pause(Subject):
    """What is to be paused, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"queue": "mail", "reason": "bounces"}]}
    )
    reason: str = Field("", max_length=500, pattern=r"^[^\x00]*$")


class Stop(Shape):
    """Why everything is stopped."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the wrong list was loaded"}]}
    )
    reason: str = Field(default="everything was stopped", max_length=500, pattern=r"^[^\x00]*$")


class Stopped(Shape):
    """How many running jobs were asked to stop."""

    stopped: int


class NewLimit(Subject):
    """So many at once, so many in a time; without either, no limit any more."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"queue": "mail", "concurrency": 3, "rate": "10/s"}]},
    )
    concurrency: int | None = Field(None, ge=1, le=1_000_000_000)
    rate: str | None = Field(None, max_length=64)


class Changed(Shape):
    """Whether anything was changed: false when it stood like that already."""

    changed: bool


class Workers(Shape):
    """The processes that work on this store."""

    data: list[WorkerShape]


class Workflows(Shape):
    """The foreground leases that live now."""

    data: list[WorkflowShape]


class NewWorkflow(Shape):
    """A foreground lease: background work waits until it ends, or is left."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"workflow": "wf_123", "ttl": "30s"}]}
    )
    workflow: Text
    ttl: Span = Field(30, description="When it ends unless it is renewed; at most 10 minutes.")


class TaskShape(Shape):
    """A task, who can run it, and how its latest jobs went."""

    model_config = ConfigDict(title="Task", extra="forbid")

    task: str
    workers: int
    here: bool = Field(description="Whether this server's own process knows it.")
    recent_jobs: int
    recent_failed: int
    paused: bool
    concurrency: int | None
    rate: str | None


class Tasks(Shape):
    """The tasks that can be submitted, and those of the latest jobs."""

    data: list[TaskShape]


class QueueShape(Shape):
    """A queue: what waits in it, by priority, and what holds it back."""

    model_config = ConfigDict(title="Queue", extra="forbid")

    queue: str
    ready: int
    later: int
    held: int
    running: int
    by_priority: dict[PriorityName, int]
    oldest_wait_ms: int | None
    paused_at: Moment | None
    reason: str | None
    concurrency: int | None
    rate: str | None


class Queues(Shape):
    """The queues that have unfinished jobs or a limit."""

    data: list[QueueShape]


@router.get("/limits", summary="List limits and pauses")
def limits(here: Here, who: Reader) -> Limits:
    """What holds for all processes together."""
    return Limits.model_validate({"data": [limit_dict(each) for each in here.app.limits()]})


@router.put("/limits", summary="Limit a queue, a task or all work", responses=problems(507))
def set_limit(here: Here, who: Admin, new: NewLimit) -> Limits:
    """In all processes together. Without concurrency and rate the limit is lifted."""
    here.app.limit(queue=new.queue, task=new.task, concurrency=new.concurrency, rate=new.rate)
    return limits(here, who)


@router.post("/pause", summary="Let nothing start", responses=problems(507))
def pause(here: Here, who: Operator, what: Pause) -> Changed:
    """Of a queue, of a task, or nothing at all. What runs goes on."""
    changed = here.app.pause(queue=what.queue, task=what.task, reason=what.reason)
    return Changed(changed=changed)


@router.post("/resume", summary="End a pause", responses=problems(507))
def resume(here: Here, who: Operator, what: Subject | None = None) -> Changed:
    """Of a queue, of a task, or that of all work."""
    chosen = what or Subject()
    return Changed(changed=here.app.resume(queue=chosen.queue, task=chosen.task))


@router.post("/stop", summary="Stop everything", responses=problems(507))
def stop(here: Here, who: Operator, why: Stop | None = None) -> Stopped:
    """The kill switch: nothing starts any more, anywhere, and all that runs is asked to stop.

    `POST resume` ends the pause; what was stopped is cancelled, and may be retried.
    """
    return Stopped(stopped=here.app.stop_all((why or Stop()).reason))


@router.get("/workers", tags=["workers"], summary="List workers")
def workers(here: Here, who: Reader) -> Workers:
    """`alive` is told by the process on this host, by its heartbeat elsewhere."""
    now = here.now()
    return Workers.model_validate(
        {"data": [worker_dict(worker, now) for worker in here.app.workers()]}
    )


@router.get("/workflows", tags=["workflows"], summary="List foreground leases")
def workflows(here: Here, who: Reader) -> Workflows:
    """While any lives, no background job starts."""
    return Workflows.model_validate({"data": [lease_dict(e) for e in here.app.foreground_leases()]})


@router.post(
    "/workflows", tags=["workflows"], status_code=201, summary="Begin a foreground workflow",
    responses=problems(507),
)  # fmt: skip
def enter(here: Here, who: Operator, new: NewWorkflow) -> WorkflowShape:
    """The lease ends by itself after `ttl`: renew it while the workflow goes on."""
    return _lease(here, here.app.hold_foreground(new.workflow, _ttl(new.ttl)))


LeaseId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.post(
    "/workflows/{lease}/renew", tags=["workflows"], summary="Renew a lease",
    responses=problems(404, 507),
)  # fmt: skip
def renew(here: Here, who: Operator, lease: LeaseId, new: NewWorkflow) -> WorkflowShape:
    """For one more `ttl` from now. One that has ended is not there any more."""
    _lease(here, lease)
    return _lease(here, here.app.hold_foreground(new.workflow, _ttl(new.ttl), lease))


@router.delete(
    "/workflows/{lease}", tags=["workflows"], status_code=204, summary="End a lease",
    responses=problems(404, 507),
)  # fmt: skip
def leave(here: Here, who: Operator, lease: LeaseId) -> None:
    """Background work goes on when no other lease lives."""
    _lease(here, lease)
    here.app.leave_foreground(lease)


def _ttl(value: float | str) -> float:
    micros = parse_duration(value, "ttl")
    if not SECOND // 10 <= micros <= LONGEST_LEASE:
        raise OptionError("ttl: expected 0.1 s to 10 minutes; renew the lease to hold it longer")
    return micros / SECOND


def _lease(here: Here, lease: int) -> WorkflowShape:
    found = next((each for each in here.app.foreground_leases() if each.id == lease), None)
    if found is None:
        raise Problem(404, "not_found", f"no foreground lease {lease} lives", "begin a new one")
    return WorkflowShape.model_validate(lease_dict(found))


@router.get("/tasks", tags=["tasks"], summary="List tasks")
def tasks(here: Here, who: Reader) -> Tasks:
    """Those that this process or a worker knows, and those of the latest 500 jobs."""
    known = {n for n in here.app.registry.names() if not is_local(n)}
    counts = {count.task: count for count in task_counts(here.app)}
    held = {limit.name: limit for limit in here.app.limits() if limit.scope == Scope.TASK}
    found = []
    for name in sorted({*known, *counts}):
        count, limit = counts.get(name), held.get(name)
        found.append(
            {
                "task": name,
                "workers": count.workers if count else 0,
                "here": name in known,
                "recent_jobs": count.recent_jobs if count else 0,
                "recent_failed": count.recent_failed if count else 0,
                "paused": limit is not None and limit.paused_at is not None,
                **bounds(limit),
            }
        )
    return Tasks.model_validate({"data": found})


@router.get("/queues", tags=["queues"], summary="List queues")
def queues(here: Here, who: Reader) -> Queues:
    """What waits where, since when, and what holds it back."""
    return Queues.model_validate({"data": here.app.queues()})
