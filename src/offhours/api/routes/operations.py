"""`/operations`: long actions, and how far they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict

from offhours.api.auth import TenantOperator, TenantReader
from offhours.api.context import Here, Server
from offhours.api.problems import Problem
from offhours.api.shapes import (
    Cursor,
    Limit,
    Moment,
    Page,
    Shape,
    page_of,
    problems,
    read_cursor,
)
from offhours.api.tokens import Principal
from offhours.core.access import Operation
from offhours.core.errors import OperationNotFound
from offhours.views import operation_dict

router = APIRouter(prefix="/api/v1/operations", tags=["operations"], responses=problems())


class OperationShape(Shape):
    """A long action. `failed` were refused; `result` tells the first of them.

    One with a `request` is a bulk operation: what was told, and it can go on after a crash.
    """

    model_config = ConfigDict(
        title="Operation",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": 7, "kind": "jobs.retry", "state": "running", "by": "ann", "total": 120,
                    "done": 50, "failed": 0, "created_at": "2026-06-01T09:00:00.000000Z",
                    "finished_at": None, "result": None, "request": None,
                }
            ]
        },
    )  # fmt: skip

    id: int
    kind: str
    state: Literal["running", "succeeded", "failed"]
    by: str
    total: int
    done: int
    failed: int
    created_at: Moment
    finished_at: Moment | None
    result: Any
    request: Any


@router.get("", summary="List operations")
def operations(
    here: Here, who: TenantReader, limit: Limit = 50, cursor: Cursor = None
) -> Page[OperationShape]:
    """The newest first."""
    here.operations.settle()
    found = here.app.store.access.operations(
        tenant=who.tenant, after=read_cursor(cursor, "operations"), limit=limit
    )
    last = found[-1].id if found else None
    page = page_of([operation_dict(each) for each in found], limit, last, "operations")
    return Page[OperationShape].model_validate(page)


@router.get("/{operation_id}", summary="One operation", responses=problems(404))
def operation(
    here: Here,
    who: TenantReader,
    operation_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> OperationShape:
    """How far it is, and what came of it. One whose server ended before it has failed."""
    here.operations.settle()
    found = here.app.store.access.operation(operation_id, who.tenant)
    if found is None:
        raise Problem(404, "not_found", f"there is no operation {operation_id}")
    return OperationShape.model_validate(operation_dict(found))


@router.post("/{operation_id}/resume", status_code=202, summary="Go on", responses=problems(404))
def resume(
    here: Here,
    who: TenantOperator,
    operation_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> OperationShape:
    """A bulk operation that was interrupted does what is left; one that goes on is not disturbed.

    What was begun by another server that died goes on by itself when a server starts.
    """
    found = _bulk(here, who, operation_id)
    here.operations.go_on(operation_id)
    return OperationShape.model_validate(operation_dict(found))


@router.post("/{operation_id}/stop", summary="Go no further", responses=problems(404, 409))
def stop(
    here: Here,
    who: TenantOperator,
    operation_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> OperationShape:
    """A bulk operation does no further step; what is done stays done."""
    _bulk(here, who, operation_id)
    here.app.bulk.stop(operation_id)
    stopped = here.app.store.access.operation(operation_id)
    assert stopped is not None
    return OperationShape.model_validate(operation_dict(stopped))


def _bulk(here: Server, who: Principal, operation_id: int) -> Operation:
    """A bulk operation that the asker may see; for those of others it is as if there were none."""
    found = here.app.store.access.operation(operation_id, who.tenant)
    if found is None or found.request is None:
        raise OperationNotFound(f"no bulk operation {operation_id} in {here.app.store.name}")
    return found
