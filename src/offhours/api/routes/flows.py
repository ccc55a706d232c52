"""`/flows`: jobs that depend on each other."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict

from offhours.api.auth import Operator, Reader
from offhours.api.context import Here
from offhours.api.routes.job_shapes import StateName
from offhours.api.shapes import (
    Cursor,
    Limit,
    Moment,
    Page,
    Shape,
    Text,
    page_of,
    problems,
    read_cursor,
)
from offhours.views import flow_dict, step_dict

router = APIRouter(prefix="/api/v1/flows", tags=["flows"], responses=problems())

FlowId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class FlowShape(Shape):
    """Jobs that were stored together, and how far they are."""

    model_config = ConfigDict(title="Flow", extra="forbid")

    id: int
    name: str
    state: Literal["pending", "running", "succeeded", "failed", "cancelled"]
    created_at: Moment
    done: int
    total: int
    states: dict[str, int]


class StepShape(Shape):
    """A step of a flow, with its latest job."""

    model_config = ConfigDict(title="Step", extra="forbid")

    step: str
    job: int
    task: str
    state: StateName
    reason: str | None


class EdgeShape(Shape):
    """A job that waits for another one; `outcome` is how that one ended."""

    model_config = ConfigDict(title="Edge", extra="forbid")

    upstream: int
    downstream: int
    if_failed: Literal["cancel", "ignore", "hold", "catch"]
    outcome: str | None


class WholeFlow(FlowShape):
    """A flow with its steps, and what waits for what."""

    model_config = ConfigDict(title="WholeFlow", extra="forbid")

    steps: list[StepShape]
    edges: list[EdgeShape]


class Because(Shape):
    """Why it is cancelled."""

    reason: Text | None = None


class From(Shape):
    """With a step, that one is done again and all behind it; else what failed."""

    step: Text | None = None


class CancelledFlow(Shape):
    """How many of its steps were not finished."""

    cancelled: int


class Again(Shape):
    """The new jobs."""

    jobs: list[int]


@router.get("", summary="List flows")
def flows(here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[FlowShape]:
    """The newest first."""
    before = read_cursor(cursor, "flows") or None
    found = here.app.flows(before, limit)
    data = [flow_dict(flow) for flow in found]
    page = page_of(data, limit, found[-1].id if found else None, "flows")
    return Page[FlowShape].model_validate(page)


@router.get("/{flow_id}", summary="One flow", responses=problems(404))
def flow(here: Here, who: Reader, flow_id: FlowId) -> WholeFlow:
    """Its steps, each with its latest job, and the edges between the jobs."""
    found = here.app.flow(flow_id)
    return WholeFlow.model_validate(
        flow_dict(found)
        | {
            "steps": [step_dict(member) for member in found.members()],
            "edges": [edge._asdict() for edge in here.app.store.flows.edges(flow_id)],
        }
    )


@router.post("/{flow_id}/cancel", summary="Cancel a flow", responses=problems(404, 409, 507))
def cancel(
    here: Here, who: Operator, flow_id: FlowId, because: Because | None = None
) -> CancelledFlow:
    """What is not finished is cancelled, or asked to stop."""
    reason = because.reason if because is not None else None
    return CancelledFlow(cancelled=here.app.flow(flow_id).cancel(reason or ""))


@router.post("/{flow_id}/retry", summary="Do it again", responses=problems(404, 409, 507))
def retry(here: Here, who: Operator, flow_id: FlowId, told: From | None = None) -> Again:
    """What failed is done again, and what fell with it; or one step, and all behind it."""
    found = here.app.flow(flow_id)
    step = told.step if told is not None else None
    jobs = found.retry() if step is None else found.restart(step)
    return Again(jobs=[job.id for job in jobs])
