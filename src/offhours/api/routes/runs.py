"""`/jobs/{id}/stack` and `/jobs/{id}/flow`: where a run stands in its code, and in a flow."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import ConfigDict

from offhours.api.auth import TenantOperator, TenantReader
from offhours.api.context import Here
from offhours.api.routes.job_shapes import JobId, job_of
from offhours.api.shapes import Shape, problems

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems(404))


class Stack(Shape):
    """The frames of a run, the innermost last; null when it does not run in this process."""

    id: int
    stack: str | None


class InFlow(Shape):
    """The flow that a job is a step of; all null when it is none of any."""

    model_config = ConfigDict(title="InFlow", extra="forbid")

    id: int
    flow: int | None
    name: str | None
    step: str | None


@router.get("/{job_id}/stack", summary="Where it is in its code")
def stack(here: Here, who: TenantOperator, job_id: JobId) -> Stack:
    """Of a job that runs in the server's own process, in a thread or as a coroutine.

    Files, lines and their text, without the values of variables.
    """
    return Stack(id=job_of(here, who, job_id).id, stack=here.app.stack(job_id))


@router.get("/{job_id}/flow", summary="Of which flow it is a step")
def flow(here: Here, who: TenantReader, job_id: JobId) -> InFlow:
    """A job is a step of one flow at most."""
    flows, job = here.app.store.flows, job_of(here, who, job_id)
    of, step = flows.flow_of(job.id) or (None, None)
    found = None if of is None else flows.flow(of)
    return InFlow(id=job.id, flow=of, name=None if found is None else found.name, step=step)
