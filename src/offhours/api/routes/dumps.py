"""`/recorder/dumps`: what the flight recorder kept."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from offhours.api.auth import Reader
from offhours.api.context import Here
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
from offhours.core.times import iso

router = APIRouter(prefix="/api/v1", tags=["recorder"], responses=problems())

_LATEST = 253_370_764_800_000_000  # the year 9999


class DumpRow(Shape):
    """A dump of the flight recorder, without its calls."""

    dump_id: str
    at: Moment
    tool: str
    severity: str
    reason: str
    head: dict[str, Any] = Field(description="The documented JSON, without the calls.")


@router.get("/recorder/dumps", summary="List dumps")
def dumps(here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[DumpRow]:
    """The newest first. `StoreSink(app)` keeps them here."""
    before = min(read_cursor(cursor, "dumps"), _LATEST) or None
    found = here.app.store.notices.dumps(before, limit)
    data = [
        {
            "dump_id": dump.dump_id,
            "at": iso(dump.at),
            "tool": dump.tool,
            "severity": dump.severity,
            "reason": dump.triggered_by,
            "head": json.loads(dump.head),
        }
        for dump in found
    ]
    page = page_of(data, limit, found[-1].at if found else None, "dumps")
    return Page[DumpRow].model_validate(page)


@router.get(
    "/recorder/dumps/{dump_id}", summary="One dump",
    response_model=dict[str, Any], responses=problems(404),
)  # fmt: skip
def dump(
    here: Here, who: Reader, dump_id: Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$")]
) -> Response:
    """The documented JSON: header, trigger, and the calls of the time before it."""
    found = here.app.store.notices.dump(dump_id)
    if found is None:
        raise Problem(404, "not_found", "there is no such dump", "the newest ones are kept only")
    return Response(found.body, media_type="application/json")
