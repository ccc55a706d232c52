"""`/jobs:submit`, `:preview`, `:cancel`, `:retry`, `:pause`, `:resume`: many at once."""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from offhours.api.auth import TenantOperator, TenantReader, TenantSubmitter
from offhours.api.context import Here, Server
from offhours.api.known import submittable
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import Filter, JobRow, NewJob, options_of, tenant_of
from offhours.api.routes.operations import OperationShape
from offhours.api.shapes import MOST_AT_ONCE, Number, Shape, problems
from offhours.api.tokens import Principal
from offhours.core.bulk import Preview, Verb
from offhours.core.errors import BatchError, OptionError, TaskNotFound
from offhours.views import operation_dict, preview_dict

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems())

VerbName = Literal["cancel", "retry", "pause", "resume"]


class Meant(Shape):
    """Jobs by their numbers or by a filter."""

    ids: list[Number] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    filter: Filter | None = None

    def where(self, here: Server, who: Principal) -> dict[str, Any]:
        """The filter, within what the asker may see."""
        if (self.ids is None) == (self.filter is None):
            raise OptionError("ids, filter: give one of them")
        if self.filter is not None:
            return self.filter.where(here, who)
        return {"ids": self.ids, "tenant": tenant_of(who, None)}


class Looked(Meant):
    """What a verb would be done to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verb": "retry", "filter": {"state": ["failed"]}}]},
    )
    verb: VerbName


class Several(Meant):
    """Without `expect` and `confirm` they are only counted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"filter": {"state": ["failed"], "task": ["shop:mail"]}, "confirm": 12}]
        },
    )
    reason: str = Field("", max_length=500)
    expect: str | None = Field(None, max_length=200, description="The `token` of a preview.")
    confirm: int | None = Field(None, ge=0, description="The count that the first call told.")


class PreviewShape(Shape):
    """What would be done, and to which jobs: `examples` are the newest of them."""

    model_config = ConfigDict(title="Preview", extra="forbid")

    verb: VerbName
    count: int
    tasks: dict[str, int]
    states: dict[str, int]
    examples: list[JobRow]
    token: str


class Counted(Shape):
    """How many jobs are meant. Nothing was done yet."""

    count: int
    tasks: dict[str, int]
    states: dict[str, int]
    expect: str = Field(description="Send it again with this, and only these are touched.")
    confirm: str = "or send it again with `confirm` set to `count`"


class Batch(Shape):
    """Jobs to be stored together."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"jobs": [{"task": "shop:mail", "args": ["ann@example.org"]}]}]
        },
    )
    jobs: list[NewJob] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Stored(Shape):
    """The numbers of the jobs, in the order in which they were given."""

    jobs: list[int]


class Checked(Shape):
    """How many jobs can be stored."""

    count: int


_BULK: dict[int | str, dict[str, Any]] = {
    **problems(409, 507),
    202: {"model": OperationShape, "description": "It has begun; `Location` tells how far it is."},
}


@router.post(":submit", status_code=201, summary="Submit many", responses=problems(409, 507))
def submit_many(here: Here, who: TenantSubmitter, batch: Batch) -> Stored:
    """All of them, or none: `errors` tells what is wrong with each."""
    items = _items(here, who, batch)
    return Stored(jobs=[job.id for job in here.app.bulk.submit(items, by_name=True)])


@router.post(":check", summary="Whether many can be submitted", responses=problems(409))
def check_many(here: Here, who: TenantSubmitter, batch: Batch, request: Request) -> Checked:
    """What `jobs:submit` would refuse is refused; nothing is stored."""
    request.scope["audit"] = False
    return Checked(count=here.app.bulk.check(_items(here, who, batch), by_name=True))


def _items(here: Server, who: Principal, batch: Batch) -> list[dict[str, Any]]:
    faults: dict[str, str] = {}
    for place, new in enumerate(batch.jobs):
        try:
            submittable(here, who, new.task)
        except TaskNotFound as unknown:
            faults[str(place)] = str(unknown)
    if faults:
        raise BatchError(faults)
    return [
        {"task": new.task, "args": new.args, "kwargs": new.kwargs, **options_of(who, new)}
        for new in batch.jobs
    ]


@router.post(":preview", summary="What a verb would be done to")
def preview(here: Here, who: TenantReader, looked: Looked) -> PreviewShape:
    """How many jobs, by task and state, some of them, and a token. Nothing is touched."""
    seen = here.app.bulk.preview(looked.verb, **looked.where(here, who))
    return PreviewShape.model_validate(preview_dict(seen))


@router.post(":cancel", response_model=Counted, summary="Cancel many", responses=_BULK)
def cancel_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `expect` or `confirm` it is done, as an operation."""
    return _count_or_begin(here, who, Verb.CANCEL, several, request)


@router.post(":retry", response_model=Counted, summary="Retry many", responses=_BULK)
def retry_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `expect` or `confirm` it is done, as an operation.

    Those that were retried already are not retried again.
    """
    return _count_or_begin(here, who, Verb.RETRY, several, request)


@router.post(":pause", response_model=Counted, summary="Pause many", responses=_BULK)
def pause_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `expect` or `confirm` it is done, as an operation.

    Those that are pending do not start until they are resumed; what comes later is not paused.
    """
    return _count_or_begin(here, who, Verb.PAUSE, several, request)


@router.post(":resume", response_model=Counted, summary="Resume many", responses=_BULK)
def resume_many(here: Here, who: TenantOperator, several: Several, request: Request) -> Any:
    """First it is counted; with `expect` or `confirm` it is done, as an operation."""
    return _count_or_begin(here, who, Verb.RESUME, several, request)


def _count_or_begin(
    here: Server, who: Principal, verb: Verb, several: Several, request: Request
) -> Counted | Response:
    bulk, where, expect = here.app.bulk, several.where(here, who), several.expect
    if expect is None:
        seen = bulk.preview(verb, **where)
        if several.confirm is None:
            request.scope["audit"] = False
            return Counted(
                count=seen.count, tasks=dict(seen.tasks), states=dict(seen.states),
                expect=seen.token,
            )  # fmt: skip
        _check_count(several.confirm, seen)
        expect = seen.token
    operation = bulk.begin(verb, reason=several.reason, expect=expect, **where)
    here.operations.go_on(operation.id)
    return Response(
        json.dumps(operation_dict(operation)), 202,
        {"Location": f"operations/{operation.id}"}, "application/json",
    )  # fmt: skip


def _check_count(confirmed: int, seen: Preview) -> None:
    if confirmed != seen.count:
        raise Problem(
            409, "count_changed", f"{seen.count} jobs are meant now, not {confirmed}",
            "look at them again and confirm the new count", count=seen.count,
        )  # fmt: skip
