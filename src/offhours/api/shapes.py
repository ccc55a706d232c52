"""What all answers and bodies have in common."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhours.api.problems import Problem

T = TypeVar("T")

MOST_AT_ONCE = 1_000
_MAX_ID = 2**63 - 1


class Shape(BaseModel):
    """A JSON object with exactly these members."""

    model_config = ConfigDict(extra="forbid")


# Text that a database can look for; whether it fits is for the engine to say.
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
Number = Annotated[int, Field(ge=1, le=_MAX_ID)]
Moment = Annotated[
    str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-06-01T09:00:00Z"])
]
Span = Annotated[
    float | Annotated[str, StringConstraints(max_length=64)],
    Field(description='Seconds, or text like "90s", "5m", "1h30m".', examples=["10m"]),
]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before.")
]


class Page(Shape, Generic[T]):
    """A page of a list; with a `next_cursor` there are more."""

    data: list[T]
    next_cursor: str | None = None
    total: int | None = Field(None, description="Only with `count=true`.")


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str | None = Field(None, description="Where in the body (JSON pointer).")
    parameter: str | None = None
    detail: str


class ProblemShape(BaseModel):
    """RFC 9457. `code` is for machines, `hint` says what to do."""

    model_config = ConfigDict(
        title="Problem",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/job_not_found",
                    "title": "job not found",
                    "status": 404,
                    "detail": "no job 42 in offhours.db",
                    "code": "job_not_found",
                    "hint": "list what there is; finished jobs are kept for a while only",
                    "request_id": "1f0c2a9be1d04c5d",
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str
    errors: list[Fault] | None = None


_WHAT = {
    400: "The request cannot be read.",
    401: "There is no token, or it does not hold.",
    403: "The token does not allow this.",
    404: "There is no such thing.",
    405: "This address has no such method.",
    408: "The body did not come in time.",
    409: "Its state, or somebody else, stands in the way.",
    412: "It was changed meanwhile.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    421: "The request was meant for another host.",
    422: "Something in the request cannot be used; nothing was stored.",
    428: "The change must say which version it is of.",
    429: "Too many at once; Retry-After says when the next is taken.",
    503: "The store cannot be reached now.",
    507: "The disk is full; nothing was half-stored.",
}

# Named and not given as a model: FastAPI would build a validator for each status of each route.
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemShape"}}}


def problems(*more: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route can answer with, for its description."""
    always = (400, 401, 403, 405, 408, 413, 415, 421, 422, 429, 503)
    return {
        status: {"description": _WHAT[status], "content": _PROBLEM}
        for status in sorted({*always, *more})
    }


def write_cursor(*place: int | str) -> str:
    """Where the next page begins, as text that nobody needs to understand.

    >>> read_cursor(write_cursor("jobs", 42), "jobs")
    42
    """
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(text: str | None, kind: str) -> int:
    """The place of a cursor; 0 without one."""
    if text is None:
        return 0
    try:
        told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        told = None
    match told:
        case [str(of), int(place)] if of == kind and 0 < place <= _MAX_ID:
            return place
    raise Problem(
        422, "invalid", "cursor: this is not the cursor of a page of this list",
        "pass `next_cursor` of the page before as it is",
        faults=[{"parameter": "cursor", "in": "query", "detail": "not a cursor of this list"}],
    )  # fmt: skip


def page_of(data: list[Any], limit: int, last: int | None, kind: str) -> dict[str, Any]:
    """A page: with a cursor when it is full."""
    full = len(data) >= limit and last is not None
    return {"data": data, "next_cursor": write_cursor(kind, last or 0) if full else None}
