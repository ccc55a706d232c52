"""`/overview`, `/depths`, `/timeline`, `/failures`: what the page's views begin with."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from offhours.api.auth import Reader
from offhours.api.context import Here
from offhours.api.routes.job_shapes import JobRow, PriorityName
from offhours.api.shapes import Moment, Shape, problems
from offhours.core.times import MINUTE, iso

router = APIRouter(prefix="/api/v1", tags=["overview"], responses=problems())


class Counts(Shape):
    """How many jobs stand where; `pending` is `ready` and `later`."""

    ready: int
    later: int
    running: int
    held: int
    succeeded: int
    failed: int
    cancelled: int


class Holding(Shape):
    """What holds work back, and what would lift it."""

    kind: Literal["paused", "foreground"]
    scope: str
    name: str | None
    sentence: str
    since: Moment
    until: Moment | None
    lift: dict[str, str | None] | None


class DepthShape(Shape):
    """One priority: what waits there, and for how long the oldest has."""

    priority: PriorityName
    background: bool
    ready: int
    later: int
    held: int
    running: int
    oldest_wait_ms: int | None


class Coming(Shape):
    """A fire that will be."""

    schedule: int
    name: str
    task: str
    at: Moment


class WorkerShape(Shape):
    """A process that runs jobs."""

    model_config = ConfigDict(title="Worker", extra="forbid")

    id: int
    label: str
    pid: int
    alive: bool
    slots: int
    started_at: Moment
    last_sign_at: Moment
    lease_ms: int
    labels: list[str]
    version: str
    release: str | None
    tasks: list[str]


class WorkflowShape(Shape):
    """A foreground lease: background work waits until it ends."""

    model_config = ConfigDict(title="Workflow", extra="forbid")

    id: int
    workflow: str
    holder: str
    since: Moment
    until: Moment


class LastHour(Shape):
    """The runs that ended in the last hour."""

    succeeded: int
    failed: int
    error_rate: float
    per_minute: float
    p50_ms: float
    p95_ms: float
    longest_ms: float
    average_lateness_ms: float


class Health(Shape):
    """Whether work is done. `stuck`: workers live, jobs are ready, nothing starts."""

    state: Literal["ok", "idle", "no_worker", "stuck"]
    sentence: str
    workers: int


class Overview(Shape):
    """Is it fine? What happens now, what next?"""

    at: Moment
    database: str
    cursor: int
    counts: Counts
    banner: list[Holding]
    depths: list[DepthShape]
    running: list[JobRow]
    failures: list[JobRow]
    due_soon: list[Coming]
    workers: list[WorkerShape]
    workflows: list[WorkflowShape]
    alerts: int
    approvals: int
    last_hour: LastHour
    health: Health


class PastDepth(Shape):
    """One priority over time: jobs that were due and had not ended, and when one ended last."""

    priority: PriorityName
    last_finished_at: Moment | None
    depths: list[int]


class PastDepths(Shape):
    """The depths from `since` on, one for each step; the last one is at most a step old."""

    since: Moment
    at: Moment
    step_ms: int
    data: list[PastDepth]


class RunShape(Shape):
    """One run on the timeline."""

    model_config = ConfigDict(title="Run", extra="forbid")

    job: int
    task: str
    name: str | None
    state: str
    worker: int | None
    started_at: Moment
    ended_at: Moment | None


class Timeline(Shape):
    """The runs of the time before now, and the fires of the time after it."""

    since: Moment
    at: Moment
    until: Moment
    runs: list[RunShape]
    coming: list[Coming]


class Group(Shape):
    """Failures with one cause, as far as their errors tell."""

    fingerprint: str
    error: str
    code: str | None
    count: int
    tasks: list[str]
    first_at: Moment
    last_at: Moment
    newest: list[int]
    times: list[int] = Field(
        description="How many failed in each of the last 24 hours, the latest last."
    )


class Failures(Shape):
    """The newest failures, in groups; the largest first."""

    looked_at: int
    data: list[Group]


@router.get("/overview", summary="How it stands")
def get_overview(here: Here, who: Reader) -> Overview:
    """One answer with all that the first view of the page wants."""
    return Overview.model_validate(here.overview.get())


@router.get("/depths", summary="How deep it was")
def depths(here: Here, who: Reader) -> PastDepths:
    """Ready and running jobs of each priority at each minute of the last hour.

    Of a job that was tried again, the time since it was due last counts. It is computed of the jobs
    that are kept, of which it looks at the newest 20,000 for each way to end: where more ended,
    `since` is later.
    """
    return PastDepths.model_validate(here.depths.get())


@router.get("/timeline", summary="What ran, and what comes")
def timeline(
    here: Here,
    who: Reader,
    minutes: Annotated[int, Query(ge=1, le=1440)] = 60,
    ahead: Annotated[int, Query(ge=0, le=1440)] = 10,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> Timeline:
    """Runs by worker in the last minutes, and the fires of the next ones."""
    now = here.now()
    since = max(0, now - minutes * MINUTE)
    runs = here.app.store.lists.stretches(since, now, limit)
    return Timeline.model_validate(
        {
            "since": iso(since),
            "at": iso(now),
            "until": iso(now + ahead * MINUTE),
            "runs": [
                {
                    "job": run.job_id,
                    "task": run.task,
                    "name": run.name,
                    "state": run.state,
                    "worker": run.worker,
                    "started_at": iso(run.started_at),
                    "ended_at": iso(run.ended_at),
                }
                for run in runs
            ],
            "coming": here.app.schedules.coming(60 * ahead, limit),
        }
    )


@router.get("/failures", summary="What fails, by cause")
def failures(here: Here, who: Reader) -> Failures:
    """The newest 1,000 failed jobs in groups: numbers and quoted parts of an error do not count.

    `GET jobs?fingerprint=` lists the jobs of one of them.
    """
    return Failures.model_validate(here.app.failures())
