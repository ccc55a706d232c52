"""What is being worked on in this thread or coroutine: the job, and the workflow it serves."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

Place = tuple[str | None, str | None]


class RunningJob(Protocol):
    """What a running job tells of itself to whoever looks from below."""

    job_id: int
    task: str
    attempt: int
    worker: int | None

    @property
    def trace_id(self) -> str | None: ...


@dataclass(slots=True)
class Via:
    """The way by which somebody acts: a face ("api", "page", "cli", "mcp"), and the request.

    told: whether anything that was done by it stands in the audit log
    """

    face: str
    request: str | None = None
    address: str | None = None
    tenant: str | None = None
    told: bool = False


# The defaults make them readable in threads that never set them.
running: ContextVar[Any] = ContextVar("offhours_context", default=None)
actor: ContextVar[str | None] = ContextVar("offhours_actor", default=None)
via: ContextVar[Via | None] = ContextVar("offhours_via", default=None)
place: ContextVar[Place | None] = ContextVar("offhours_recorder_place", default=None)


class Correlation(NamedTuple):
    """By what the traces of one piece of work are found again; None where there is none."""

    job: int | None
    attempt: int | None
    task: str | None
    worker: int | None
    workflow: str | None
    trace_id: str | None


def correlation() -> Correlation:
    """What is being worked on here.

    >>> correlation().job is None
    True
    """
    job: RunningJob | None = running.get()
    where = place.get()
    workflow = None if where is None else where[0]
    if job is None:
        return Correlation(None, None, None, None, workflow, None)
    return Correlation(job.job_id, job.attempt, job.task, job.worker, workflow, job.trace_id)
