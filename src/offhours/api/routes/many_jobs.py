"""`/jobs:cancel` and `/jobs:retry`: many at once, counted first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from offhours.api.auth import TenantOperator
from offhours.api.context import Here, Server
from offhours.api.operations import operation_dict
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import (
    Filter,
)
from offhours.api.routes.operations import OperationShape
from offhours.api.shapes import (
    MOST_AT_ONCE,
    Number,
    Shape,
    problems,
)
from offhours.api.tokens import Principal
from offhours.core.errors import OptionError
from offhours.core.model import JobState

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems())


class Several(Shape):
    """Jobs by their numbers or by a filter. Without `confirm` they are only counted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"filter": {"state": ["failed"], "task": ["shop:mail"]}, "confirm": 12}]
        },
    )
    ids: list[Number] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    filter: Filter | None = None
    reason: str = Field("", max_length=500)
    confirm: int | None = Field(None, ge=0, description="The count that the first call told.")


class Counted(Shape):
    """How many jobs are meant. Nothing was done yet."""

    count: int
    confirm: str = "send it again with `confirm` set to `count`"


_BULK: dict[int | str, dict[str, Any]] = {
    **problems(409, 507),
    202: {"model": OperationShape, "description": "It has begun; `Location` tells how far it is."},
}


@router.post(":cancel", response_model=Counted, summary="Cancel many", responses=_BULK)
def cancel_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `confirm` it is done, as an operation."""
    states = (JobState.PENDING, JobState.HELD, JobState.RUNNING)
    ids = _meant(here, who, several, states)
    if several.confirm is None:
        request.scope["audit"] = False
        return Counted(count=len(ids))
    _check_count(several.confirm, ids)

    def act(job_id: int) -> object:
        return here.app.cancel(job_id, several.reason)

    return _begin(here, who, "jobs.cancel", ids, act)


@router.post(":retry", response_model=Counted, summary="Retry many", responses=_BULK)
def retry_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `confirm` it is done, as an operation."""
    states = (JobState.FAILED, JobState.CANCELLED, JobState.SUCCEEDED)
    ids = _meant(here, who, several, states)
    if several.confirm is None:
        request.scope["audit"] = False
        return Counted(count=len(ids))
    _check_count(several.confirm, ids)
    return _begin(here, who, "jobs.retry", ids, here.app.retry)


def _meant(
    here: Server, who: Principal, several: Several, states: tuple[JobState, ...]
) -> list[int]:
    """The jobs that are meant and that this can be done to."""
    if (several.ids is None) == (several.filter is None):
        raise OptionError("ids, filter: give one of them")
    search = here.app.store.lists
    if several.ids is not None:
        rows = search.rows(sorted(set(several.ids)))
        return [job.id for job in rows if job.state in states and who.tenant in (None, job.tenant)]
    assert several.filter is not None
    wanted = several.filter.wanted(here, who)
    allowed = [state.value for state in states if not wanted.states or state in wanted.states]
    if not allowed:
        return []
    found: list[int] = []
    while page := search.jobs(
        wanted._replace(states=allowed),
        after=found[-1] if found else 0, newest_first=False, limit=MOST_AT_ONCE,
    ):  # fmt: skip
        found += [job.id for job in page]
    return found


def _check_count(confirmed: int, ids: list[int]) -> None:
    if confirmed != len(ids):
        raise Problem(
            409, "count_changed", f"{len(ids)} jobs are meant now, not {confirmed}",
            "look at them again and confirm the new count", count=len(ids),
        )  # fmt: skip


def _begin(
    here: Server, who: Principal, kind: str, ids: list[int], act: Callable[[int], object]
) -> Response:
    operation = here.operations.begin(kind, who.name, who.tenant, ids, act)
    return Response(
        json.dumps(operation_dict(operation)), 202,
        {"Location": f"operations/{operation.id}"}, "application/json",
    )  # fmt: skip
